"""Why MotionDrop itself ended a job: each reason as a sentence, and as a few words for a subject.

The words for the provider's refusals are in `provider_errors`. A job's record holds the sentence.
"""

import re

STOPPED = "Someone stopped the job before the animation started."
DELETED = "One of the two files was deleted before the animation started."
REPLACED = "One of the two files was replaced before the animation started."
CANCELED_THERE = "Someone canceled the job at the animation service."

EXPIRED = "The animation service keeps a result for 24 hours, and MotionDrop could not download this one in that time."
FORGOTTEN = "The animation service no longer knows this job."
SEVERAL = (
    "The connection to the animation service was lost. The service has several animations that could be this one, and"
    " MotionDrop cannot tell which of them is yours ({details})."
)
UNDECIDED = (
    "The connection to the animation service was lost, and after 23 hours MotionDrop still does not know whether the"
    " service made the animation."
)
NOT_CONVERTED = "The {which} could not be converted: {why}."
OWN_FAULT = "MotionDrop stopped the job because of an internal error ({details})."

#: The few words that a subject has for a reason, by the reason's beginning.
_BRIEFS = {
    EXPIRED: "the result could not be downloaded in time",
    FORGOTTEN: "the animation service lost the job",
    SEVERAL.partition("{")[0]: "the outcome is unknown",
    UNDECIDED: "the outcome is unknown",
    NOT_CONVERTED.format(which="image", why="").partition(":")[0]: "the image could not be converted",
    NOT_CONVERTED.format(which="video", why="").partition(":")[0]: "the video could not be converted",
}
_OWN_FAULT = "stopped by an error in MotionDrop"


def sentences(reason: str) -> list[str]:
    """The parts of a rejection, such as `image is 180 px wide - needs at least 200 px`: a clause, then sentences."""
    found, *more = [part for part in reason.split(" - ") if part] or ["unknown reason"]
    found = f"the {found}" if found.startswith(_OURS) else found
    found = re.sub(r"\boption ([a-z-]+) ", r'option "\1" ', found)  # a tag has no quotation marks
    return [
        _in_dollars(found),
        *(_in_dollars(f"It {part}." if part.startswith(_OF_IT) else f"{part[:1].upper()}{part[1:]}.") for part in more),
    ]


def _in_dollars(text: str) -> str:
    """`text` with amounts as people write them, such as `$0.62`: a tag has no dollar sign and says `0.62 USD`."""
    return re.sub(r"\b(\d+\.\d\d) USD\b", r"$\1", text)


def as_text(reason: str) -> str:
    """A rejection, or another receipt, as sentences."""
    found, *more = sentences(reason)
    return " ".join([f"{found[:1].upper()}{found[1:].rstrip('.')}.", *more])


def news(receipt: str) -> str:
    """A receipt as the rest of a sentence that begins with its file's name, such as ` was rejected: ...`."""
    told = as_text(receipt)
    told = f"{told[:1].lower()}{told[1:]}"
    found = (f" {said}{told.removeprefix(start)}" for start, said in _NEWS.items() if told.startswith(start))
    return next(found, f": {told}")


#: How a receipt begins, and the same in a sentence about its file.
_NEWS = {
    "accepted and ": "was accepted and is ",
    "rejected": "was rejected",
    "canceled": "was canceled",
    "being canceled": "is being canceled",
    "waiting": "is waiting",
    "failed": "has failed",
}

_OURS = ("image ", "video ", "file ", "animation ", "drop link ", "option ")
_OF_IT = ("needs ", "must ")


def not_converted(which: str, why: str) -> str:
    """Why a job ended unsent: `which` of its files, image or video, could not be converted, and `why` (a rejection)."""
    found, *more = sentences(why)
    found = re.sub(r"^the \w+ ", "it ", found)
    return " ".join([NOT_CONVERTED.format(which=which, why=found), *more])


def to_export(reason: str | None) -> str:
    """The file that could not be converted and has to be exported again, `image` or `video`; empty if there is none."""
    start, _, end = NOT_CONVERTED.partition("{which}")
    which = (reason or "").removeprefix(start).partition(" ")[0]
    told = start + which + end.partition("{")[0]
    return which if (reason or "").startswith(told) and " Export it again " in (reason or "") else ""


def in_brief(reason: str | None) -> str:
    """A reason as a few words; an unknown or missing reason counts as an error in MotionDrop."""
    return next((brief for start, brief in _BRIEFS.items() if (reason or "").startswith(start)), _OWN_FAULT)


def details(reason: str | None, template: str) -> str:
    """The text in parentheses of a reason of this template, for whoever runs MotionDrop; empty for any other reason."""
    start, _, end = template.partition("{details}")
    found = reason or ""
    return found.removeprefix(start).removesuffix(end) if found.startswith(start) else ""


def without_details(reason: str) -> str:
    """A reason without its details, as the person who dropped the files reads it."""
    found = details(reason, OWN_FAULT) or details(reason, SEVERAL)
    return reason.replace(f" ({found})", "") if found else reason
