"""The provider's errors by family: found by code and HTTP status (`provider_codes`), never by message text.

Source of the codes: the provider's pages "Error messages" and "Wan - image to animation API reference". A family
says whose matter it is, whether trying again is right, whether it cost anything and what to do; the emails and
docs/provider-errors.md say it in the same words.
"""

from enum import StrEnum
from typing import ClassVar

from motiondrop.errors import MotionDropError
from motiondrop.sanitize import plain


class Owner(StrEnum):
    """Who can fix it."""

    USER = "the user"
    OPERATOR = "the operator"
    PROVIDER = "the provider"
    OURS = "MotionDrop"


class RetryPolicy(StrEnum):
    """Whether the same job may be tried again without a person."""

    NO = "no"
    LATER = "yes, later"  # nothing was made: the same call, after a pause
    NEW_TASK = "yes, a new task, at most twice"
    NEW_TASK_ONCE = "yes, a new task, once"
    FRESH_URLS = "yes, with freshly signed links, at most twice"
    HELD = "yes, when the operator has fixed it"


#: How many new tasks a job may have after faults of the provider.
NEW_TASKS = {
    RetryPolicy.NEW_TASK: 2,
    RetryPolicy.NEW_TASK_ONCE: 1,
    RetryPolicy.FRESH_URLS: 2,
    RetryPolicy.LATER: 2,
    RetryPolicy.HELD: 2,
}


