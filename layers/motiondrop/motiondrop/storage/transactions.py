"""Conditional writes: of one item, or of several together or not at all."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from motiondrop.errors import Contended, MotionDropError

_T = TypeVar("_T")

_CONFLICTS = 5  # tries of a transaction that meets others at the same items


class ConditionFailed(MotionDropError):
    """A transaction changed nothing: `which` says of each of its operations whether its condition did not hold."""

    def __init__(self, which: list[bool]) -> None:
        super().__init__("a condition of a transaction did not hold")
        self.which = which


def conditional_write(write: Callable[[], object]) -> bool:
    """Do a conditional write; False where its condition was not met, and nothing was changed."""
    try:
        write()
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code != "ConditionalCheckFailedException":
            raise
        return False
    return True


def transact(connection: Connection, fill: Callable[[TransactWrite], _T]) -> _T:
    """Do all that `fill` adds to a transaction or nothing of it, and return what `fill` returned.

    Raise ConditionFailed where a condition did not hold, and Contended where other transactions were in the way each
    time.
    """
    for _ in range(_CONFLICTS - 1):
        with suppress(Contended):
            return _transact(connection, fill)
    return _transact(connection, fill)


def _transact(connection: Connection, fill: Callable[[TransactWrite], _T]) -> _T:
    try:
        with TransactWrite(connection=connection) as transaction:
            result = fill(transaction)
    except TransactWriteError as error:
        raise ConditionFailed(_lost_race(error)) from error
    return result


def _lost_race(error: TransactWriteError) -> list[bool]:
    """For each operation of a refused transaction, whether its condition was the reason.

    PynamoDB sends them in this order: condition checks, deletions, puts, updates. Contended is raised where no
    condition was: another transaction touched the same items at that moment.
    """
    reasons = [reason.code if reason else "None" for reason in error.cancellation_reasons]
    if "ConditionalCheckFailed" in reasons:
        return [reason == "ConditionalCheckFailed" for reason in reasons]
    if error.cause_response_code == "TransactionInProgressException" or any(
        reason in {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} for reason in reasons
    ):
        raise Contended("another transaction touched the same records") from error
    raise error
