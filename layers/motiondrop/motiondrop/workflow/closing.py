"""How a job ends, and how a new execution continues a job whose execution ended first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.aws.executions import Executions
from motiondrop.aws.metrics import Metrics
from motiondrop.aws.topics import Publisher
from motiondrop.clock import Clock, now
from motiondrop.domain.job import End, Job, State
from motiondrop.domain.messages import existing, outcome
from motiondrop.domain.reasons import EXPIRED
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.web.links import Links
from motiondrop.workflow.receipts import Receipts

#: The provider forgets a task and its video after this time (its page, "Data validity").
VALIDITY = timedelta(hours=24)

#: The longest pause between two executions of one job; pauses double from one to the next.
LONGEST_PAUSE = timedelta(hours=1)

#: How often a job that has cost nothing yet gets a new execution after one broke off; after that the job has FAILED.
FREE_RESTARTS = 3

#: How long one function may take to notify people before another may do so; it takes a second or two.
_NOTIFYING = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Closes jobs, notifies people, and starts the next execution of a job whose money is in flight."""

    jobs: Jobs
    slots: Slots
    executions: Executions
    receipts: Receipts
    publisher: Publisher
    links: Links
    bucket: str
    pause: timedelta
    metrics: Metrics
    clock: Clock = now

    def close(self, job: Job, state: State, reason: str | None = None) -> Job:
        """End the job, release everything it holds, and notify people."""
        return self.notify(self.slots.release(job, job.owner, state, closing=End(reason)))

    def notify(self, job: Job) -> Job:
        """Send the email about the job's end, unless it has been sent, or another function is sending it right now.

        At least one email is sent, a second one only if a function died here; if none was sent, the sweep sends it.
        """
        if not job.closed or job.closing.notified:
            return job
        self.receipts.follow(job, self.links.in_path)
        notifying = self.jobs.begin_notifying(job, self.clock() + _NOTIFYING)
        if notifying is None:
            return job
        self.publisher.notify(outcome(notifying, self.bucket, self.links.to(job.job_id)))
        self.metrics.end(notifying, self.clock())
        return self.jobs.end_notifying(notifying)

    def tell_again(self, job: Job, again: Job) -> None:
        """Send the email that says that the files of `again` were animated before, by `job`, and where the video is."""
        self.publisher.notify(existing(job, again, self.links.to(job.job_id)))

    def start_next(self, job: Job, *, stopped: bool = False) -> Job:
        """Start the next execution of a job whose execution is over; end a job whose task the provider has forgotten.

        If the job was restarted only a short time ago, the sweep starts the execution later.
        """
        moment = self.clock()
        if _lost(job, moment):
            return self.close(job, State.FAILED, EXPIRED)
        stopped = stopped or job.stopped
        pause = min(self.pause * 2 ** min(job.restarts, 10), LONGEST_PAUSE)
        if job.restarted_at and moment < job.restarted_at + pause:
            return self.jobs.transition(job, job.owner, None, stopped=stopped)
        job = self.jobs.transition(
            job,
            job.owner,
            None,
            execution_number=job.execution_number + 1,
            restarts=job.restarts + 1,
            restarted_at=moment,
            stopped=stopped,
        )
        self.executions.start(job)
        return job


def _lost(job: Job, moment: datetime) -> bool:
    """Whether the provider has forgotten the job's task for certain, so that no execution can save its video.

    A job in SUBMITTING is not lost: `create` looks for its task, and decides when to give up. A job in SAVING gets one
    more day, since only the provider knows how long the link to its video works.
    """
    days = {State.PENDING: 1, State.RUNNING: 1, State.SAVING: 2}.get(job.state)
    if days is None or job.task.retry or job.result.key:
        return False
    return moment > job.called_at + days * VALIDITY + LONGEST_PAUSE
