"""What the errors of an execution's steps look like to Step Functions."""

import traceback

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import PutError

from motiondrop.aws.step_errors import step
from motiondrop.errors import NotOwner, Saturated


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutItem")


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"])
def test_throttling_is_saturation_whichever_library_says_so(code: str) -> None:
    @step
    def handler(error: Exception) -> None:
        raise error

    for error in (refused(code), PutError(cause=refused(code))):
        with pytest.raises(Saturated):
            handler(error)


def test_every_other_error_stays_what_it_is() -> None:
    @step
    def handler(error: Exception) -> None:
        raise error

    for error in (refused("AccessDeniedException"), PutError(cause=refused("ValidationException")), NotOwner("x")):
        with pytest.raises(type(error)):
            handler(error)


def test_what_a_step_returns_is_returned() -> None:
    assert step(lambda: {"next": "poll"})() == {"next": "poll"}


def test_an_error_of_ours_is_shown_without_a_stack_trace_and_any_other_with_its_own() -> None:
    @step
    def handler(error: Exception) -> None:
        raise error

    def frames(error: Exception) -> int:
        """As many as Lambda's runtime finds."""
        try:
            handler(error)
        except Exception as raised:  # noqa: BLE001  # as the runtime does
            return len(traceback.extract_tb(raised.__traceback__))
        return -1

    assert frames(NotOwner("x")) == 0
    assert frames(KeyError("x")) > 0
