"""Why MotionDrop itself ended a job: each reason as a sentence, and as a few words for a subject.

What the provider refused has its words in `provider_errors`. A job's record holds the sentence.
"""

STOPPED = "The job was stopped before the animation began."
DELETED = "One of the two files was deleted before the animation began."
REPLACED = "One of the two files was replaced before the animation began."
CANCELED_THERE = "The job was canceled at the animation service."

EXPIRED = "The animation service keeps a result for 24 hours, and MotionDrop could not download this one in that time."
FORGOTTEN = "The animation service no longer knows this job."
SEVERAL = "The connection to the animation service broke off, and several of its tasks could be this job: {tasks}."
UNDECIDED = (
    "The connection to the animation service broke off, and after 23 hours MotionDrop still does not know whether the"
    " service made the animation."
)
NOT_CONVERTED = "The {which} could not be converted: {why}."
OWN_FAULT = "MotionDrop stopped the job because of an internal error ({error})."

#: In a subject: the beginning of a reason, and what to say of it.
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
    return [
        found,
        *(f"It {part}." if part.startswith(("needs ", "must ")) else f"{part[:1].upper()}{part[1:]}." for part in more),
    ]


def as_text(reason: str) -> str:
    """A rejection, or another receipt, as sentences."""
    found, *more = sentences(reason)
    return " ".join([f"{found[:1].upper()}{found[1:].rstrip('.')}.", *more])


_OURS = ("image ", "video ", "file ", "animation ", "drop link ", "metadata ")


def not_converted(which: str, why: str) -> str:
    """Why a job ended without being sent: its image or video, and the rejection."""
    found, *more = sentences(why)
    return " ".join([NOT_CONVERTED.format(which=which, why=found), *more])


def in_brief(reason: str | None) -> str:
    """A reason as a few words; one that is not known, or none, is a fault of ours."""
    return next((brief for start, brief in _BRIEFS.items() if (reason or "").startswith(start)), _OWN_FAULT)


def cause(reason: str | None) -> str:
    """The name of the error that OWN_FAULT has in parentheses: it says something to whoever runs MotionDrop only."""
    start, _, end = OWN_FAULT.partition("{error}")
    found = reason or ""
    return found.removeprefix(start).removesuffix(end) if found.startswith(start) else ""
