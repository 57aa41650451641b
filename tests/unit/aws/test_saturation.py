"""AWS asking to slow down is told apart from every other error."""

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import PutError

from motiondrop.aws.saturation import waited_out
from motiondrop.errors import NotOwner, Saturated


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutItem")


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "SlowDown"])
def test_throttling_is_saturation_whichever_library_says_so(code: str) -> None:
    @waited_out
    def step(error: Exception) -> None:
        raise error

    for error in (refused(code), PutError(cause=refused(code))):
        with pytest.raises(Saturated):
            step(error)


def test_every_other_error_stays_what_it_is() -> None:
    @waited_out
    def step(error: Exception) -> None:
        raise error

    for error in (refused("AccessDeniedException"), PutError(cause=refused("ValidationException")), NotOwner("x")):
        with pytest.raises(type(error)):
            step(error)


def test_what_a_step_returns_is_returned() -> None:
    assert waited_out(lambda: {"next": "poll"})() == {"next": "poll"}
