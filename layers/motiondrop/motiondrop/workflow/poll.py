"""Asking after a task: what it has become, when to ask again, and what follows when it is over."""

from dataclasses import dataclass, replace

from motiondrop.aws.metrics import Metrics
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, End, Job, State
from motiondrop.domain.pricing import MODE_OF_RATIO, Prices
from motiondrop.domain.provider_codes import family
from motiondrop.domain.provider_errors import WanError
from motiondrop.domain.reasons import CANCELED_THERE, EXPIRED, FORGOTTEN, STOPPED
from motiondrop.domain.step import Step, where
from motiondrop.errors import JobClosed, ResultExpired
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import NotUnderstood, Task, TaskStatus, Unreachable
from motiondrop.storage.circuit_breaker import Stage
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import VALIDITY
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.refusals import Refusals

#: After so many polls of an execution the next come at longer intervals (seconds), so that 24 h stay far below the
#: 25,000 history events of a Standard execution: a poll costs 9, and 24 h make about 1,100 polls.
SLOW_AFTER, SLOW = 40, 60
SLOWEST_AFTER, SLOWEST = 1000, 300

#: A task that has not begun by the poll after so many waits behind another one, which takes minutes.
BEHIND_ANOTHER_AFTER = 1

#: UNKNOWN is believed only when it is the answer so many times in a row: for five minutes at least.
BELIEVE_UNKNOWN = 20


@dataclass(frozen=True, kw_only=True)
class PollTask:
    """Asks the provider after tasks."""

    jobs: Jobs
    slots: Slots
    wan: WanClient
    receipts: Receipts
    refusals: Refusals
    poll_seconds: int
    prices: Prices
    metrics: Metrics
    clock: Clock = now

    def run(self, execution: Execution, polls: int) -> Step:
        """Poll the job's task, for the `polls`-th time of this execution; raise the family's error where it failed."""
        job = self.jobs.owned(execution)
        if where(job) != "poll" or job.task.id is None:
            return {"next": where(job)}
        try:
            task = self.wan.query(job.task.id)
        except (Unreachable, NotUnderstood, WanError) as error:
            self.metrics.provider_error(type(error).__name__)
            return self._again(self._unless_expired(job, execution), polls)
        handle = {
            TaskStatus.PENDING: self._unfinished,
            TaskStatus.RUNNING: self._unfinished,
            TaskStatus.SUCCEEDED: self._succeeded,
            TaskStatus.FAILED: self._failed,
            TaskStatus.CANCELED: self._canceled,
            TaskStatus.UNKNOWN: self._unknown,
        }[task.status]
        return handle(job, execution, task, polls)

    def _unfinished(self, job: Job, execution: Execution, task: Task, polls: int) -> Step:
        if job.stopped and task.status == TaskStatus.PENDING and self._cancel(task):
            return self._canceled(job, execution, task, polls)
        known = replace(job.task, unknown_answers=0, submitted_at=job.task.submitted_at or task.submitted_at)
        if task.status == TaskStatus.RUNNING and job.state == State.PENDING:
            known = replace(known, scheduled_at=task.scheduled_at)
            job = self.jobs.transition(job, execution.owner, State.RUNNING, task=known)
            self.receipts.follow(job)
        elif known != job.task:
            self.jobs.transition(job, execution.owner, None, task=known)
        return self._again(job, polls)

    def _succeeded(self, job: Job, execution: Execution, task: Task, polls: int) -> Step:  # noqa: ARG002  # one shape for all
        """The video is paid for: give up the slot and save it. Its URL is a secret and is asked for when needed."""
        mode = MODE_OF_RATIO.get(task.video_ratio or "", job.options.mode)
        estimated = task.video_duration is None
        seconds = task.video_duration if task.video_duration is not None else job.video.duration or 0
        self.refusals.came_through(job, Stage.TASK)
        self.slots.release(
            job,
            execution.owner,
            State.SAVING,
            task=replace(
                job.task,
                request_id=task.request_id or job.task.request_id,
                submitted_at=task.submitted_at or job.task.submitted_at,
                scheduled_at=task.scheduled_at,
                ended_at=task.ended_at,
            ),
            billing=Billing(seconds, mode, self.prices.cost(seconds, mode), estimated),
        )
        return {"next": "finalize"}

    def _failed(self, job: Job, execution: Execution, task: Task, polls: int) -> Step:  # noqa: ARG002
        refusal = family(task.code, message=task.message)(task.code, task.message, request_id=task.request_id)
        self.metrics.provider_error(type(refusal).__name__)
        if self.refusals.at_once(job, refusal, Stage.TASK):
            call = replace(job.call, faults=job.call.faults + 1)
            self.jobs.transition(job, execution.owner, None, call=call, task=replace(job.task, retry=True))
            return {"next": "create"}
        ended = replace(job.task, request_id=task.request_id, ended_at=task.ended_at)
        return self.refusals.settle(job, execution, refusal, Stage.TASK, task=ended)

    def _canceled(self, job: Job, execution: Execution, task: Task, polls: int) -> Step:  # noqa: ARG002
        reason = STOPPED if job.stopped else CANCELED_THERE
        self.slots.release(job, execution.owner, State.CANCELED, closing=End(reason))
        raise JobClosed(f"job {job.job_id} was canceled")

    def _cancel(self, task: Task) -> bool:
        """Cancel the task of a stopped job that has not begun; where that fails the next poll tries it again."""
        try:
            self.wan.cancel(task.task_id)
        except (Unreachable, NotUnderstood, WanError):
            return False
        return True

    def _unknown(self, job: Job, execution: Execution, task: Task, polls: int) -> Step:  # noqa: ARG002
        job = self._unless_expired(job, execution)
        answers = job.task.unknown_answers + 1
        if answers >= BELIEVE_UNKNOWN:
            self.slots.release(job, execution.owner, State.FAILED, closing=End(FORGOTTEN))
            raise ResultExpired(f"the provider does not know the task of job {job.job_id}")
        self.jobs.transition(job, execution.owner, None, task=replace(job.task, unknown_answers=answers))
        return self._again(job, polls)

    def _unless_expired(self, job: Job, execution: Execution) -> Job:
        """The job, unless its task's 24 hours are over: then it is closed, and ResultExpired raised."""
        if self.clock() > job.called_at + VALIDITY:
            self.slots.release(job, execution.owner, State.FAILED, closing=End(EXPIRED))
            raise ResultExpired(f"the 24 hours of the task of job {job.job_id} are over")
        return job

    def _again(self, job: Job, polls: int) -> Step:
        return {"next": "poll", "seconds": interval(polls, self.poll_seconds, waits=job.state == State.PENDING)}


def interval(polls: int, poll_seconds: int, *, waits: bool = False) -> int:
    """Seconds until the next poll, after `polls` of this execution; `waits`: the task has not begun yet.

    A task that waits behind another one is asked after less often: every poll is three state transitions, which are
    most of what a job costs on AWS (benchmarks/RESULTS.md).
    """
    if polls < (BEHIND_ANOTHER_AFTER if waits else SLOW_AFTER):
        return poll_seconds
    return max(poll_seconds, SLOW if polls < SLOWEST_AFTER else SLOWEST)
