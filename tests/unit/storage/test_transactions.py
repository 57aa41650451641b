"""Writes that AWS rejects while a transaction touches the same item, which the in-process table never does."""

from types import SimpleNamespace
from typing import Any

import pytest

from motiondrop.domain.job import State
from motiondrop.errors import Contended
from tests.support.bench import Bench

_REJECTED = {
    "Error": {"Code": "TransactionConflictException", "Message": "Transaction is ongoing for the item"},
    "ResponseMetadata": {"HTTPStatusCode": 400},
}


class Conflicts:
    """Rejects the next `times` calls of an operation as DynamoDB does while a transaction touches the item."""

    def __init__(self, bench: Bench, operation: str, times: int) -> None:
        self.left = times
        events = bench.tables.connection.client.meta.events
        events.register(f"before-call.dynamodb.{operation}", self._call)  # type: ignore[arg-type]  # may answer

    def _call(self, **_: Any) -> tuple[SimpleNamespace, dict[str, Any]] | None:
        if not self.left:
            return None
        self.left -= 1
        return SimpleNamespace(status_code=400, headers={}), _REJECTED


def test_a_write_is_done_once_the_transaction_in_its_way_has_ended(bench: Bench) -> None:
    job, execution = bench.queued()
    conflicts = Conflicts(bench, "UpdateItem", 2)
    bench.jobs.transition(job, execution.owner, State.ADMITTED)
    assert conflicts.left == 0
    assert bench.read(job).state == State.ADMITTED


def test_a_write_that_transactions_keep_rejecting_is_contended_and_changes_nothing(bench: Bench) -> None:
    job, execution = bench.queued()
    conflicts = Conflicts(bench, "UpdateItem", 100)
    with pytest.raises(Contended):
        bench.jobs.transition(job, execution.owner, State.ADMITTED)
    assert conflicts.left > 90
    conflicts.left = 0
    assert bench.read(job).state == State.QUEUED


def test_that_the_operator_knows_of_a_spent_budget_is_noted_despite_a_reservation_at_the_same_moment(
    bench: Bench,
) -> None:
    conflicts = Conflicts(bench, "UpdateItem", 1)
    bench.budget.note_notified()
    assert conflicts.left == 0
    assert bench.budget.today().notified
