"""Slots, lock, breaker and line: who may have an unfinished task at the provider, and who is next.

All of it lies in one partition and is read consistently at once. A free slot has no item, so to take one is to put
an item where none is. A job has its place in the line from the moment it is recorded; a slot is given and the place
removed in one transaction, to the first recorded, whether its run waits already or not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from motiondrop.budget import NO_LIMIT, NOTHING_RESERVED, Budget, OverBudget
from motiondrop.errors import Contended, MotionDropError, NoSuchJob
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs, now, place_of
from motiondrop.records import BREAKER, LINE, LOCK, PAUSE, TASK, LineItem, Tables, TaskItem
from motiondrop.writes import Refused, attempt, transact

#: How long a lease is good for without being renewed; polls are at most five minutes apart. A slot is taken from a
#: job only when its run is known to be over; the moment tells one lease from another.
LEASE = timedelta(minutes=20)

#: How long the open breaker waits before it lets one job probe whether the trouble is mended.
PROBE_EVERY = timedelta(minutes=5)

#: How long the table remembers which job a task belongs to: longer than the provider's task list looks back.
TASK_MEMORY = timedelta(days=90)

#: Places of the line that are counted; how far behind them one waits, a receipt does not say.
PLACES = 100

_HEAD = 4  # places of the line that are read at once; one is enough unless the first turn out stale


class LockBusy(MotionDropError):
    """Another job's create call is under way until `until`, or broke off then and is being looked into."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__("another job's create call is under way")
        self.until = until


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
    paused: bool
    line: list[LineItem]


