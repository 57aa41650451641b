"""The function `media`, as those that may not open files call it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

from motiondrop.aws.error_codes import code_of
from motiondrop.errors import DropGone, MotionDropError, Saturated
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Look, Plan, Report, look_of, plan_of, report_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

#: Seconds that an answer may take: for a check, 40 for its child and the rest for fetching a large file; for a look at
#: a result, which nothing waits for.
CHECK_TIMEOUT = 75
LOOK_TIMEOUT = 60

#: How often the function may die on a file (out of time, out of memory, or through AWS) before the file is blamed.
_DEATHS = 3

_DIED = "file would take too much time or memory to open - export it again at a lower resolution"


class MediaDied(MotionDropError):
    """The function ended without an answer."""


@dataclass(frozen=True)
class Checked:
    """A drop that can be used: the SHA-256 of its bytes, what `media` found, and the keys of what it wrote.

    `found` is a Plan, and `copy` None, where the file has to be converted first.
    """

    digest: str
    found: Report | Plan
    poster: str
    copy: str | None = None


class MediaFunction:
    """The function `media` of one stack. `lambda_` makes one attempt a call."""

    def __init__(self, lambda_: "LambdaClient", name: str) -> None:
        self._lambda = lambda_
        self._name = name

    def check(self, key: str, etag: str, trim: str | None) -> Checked:
        """Have the drop checked and its copy made; Rejected where it cannot be used, DropGone where it was replaced.

        Saturated where AWS has no room for the call now.
        """
        order = {"action": "check", "key": key, "etag": etag, "trim": trim}
        for _ in range(_DEATHS):
            with suppress(MediaDied):
                return checked_of(self._invoke(order))
        raise Rejected(_DIED)

    def look(self, job_id: str) -> tuple[Look, str]:
        """Have the saved video of a job looked at; return what it is, and the key of a still.

        Rejected where it cannot be opened, MediaDied or Saturated where that is not known now.
        """
        answer = self._invoke({"action": "look", "job_id": job_id})
        try:
            return look_of(answer["look"]), str(answer["still"])
        except (KeyError, ValueError) as error:
            raise MediaDied("media answered nothing that can be used") from error

    def _invoke(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._lambda.invoke(FunctionName=self._name, Payload=json.dumps(order))
            said = answer["Payload"].read()
        except ReadTimeoutError as error:
            raise MediaDied("media did not answer in time") from error
        except ClientError as error:
            if code_of(error) == "TooManyRequestsException":
                raise Saturated("AWS has no room for media now") from error
            raise
        if "FunctionError" in answer:
            raise MediaDied("media died")
        return answered(json.loads(said))


def answered(said: Any) -> dict[str, Any]:
    """The answer of `media`, unless it is a refusal: raise DropGone or Rejected for that, MediaDied for no answer."""
    if not isinstance(said, dict):
        raise MediaDied("media answered nothing that can be used")
    if said.get("gone"):
        raise DropGone("the drop is not there any more, or was replaced")
    if "rejected" in said:
        raise Rejected(str(said["rejected"]))
    return said


def checked_of(said: dict[str, Any]) -> Checked:
    """The answer of `media` about a drop, as a Checked; raise MediaDied if it is not a valid one."""
    try:
        found: Report | Plan = plan_of(said["plan"]) if "plan" in said else report_of(said["report"])
        digest, poster = str(said["digest"]), str(said["poster"])
        return Checked(digest, found, poster, None if isinstance(found, Plan) else str(said["copy"]))
    except (KeyError, ValueError) as error:
        raise MediaDied("media answered nothing that can be used") from error
