"""The submission lock: one create call at a time, and each task belongs to one job for good."""

from dataclasses import replace
from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import Call, Job, State, Task
from motiondrop.errors import Contended, JobClosed, MotionDropError, NotOwner
from motiondrop.storage.budget import Budget, OverBudget
from motiondrop.storage.items import CLAIMED, LOCK, QUEUE, TASK, UNDECIDED, QueueItem, Tables, TaskItem, UndecidedItem
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.transactions import ConditionFailed, Transaction, conditional_write

#: How long the table remembers which job a task belongs to: longer than the provider's task list looks back.
TASK_MEMORY = timedelta(days=90)


#: A note of an undecided create call is kept until the provider's list, which looks back 24 h, shows its task no more.
NOTE_MEMORY = timedelta(hours=25)


class LockBusy(MotionDropError):
    """Another job holds the lock until `until`: its create call is under way, or broke off and is being looked into."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__("another job's create call is under way")
        self.until = until


class NotSaved(MotionDropError):
    """A task's id could not be saved, since other transactions were in the way; the next execution finds the task."""


class SubmissionLock:
    """The submission lock of one stack. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, jobs: Jobs, budget: Budget, clock: Clock = now) -> None:
        self._tables = tables
        self._jobs = jobs
        self._budget = budget
        self._clock = clock

    def acquire(self, job: Job, execution: Execution, until: datetime, key_mark: str) -> Job:
        """Take the lock until `until` and enter SUBMITTING; raise LockBusy if another job holds the lock.

        If the job's reservation is for another day: raise OverBudget if today's budget or its link's limit has no room,
        OverLimit if the job costs more than any day of its link allows.
        """
        lock = self._tables.queue(QUEUE, LOCK, job_id=job.job_id, attempt=job.call.attempt + 1, until=until)
        reservation = self._budget.reservation(job)  # read once: midnight may pass before the transaction

        def take(transaction: Transaction) -> None:
            transaction.put(lock, name="lock", condition=_mine_or_nobodys(job))
            self._budget.move_reservation(transaction, job, reservation["reserved_on"])

        try:
            return self._jobs.transition(
                job,
                execution.owner,
                State.SUBMITTING,
                take,
                turn=replace(job.turn, **reservation),
                call=Call(
                    attempt=job.call.attempt + 1,
                    throttled=job.call.throttled,
                    faults=job.call.faults,
                    key_mark=key_mark,
                    asked_at=self._clock(),
                    deadline=until,
                ),
                task=Task(),
            )
        except ConditionFailed as error:
            if "lock" in error.failed:
                raise LockBusy(self._held_until()) from error
            raise OverBudget(f"today's budget has no room for job {job.job_id}") from error

    def claim_task(self, job: Job, execution: Execution, task_id: str, request_id: str | None) -> Job:
        """Save the task as the job's own, give the lock back and enter PENDING.

        NotOwner, JobClosed or Contended mean that the task is not the job's and will not be. NotSaved means that other
        transactions were in the way: the task may still become the job's, so it must not be canceled.
        """

        def save(transaction: Transaction) -> None:
            self._give_back(transaction, job)
            unclaimed = TaskItem.pk.does_not_exist() | (TaskItem.job_id == job.job_id)
            transaction.put(self._claim(job, task_id), name="task", condition=unclaimed)

        try:
            return self._jobs.transition(
                job,
                execution.owner,
                State.PENDING,
                save,
                task=Task(task_id, request_id),
                call=replace(job.call, unknown=False, throttled=0),
            )
        except (ConditionFailed, JobClosed, NotOwner, Contended) as error:
            claim = self._jobs.claimed([task_id]).get(task_id)
            saved = self._jobs.get(job.job_id)
            if claim and claim.job_id == job.job_id and saved.task.id == task_id:
                return saved  # the answer to the save was lost, not the save
            if isinstance(error, Contended) and _unchanged(saved, job):
                raise NotSaved(f"task {task_id} of job {job.job_id} was not saved") from error
            if isinstance(error, ConditionFailed):
                raise Contended(f"task {task_id} is not to be had for job {job.job_id}") from error
            raise

    def _claim(self, job: Job, task_id: str) -> TaskItem:
        asked_at = job.call.asked_at or self._clock()
        return self._tables.task(
            f"{TASK}#{task_id}",
            TASK,
            job_id=job.job_id,
            attempt=job.call.attempt,
            key_mark=job.call.key_mark,
            model=job.options.model,
            asked_at=job.call.asked_at,
            open=CLAIMED,
            seen_at=asked_at,  # the provider's list forgets a task a day after that, however late it is claimed
            expires=int((asked_at + TASK_MEMORY).timestamp()),
        )

    def release(self, job: Job, execution: Execution, call: Call) -> Job:
        """Give the lock back and keep the slot, since the call made no task."""
        return self._jobs.transition(
            job,
            execution.owner,
            State.ADMITTED,
            lambda transaction: self._give_back(transaction, job),
            call=replace(call, deadline=None, unknown=False),
        )

    def hold_for_look(self, job: Job, until: datetime) -> None:
        """Hold the lock so no create call is made while the task list is read; raise LockBusy if another job has it."""
        lock = self._tables.queue(QUEUE, LOCK, job_id=job.job_id, attempt=job.call.attempt, until=until)
        if not conditional_write(lambda: lock.save(condition=_mine_or_nobodys(job))):
            raise LockBusy(self._held_until())

    def undecided(self, job: Job, execution: Execution, until: datetime) -> Job:
        """Give the lock back although it is not known whether a task was made, and leave a note for the other jobs.

        `until` is the last moment at which the provider may have made the task.
        """
        note = note_of(self._tables, job.job_id, job.called_at, until)

        def give_back(transaction: Transaction) -> None:
            transaction.put(note, name="note")
            transaction.delete(self._tables.queue(QUEUE, LOCK), name="lock", condition=_mine_or_nobodys(job))

        try:
            return self._jobs.transition(job, execution.owner, None, give_back)
        except ConditionFailed:  # another job has the lock by now
            return self._jobs.transition(
                job, execution.owner, None, lambda transaction: transaction.put(note, name="note")
            )

    def all_undecided(self) -> list[UndecidedItem]:
        """The undecided create calls, for a day also those of jobs that were given up (strongly consistent)."""
        found = self._tables.undecided.query(UNDECIDED, consistent_read=True)
        return [note for note in found if note.expires > self._clock().timestamp()]

    def _held_until(self) -> datetime | None:
        """The time until which the lock is held; None if nobody holds it any more."""
        try:
            return self._tables.queue.get(QUEUE, LOCK, consistent_read=True).until
        except DoesNotExist:
            return None

    def _give_back(self, transaction: Transaction, job: Job) -> None:
        transaction.delete(self._tables.queue(QUEUE, LOCK), name="lock", condition=_mine_or_nobodys(job))
        transaction.delete(note_of(self._tables, job.job_id, job.called_at), name="note")


def note_of(tables: Tables, job_id: str, since: datetime, until: datetime | None = None) -> UndecidedItem:
    """The note of the job's create call at `since` if it is undecided; until `until` it may have made a task.

    Each call has its own: a job that is sent again must not forget what became of an earlier call.
    """
    until = until or since
    expires = int((until + NOTE_MEMORY).timestamp())
    sort_key = f"{identity_of(job_id)}#{since.isoformat()}"
    return tables.undecided(UNDECIDED, sort_key, since=since, until=until, expires=expires)


def _mine_or_nobodys(job: Job) -> Condition:
    condition: Condition = QueueItem.pk.does_not_exist() | (QueueItem.job_id == job.job_id)
    return condition


def _unchanged(saved: Job, job: Job) -> bool:
    """Whether the record is as it was read, so that only other transactions can have been in the way."""
    return (saved.state, saved.owner, saved.call.attempt) == (job.state, job.owner, job.call.attempt)
