"""The provider's errors by family: found by code and HTTP status (`provider_codes`).

Source of the codes: the provider's pages "Error messages" and "Wan - image to animation API reference". A family
says who can fix the error, whether trying again is right, whether it cost anything and what to do; the emails and
docs/provider-errors.md use the same words. The advice is written for the person who can fix the error: advice for the
operator is in the operator's email.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from motiondrop.errors import MotionDropError
from motiondrop.sanitize import plain


class Owner(StrEnum):
    """Who can fix the error."""

    USER = "the user"
    OPERATOR = "the operator"
    PROVIDER = "the provider"
    OURS = "MotionDrop"


class RetryPolicy(StrEnum):
    """Whether the same job may be tried again without a person."""

    NO = "no"
    LATER = "yes, after a pause"  # no task was made: the same call again
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
    means: ClassVar[str] = "The animation service gave an answer that MotionDrop does not recognize."
    brief: ClassVar[str] = "refused for an unknown reason"  # in a subject, which has little room
    advice: ClassVar[str] = "Wait a while before you try again. If it fails again, tell the person who runs MotionDrop."

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
        return f"{self.what_happened(self.code)} {self.what_to_do(self.code)}"

    # A family may know more about some codes.
    @classmethod
    def what_happened(cls, code: str | None) -> str:  # noqa: ARG003
        """What `code` means, as a sentence."""
        return cls.means

    @classmethod
    def in_brief(cls, code: str | None) -> str:  # noqa: ARG003
        """What `code` means, as a few words for a subject."""
        return cls.brief

    @classmethod
    def what_to_do(cls, code: str | None) -> str:  # noqa: ARG003
        """The advice for `code`."""
        return cls.advice


class KeyRefused(WanError):
    """The key is wrong, missing, or of the other region."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service does not accept MotionDrop's API key."
    brief = "the API key is not accepted"
    advice = "Put an API key for the right region into the stack's secret."


class AccessNotGranted(WanError):
    """The account has not activated the model, the key may not use it, or the model was taken offline."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The account that owns the API key has no access to the model."
    brief = "the account has no access to the model"
    advice = (
        "Activate the model for that account in Model Studio. Check that its free quota is not used up and that the"
        " model is still offered."
    )


class BillingTrouble(WanError):
    """The account's free quota is used up, or a bill is not paid."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The account at the animation service has no balance or quota left."
    brief = "the account has no balance or quota left"
    advice = "Top up the account, or switch off its free-quota-only mode."


