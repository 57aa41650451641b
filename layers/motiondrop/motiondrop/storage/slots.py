"""Slots, lock, breaker and queue: who may have an unfinished task at the provider, and who is next.

All of these items are in one partition, so one strongly consistent query reads them. A free slot has no item, so a
slot is taken by putting an item where there is none. A slot that is given carries a grant: an id that is new each time.
Every release names the slot's grant. A job has its place in the queue as soon as it is recorded and its files are
ready. One transaction gives the job a slot and removes its place. The job that was recorded first is the next, even if
its execution does not wait yet.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State, Turn
from motiondrop.errors import Contended, JobClosed, MotionDropError, NoSuchJob, NotOwner
from motiondrop.storage.budget import Budget, OverBudget, OverLimit
from motiondrop.storage.circuit_breaker import REFUSED_CALL, CircuitBreaker
from motiondrop.storage.items import BREAKER, LOCK, PAUSE, QUEUE, UNREADABLE, QueueItem, Tables
from motiondrop.storage.jobs import WAITING, Jobs, place_of
from motiondrop.storage.submission_lock import NOTE_MEMORY, note_of
from motiondrop.storage.transactions import ConditionFailed, Transaction, conditional_write

_logger = Logger(child=True)

_HEAD = 1  # places of the queue that are read at once: one for each grant
_PLACES = 100  # places that one call looks at; a round of the sweep puts as many jobs back into the queue
_UNREADABLE_AFTER = timedelta(hours=1)  # longer than any part of a create call takes
_OTHERS = 5  # items that come before the slots: breaker, its two notes, lock, pause


class Waker(Protocol):
    """The part of Step Functions that wakes a waiting execution."""

    def wake(self, token: str, job: Job) -> None:
        """Let the job's execution, which waits at `token`, continue; do nothing if none waits there any more."""


@dataclass(frozen=True)
class Snapshot:
    """Slots, lock, breaker and the head of the queue, as read at one moment.

    `refused` is the last refused create call whose cause is not known yet.
    """

    slots: dict[int, QueueItem]
    lock: QueueItem | None
    breaker: QueueItem | None
    refused: QueueItem | None
    paused: bool
    queue: list[QueueItem]

    @property
    def note(self) -> QueueItem | None:
        """The item that keeps the queue from going on in its order: the open breaker, else the refused call."""
        return self.breaker or self.refused


