"""The function `media`, as called by the functions that may not open files."""

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

#: Seconds that `media` may take for a check, of which its child process has 40 and fetching a large file has the rest;
#: and for a look at a result, for which no job waits.
CHECK_TIMEOUT = 75
LOOK_TIMEOUT = 60

#: How often the function may die on a file (out of time, out of memory, or through AWS) before the file is blamed.
_DEATHS = 3

_DIED = "file would take too much time or memory to open - export it again at a lower resolution"


class MediaDied(MotionDropError):
    """The function `media` died, did not answer in time, or gave an answer that cannot be used."""


@dataclass(frozen=True)
class Checked:
    """A drop that can be used: the SHA-256 of its bytes, what `media` found, and the keys of what it wrote.

    If the file has to be converted first, `found` is a Plan and `copy` is None.
    """

    digest: str
    found: Report | Plan
    poster: str
    copy: str | None = None


class MediaFunction:
    """The function `media` of one stack. `lambda_` must be a client that makes one attempt per call."""

    def __init__(self, lambda_: "LambdaClient", name: str) -> None:
        self._lambda = lambda_
        self._name = name

    def check(self, key: str, etag: str, trim: str | None) -> Checked:
        """Have the drop checked and its copy made.

        Raise Rejected if the drop cannot be used, DropGone if it was replaced or deleted, Saturated if AWS has no room
        for the call now.
        """
        order = {"action": "check", "key": key, "etag": etag, "trim": trim}
        for _ in range(_DEATHS):
            with suppress(MediaDied):
                return checked_of(self._invoke(order))
        raise Rejected(_DIED)

    def look(self, job_id: str) -> tuple[Look, str]:
        """Have the saved video of a job looked at; return what it is, and the key of a still.

        Raise Rejected if the video cannot be opened, MediaDied or Saturated if this cannot be found out now.
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
    """The answer of `media`; raise DropGone or Rejected if that is the answer, MediaDied if it is not valid."""
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
