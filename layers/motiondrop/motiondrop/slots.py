"""Slots, lock, breaker and line: who may have an unfinished task at the provider, and who is next.

All of it lies in one partition and is read consistently at once. A free slot has no item, so to take one is to put
an item where none is. A slot is given and its place in the line removed in one transaction; first recorded, first
served.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from motiondrop.errors import Contended, MotionDropError
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs, lost_race, now
from motiondrop.records import BREAKER, LINE, LOCK, TASK, LineItem, Tables, TaskItem

#: How long a lease is good for without being renewed; polls are at most five minutes apart.
LEASE = timedelta(minutes=20)

#: How long the open breaker waits before it lets one job probe whether the trouble is mended.
PROBE_EVERY = timedelta(minutes=5)

#: How long the table remembers which job a task belongs to: longer than the provider's task list looks back.
TASK_MEMORY = timedelta(days=90)

_HEAD = 4  # places of the line that are read at once; one is enough unless the first turn out stale


class LockBusy(MotionDropError):
    """Another job's create call is under way; it is this job's turn when that is settled."""


class Waker(Protocol):
    """Step Functions, as far as answering a waiting run goes. Answering a token that is over changes nothing."""

    def wake(self, token: str) -> None:
        """Tell the run that waits at `token` to go on."""


@dataclass(frozen=True)
class Board:
    """Slots, lock, breaker and the head of the line, as read at one moment."""

    slots: dict[int, LineItem]
    lock: LineItem | None
    breaker: LineItem | None
    line: list[LineItem]


class Slots:
    """The slots of one stack; `size` is how many unfinished tasks it may have at the provider."""

    def __init__(
        self,
        tables: Tables,
        jobs: Jobs,
        waker: Waker,
        size: int,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._tables = tables
        self._jobs = jobs
        self._waker = waker
        self._size = size
        self._clock = clock

    def board(self) -> Board:
        """Slots, lock, breaker and the head of the line, consistently."""
        items = list(
            self._tables.line.query(
                LINE, consistent_read=True, limit=self._size + 2 + _HEAD, page_size=self._size + 2 + _HEAD
            )
        )
        by_kind = {item.sk: item for item in items}
        return Board(
            {int(item.sk[5:]): item for item in items if item.sk.startswith("SLOT#")},
            by_kind.get(LOCK),
            by_kind.get(BREAKER),
            [item for item in items if item.sk.startswith("WAIT#")],
        )

    def wait(self, run: Run, token: str) -> None:
        """Put the run's job in the line, to be answered at `token`, and give what is free.

        A job that has been given its slot already is answered at once; an older token is forgotten.
        """
        job = self._jobs.owned(run)
        if job.state != State.QUEUED:
            self._waker.wake(token)
            return
        with self._transaction(job, run.owner) as transaction:
            transaction.save(
                self._tables.line(
                    LINE, place_of(job), job_id=job.job_id, owner=run.owner, token=token, since=self._clock()
                )
            )
            self._jobs.write_with(transaction, job, run.owner)
        self.give()

    def give(self) -> int:
        """Give free slots to the head of the line; return how many were given.

        While the breaker is open nothing is given, but for one job at a time that probes when it is due.
        """
        given = 0
        for _ in range(2 * self._size + _HEAD):
            board = self.board()
            free = [number for number in range(self._size) if number not in board.slots]
            if not free or not board.line:
                break
            if board.breaker and not self._may_probe(board, board.breaker):
                break
            if self._grant(free[0], board.line[0]):
                given += 1
        return given

    def begin(self, job: Job, run: Run, until: datetime, key_mark: str) -> Job:
        """Take the lock and enter SUBMITTING, until `until`; LockBusy where another job submits."""
        lock = self._tables.line(LINE, LOCK, job_id=job.job_id, attempt=job.attempt + 1, until=until)
        free = LineItem.pk.does_not_exist() | (LineItem.job_id == job.job_id)
        try:
            with TransactWrite(connection=self._tables.connection) as transaction:
                transaction.save(lock, condition=free)
                return self._jobs.write_with(
                    transaction,
                    job,
                    run.owner,
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
        except TransactWriteError as error:
            busy, _ = lost_race(error)
            if busy:
                raise LockBusy("another job's create call is under way") from error
            raise self._jobs.moved_on(job.job_id, run.owner) from error

    def claim(self, job: Job, run: Run, task_id: str, request_id: str | None) -> Job:
        """Save the task as the job's own, give the lock back and enter PENDING."""
        with self._transaction(job, run.owner) as transaction:
            transaction.save(
                self._tables.task(
                    f"{TASK}#{task_id}",
                    TASK,
                    job_id=job.job_id,
                    attempt=job.attempt,
                    key_mark=job.key_mark,
                    expires=int((self._clock() + TASK_MEMORY).timestamp()),
                ),
                condition=TaskItem.pk.does_not_exist() | (TaskItem.job_id == job.job_id),
            )
            self._unlock(transaction, job)
            return self._jobs.write_with(
                transaction, job, run.owner, State.PENDING, task_id=task_id, request_id=request_id, unknown=False
            )

    def not_made(self, job: Job, run: Run, *, throttled: int = 0) -> Job:
        """No task was made: give the lock back and keep the slot."""
        with self._transaction(job, run.owner) as transaction:
            self._unlock(transaction, job)
            return self._jobs.write_with(
                transaction, job, run.owner, State.ADMITTED, deadline=None, unknown=False, throttled=throttled
            )

    def leave(self, job: Job, owner: str | None, to: State, **changes: Any) -> Job:
        """Enter `to` and give up slot, lock and place in the line, whichever the job has; then give what is free."""
        with self._transaction(job, owner) as transaction:
            if job.slot is not None:
                transaction.delete(self._tables.line(LINE, _slot(job.slot)), condition=LineItem.job_id == job.job_id)
            if job.state == State.SUBMITTING or (job.state == State.CANCELING and job.task_id is None):
                self._unlock(transaction, job)
            if job.state == State.QUEUED:
                transaction.delete(self._tables.line(LINE, place_of(job)))
            after = self._jobs.write_with(transaction, job, owner, to, slot=None, **changes)
        self.give()
        return after

    def renew(self, job: Job) -> None:
        """Renew the lease of the job's slot; a lease that is no longer the job's is left alone."""
        if job.slot is None:
            return
        try:
            self._tables.line(LINE, _slot(job.slot)).update(
                actions=[LineItem.until.set(self._clock() + LEASE)], condition=LineItem.job_id == job.job_id
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def hold(self, family: str, code: str | None) -> bool:
        """Open the breaker: nothing is given but a probe now and then. Return whether it was closed before."""
        breaker = self._tables.line(
            LINE, BREAKER, family=family, code=code, since=self._clock(), until=self._clock() + PROBE_EVERY
        )
        try:
            breaker.save(condition=LineItem.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def resume(self) -> bool:
        """Close the breaker, since the provider took a task, and go on; return whether it was open."""
        try:
            self._tables.line(LINE, BREAKER).delete(condition=LineItem.pk.exists())
        except DeleteError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        self.give()
        return True

    def _may_probe(self, board: Board, breaker: LineItem) -> bool:
        """Whether it is time for a probe; the one who may has moved the time on."""
        moment = self._clock()
        if board.slots or (breaker.until and moment < breaker.until):
            return False
        try:
            breaker.update(
                actions=[LineItem.until.set(moment + PROBE_EVERY)], condition=LineItem.until == breaker.until
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _grant(self, number: int, place: LineItem) -> bool:
        """Give slot `number` to the job at `place` and wake it; False where someone was faster."""
        job = self._jobs.get(place.job_id)
        if job.state != State.QUEUED or job.owner != place.owner:
            self._forget(place)
            return False
        lease = self._tables.line(LINE, _slot(number), job_id=job.job_id, until=self._clock() + LEASE)
        try:
            with TransactWrite(connection=self._tables.connection) as transaction:
                transaction.save(lease, condition=LineItem.pk.does_not_exist())
                transaction.delete(self._tables.line(LINE, place.sk), condition=LineItem.token == place.token)
                self._jobs.write_with(transaction, job, job.owner, State.ADMITTED, slot=number, token=place.token)
        except TransactWriteError as error:
            try:
                lost_race(error)
            except Contended:
                return False
            return False
        self._waker.wake(place.token)
        return True

    def _forget(self, place: LineItem) -> None:
        """Remove a place whose job does not wait there any more."""
        try:
            place.delete(condition=LineItem.token == place.token)
        except DeleteError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def _unlock(self, transaction: TransactWrite, job: Job) -> None:
        transaction.delete(self._tables.line(LINE, LOCK), condition=LineItem.job_id == job.job_id)

    @contextmanager
    def _transaction(self, job: Job, owner: str | None) -> Iterator[TransactWrite]:
        """A transaction that says what the job has become where it is refused."""
        try:
            with TransactWrite(connection=self._tables.connection) as transaction:
                yield transaction
        except TransactWriteError as error:
            lost_race(error)
            raise self._jobs.moved_on(job.job_id, owner) from error


def place_of(job: Job) -> str:
    """The job's place in the line, as a sort key."""
    return f"WAIT#{job.order}"


def _slot(number: int) -> str:
    return f"SLOT#{number:03d}"