class Slots:
    """The slots of one stack: `size` unfinished tasks at the provider.

    `set_aside` is called when a job leaves the queue because an error keeps it from getting a slot.
    """

    def __init__(
        self,
        tables: Tables,
        jobs: Jobs,
        *,
        waker: Waker,
        budget: Budget,
        breaker: CircuitBreaker,
        set_aside: Callable[[], None],
        size: int,
        clock: Clock = now,
    ) -> None:
        self._tables = tables
        self._jobs = jobs
        self._waker = waker
        self._budget = budget
        self._breaker = breaker
        self._set_aside = set_aside
        self._size = size
        self._clock = clock

    def snapshot(self) -> Snapshot:
        """Slots, lock, breaker and the head of the queue, read in one strongly consistent query."""
        limit = _OTHERS + self._size + _HEAD
        items = list(self._tables.queue.query(QUEUE, consistent_read=True, limit=limit, page_size=limit))
        by_kind = {item.sk: item for item in items}
        return Snapshot(
            {int(item.sk[5:]): item for item in items if item.sk.startswith("SLOT#")},
            by_kind.get(LOCK),
            by_kind.get(BREAKER),
            by_kind.get(REFUSED_CALL),
            PAUSE in by_kind,
            [item for item in items if item.sk.startswith(WAITING)],
        )

    def wait(self, execution: Execution, token: str) -> None:
        """Store `token`, the task token that wakes the execution when its job's turn comes; then give free slots.

        If the job already has its slot, wake the execution at once. `token` replaces an older one.
        """
        job = self._jobs.owned(execution)
        if job.state == State.QUEUED:
            place = self._jobs.place(job, token)
            actions: list[Action] = [
                QueueItem.job_id.set(place.job_id),
                QueueItem.token.set(token),
                QueueItem.since.set(QueueItem.since | place.since),  # kept: when the job came into the queue
            ]
            try:
                self._jobs.transition(
                    job,
                    execution.owner,
                    None,
                    lambda transaction: transaction.update(place, actions, name="place"),
                    turn=replace(job.turn, token=token),
                )
            except Contended:
                job = self._jobs.owned(execution)
                if job.state == State.QUEUED:
                    raise
            else:
                self.grant_what_is_free()
                return
        self._waker.wake(token, job)

    def grant_what_is_free(self) -> None:
        """Give free slots after another job's step; log a failure, and leave the free slots to the sweep."""
        try:
            self.grant()
        except (MotionDropError, PynamoDBException, ClientError, BotoCoreError, *UNREADABLE):
            _logger.exception("free slots were not given")

    def grant(self) -> int:
        """Give free slots to the head of the queue; return how many were given.

        While the breaker is open, only the next job of the queue gets a slot, as a probe, when the next probe is due. A
        job whose create call was refused is passed over until another job is accepted, or until no other job is left
        and its own retry is due. While the queue is paused, or the day's budget has no room for the head of the queue,
        nothing is given at all.
        """
        given = failed = 0
        for _ in range(_PLACES):
            snapshot = self.snapshot()
            free = [number for number in range(self._size) if number not in snapshot.slots]
            place = self._next(snapshot) if free and len(snapshot.slots) < self._size else None
            if place is None or failed > 2 * self._size or not self._may_try(snapshot, place):
                break
            try:
                given += self._grant_slot(free[0], place)
            except OverBudget:
                break
            except (PynamoDBException, OverLimit, *UNREADABLE) as error:
                # The other jobs go on. The sweep puts this one back, if it lacks room as soon as there is some. If the
                # table itself fails, removal fails too.
                failed += not isinstance(error, OverLimit)
                if _remove(place, _at(place)) and type(error) is not OverLimit:
                    _logger.exception("a job cannot be given a slot and waits aside", extra={"job_id": place.job_id})
                    self._set_aside()
        return given

    def _next(self, snapshot: Snapshot) -> QueueItem | None:
        """The place in the queue whose turn it is; None if no job may be sent now."""
        if snapshot.paused or not snapshot.queue:
            return None
        head, note = snapshot.queue[0], snapshot.note
        if note is None:
            return head
        if snapshot.breaker and (_probing(snapshot, note) or not self._breaker.due(note)):
            return None
        behind = self._behind(note.place)
        if behind is None and not self._breaker.due(note):
            return None
        return behind or head

    def _behind(self, place: str | None) -> QueueItem | None:
        """The first place in the queue behind `place`."""
        after = f"{place or WAITING}\0"
        found = self._tables.queue.query(
            QUEUE, QueueItem.sk.between(after, f"{WAITING}~"), consistent_read=True, limit=_HEAD, page_size=_HEAD
        )
        return next(iter(found), None)

    def _may_try(self, snapshot: Snapshot, place: QueueItem) -> bool:
        """Whether the job at `place` may be sent. A job that probes whether the trouble is over is sent alone."""
        note = snapshot.note
        if note is None or (not snapshot.breaker and place.sk > (note.place or "")):
            return True
        return self._breaker.probe(note, place.sk)

    def waiting(self) -> int:
        """How many jobs are in the queue (eventually consistent)."""
        return self._tables.queue.count(QUEUE, QueueItem.sk.startswith(WAITING))

    def order(self, limit: int) -> list[str]:
        """The ids of the jobs in the queue, next first, at most `limit` (eventually consistent)."""
        found = self._tables.queue.query(QUEUE, QueueItem.sk.startswith(WAITING), limit=limit, page_size=limit)
        return [item.job_id for item in found if item.job_id]

    def held_up(self, snapshot: Snapshot) -> Job | None:
        """The job whose turn it is, if a slot is free and neither breaker nor pause explains the wait; else None."""
        place = self._next(snapshot)
        if snapshot.breaker or place is None or len(snapshot.slots) >= self._size:
            return None
        return next(iter(self._jobs.find([place.job_id or ""])), None)

    def release(self, job: Job, owner: str | None, to: State, **changes: Any) -> Job:
        """Enter `to` and give up slot, lock and place in the queue, whichever the job has; then give free slots.

        A job that goes back to the queue gets its old place at once. A slot or a lock that the job no longer has is
        left alone. If the outcome of the job's create call stays unknown, its note stays too.
        """
        gone: frozenset[str] = frozenset()

        def give_up(transaction: Transaction) -> None:
            if job.turn.slot is not None and "slot" not in gone:
                slot = self._tables.queue(QUEUE, _slot(job.turn.slot))
                transaction.delete(slot, name="slot", condition=QueueItem.grant == job.turn.grant)
            if job.state == State.SUBMITTING:
                if not after.call.unknown:
                    transaction.delete(note_of(self._tables, job.job_id, job.called_at), name="note")
                if "lock" not in gone:
                    lock = self._tables.queue(QUEUE, LOCK)
                    transaction.delete(lock, name="lock", condition=QueueItem.job_id == job.job_id)
            if job.state == State.QUEUED:
                transaction.delete(self._tables.queue(QUEUE, place_of(job)), name="place")
            if to == State.QUEUED:
                transaction.put(self._jobs.place(job), name="place")
            self._budget.settle(transaction, job, after)

        changes["turn"] = Turn(admitted_at=job.turn.admitted_at)
        after = replace(job, state=to, **changes)
        try:
            released = self._jobs.transition(job, owner, to, give_up, **changes)
        except ConditionFailed as error:
            gone = error.failed
            released = self._jobs.transition(job, owner, to, give_up, **changes)
        self.grant_what_is_free()
        return released

    def requeue(self, job: Job) -> bool:
        """Put a waiting job back into the queue if it has no place there; return whether it had none."""
        place = self._jobs.place(job, job.turn.token)
        return conditional_write(lambda: place.save(condition=QueueItem.pk.does_not_exist()))

    def free_orphans(self, snapshot: Snapshot) -> int:
        """Free each slot, and the lock, whose job is gone or, by the job's own record, does not hold it.

        A slot whose job's record cannot be read stays taken, since the job may have a task.
        """
        freed = 0
        for number, slot in snapshot.slots.items():
            try:
                job = self._job_of(slot)
            except UNREADABLE:
                _logger.exception("the record of a job with a slot cannot be read", extra={"job_id": slot.job_id})
                continue
            if job is None or (job.turn.slot, job.turn.grant) != (number, slot.grant):
                freed += _remove(slot, QueueItem.grant == slot.grant)
        if snapshot.lock:
            freed += self._free_lock(snapshot.lock)
        return freed

    def _free_lock(self, lock: QueueItem) -> bool:
        """Free the lock if its job does not hold it; if its job's record cannot be read, after an hour.

        Then a note says that the job's call is undecided: it may have made a task, which no other job must adopt.
        """
        mine = QueueItem.until == lock.until
        try:
            job = self._job_of(lock)
        except UNREADABLE:
            _logger.exception("the record of the job with the lock cannot be read", extra={"job_id": lock.job_id})
            if lock.until is None or self._clock() < lock.until + _UNREADABLE_AFTER:
                return False
            until = lock.until + _UNREADABLE_AFTER  # no other call was made before
            note_of(self._tables, lock.job_id or "", lock.until - NOTE_MEMORY, until).save()
            return _remove(lock, mine)
        return (job is None or job.state != State.SUBMITTING) and _remove(lock, mine)

    def _grant_slot(self, number: int, place: QueueItem) -> bool:
        """Give slot `number` to the job at `place` and wake its execution.

        Return False if the place is no longer valid or another call was faster. Raise OverBudget if the day's budget
        has no room for the job, TooDear if no day's has, OverLimit if its drop link's limit has none.
        """
        job = self._job_of(place)
        if job is None or job.state != State.QUEUED or place_of(job) != place.sk:
            _remove(place, _at(place))
            return False
        moment, grant = self._clock(), uuid4().hex
        reservation = self._budget.reservation(job)  # read once: midnight may pass before the transaction
        slot = self._tables.queue(QUEUE, _slot(number), job_id=job.job_id, grant=grant, since=moment)

        def take(transaction: Transaction) -> None:
            transaction.delete(self._tables.queue(QUEUE, place.sk), name="place", condition=_at(place))
            transaction.put(slot, name="slot", condition=QueueItem.pk.does_not_exist())
            self._budget.reserve(transaction, job, reservation["reserved_on"])

        turn = Turn(place.token, number, grant, moment, **reservation)
        try:
            granted = self._jobs.transition(job, job.owner, State.ADMITTED, take, turn=turn)
        except (Contended, JobClosed, NotOwner):
            return False
        except ConditionFailed as error:
            if "limit" in error.failed:
                raise OverLimit(f"today's limit of its link has no room for job {job.job_id}") from error
            if error.failed == {"budget"}:
                raise OverBudget(f"today's budget has no room for job {job.job_id}") from error
            return False
        if place.token:
            self._waker.wake(place.token, granted)
        return True

    def _job_of(self, item: QueueItem) -> Job | None:
        try:
            return self._jobs.get(item.job_id or "")
        except NoSuchJob:
            return None


def _probing(snapshot: Snapshot, breaker: QueueItem) -> bool:
    """Whether a slot was given since the breaker opened. Earlier slots prove nothing, and may be held for hours."""
    return any(not slot.since or not breaker.since or slot.since >= breaker.since for slot in snapshot.slots.values())


def _remove(item: QueueItem, condition: Condition) -> bool:
    """Remove an item if it is still as it was read; return whether it was removed."""
    return conditional_write(lambda: item.delete(condition=condition))


def _at(place: QueueItem) -> Condition:
    """The condition that the place is as it was read."""
    if place.token is None:
        return QueueItem.pk.exists() & QueueItem.token.does_not_exist()
    return QueueItem.token == place.token


def _slot(number: int) -> str:
    return f"SLOT#{number:03d}"
