"""How a job ends, and how it goes on when its run ended before it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.job import Job, State
from motiondrop.jobs import Jobs, now
from motiondrop.links import Links
from motiondrop.messages import Messenger, outcome
from motiondrop.receipts import Receipts
from motiondrop.runs import Runs
from motiondrop.slots import Slots

#: The provider forgets a task and its video after this time (its page, "Data validity").
VALIDITY = timedelta(hours=24)

#: Pauses between the runs of one job double from the first to the second.
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Ending:
    """Closes jobs, tells people, and starts the next run of a job whose money is in flight."""

    jobs: Jobs
    slots: Slots
    runs: Runs
    receipts: Receipts
    messenger: Messenger
    links: Links
    bucket: str
    clock: Callable[[], datetime] = now

    def close(self, job: Job, state: State, reason: str | None = None) -> Job:
        """End the job, give up all it holds, and tell."""
        changes = {"reason": reason} if reason else {}
        return self.tell(self.slots.leave(job, job.owner, state, **changes))

    def tell(self, job: Job) -> Job:
        """Send the mail for the job's end, unless that was noted: at least one, a second only after a crash here."""
        self.receipts.follow(job)
        if job.told:
            return job
        self.messenger.notify(outcome(job, self.bucket, self.links.to(job.job_id)))
        try:
            return self.jobs.write(job, job.owner, told=True)
        except (JobClosed, NotOwner, Contended):
            return self.jobs.get(job.job_id)

    def next_run(self, job: Job, *, stopped: bool = False) -> Job:
        """Go on with a job whose money is in flight, unless it did so a short time ago: then the sweep does."""
        moment = self.clock()
        if job.asked_at and moment > job.asked_at + VALIDITY + _LONGEST_PAUSE and job.state != State.SAVING:
            return self.close(job, State.FAILED, EXPIRED)
        pause = min(_FIRST_PAUSE * 2 ** min(job.runs, 10), _LONGEST_PAUSE)
        if job.restarted_at and moment < job.restarted_at + pause:
            return self.jobs.write(job, job.owner, stopped=stopped or job.stopped)
        job = self.jobs.write(job, job.owner, runs=job.runs + 1, restarted_at=moment, stopped=stopped or job.stopped)
        self.runs.start(job)
        return job


EXPIRED = "The animation service keeps tasks and videos for 24 hours, and the result could not be fetched within them."
