"""Polling a task: its state, when to poll it again, and what follows when it is over."""

from dataclasses import dataclass, replace
from datetime import timedelta

from motiondrop.aws.metrics import Metrics
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, End, Job, State
from motiondrop.domain.outcome import what_happened
from motiondrop.domain.pricing import MODE_OF_RATIO, Prices
from motiondrop.domain.provider_codes import family
from motiondrop.domain.provider_errors import WanError
from motiondrop.domain.reasons import CANCELED_THERE, EXPIRED, FORGOTTEN, STOPPED
from motiondrop.domain.step import Next, Step, go, succeeded, unfinished, where
from motiondrop.errors import JobClosed, ResultExpired
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import NotUnderstood, Task, TaskStatus, Unreachable
from motiondrop.sanitize import plain
from motiondrop.storage.circuit_breaker import Stage
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import VALIDITY
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.refusals import Refusals

#: A task whose create call was more than `SLOW_AFTER` ago is polled only every `SLOW` seconds: the provider gives up
#: after three hours (its error InternalError.Timeout). A poll takes 9 history events of the 25,000 that a Standard
#: execution may have, so with 15 s between polls a day takes at most 9,000.
SLOW_AFTER, SLOW = timedelta(hours=3), 300

#: UNKNOWN is believed only after this many UNKNOWN answers in a row, which take at least five minutes.
BELIEVE_UNKNOWN = 20


@dataclass(frozen=True, kw_only=True)
class PollTask:
    """Polls the provider's tasks."""

    jobs: Jobs
    slots: Slots
    wan: WanClient
    receipts: Receipts
    refusals: Refusals
    poll_seconds: int
    prices: Prices
    metrics: Metrics
    clock: Clock = now

    def run(self, execution: Execution) -> Step:
        """Poll the job's task. Raise the WanError of the task's error code if it failed and is not tried again."""
        job = self.jobs.owned(execution)
        if where(job) != Next.POLL or job.task.id is None:
            return go(where(job))
        try:
            task = self.wan.query(job.task.id)
        except (Unreachable, NotUnderstood, WanError) as error:
            self.metrics.provider_error(type(error).__name__)
            return self._again(self._unless_expired(job, execution))
        handle = {
            TaskStatus.PENDING: self._unfinished,
            TaskStatus.RUNNING: self._unfinished,
            TaskStatus.SUCCEEDED: self._succeeded,
            TaskStatus.FAILED: self._failed,
            TaskStatus.CANCELED: self._canceled,
            TaskStatus.UNKNOWN: self._unknown,
        }[task.status]
        return handle(job, execution, task)

    def _unfinished(self, job: Job, execution: Execution, task: Task) -> Step:
        if job.stopped and task.status == TaskStatus.PENDING and self._cancel(task):
            return self._canceled(job, execution, task)
        known = replace(job.task, unknown_answers=0, submitted_at=job.task.submitted_at or task.submitted_at)
        if task.status == TaskStatus.RUNNING and job.state == State.PENDING:
            known = replace(known, scheduled_at=task.scheduled_at)
            job = self.jobs.transition(job, execution.owner, State.RUNNING, task=known)
            self.receipts.follow(job)
        elif known != job.task:
            job = self.jobs.transition(job, execution.owner, None, task=known)
        return self._again(job, task.status)

    def _succeeded(self, job: Job, execution: Execution, task: Task) -> Step:
        """The video is paid for: give up the slot and enter SAVING. Its URL, a secret, is queried when needed."""
        mode = MODE_OF_RATIO.get(task.video_ratio or "", job.options.mode)
        estimated = task.video_duration is None
        seconds = task.video_duration if task.video_duration is not None else job.video.duration or 0
        self.refusals.came_through(job, Stage.TASK)
        job = self.slots.release(
            job,
            execution.owner,
            State.SAVING,
            task=replace(
                job.task,
                request_id=task.request_id or job.task.request_id,
                submitted_at=task.submitted_at or job.task.submitted_at,
                scheduled_at=task.scheduled_at,
                ended_at=task.ended_at or self.clock(),
            ),
            billing=Billing(seconds, mode, self.prices.cost(seconds, mode), estimated),
        )
        return succeeded(job)

    def _failed(self, job: Job, execution: Execution, task: Task) -> Step:
        refusal = family(task.code, message=task.message)(task.code, task.message, request_id=task.request_id)
        self.metrics.provider_error(type(refusal).__name__)
        if self.refusals.at_once(job, refusal, Stage.TASK):
            call = replace(job.call, faults=job.call.faults + 1)
            self.jobs.transition(job, execution.owner, None, call=call, task=replace(job.task, retry=True))
            return go(Next.CREATE, status=task.status, code=plain(task.code or ""), attempt=job.call.attempt)
        ended = replace(job.task, request_id=task.request_id, ended_at=task.ended_at)
        return self.refusals.settle(job, execution, refusal, Stage.TASK, task=ended)

    def _canceled(self, job: Job, execution: Execution, task: Task) -> Step:  # noqa: ARG002  # one shape for all
        reason = STOPPED if job.stopped else CANCELED_THERE
        self.slots.release(job, execution.owner, State.CANCELED, closing=End(reason))
        raise JobClosed(f"job {job.job_id} was canceled")

    def _cancel(self, task: Task) -> bool:
        """Cancel the pending task of a stopped job; if that fails, the next poll tries again."""
        try:
            self.wan.cancel(task.task_id)
        except (Unreachable, NotUnderstood, WanError):
            return False
        return True

    def _unknown(self, job: Job, execution: Execution, task: Task) -> Step:
        job = self._unless_expired(job, execution)
        answers = job.task.unknown_answers + 1
        if answers >= BELIEVE_UNKNOWN:
            ended = self.slots.release(job, execution.owner, State.FAILED, closing=End(FORGOTTEN))
            raise ResultExpired(what_happened(ended))
        job = self.jobs.transition(job, execution.owner, None, task=replace(job.task, unknown_answers=answers))
        return self._again(job, task.status)

    def _unless_expired(self, job: Job, execution: Execution) -> Job:
        """Return the job; if its task's 24 hours are over, close the job and raise ResultExpired instead."""
        if self.clock() > job.called_at + VALIDITY:
            ended = self.slots.release(job, execution.owner, State.FAILED, closing=End(EXPIRED))
            raise ResultExpired(what_happened(ended))
        return job

    def _again(self, job: Job, status: str | None = None) -> Step:
        seconds = interval(self.clock() - job.called_at, self.poll_seconds)
        return unfinished(job, status, self.clock(), seconds)


def interval(age: timedelta, poll_seconds: int) -> int:
    """Seconds until the next poll of a task whose create call was `age` ago."""
    return poll_seconds if age < SLOW_AFTER else max(poll_seconds, SLOW)
