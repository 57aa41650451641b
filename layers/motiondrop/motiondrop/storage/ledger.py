"""The totals of all results: each result is added when its job succeeds, so the totals are never computed anew."""

from dataclasses import dataclass

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from motiondrop.domain.job import Job, Result, State
from motiondrop.storage.items import LEDGER, LedgerItem, Tables
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.transactions import Transaction

_RESULTS = "RESULTS"
_LONGEST = 3 * 3600 * 1000  # ms: the provider gives up after three hours, so a longer time is wrong


@dataclass(frozen=True)
class Totals:
    """The totals of all results ever made: micro-USD, seconds of video. Forgotten jobs still count: they were paid.

    `work` is how many seconds the provider worked on the results.
    """

    results: int
    cost: int
    seconds: float
    work: float = 0.0


class Ledger:
    """The running total of one stack."""

    def __init__(self, tables: Tables, jobs: Jobs) -> None:
        self._tables = tables
        self._jobs = jobs

    def succeed(self, job: Job, owner: str | None, result: Result) -> Job:
        """End the job as SUCCEEDED with that result and add it to the totals: both or neither.

        Raise JobClosed, NotOwner or Contended if the record was changed meanwhile.
        """
        actions: list[Action] = [
            LedgerItem.results.add(1),
            LedgerItem.cost.add(job.billing.cost or 0),
            LedgerItem.milliseconds.add(round((job.billing.seconds or 0) * 1000)),
            LedgerItem.work.add(_work(job)),
        ]

        def count(transaction: Transaction) -> None:
            transaction.update(self._tables.ledger(LEDGER, _RESULTS), actions, name="ledger")

        self._jobs.transition(job, owner, State.SUCCEEDED, count, result=result)
        return self._jobs.get(job.job_id)

    def totals(self) -> Totals:
        """The totals of all results until now."""
        try:
            item = self._tables.ledger.get(LEDGER, _RESULTS)
        except DoesNotExist:
            return Totals(0, 0, 0.0)
        return Totals(int(item.results), int(item.cost), item.milliseconds / 1000, item.work / 1000)


def _work(job: Job) -> int:
    """How long the provider worked on the job, in milliseconds; 0 where it did not say."""
    task = job.task
    if not (task.scheduled_at and task.ended_at):
        return 0
    return min(_LONGEST, max(0, round((task.ended_at - task.scheduled_at).total_seconds() * 1000)))
