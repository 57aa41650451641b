"""What became of a job, in words that the emails, the page and the console share."""

from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import mode_name, usd
from motiondrop.domain.provider_errors import Owner, by_name
from motiondrop.domain.reasons import DELETED, REPLACED, STOPPED, in_brief, to_export, without_details
from motiondrop.sanitize import duration, plain

NOTHING_CHARGED = "Nothing was charged."

RETRY = "To try again, drop either file again, in the same folder and under the same name."

#: Shown with every video: whoever sees a person move should know that nobody filmed it.
AI_GENERATED = "This video is AI-generated."
AI_GENERATED_MANY = "The videos are AI-generated."


def what_happened(job: Job) -> str:
    """Why a job ended without a video, and what to do."""
    return f"{why(job)} {what_to_do(job)}".strip()


def why(job: Job) -> str:
    """Why a job ended without a video."""
    if job.verdict.family:
        return by_name(job.verdict.family).what_happened(job.verdict.code)
    if job.state == State.CANCELED:
        return job.closing.reason or STOPPED
    return without_details(job.closing.reason or "MotionDrop stopped the job because of an internal error.")


def why_in_brief(job: Job) -> str:
    """Why a job FAILED, as a few words for a subject."""
    if job.verdict.family:
        return by_name(job.verdict.family).in_brief(job.verdict.code)
    return in_brief(job.closing.reason)


def what_to_do(job: Job) -> str:
    """What the person who dropped the files can do about it; empty if they can only try again."""
    if not job.verdict.family:
        return ""
    refusal = by_name(job.verdict.family)
    return _NOT_YOURS if refusal.owner is Owner.OPERATOR else refusal.what_to_do(job.verdict.code)


_NOT_YOURS = (
    "The person who runs MotionDrop has been told. Once they say that it is fixed, drop either file again, in the same"
    " folder and under the same name."
)


def how_to_retry(job: Job) -> str:
    """For a job without a video: how to try again, and whether a new try is charged; empty if trying again cannot help.

    The text asks for a changed file if the present one cannot be used.
    """
    if job.verdict.family:
        return {Owner.USER: _CHANGED, Owner.PROVIDER: RETRY}.get(by_name(job.verdict.family).owner, "")
    if job.closing.reason in _AFTER:
        return _AFTER[job.closing.reason]
    exported = to_export(job.closing.reason)
    how = f"To try again, drop the newly exported {exported} under the same name." if exported else RETRY
    return how + (_COSTS_ANEW if job.state == State.FAILED and may_be_charged(job) else "")


_AFTER = {
    DELETED: "To try again, drop the deleted file again, in the same folder and under the same name.",
    REPLACED: "If the new file can be used, MotionDrop animates it in a new job.",
}
_CHANGED = "To try again, drop the new file under the same name."
_COSTS_ANEW = " This makes a new animation, which is charged separately."


def cost_of_failure(job: Job) -> str:
    """Whether a job that ended without a video cost anything."""
    if job.verdict.family:
        return by_name(job.verdict.family).cost
    if job.billing.cost is not None:
        return f"The animation service charged {cost_in_full(job)}."
    if may_be_charged(job):
        return f"Up to {usd(job.quote)} may have been charged."
    return NOTHING_CHARGED


def cost_of_failure_in_brief(job: Job) -> str:
    """Whether a job that ended without a video cost anything, in a few words for its line of a digest."""
    if job.billing.cost is not None and not job.verdict.family:
        return f"{cost(job)} was charged"
    return f"up to {usd(job.quote)} may have been charged" if may_be_charged(job) else "nothing was charged"


def may_be_charged(job: Job) -> bool:
    """Whether a job that MotionDrop itself ended without a video may have cost something."""
    return not job.verdict.family and bool(job.billing.cost or job.call.unknown or job.task.id)


def length(job: Job) -> str:
    """How much video is charged, as a person says it."""
    return f"{_about(job)}{duration(job.billing.seconds or 0)}"


def cost(job: Job) -> str:
    """What is charged, as a person says it."""
    return f"{_about(job)}{usd(job.billing.cost or 0)}"


def cost_in_full(job: Job) -> str:
    """What is charged, and why that is an estimate, if it is."""
    return f"{cost(job)} ({_ESTIMATED})" if job.billing.estimated else cost(job)


_ESTIMATED = "estimated from the length of your video"


def _about(job: Job) -> str:
    return "about " if job.billing.estimated else ""


def notes(job: Job) -> list[str]:
    """What else to say about a result: how it differs from what was expected, and advice for a better one."""
    lost = job.video.sound and job.result.sound is False
    found = [*_mismatches(job), _SILENT if lost else "", _STOPPED if job.stopped else ""]
    found.append("" if job.result.codec else _UNOPENED)
    return [note for note in found if note] + [_next_time(advice) for advice in job.advice]


def _next_time(advice: str) -> str:
    """Advice such as `your video has only 12 frames per second - use one with 24 or more`, as two sentences."""
    found, _, better = plain(advice).partition(" - ")
    return f"{found[:1].upper()}{found[1:]}. For a better result next time, {better}."


_SILENT = (
    "The animation has no sound, although your video has sound. The animation service should have kept it. In a video"
    " editor, you can add the sound of your video to the animation."
)
_STOPPED = "Someone canceled this job, but the animation had already started, so it was finished, charged and saved."
_UNOPENED = (
    "MotionDrop downloaded the whole animation but could not open it. Please check that it plays. If it does not, tell"
    " the person who runs MotionDrop."
)


def picture(job: Job) -> str:
    """The result's size and frame rate as a person says them; empty if they are not known."""
    result = job.result
    return f"{result.width} x {result.height} px, {result.frame_rate or 0:.3g} frames/s" if result.width else ""


def sound(job: Job) -> str:
    """Whether the result has sound, as a person says it; empty if that is not known."""
    return {True: "yes", False: "none", None: ""}[job.result.sound]


def _mismatches(job: Job) -> list[str]:
    """How the result differs from what was asked for, as sentences; half a second of rounding does not count."""
    asked = job.video.duration or 0
    delivered = job.billing.seconds
    found = []
    if delivered is not None and abs(delivered - asked) > 0.5:  # noqa: PLR2004
        found.append(f"The animation is {duration(delivered)} long, but your video is {duration(asked)} long.")
    if job.billing.mode and job.billing.mode != job.options.mode:
        made, asked_for = mode_name(job.billing.mode), mode_name(job.options.mode)
        found.append(f"The animation was made in {made} mode instead of {asked_for} mode.")
    return found
