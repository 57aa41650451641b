"""The submission lock: one create call at a time, and a task that belongs to one job for good."""

from datetime import datetime, timedelta
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.transactions import TransactWrite

from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.errors import Contended, MotionDropError
from motiondrop.storage.items import LOCK, QUEUE, TASK, QueueItem, Tables, TaskItem
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.transactions import ConditionFailed, transact

#: How long the table remembers which job a task belongs to: longer than the provider's task list looks back.
TASK_MEMORY = timedelta(days=90)


class LockBusy(MotionDropError):
    """Another job's create call is under way until `until`, or broke off then and is being looked into."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__("another job's create call is under way")
        self.until = until


class NotSaved(MotionDropError):
    """A task's id could not be saved at that moment, and was not refused either; the next execution finds the task."""


class SubmissionLock:
    """The right to make a create call, of one stack. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, jobs: Jobs, clock: Clock = now) -> None:
        self._tables = tables
        self._jobs = jobs
        self._clock = clock

    def acquire(self, job: Job, execution: Execution, until: datetime, key_mark: str) -> Job:
        """Take the lock and enter SUBMITTING, until `until`; LockBusy where another job submits."""
        lock = self._tables.queue(QUEUE, LOCK, job_id=job.job_id, attempt=job.attempt + 1, until=until)

        def fill(transaction: TransactWrite) -> Job:
            transaction.save(lock, condition=QueueItem.pk.does_not_exist() | (QueueItem.job_id == job.job_id))
            return self._jobs.write_with(
                transaction,
                job,
                execution.owner,
                State.SUBMITTING,
                attempt=job.attempt + 1,
                deadline=until,
                key_mark=key_mark,
                unknown=False,
                empty_lists=0,
                task_id=None,
                retry_task=False,
                unknown_answers=0,
                asked_at=self._clock(),
            )

        try:
            return transact(self._tables.connection, fill)
        except ConditionFailed as error:
            busy, moved = error.which
            if busy and not moved:
                raise LockBusy(self._held_until()) from error
            raise self._jobs.moved_on(job.job_id, execution.owner) from error

    def claim_task(self, job: Job, execution: Execution, task_id: str, request_id: str | None) -> Job:
        """Save the task as the job's own, give the lock back and enter PENDING.

        NotOwner, JobClosed or Contended say that it is not the job's and will not be. NotSaved says that others were
        in the way: it may be the job's all the same, so it must be left alone.
        """
        task = self._tables.task(
            f"{TASK}#{task_id}",
            TASK,
            job_id=job.job_id,
            attempt=job.attempt,
            key_mark=job.key_mark,
            expires=int((self._clock() + TASK_MEMORY).timestamp()),
        )

        def fill(transaction: TransactWrite) -> Job:
            self._give_back(transaction, job)
            transaction.save(task, condition=TaskItem.pk.does_not_exist() | (TaskItem.job_id == job.job_id))
            return self._jobs.write_with(
                transaction,
                job,
                execution.owner,
                State.PENDING,
                task_id=task_id,
                request_id=request_id,
                unknown=False,
                throttled=0,
            )

        try:
            return transact(self._tables.connection, fill)
        except Contended as error:
            raise NotSaved(f"task {task_id} of job {job.job_id} was not saved") from error
        except ConditionFailed as error:
            claim = self._jobs.claimed([task_id]).get(task_id)
            saved = self._jobs.get(job.job_id)
            if claim and claim.job_id == job.job_id and saved.task_id == task_id:
                return saved  # the answer to the save was lost, not the save
            raise self._jobs.moved_on(job.job_id, execution.owner) from error

    def release(self, job: Job, execution: Execution, **changes: Any) -> Job:
        """No task was made: give the lock back and keep the slot."""

        def fill(transaction: TransactWrite) -> Job:
            self._give_back(transaction, job)
            return self._jobs.write_with(
                transaction, job, execution.owner, State.ADMITTED, deadline=None, unknown=False, **changes
            )

        try:
            return transact(self._tables.connection, fill)
        except ConditionFailed as error:
            raise self._jobs.moved_on(job.job_id, execution.owner) from error

    def _held_until(self) -> datetime | None:
        """Until when another job's create call is under way; None where nobody holds the lock any more."""
        try:
            return self._tables.queue.get(QUEUE, LOCK, consistent_read=True).until
        except DoesNotExist:
            return None

    def _give_back(self, transaction: TransactWrite, job: Job) -> None:
        transaction.delete(self._tables.queue(QUEUE, LOCK), condition=QueueItem.job_id == job.job_id)
