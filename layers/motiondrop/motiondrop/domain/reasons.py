"""Why MotionDrop itself ended a job: each reason as a sentence, and as a few words for a subject.

What the provider refused has its words in `provider_errors`. A job's record holds the sentence.
"""

STOPPED = "It was stopped before the animation began."
DELETED = "One of its files was deleted."
REPLACED = "One of its files was replaced."
CANCELED_THERE = "It was canceled at the animation service."

EXPIRED = "The animation service keeps videos for 24 hours, and this one could not be downloaded in that time."
FORGOTTEN = "The animation service does not know the job any more."
SEVERAL = (
    "A call to the animation service broke off, and its list shows several tasks that might be this job's: {tasks}."
)
UNDECIDED = (
    "A call to the animation service broke off, and for 23 hours it could not be found out whether it made a video."
)
NOT_CONVERTED = "The {which} could not be converted: {why}."
OWN_FAULT = "MotionDrop gave up because of an error of its own ({error})."

#: In a subject: the beginning of a reason, and what to say of it.
_BRIEFS = {
    EXPIRED: "the video could not be downloaded in time",
    FORGOTTEN: "the animation service has lost it",
    SEVERAL.partition("{")[0]: "its outcome is not known",
    UNDECIDED: "its outcome is not known",
    NOT_CONVERTED.format(which="image", why="").partition(":")[0]: "the image could not be converted",
    NOT_CONVERTED.format(which="video", why="").partition(":")[0]: "the video could not be converted",
}
_OWN_FAULT = "stopped by an error in MotionDrop"


def in_brief(reason: str | None) -> str:
    """A reason as a few words; one that is not known, or none, is a fault of ours."""
    return next((brief for start, brief in _BRIEFS.items() if (reason or "").startswith(start)), _OWN_FAULT)


def cause(reason: str | None) -> str:
    """The name of the error that OWN_FAULT has in parentheses: it says something to whoever runs MotionDrop only."""
    start, _, end = OWN_FAULT.partition("{error}")
    found = reason or ""
    return found.removeprefix(start).removesuffix(end) if found.startswith(start) else ""