class WanError(MotionDropError):
    """The provider refused or failed; the subclass says what that means.

    `code` and `message` are the provider's, untrusted; `request_id` is what its support asks for.
    """

    owner: ClassVar[Owner] = Owner.PROVIDER
    retry: ClassVar[RetryPolicy] = RetryPolicy.NO
    cost: ClassVar[str] = "Nothing was charged."
    means: ClassVar[str] = "The animation service gave an answer that MotionDrop does not know."
    advice: ClassVar[str] = "Look the code up on the service's page Error messages."

    def __init__(
        self,
        code: str | None = None,
        message: str | None = None,
        *,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        said = [plain(code) if code else "no code"]
        if status is not None:
            said.append(f"HTTP {status}")
        said.append(f"request {plain(request_id) if request_id else 'unknown'}")
        super().__init__(f"{self.means} ({', '.join(said)})")
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id

    @property
    def sentence(self) -> str:
        """What happened and what to do, in the words of the emails."""
        return f"{self.means} {self.what_to_do(self.code)}"

    @classmethod
    def what_to_do(cls, code: str | None) -> str:  # noqa: ARG003  # a family may know more about some codes
        """The advice for `code`."""
        return cls.advice


class KeyRefused(WanError):
    """The key is wrong, missing, or of the other region."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service does not accept the API key."
    advice = "The operator sets the key of the right region in the stack's secret; the jobs wait for it."


class AsyncHeaderMissing(WanError):
    """The request lacked a header that it must have."""

    owner = Owner.OURS
    means = "MotionDrop asked the animation service in a wrong way."
    advice = "This is a fault of MotionDrop: please report it."


class AccessNotGranted(WanError):
    """The account has not activated the model, or the key may not use it."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service has not opened this model to the account."
    advice = "The operator activates the model in Model Studio for this key; the jobs wait for it."


class BillingTrouble(WanError):
    """The account's free quota is used up, or a bill is not paid."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The account at the animation service has no balance or quota left."
    advice = "The operator tops up the account or ends free-quota-only; the jobs wait for it."


class NotFound(WanError):
    """The model or workspace does not exist in this region."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service does not know the model or workspace in this region."
    advice = "The operator corrects the stack's model or base URL; the jobs wait for it."


class RequestInvalid(WanError):
    """A field of the request is wrong."""

    owner = Owner.OURS
    means = "The animation service did not accept a value of the request."
    advice = "Check the options of the image; if they are right please report it as a fault of MotionDrop."


class DownloadFailed(WanError):
    """The provider could not download the image or the video from us."""

    owner = Owner.PROVIDER
    retry = RetryPolicy.FRESH_URLS
    means = "The animation service could not download the image or the video."
    advice = "Drop the files again later; if it persists the stack may be too far from the service's region."


class ContentRefused(WanError):
    """Content moderation refused the input or the output."""

    owner = Owner.USER
    means = "The animation service's content moderation refused the image, the video or the result."
    advice = "Use other media."


class MediaUnfit(WanError):
    """The person or the file does not fit what the model needs."""

    owner = Owner.USER
    means = "The animation service could not use the person in the image or video."
    advice = (
        "Use an image and a video that each show one person who faces the camera "
        "with the whole face visible and neither too large nor too small."
    )
    ADVICE: ClassVar[dict[str, str]] = {
        "NoHuman": "No person was found: use media that show one person.",
        "MultiHuman": "More than one person was found: use media that show one person only.",
        "FullFace": "The face must be complete and not covered.",
        "FacePose": "The face must look at the camera.",
        "FrontBody": "The person must face the camera.",
        "FullBody": "The whole body must be in the picture.",
        "BodyPose": "The pose could not be used: let the person stand upright and face the camera.",
        "BodyProportion": "The person must fill a moderate part of the frame: neither too large nor too small.",
        "Content": "The content could not be used: show one person clearly.",
        "Value": "A value of the file is outside what the service takes: check the size and length.",
        "Duration": "The video must be 2 to 30 seconds long.",
        "Resolution": "The image must be 200 to 4096 pixels a side and the video 200 to 2048.",
        "AspectRatio": "The sides must be between 1:3 and 3:1.",
        "Size": "The image must be at most 5 MB and the video at most 200 MB.",
        "Format": "Export the image again as JPG or PNG and the video as MP4.",
        "FPS": "Use a video with a usual frame rate such as 24 to 60 frames a second.",
        "Openerror": "The file could not be opened: export it again.",
    }

    @classmethod
    def what_to_do(cls, code: str | None) -> str:
        """The advice for the last part of `code`, such as NoHuman."""
        return cls.ADVICE.get((code or "").rpartition(".")[2], cls.advice)


class NotCancelable(WanError):
    """The task is no longer waiting, so it cannot be canceled."""

    owner = Owner.USER
    cost = "The task will be charged when it succeeds."
    means = "The animation had already begun, so it could not be canceled."
    advice = "The video will be saved when it is done."


class Throttled(WanError):
    """The provider asks to slow down; nothing was made."""

    retry = RetryPolicy.LATER
    means = "The animation service asked to slow down."
    advice = "MotionDrop tries again by itself."


class QuotaExhausted(WanError):
    """The quota is used up for now, or for good: the code does not say which."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The account's quota at the animation service is used up."
    advice = "It may come back by itself or the operator raises it; the jobs wait for it."


class ProviderFault(WanError):
    """The provider failed; failures are not billed."""

    retry = RetryPolicy.NEW_TASK
    means = "The animation service failed."
    advice = "Drop the files again later to retry."


class ProviderTimeout(WanError):
    """The provider gave no result within its own three hours."""

    retry = RetryPolicy.NEW_TASK_ONCE
    means = "The animation service did not finish within its own limit of three hours."
    advice = "Drop the files again later to retry; a shorter video may help."


class ProviderBusy(WanError):
    """The provider has no capacity at the moment."""

    retry = RetryPolicy.NEW_TASK
    means = "The animation service has no capacity at the moment."
    advice = "Drop the files again later to retry."


class UnknownRefusal(WanError):
    """A code that no page names, or none at all; what the service said is shown as it is."""

    means = "The animation service refused or failed for a reason that MotionDrop does not know."


FAMILIES: tuple[type[WanError], ...] = (
    KeyRefused,
    AsyncHeaderMissing,
    AccessNotGranted,
    BillingTrouble,
    NotFound,
    RequestInvalid,
    DownloadFailed,
    ContentRefused,
    MediaUnfit,
    NotCancelable,
    Throttled,
    QuotaExhausted,
    ProviderFault,
    ProviderTimeout,
    ProviderBusy,
    UnknownRefusal,
)


def by_name(name: str) -> type[WanError]:
    """The family called `name`; UnknownRefusal where there is none, as in a record of a later version."""
    return next((each for each in FAMILIES if each.__name__ == name), UnknownRefusal)
