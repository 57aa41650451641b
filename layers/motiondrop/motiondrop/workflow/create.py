"""Creating the provider's task exactly once. Money is spent at one line of the program: `self.wan.create` below.

The order is what makes it safe: before the call the record says SUBMITTING, under a lock that one job holds, and the
first thing after the call is to save the task's id. Whatever breaks in between leaves a job in SUBMITTING, and such a
job is submitted again only when `reconcile` has proven that the call made no task.
"""

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from motiondrop.aws.metrics import Metrics
from motiondrop.aws.results import Results
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State, Task
from motiondrop.domain.provider_errors import ProviderFault, RetryPolicy, WanError
from motiondrop.domain.reasons import STOPPED
from motiondrop.domain.step import Next, Step, created, find_out_after, go, later, where
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.provider.client import CALL_TIMEOUT, WanClient
from motiondrop.provider.responses import Created, NotSent, NotUnderstood, OutcomeUnknown, Unreachable
from motiondrop.storage.budget import OverBudget, OverLimit
from motiondrop.storage.circuit_breaker import Stage
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.storage.submission_lock import LockBusy, SubmissionLock
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.reconcile import LONGEST_PAUSE, Reconcile, pause
from motiondrop.workflow.refusals import Refusals

#: The call is made within this time of taking the lock, or not at all.
WINDOW = timedelta(seconds=30)

#: Signed URLs live as long as a task may wait and run (InternalError.Timeout comes after 3 h), if the credentials do.
URL_SECONDS = 6 * 3600

_LOCK_PAUSE = 2


@dataclass(frozen=True, kw_only=True)
class CreateTask:
    """Creates tasks, each once."""

    jobs: Jobs
    slots: Slots
    lock: SubmissionLock
    refusals: Refusals
    wan: WanClient
    key: Callable[[], str]
    results: Results
    receipts: Receipts
    closing: Closing
    reconcile: Reconcile
    poll_seconds: int
    watermark: bool
    metrics: Metrics
    clock: Clock = now

    def run(self, execution: Execution) -> Step:
        """Get the job a task of its own if possible; return where the execution continues, and when."""
        job = self.jobs.owned(execution)
        if job.state == State.SUBMITTING:
            return self._reconcile(job, execution)
        if where(job) != Next.CREATE:
            return go(where(job))
        if job.stopped:
            self.closing.close(job, State.CANCELED, STOPPED)
            return go(Next.CLAIM)
        try:
            key = self.key()
        except WanError as refusal:
            return self.refusals.settle(job, execution, refusal, Stage.CREATE)
        urls = [self.results.url(copy, URL_SECONDS) for copy in job.copies]
        try:
            job = self.lock.acquire(job, execution, self.clock() + WINDOW, mark_of(key))
        except LockBusy as busy:
            return later(pause(self.clock(), busy.until, _LOCK_PAUSE))
        except (OverBudget, OverLimit):
            self.slots.release(job, execution.owner, State.QUEUED, task=Task())  # an earlier task has failed
            return go(Next.SLOT)
        if job.call.deadline is None or self.clock() + CALL_TIMEOUT > job.call.deadline:
            # This invocation was held up: past the deadline, so do not send.
            self.lock.release(job, execution, job.call)
            return later(0)
        try:
            # Only newer pages of the provider have the field `watermark`, so it is left out unless it is true.
            answer = self.wan.create(urls[0], urls[1], job.options, key=key, watermark=self.watermark or None)
        except (NotSent, OutcomeUnknown, WanError) as error:
            return self._not_created(job, execution, error)
        return created(self._save(job, execution, answer), self.poll_seconds)

    def _not_created(self, job: Job, execution: Execution, error: NotSent | OutcomeUnknown | WanError) -> Step:
        """Handle a call that gave no task id: either no task was made, or nobody knows whether one was."""
        self.metrics.provider_error(type(error).__name__)
        if isinstance(error, NotSent):
            return self._later(job, execution)
        if isinstance(error, OutcomeUnknown):
            call = replace(job.call, unknown=True, deadline=self.clock() - CALL_TIMEOUT)
            job = self.jobs.transition(job, execution.owner, None, call=call)
            return find_out_after(self.reconcile.settled(job))
        return self._refused(job, execution, error)

    def _save(self, job: Job, execution: Execution, answer: Created) -> Job:
        """Save the task's id. An execution that may no longer do so cancels the task: nobody else knows of it."""
        try:
            job = self.lock.claim_task(job, execution, answer.task_id, answer.request_id)
        except (NotOwner, JobClosed, Contended):
            with suppress(Unreachable, NotUnderstood, WanError):  # then the job's next execution finds it in the list
                self.wan.cancel(answer.task_id)
            raise
        self.refusals.came_through(job, Stage.CREATE)
        self.receipts.follow(job)
        return job

    def _refused(self, job: Job, execution: Execution, refusal: WanError) -> Step:
        """Handle a refusal: no task was made."""
        if refusal.retry is RetryPolicy.LATER:
            return self._later(job, execution)
        if self.refusals.at_once(job, refusal, Stage.CREATE):
            return self._later(job, execution, faults=1)
        task = replace(job.task, request_id=refusal.request_id)
        return self.refusals.settle(job, execution, refusal, Stage.CREATE, task=task)

    def _later(self, job: Job, execution: Execution, faults: int = 0) -> Step:
        """Give the lock back, since nothing was made; try again after a pause with full jitter, longer each time."""
        call = replace(job.call, throttled=job.call.throttled + 1, faults=job.call.faults + faults)
        self.lock.release(job, execution, call)
        longest = min(LONGEST_PAUSE, 2 ** min(call.throttled + 1, 9))
        return later(random.randint(1, longest))  # noqa: S311  # jitter, no secret

    def _reconcile(self, job: Job, execution: Execution) -> Step:
        """Find out what became of a call whose answer nobody saw."""
        try:
            step = self.reconcile.run(job, execution)
        except WanError as error:
            if error.retry is RetryPolicy.HELD:
                # This job keeps its slot, so there may be no other call that would show the trouble.
                self.refusals.hold(job, error, Stage.CREATE)
            return self.reconcile.later(job)
        if step is not None:
            if step["next"] == Next.POLL:
                self.refusals.came_through(job, Stage.CREATE)
            return step
        if job.call.unknown:
            # The provider failed and made nothing. As with a refusal, the cause may be this job's or all jobs'.
            return self._refused(replace(job, call=replace(job.call, unknown=False)), execution, ProviderFault())
        self.lock.release(job, execution, job.call)
        return later(0)


def mark_of(key: str) -> str:
    """A mark by which the table distinguishes API keys."""
    return hashlib.sha256(f"motiondrop key\n{key}".encode()).hexdigest()[:16]
