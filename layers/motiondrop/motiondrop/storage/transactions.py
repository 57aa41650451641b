"""Conditional writes: of one item, or of several items, all or none."""

from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TypeVar

from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from motiondrop.errors import Contended, MotionDropError

_T = TypeVar("_T")

_CONFLICTS = 5  # tries of a write that conflicts with transactions

#: Temporary reasons for which a transaction is canceled: another transaction touched the same items, or the table is
#: throttled (DynamoDB API reference, "TransactionCanceledException").
_PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})


class ConditionFailed(MotionDropError):
    """A transaction changed nothing; `failed` names those of its writes whose condition did not hold."""

    def __init__(self, failed: Collection[str]) -> None:
        super().__init__(f"conditions of a transaction did not hold: {', '.join(sorted(failed))}")
        self.failed = frozenset(failed)


class Transaction:
    """Writes that are done together or not at all. Each has a name, by which ConditionFailed can refer to it."""

    def __init__(self, write: TransactWrite) -> None:
        self._write = write
        self._names: defaultdict[str, list[str]] = defaultdict(list)

    def put(self, item: Model, *, name: str, condition: Condition | None = None) -> None:
        """Add a write that puts the item in place of what is there."""
        self._write.save(item, condition=condition)
        self._names["put"].append(name)

    def update(self, item: Model, actions: list[Action], *, name: str, condition: Condition | None = None) -> None:
        """Add a write that changes the item."""
        self._write.update(item, actions=actions, condition=condition)
        self._names["update"].append(name)

    def delete(self, item: Model, *, name: str, condition: Condition | None = None) -> None:
        """Add a write that deletes the item."""
        self._write.delete(item, condition=condition)
        self._names["delete"].append(name)

    @property
    def names(self) -> list[str]:
        """The writes' names in the order in which PynamoDB sends them: deletions, puts, updates."""
        return [*self._names["delete"], *self._names["put"], *self._names["update"]]


#: A function that adds writes to a transaction.
Writes = Callable[[Transaction], None]


def conditional_write(write: Callable[[], object]) -> bool:
    """Do a conditional write. Return False if its condition was not met, so that nothing was changed.

    Raise Contended if transactions on the item were in the way at every try (DynamoDB API reference, PutItem:
    "TransactionConflictException", which the SDK does not retry).
    """

    def attempt() -> bool:
        try:
            write()
        except (PutError, UpdateError, DeleteError) as error:
            if error.cause_response_code == "TransactionConflictException":
                raise Contended("a transaction touched the same record") from error
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            return False
        return True

    return _persistently(attempt)


def transact(connection: Connection, fill: Callable[[Transaction], _T]) -> _T:
    """Do all the writes that `fill` adds to a transaction, or none of them; return what `fill` returned.

    Raise ConditionFailed if a condition did not hold, and Contended if other transactions, or throttling, were in the
    way at every try.
    """
    return _persistently(lambda: _transact(connection, fill))


def _persistently(attempt: Callable[[], _T]) -> _T:
    for _ in range(_CONFLICTS - 1):
        with suppress(Contended):
            return attempt()
    return attempt()


def _transact(connection: Connection, fill: Callable[[Transaction], _T]) -> _T:
    names: list[str] = []
    try:
        with TransactWrite(connection=connection) as write:
            transaction = Transaction(write)
            result = fill(transaction)
            names = transaction.names
    except TransactWriteError as error:
        reasons = [reason.code if reason else "None" for reason in error.cancellation_reasons]
        failed = {name for name, reason in zip(names, reasons, strict=False) if reason == "ConditionalCheckFailed"}
        if failed:
            raise ConditionFailed(failed) from error
        if error.cause_response_code == "TransactionInProgressException" or _PASSING & set(reasons):
            raise Contended("another transaction touched the same records") from error
        raise
    return result
