"""The errors of an execution's steps, as Step Functions reads them and its console shows them."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from motiondrop.aws.error_codes import code_of
from motiondrop.errors import MotionDropError, Saturated

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


def step(handler: Callable[_P, _R]) -> Callable[_P, _R]:
    """Wrap the handler of a step of an execution.

    If AWS asks to slow down, raise Saturated, which the state machine waits out. An error of ours is expected, and its
    message says everything, so it is shown without a stack trace. Any other error keeps its stack trace.
    """

    @wraps(handler)
    def handle(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        sys.tracebacklimit = None
        try:
            return _waited_out(handler, *args, **kwargs)
        except MotionDropError:
            sys.tracebacklimit = 0  # Lambda's runtime takes the frames from `traceback`, which honours it
            raise

    return handle


def _waited_out(handler: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
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
