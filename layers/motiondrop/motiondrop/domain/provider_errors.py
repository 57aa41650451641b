"""The provider's errors by family: found by code and HTTP status (`provider_codes`).

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
    LATER = "yes, after a pause"  # nothing was made: the same call
    TWICE = "yes, at most twice"
    ONCE = "yes, once"
    FRESH_URLS = "yes, at most twice, with freshly signed URLs"
    HELD = "yes, when the operator has fixed it"

    @property
    def tries(self) -> int:
        """How often a job may be tried again after a failed task or a refused call."""
        return _TRIES.get(self, 0)


_TRIES = {RetryPolicy.ONCE: 1, RetryPolicy.TWICE: 2, RetryPolicy.FRESH_URLS: 2, RetryPolicy.LATER: 2}


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


class AccessNotGranted(WanError):
    """The account has not activated the model, the key may not use it, or the model was taken offline."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service does not let this account use the model."
    advice = (
        "The operator activates the model in Model Studio for this key, and checks that its free quota is not used up "
        "and that the model is still offered; the jobs wait for it."
    )


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
    """A field of the request is wrong; of a failed task it may also be a download that failed."""

    owner = Owner.OURS
    retry = RetryPolicy.ONCE
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
        "NoHumanFace": "No face was found: use media in which the face is visible.",
        "MultiHuman": "More than one person was found: use media that show one person only.",
        "FullFace": "The face must be complete and not covered.",
        "FaceNotMatch": "The faces could not be matched: show one face, the same in the whole video.",
        "FacePose": "The face must look at the camera.",
        "FrontBody": "The person must face the camera.",
        "FullBody": "The whole body must be in the picture, also in the first frame of the video.",
        "BodyPose": "The pose could not be used: let the person stand upright and face the camera.",
        "BodyProportion": "The person must fill a moderate part of the frame: neither too large nor too small.",
        "Content": (
            "The person could not be used, often in the first frame of the video: begin it where one person is in the"
            " frame, clear and not too small."
        ),
        "Value": "The picture is too dark or unclear: use a brighter, sharper one.",
        "Duration": "The video must be 2 to 30 seconds long.",
        "InvalidInputLength": "The video must be 2 to 30 seconds long.",
        "Resolution": "The image must be 200 to 4096 pixels a side and the video 200 to 2048.",
        "ImageSize": "The image must be 200 to 4096 pixels a side.",
        "InvalidImageResolution": "The image must be 200 to 4096 pixels a side.",
        "AspectRatio": "The sides must be between 1:3 and 3:1.",
        "Size": "The image must be at most 5 MB and the video at most 200 MB.",
        "Format": "Export the image again as JPG or PNG and the video as MP4.",
        "FileFormat": "Export the image again as JPG or PNG and the video as MP4.",
        "UnsupportedFileFormat": "Export the image again as JPG or PNG and the video as MP4.",
        "InvalidImageFormat": "Export the image again as JPG or PNG.",
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

    retry = RetryPolicy.TWICE
    means = "The animation service failed."
    advice = "Drop the files again later to retry."


class ProviderTimeout(WanError):
    """The provider gave no result within its own three hours."""

    retry = RetryPolicy.ONCE
    means = "The animation service did not finish within its own limit of three hours."
    advice = "Drop the files again later to retry; a shorter video may help."


class ProviderBusy(WanError):
    """The provider has no capacity at the moment."""

    retry = RetryPolicy.TWICE
    means = "The animation service has no capacity at the moment."
    advice = "Drop the files again later to retry."


class UnknownRefusal(WanError):
    """A code that no page names, or none at all; what the service said is shown as it is."""

    retry = RetryPolicy.ONCE
    means = "The animation service refused or failed for a reason that MotionDrop does not know."


FAMILIES: tuple[type[WanError], ...] = (
    KeyRefused,
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
