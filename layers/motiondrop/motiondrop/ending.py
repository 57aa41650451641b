"""How a job ends, and how it goes on when its run ended before it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.job import Job, State
from motiondrop.jobs import Jobs, now
from motiondrop.links import Links
from motiondrop.measures import UNNAMED, Measures
from motiondrop.messages import outcome
from motiondrop.messenger import Messenger
from motiondrop.receipts import Receipts
from motiondrop.runs import Runs
from motiondrop.slots import Slots

#: The provider forgets a task and its video after this time (its page, "Data validity").
VALIDITY = timedelta(hours=24)

#: The longest pause between two runs of one job; they double from run to run.
LONGEST_PAUSE = timedelta(hours=1)

#: How often a job that has cost nothing yet gets a new run after one broke off; then it has FAILED.
FREE_RESTARTS = 3

#: How long one function has for telling before another may; it takes a second or two.
_TELLING = timedelta(seconds=30)

STOPPED = "The run was stopped before the animation began."


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
    pause: timedelta = timedelta(minutes=1)
    measures: Measures = UNNAMED

    def close(self, job: Job, state: State, reason: str | None = None) -> Job:
        """End the job, give up all it holds, and tell."""
        changes = {"reason": reason} if reason else {}
        return self.tell(self.slots.leave(job, job.owner, state, **changes))

    def tell(self, job: Job) -> Job:
        """Send the mail for the job's end, if it has ended, that was not noted, and nobody else is at it.

        At least one mail, a second only after a function died here; the sweep looks after those untold.
        """
        if not job.closed or job.told:
            return job
        self.receipts.follow(job)
        telling = self.jobs.begin_telling(job, self.clock() + _TELLING)
        if telling is None:
            return job
        self.messenger.notify(outcome(telling, self.bucket, self.links.to(job.job_id)))
        self.measures.end(telling, self.clock())
        return self.jobs.end_telling(telling)

    def next_run(self, job: Job, *, stopped: bool = False) -> Job:
        """Go on with a job whose run is over, unless it did so a short time ago: then the sweep does."""
        moment = self.clock()
        if _lost(job, moment):
            return self.close(job, State.FAILED, EXPIRED)
        stopped = stopped or job.stopped
        pause = min(self.pause * 2 ** min(job.restarts, 10), LONGEST_PAUSE)
        if job.restarted_at and moment < job.restarted_at + pause:
            return self.jobs.write(job, job.owner, stopped=stopped)
        job = self.jobs.write(
            job, job.owner, runs=job.runs + 1, restarts=job.restarts + 1, restarted_at=moment, stopped=stopped
        )
        self.runs.start(job)
        return job


def _lost(job: Job, moment: datetime) -> bool:
    """Whether the provider has forgotten the job's task for certain, so that no run can save its video.

    A task that may exist is looked for by `create`, which says when that is in vain. A video on its way gets a
    further day, since the provider alone says how long its link lives.
    """
    days = {State.PENDING: 1, State.RUNNING: 1, State.SAVING: 2}.get(job.state)
    if days is None or job.asked_at is None or job.retry_task:
        return False
    return moment > job.asked_at + days * VALIDITY + LONGEST_PAUSE


EXPIRED = "The animation service keeps tasks and videos for 24 hours, and the result could not be fetched within them."
