"""Slots, lock, breaker and queue: who may have an unfinished task at the provider, and who is next.

All of it lies in one partition and is read consistently at once. A free slot has no item, so to take one is to put
an item where none is. A job has its place in the queue from the moment it is recorded; a slot is given and the place
removed in one transaction, to the first recorded, whether its execution waits already or not.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.errors import Contended, NoSuchJob
from motiondrop.storage.budget import NOTHING_RESERVED, Budget, OverBudget
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.items import BREAKER, LOCK, PAUSE, QUEUE, QueueItem, Tables
from motiondrop.storage.jobs import Jobs, place_of
from motiondrop.storage.transactions import ConditionFailed, conditional_write, transact

#: How long a lease is good for without being renewed; polls are at most five minutes apart. A slot is taken from a
#: job only when its execution is known to be over; the moment tells one lease from another.
LEASE = timedelta(minutes=20)

#: Places of the queue that are counted; how far behind them one waits, a receipt does not say.
PLACES = 100

_HEAD = 4  # places of the queue that are read at once; one is enough unless the first turn out stale


class Waker(Protocol):
    """Step Functions, as far as answering a waiting execution goes. Answering a token that is over changes nothing."""

    def wake(self, token: str) -> None:
        """Tell the execution that waits at `token` to go on."""


@dataclass(frozen=True)
class Snapshot:
    """Slots, lock, breaker and the head of the queue, as read at one moment."""

    slots: dict[int, QueueItem]
    lock: QueueItem | None
    breaker: QueueItem | None
    paused: bool
    queue: list[QueueItem]


class Slots:
    """The slots of one stack: `size` unfinished tasks at the provider."""

    def __init__(
        self,
        tables: Tables,
        jobs: Jobs,
        *,
        waker: Waker,
        budget: Budget,
        breaker: CircuitBreaker,
        size: int,
        clock: Clock = now,
    ) -> None:
        self._tables = tables
        self._jobs = jobs
        self._waker = waker
        self._budget = budget
        self._breaker = breaker
        self._size = size
        self._clock = clock

    def snapshot(self) -> Snapshot:
        """Slots, lock, breaker and the head of the queue, consistently."""
        limit = 3 + self._size + _HEAD
        items = list(self._tables.queue.query(QUEUE, consistent_read=True, limit=limit, page_size=limit))
        by_kind = {item.sk: item for item in items}
        return Snapshot(
            {int(item.sk[5:]): item for item in items if item.sk.startswith("SLOT#")},
            by_kind.get(LOCK),
            by_kind.get(BREAKER),
            PAUSE in by_kind,
            [item for item in items if item.sk.startswith("WAIT#")],
        )

    def wait(self, execution: Execution, token: str) -> None:
        """Let the execution's job be answered at `token` when its turn comes, and give what is free.

        A job that has been given its slot already is answered at once; an older token is forgotten.
        """
        job = self._jobs.owned(execution)
        if job.state == State.QUEUED:

            def fill(transaction: TransactWrite) -> None:
                place = self._jobs.place(job, token)
                actions: list[Action] = [
                    QueueItem.job_id.set(place.job_id),
                    QueueItem.token.set(token),
                    QueueItem.since.set(QueueItem.since | place.since),  # it waits since it came into the queue
                ]
                transaction.update(place, actions=actions)
                self._jobs.write_with(transaction, job, execution.owner, token=token)

            try:
                transact(self._tables.connection, fill)
            except ConditionFailed as error:
                job = self._jobs.owned(execution)
                if job.state == State.QUEUED:
                    raise Contended(f"job {job.job_id} was changed at the same moment") from error
            else:
                self.grant()
                return
        self._waker.wake(token)

    def grant(self) -> int:
        """Give free slots to the head of the queue; return how many were given.

        While the breaker is open nothing is given, but for one job at a time that probes when it is due; while the
        queue is paused, or the day's budget has no room for the head of the queue, nothing at all.
        """
        given = 0
        for _ in range(2 * self._size + _HEAD):
            snapshot = self.snapshot()
            free = [number for number in range(self._size) if number not in snapshot.slots]
            if snapshot.paused or not free or not snapshot.queue or len(snapshot.slots) >= self._size:
                break
            if snapshot.breaker and (snapshot.slots or not self._breaker.may_probe(snapshot.breaker)):
                break
            try:
                given += self._grant_slot(free[0], snapshot.queue[0])
            except OverBudget:
                break
        return given

    def place(self, job: Job) -> int:
        """The job's place in the queue, from 1; PLACES for that and all behind it."""
        ahead = QueueItem.sk.between("WAIT#", place_of(job))
        return min(self._tables.queue.count(QUEUE, ahead, consistent_read=True, limit=PLACES), PLACES)

    def waiting(self) -> int:
        """How many jobs are in the queue (eventually consistent)."""
        return self._tables.queue.count(QUEUE, QueueItem.sk.startswith("WAIT#"))

    def held_up(self, snapshot: Snapshot) -> Job | None:
        """The head of the queue where a slot is free for it and neither breaker nor pause is why it waits."""
        if snapshot.paused or snapshot.breaker or not snapshot.queue or len(snapshot.slots) >= self._size:
            return None
        return self._job_of(snapshot.queue[0])

    def release(self, job: Job, owner: str | None, to: State, **changes: Any) -> Job:
        """Enter `to` and give up slot, lock and place in the queue, whichever the job has; then give what is free.

        A job that goes back to the queue is at its old place at once. A slot or a lock that is another job's by now
        is left alone.
        """
        mine = self._held(job)

        def fill(transaction: TransactWrite) -> Job:
            for item in mine:
                transaction.delete(item, condition=QueueItem.job_id == job.job_id)
            if job.state == State.QUEUED:
                transaction.delete(self._tables.queue(QUEUE, place_of(job)))
            if to == State.QUEUED:
                transaction.save(self._jobs.place(job))
            self._budget.settle(transaction, job, to, changes)
            return self._jobs.write_with(transaction, job, owner, to, slot=None, **NOTHING_RESERVED, **changes)

        try:
            after = transact(self._tables.connection, fill)
        except ConditionFailed as error:
            *_, moved = error.which
            if moved:
                raise self._jobs.moved_on(job.job_id, owner) from error
            mine = [item for item, lost in zip(mine, error.which, strict=False) if not lost]
            try:
                after = transact(self._tables.connection, fill)
            except ConditionFailed as again:
                raise self._jobs.moved_on(job.job_id, owner) from again
        self.grant()
        return after

    def renew(self, job: Job) -> None:
        """Renew the lease of the job's slot; a lease that is no longer the job's is left alone."""
        if job.slot is None:
            return
        lease = self._tables.queue(QUEUE, _slot(job.slot))
        until = QueueItem.until.set(self._clock() + LEASE)
        conditional_write(lambda: lease.update(actions=[until], condition=QueueItem.job_id == job.job_id))

    def requeue(self, job: Job) -> None:
        """Put a job that waits, but has lost its place in the queue, back there."""
        place = self._jobs.place(job, job.token)
        conditional_write(lambda: place.save(condition=QueueItem.pk.does_not_exist()))

    def free_orphans(self, snapshot: Snapshot) -> int:
        """Free the slots and the lock that no job has: their jobs are gone, or know nothing of them."""
        freed = 0
        for number, lease in snapshot.slots.items():
            job = self._job_of(lease)
            if job is None or job.slot != number:
                freed += _remove(lease, QueueItem.until == lease.until)
        if snapshot.lock:
            job = self._job_of(snapshot.lock)
            if job is None or job.state not in {State.SUBMITTING, State.CANCELING}:
                freed += _remove(snapshot.lock, QueueItem.until == snapshot.lock.until)
        return freed

    def _grant_slot(self, number: int, place: QueueItem) -> bool:
        """Give slot `number` to the job at `place` and wake it; False where someone was faster.

        OverBudget where the day's budget has no room for it.
        """
        job = self._job_of(place)
        if job is None or job.state != State.QUEUED or job.settling or place_of(job) != place.sk:
            _remove(place, _at(place))
            return False
        moment = self._clock()
        lease = self._tables.queue(QUEUE, _slot(number), job_id=job.job_id, until=moment + LEASE)

        def fill(transaction: TransactWrite) -> None:
            transaction.delete(self._tables.queue(QUEUE, place.sk), condition=_at(place))
            transaction.save(lease, condition=QueueItem.pk.does_not_exist())
            reserved = self._budget.reserve(transaction, job)
            admitted = {"slot": number, "token": place.token, "admitted_at": moment, **reserved}
            self._jobs.write_with(transaction, job, job.owner, State.ADMITTED, **admitted)

        try:
            transact(self._tables.connection, fill)
        except Contended:
            return False
        except ConditionFailed as error:
            *others, no_room, moved = error.which
            if no_room and not moved and not any(others):
                raise OverBudget(f"today's budget has no room for job {job.job_id}") from error
            return False
        if place.token:
            self._waker.wake(place.token)
        return True

    def _job_of(self, item: QueueItem) -> Job | None:
        try:
            return self._jobs.get(item.job_id or "")
        except NoSuchJob:
            return None

    def _held(self, job: Job) -> list[QueueItem]:
        held = [] if job.slot is None else [self._tables.queue(QUEUE, _slot(job.slot))]
        if job.state in {State.SUBMITTING, State.CANCELING}:
            held.append(self._tables.queue(QUEUE, LOCK))
        return held


def _remove(item: QueueItem, condition: Condition) -> bool:
    """Remove an item that is still as it was read; whether it was."""
    return conditional_write(lambda: item.delete(condition=condition))


def _at(place: QueueItem) -> Condition:
    """The condition that the place is as it was read."""
    if place.token is None:
        return QueueItem.pk.exists() & QueueItem.token.does_not_exist()
    return QueueItem.token == place.token


def _slot(number: int) -> str:
    return f"SLOT#{number:03d}"