class NotFound(WanError):
    """The model or workspace does not exist in this region."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The animation service does not know the model or workspace in this region."
    brief = "the model or workspace is not known"
    advice = "Correct the stack's model (WanModel) or address (WanBaseUrl)."


class RequestInvalid(WanError):
    """A field of the request is wrong; if a task failed with this code, a download may have failed instead."""

    owner = Owner.OURS
    retry = RetryPolicy.ONCE
    means = "The animation service did not accept the request."
    brief = "the request was not accepted"
    advice = "Tell the person who runs MotionDrop."


class DownloadFailed(WanError):
    """The provider could not download the image or the video from us."""

    owner = Owner.PROVIDER
    retry = RetryPolicy.FRESH_URLS
    means = "The animation service could not download the image or the video."
    brief = "the files could not be downloaded"
    advice = "Wait a while before you try again. If it fails again, tell the person who runs MotionDrop."


class ContentRefused(WanError):
    """Content moderation refused the input or the output."""

    owner = Owner.USER
    means = "The animation service's content moderation refused the image, the video or the result."
    brief = "refused by content moderation"
    advice = "Use a different image or video."


@dataclass(frozen=True)
class Unfit:
    """What does not fit, in a few words for a subject, and what to use instead; sentences use `clause`, if any."""

    brief: str
    advice: str
    clause: str = ""


_ONE_PERSON = "Use an image and a video that each show one person from the front, with the whole face visible."
_LENGTH = Unfit("the video is too short or too long", "Use a video of 2 to 30 seconds.")
_IMAGE_SIDES = Unfit("the image is too small or too large", "Use an image with 200 to 4096 pixels on each side.")
_FORMAT = Unfit("the format of a file was not accepted", "Export the image again as JPG or PNG and the video as MP4.")


class MediaUnfit(WanError):
    """The person or the file does not fit what the model needs."""

    owner = Owner.USER
    means = "The animation service cannot use these files."
    brief = "the files cannot be used"
    advice = f"{_ONE_PERSON} The person should be neither too large nor too small in the frame."
    #: What is known about codes, by the whole code or by its last part.
    KNOWN: ClassVar[dict[str, Unfit]] = {
        "InvalidImage.NoHuman": Unfit(
            "no person found in the image",
            "Use an image that shows one person from the front, with the whole face visible.",
            "it found no person in the image",
        ),
        "NoHuman": Unfit("no person found", _ONE_PERSON, "it found no person"),
        "NoHumanFace": Unfit(
            "no face found", "Use an image and a video in which the face is visible.", "it found no face"
        ),
        "MultiHuman": Unfit(
            "more than one person found",
            "Use an image and a video that each show one person only.",
            "it found more than one person",
        ),
        "FullFace": Unfit(
            "part of the face is hidden",
            "Use an image and a video that show the whole face, with nothing in front of it.",
        ),
        "FaceNotMatch": Unfit(
            "the face in the video changes", "Use a video that shows only one face, the same one from beginning to end."
        ),
        "FacePose": Unfit(
            "the person looks away from the camera",
            "Use an image and a video in which the person looks at the camera.",
        ),
        "FrontBody": Unfit(
            "the person does not face the camera", "Use an image and a video in which the person faces the camera."
        ),
        "FullBody": Unfit(
            "part of the body is out of the frame",
            "Use an image that shows the whole body, and a video whose first frame shows it too.",
        ),
        "BodyPose": Unfit(
            "the pose of the person cannot be used",
            "Use an image and a video in which the person stands upright and faces the camera.",
        ),
        "BodyProportion": Unfit(
            "the person is too large or too small",
            "Use an image and a video in which the person is not tiny and does not fill the whole frame.",
        ),
        "Content": Unfit(
            "the person is not clear enough",
            "The cause is often the first frame of the video. Start the video where one person is in the frame, clearly"
            " visible and not too small.",
        ),
        "Value": Unfit("the image is too dark or not sharp", "Use a brighter, sharper image."),
        "Duration": _LENGTH,
        "InvalidInputLength": _LENGTH,
        "Resolution": Unfit(
            "a file has too few or too many pixels",
            "Use an image with 200 to 4096 pixels on each side and a video with 200 to 2048 pixels on each side.",
        ),
        "ImageSize": _IMAGE_SIDES,
        "InvalidImageResolution": _IMAGE_SIDES,
        "AspectRatio": Unfit(
            "a file is too wide or too tall",
            "Crop the file so that no side is more than three times as long as the other.",
        ),
        "Size": Unfit("a file is too large", "Use an image of at most 5 MB and a video of at most 200 MB."),
        "Format": _FORMAT,
        "FileFormat": _FORMAT,
        "UnsupportedFileFormat": _FORMAT,
        "InvalidImageFormat": Unfit(
            "the format of the image was not accepted", "Export the image again as JPG or PNG."
        ),
        "FPS": Unfit("the frame rate of the video cannot be used", "Use a video with 24 to 60 frames per second."),
        "Openerror": Unfit("a file could not be opened", "Export the image and the video again."),
    }

    @classmethod
    def what_happened(cls, code: str | None) -> str:
        """What is known about `code`, as a sentence."""
        known = cls._known(code)
        return f"{cls.means[:-1]}: {known.clause or known.brief}." if known else cls.means

    @classmethod
    def in_brief(cls, code: str | None) -> str:
        """What is known about `code`, in a few words for a subject."""
        known = cls._known(code)
        return known.brief if known else cls.brief

    @classmethod
    def what_to_do(cls, code: str | None) -> str:
        """The advice for `code`."""
        known = cls._known(code)
        return known.advice if known else cls.advice

    @classmethod
    def _known(cls, code: str | None) -> Unfit | None:
        name = code or ""
        return cls.KNOWN.get(name) or cls.KNOWN.get(name.rpartition(".")[2])


class NotCancelable(WanError):
    """The task is no longer waiting, so it cannot be canceled."""

    owner = Owner.USER
    cost = "The animation will be charged if it succeeds."
    means = "The animation had already started, so it could not be canceled."
    brief = "too late to be canceled"
    advice = "MotionDrop saves the result when it is done."


class Throttled(WanError):
    """The provider asks to slow down; nothing was made."""

    retry = RetryPolicy.LATER
    means = "The animation service was too busy."
    brief = "the animation service was too busy"
    advice = "Wait a while: this usually clears up on its own."


class QuotaExhausted(WanError):
    """The quota is used up for now, or for good: the code does not say which."""

    owner = Owner.OPERATOR
    retry = RetryPolicy.HELD
    means = "The account's quota at the animation service is used up."
    brief = "the account's quota is used up"
    advice = "The quota may reset on its own. If it does not, ask the animation service to raise it."


class ProviderFault(WanError):
    """The provider failed; failures are not billed."""

    retry = RetryPolicy.TWICE
    means = "The animation service had an internal error."
    brief = "the animation service had an error"
    advice = "Wait a while: this usually clears up on its own."


class ProviderTimeout(WanError):
    """The provider gave no result within its own three hours."""

    retry = RetryPolicy.ONCE
    means = "The animation service did not finish within its own limit of three hours."
    brief = "the animation service took too long"
    advice = "A shorter video may help."


class ProviderBusy(WanError):
    """The provider has no capacity at the moment."""

    retry = RetryPolicy.TWICE
    means = "The animation service has no capacity at the moment."
    brief = "the animation service is too busy"
    advice = "Wait a while: this usually clears up on its own."


class UnknownRefusal(WanError):
    """A code that no page names, or none at all; what the service said is shown as it is."""

    retry = RetryPolicy.ONCE
    means = "The animation service gave a reason that MotionDrop does not recognize."
    brief = "refused for an unknown reason"


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
    """The family called `name`; UnknownRefusal if there is none, as for a name from a later version's record."""
    return next((each for each in FAMILIES if each.__name__ == name), UnknownRefusal)
