"""AWS asking to slow down, told apart from every other error, so that the state machine can wait it out."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from motiondrop.aws.error_codes import code_of
from motiondrop.errors import Saturated

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Codes by which services ask to slow down (AWS SDKs and Tools Reference Guide, "Retry behavior": throttling errors).
_CODES = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def waited_out(handler: Callable[_P, _R]) -> Callable[_P, _R]:
    """A step of an execution whose calls may be throttled: it raises Saturated then, which costs the job nothing."""

    @wraps(handler)
    def handle(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return handler(*args, **kwargs)
        except ClientError as error:
            if code_of(error) in _CODES:
                raise Saturated("AWS asked to slow down") from error
            raise
        except PynamoDBException as error:
            if error.cause_response_code in _CODES:
                raise Saturated("DynamoDB asked to slow down") from error
            raise

    return handle