class Slots:
    """The slots of one stack: `size` unfinished tasks at the provider, `daily_budget` micro-USD a day."""

    def __init__(
        self,
        tables: Tables,
        jobs: Jobs,
        waker: Waker,
        size: int,
        clock: Callable[[], datetime] = now,
        *,
        daily_budget: int = NO_LIMIT,
    ) -> None:
        self._tables = tables
        self._jobs = jobs
        self._waker = waker
        self._size = size
        self._clock = clock
        self.budget = Budget(tables, daily_budget, clock)

    def board(self) -> Board:
        """Slots, lock, breaker and the head of the line, consistently."""
        limit = 3 + self._size + _HEAD
        items = list(self._tables.line.query(LINE, consistent_read=True, limit=limit, page_size=limit))
        by_kind = {item.sk: item for item in items}
        return Board(
            {int(item.sk[5:]): item for item in items if item.sk.startswith("SLOT#")},
            by_kind.get(LOCK),
            by_kind.get(BREAKER),
            PAUSE in by_kind,
            [item for item in items if item.sk.startswith("WAIT#")],
        )

    def wait(self, run: Run, token: str) -> None:
        """Let the run's job be answered at `token` when its turn comes, and give what is free.

        A job that has been given its slot already is answered at once; an older token is forgotten.
        """
        job = self._jobs.owned(run)
        if job.state == State.QUEUED:

            def fill(transaction: TransactWrite) -> None:
                place = self._jobs.place(job, token)
                actions: list[Action] = [
                    LineItem.job_id.set(place.job_id),
                    LineItem.token.set(token),
                    LineItem.since.set(LineItem.since | place.since),  # it waits since it came into the line
                ]
                transaction.update(place, actions=actions)
                self._jobs.write_with(transaction, job, run.owner, token=token)

            try:
                transact(self._tables.connection, fill)
            except Refused as error:
                job = self._jobs.owned(run)
                if job.state == State.QUEUED:
                    raise Contended(f"job {job.job_id} was changed at the same moment") from error
            else:
                self.give()
                return
        self._waker.wake(token)

    def give(self) -> int:
        """Give free slots to the head of the line; return how many were given.

        While the breaker is open nothing is given, but for one job at a time that probes when it is due; while the
        queue is paused, or the day's budget has no room for the head of the line, nothing at all.
        """
        given = 0
        for _ in range(2 * self._size + _HEAD):
            board = self.board()
            free = [number for number in range(self._size) if number not in board.slots]
            if board.paused or not free or not board.line or len(board.slots) >= self._size:
                break
            if board.breaker and not self._may_probe(board, board.breaker):
                break
            try:
                given += self._grant(free[0], board.line[0])
            except OverBudget:
                break
        return given

    def place(self, job: Job) -> int:
        """The job's place in the line, from 1; PLACES for that and all behind it."""
        ahead = LineItem.sk.between("WAIT#", place_of(job))
        return min(self._tables.line.count(LINE, ahead, consistent_read=True, limit=PLACES), PLACES)

    def waiting(self) -> int:
        """How many jobs are in the line (eventually consistent)."""
        return self._tables.line.count(LINE, LineItem.sk.startswith("WAIT#"))

    def held_up(self, board: Board) -> Job | None:
        """The head of the line where a slot is free for it and neither breaker nor pause is why it waits."""
        if board.paused or board.breaker or not board.line or len(board.slots) >= self._size:
            return None
        return self._job_of(board.line[0])

    def begin(self, job: Job, run: Run, until: datetime, key_mark: str) -> Job:
        """Take the lock and enter SUBMITTING, until `until`; LockBusy where another job submits."""
        lock = self._tables.line(LINE, LOCK, job_id=job.job_id, attempt=job.attempt + 1, until=until)

        def fill(transaction: TransactWrite) -> Job:
            transaction.save(lock, condition=LineItem.pk.does_not_exist() | (LineItem.job_id == job.job_id))
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

        try:
            return transact(self._tables.connection, fill)
        except Refused as error:
            busy, moved = error.which
            if busy and not moved:
                holder = self.board().lock
                raise LockBusy(holder.until if holder else None) from error
            raise self._jobs.moved_on(job.job_id, run.owner) from error

    def claim(self, job: Job, run: Run, task_id: str, request_id: str | None) -> Job:
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
            self._unlock(transaction, job)
            transaction.save(task, condition=TaskItem.pk.does_not_exist() | (TaskItem.job_id == job.job_id))
            return self._jobs.write_with(
                transaction,
                job,
                run.owner,
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
        except Refused as error:
            claim = self._jobs.claimed([task_id]).get(task_id)
            saved = self._jobs.get(job.job_id)
            if claim and claim.job_id == job.job_id and saved.task_id == task_id:
                return saved  # the answer to the save was lost, not the save
            raise self._jobs.moved_on(job.job_id, run.owner) from error

    def not_made(self, job: Job, run: Run, **changes: Any) -> Job:
        """No task was made: give the lock back and keep the slot."""

        def fill(transaction: TransactWrite) -> Job:
            self._unlock(transaction, job)
            return self._jobs.write_with(
                transaction, job, run.owner, State.ADMITTED, deadline=None, unknown=False, **changes
            )

        try:
            return transact(self._tables.connection, fill)
        except Refused as error:
            raise self._jobs.moved_on(job.job_id, run.owner) from error

    def leave(self, job: Job, owner: str | None, to: State, **changes: Any) -> Job:
        """Enter `to` and give up slot, lock and place in the line, whichever the job has; then give what is free.

        A job that goes back to the line is at its old place at once. A slot or a lock that is another job's by now
        is left alone.
        """
        mine = self._held(job)

        def fill(transaction: TransactWrite) -> Job:
            for item in mine:
                transaction.delete(item, condition=LineItem.job_id == job.job_id)
            if job.state == State.QUEUED:
                transaction.delete(self._tables.line(LINE, place_of(job)))
            if to == State.QUEUED:
                transaction.save(self._jobs.place(job))
            self.budget.settle(transaction, job, to, changes)
            return self._jobs.write_with(transaction, job, owner, to, slot=None, **NOTHING_RESERVED, **changes)

        try:
            after = transact(self._tables.connection, fill)
        except Refused as error:
            *_, moved = error.which
            if moved:
                raise self._jobs.moved_on(job.job_id, owner) from error
            mine = [item for item, lost in zip(mine, error.which, strict=False) if not lost]
            try:
                after = transact(self._tables.connection, fill)
            except Refused as again:
                raise self._jobs.moved_on(job.job_id, owner) from again
        self.give()
        return after

    def renew(self, job: Job) -> None:
        """Renew the lease of the job's slot; a lease that is no longer the job's is left alone."""
        if job.slot is None:
            return
        lease = self._tables.line(LINE, _slot(job.slot))
        until = LineItem.until.set(self._clock() + LEASE)
        attempt(lambda: lease.update(actions=[until], condition=LineItem.job_id == job.job_id))

    def requeue(self, job: Job) -> None:
        """Put a job that waits, but has lost its place in the line, back there."""
        place = self._jobs.place(job, job.token)
        attempt(lambda: place.save(condition=LineItem.pk.does_not_exist()))

    def free_orphans(self, board: Board) -> int:
        """Free the slots and the lock that no job has: their jobs are gone, or know nothing of them."""
        freed = 0
        for number, lease in board.slots.items():
            job = self._job_of(lease)
            if job is None or job.slot != number:
                freed += _remove(lease, LineItem.until == lease.until)
        if board.lock:
            job = self._job_of(board.lock)
            if job is None or job.state not in {State.SUBMITTING, State.CANCELING}:
                freed += _remove(board.lock, LineItem.until == board.lock.until)
        return freed

    def hold(self, family: str, code: str | None) -> bool:
        """Open the breaker: nothing is given but a probe now and then. Return whether it was closed before."""
        moment = self._clock()
        breaker = self._tables.line(
            LINE, BREAKER, family=family, code=code, since=moment, until=moment + PROBE_EVERY, told=False
        )
        return attempt(lambda: breaker.save(condition=LineItem.pk.does_not_exist()))

    def held_told(self) -> None:
        """Note that the operator knows why the line is held."""
        breaker = self._tables.line(LINE, BREAKER)
        attempt(lambda: breaker.update(actions=[LineItem.told.set(True)], condition=LineItem.pk.exists()))

    def resume(self, job: Job) -> bool:
        """Close the breaker, since the provider took the job's task, and go on; return whether it was open.

        A call that was made before the breaker opened proves nothing.
        """
        asked_at = job.asked_at or self._clock()
        if not _remove(self._tables.line(LINE, BREAKER), LineItem.since < asked_at):
            return False
        self.give()
        return True

    def _may_probe(self, board: Board, breaker: LineItem) -> bool:
        """Whether it is time for a probe; the one who may has moved the time on."""
        moment = self._clock()
        if board.slots or (breaker.until and moment < breaker.until):
            return False
        later = LineItem.until.set(moment + PROBE_EVERY)
        return attempt(lambda: breaker.update(actions=[later], condition=LineItem.until == breaker.until))

    def _grant(self, number: int, place: LineItem) -> bool:
        """Give slot `number` to the job at `place` and wake it; False where someone was faster.

        OverBudget where the day's budget has no room for it.
        """
        job = self._job_of(place)
        if job is None or job.state != State.QUEUED or job.settling or place_of(job) != place.sk:
            _remove(place, _at(place))
            return False
        moment = self._clock()
        lease = self._tables.line(LINE, _slot(number), job_id=job.job_id, until=moment + LEASE)

        def fill(transaction: TransactWrite) -> None:
            transaction.delete(self._tables.line(LINE, place.sk), condition=_at(place))
            transaction.save(lease, condition=LineItem.pk.does_not_exist())
            reserved = self.budget.reserve(transaction, job)
            admitted = {"slot": number, "token": place.token, "admitted_at": moment, **reserved}
            self._jobs.write_with(transaction, job, job.owner, State.ADMITTED, **admitted)

        try:
            transact(self._tables.connection, fill)
        except Contended:
            return False
        except Refused as error:
            *others, no_room, moved = error.which
            if no_room and not moved and not any(others):
                raise OverBudget(f"today's budget has no room for job {job.job_id}") from error
            return False
        if place.token:
            self._waker.wake(place.token)
        return True

    def _job_of(self, item: LineItem) -> Job | None:
        try:
            return self._jobs.get(item.job_id or "")
        except NoSuchJob:
            return None

    def _held(self, job: Job) -> list[LineItem]:
        held = [] if job.slot is None else [self._tables.line(LINE, _slot(job.slot))]
        if job.state in {State.SUBMITTING, State.CANCELING}:
            held.append(self._tables.line(LINE, LOCK))
        return held

    def _unlock(self, transaction: TransactWrite, job: Job) -> None:
        transaction.delete(self._tables.line(LINE, LOCK), condition=LineItem.job_id == job.job_id)


class NotSaved(MotionDropError):
    """A task's id could not be saved at that moment, and was not refused either; the next run finds the task."""


def _remove(item: LineItem, condition: Condition) -> bool:
    """Remove an item that is still as it was read; whether it was."""
    return attempt(lambda: item.delete(condition=condition))


def _at(place: LineItem) -> Condition:
    """The condition that the place is as it was read."""
    if place.token is None:
        return LineItem.pk.exists() & LineItem.token.does_not_exist()
    return LineItem.token == place.token


def _slot(number: int) -> str:
    return f"SLOT#{number:03d}"
