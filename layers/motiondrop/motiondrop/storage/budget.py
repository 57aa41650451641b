"""The day's budget: a job's possible cost is reserved when it gets its slot and settled when it gives the slot up.

A job that came by a drop link also counts towards that link's daily limit, in the same transactions.

A reservation is stored in the job's own record, with its day (UTC), and changes in the same transaction as that day's
total. So it cannot be lost or counted twice, and however many jobs take slots at the same moment, their reservations
together cannot exceed the budget.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.domain.job import IN_FLIGHT, Job, State
from motiondrop.errors import MotionDropError
from motiondrop.storage.items import BUDGET, BudgetItem, Tables
from motiondrop.storage.transactions import Transaction, conditional_write

_KEPT = timedelta(days=400)


class OverBudget(MotionDropError):
    """The day's budget has no room for the head of the queue, which waits for the next day."""


class OverLimit(MotionDropError):
    """The daily limit of the job's drop link has no room for the job today; other jobs go on."""


class TooDear(OverLimit):
    """The job costs more than a whole day's budget, which was lowered after the job was recorded; other jobs go on."""


@dataclass(frozen=True)
class Day:
    """A day's budget in micro-USD: `committed` is what is spent or reserved."""

    committed: int
    notified: bool


class Budget:
    """The budget of one stack, `daily` micro-USD from midnight to midnight UTC."""

    def __init__(self, tables: Tables, daily: int, clock: Clock = now) -> None:
        self._tables = tables
        self._daily = daily
        self._clock = clock

    def today(self) -> Day:
        """What is spent or reserved today, and whether the operator was notified that the budget is used up."""
        return self._read(_sort_key(self._day()))

    def of_link(self, link_id: str) -> int:
        """What the jobs of that drop link have spent or reserved today, in micro-USD."""
        return self._read(_sort_key(self._day(), link_id)).committed

    def used(self) -> float:
        """What is spent or reserved today, in percent of the budget."""
        return 100 * self.today().committed / self._daily if self._daily else 100.0

    def has_room(self, job: Job) -> bool:
        """Whether today's budget has room for the job."""
        return _fits(job, self.today().committed, self._daily)

    def within_limit(self, job: Job) -> bool:
        """Whether the job fits into a whole day's budget and into what is left today of its drop link's limit."""
        return _fits(job, 0, self._daily) and (
            job.limit is None or _fits(job, self.of_link(job.limit.link_id), job.limit.daily)
        )

    def without_room(self, jobs: Iterable[Job]) -> set[str]:
        """The ids of the jobs for which today's budget or their link's limit has no room; reads each total once."""
        committed, of_link = self.today().committed, cache(self.of_link)
        return {
            job.job_id
            for job in jobs
            if not _fits(job, committed, self._daily)
            or (job.limit and not _fits(job, of_link(job.limit.link_id), job.limit.daily))
        }

    def note_notified(self) -> None:
        """Note that the operator knows that today's budget is spent."""
        today = self._tables.budget(BUDGET, _sort_key(self._day()))
        actions: list[Action] = [
            BudgetItem.notified.set(True),
            BudgetItem.committed.add(0),
            BudgetItem.expires.set(self._expires()),
        ]
        conditional_write(lambda: today.update(actions=actions, condition=BudgetItem.notified.does_not_exist()))

    def reservation(self, job: Job) -> dict[str, Any]:
        """The fields of the job's `turn` that note a reservation made now: the amount and the day, `reserved_on`."""
        return {"reserved": reserve_of(job.quote), "reserved_on": self._day()}

    def reserve(self, transaction: Transaction, job: Job, day: str) -> None:
        """Add the job's reservation for `day` to the transaction.

        It is a write named `budget` and, if the job has a drop link, one named `limit`. Each fails if there is no room.
        Raise TooDear or OverLimit if the job costs more than any day allows.
        """
        amount = reserve_of(job.quote)
        if job.limit and amount > job.limit.daily:
            raise OverLimit(f"job {job.job_id} is dearer than a day of its link")
        if amount > self._daily:
            raise TooDear(f"job {job.job_id} is dearer than a day's budget")
        self._change(transaction, _sort_key(day), amount, "budget", _room(self._daily - amount))
        if job.limit:
            sort_key = _sort_key(day, job.limit.link_id)
            self._change(transaction, sort_key, amount, "limit", _room(job.limit.daily - amount))

    def move_reservation(self, transaction: Transaction, job: Job, day: str) -> None:
        """Move a reservation of an earlier day to `day`: money is counted on the day on which it is spent."""
        turn = job.turn
        if turn.reserved_on in {None, day}:
            return
        self._change_all(transaction, job, turn.reserved_on or "", -(turn.reserved or 0), "earlier day")
        self.reserve(transaction, job, day)

    def settle(self, transaction: Transaction, job: Job, after: Job) -> None:
        """In the total of the reservation's day, replace the job's reservation with what was charged for the job.

        `after` is the job as this transaction will leave it.
        """
        if change := _charged(job, after) - (job.turn.reserved or 0):
            self._change_all(transaction, job, job.turn.reserved_on or self._day(), change, "settlement")

    def _change_all(self, transaction: Transaction, job: Job, day: str, amount: int, name: str) -> None:
        """Add `amount` to that day's total of the stack and, if the job has a drop link, of the link."""
        self._change(transaction, _sort_key(day), amount, name)
        if job.limit:
            self._change(transaction, _sort_key(day, job.limit.link_id), amount, f"{name} of the link")

    def _change(
        self, transaction: Transaction, sort_key: str, amount: int, name: str, condition: Condition | None = None
    ) -> None:
        actions: list[Action] = [BudgetItem.committed.add(amount), BudgetItem.expires.set(self._expires())]
        transaction.update(self._tables.budget(BUDGET, sort_key), actions, name=name, condition=condition)

    def _read(self, sort_key: str) -> Day:
        try:
            item = self._tables.budget.get(BUDGET, sort_key, consistent_read=True)
        except DoesNotExist:
            return Day(0, notified=False)
        return Day(int(item.committed), bool(item.notified))

    def _expires(self) -> int:
        return int((self._clock() + _KEPT).timestamp())

    def _day(self) -> str:
        return f"{self._clock():%Y-%m-%d}"


def reserve_of(quote: int) -> int:
    """What is reserved for a quote: a tenth more, since the delivered video may be a little longer."""
    return -(-quote * 11 // 10)


def _fits(job: Job, committed: int, daily: int) -> bool:
    """Whether the job fits into a budget or limit of `daily` micro-USD, of which `committed` is spent or reserved."""
    return committed + reserve_of(job.quote) <= daily


def _charged(job: Job, after: Job) -> int:
    """What counts as charged for a job that gives up its slot and becomes `after`, in micro-USD."""
    if after.state == State.SAVING:
        return after.billing.cost or 0
    if after.state == State.FAILED and job.state in IN_FLIGHT and not after.verdict.family:
        return job.turn.reserved or 0  # with a verdict nothing was charged; without one nobody knows
    return 0


def _room(most: int) -> Condition:
    """The condition that at most `most` micro-USD are spent or reserved."""
    room: Condition = BudgetItem.committed.does_not_exist() | (BudgetItem.committed <= most)
    return room


def _sort_key(day: str, link_id: str | None = None) -> str:
    return f"DAY#{day}#LINK#{link_id}" if link_id else f"DAY#{day}"
