"""What became of a job, in words that the emails, the page and the console share."""

from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import usd
from motiondrop.domain.provider_errors import by_name
from motiondrop.sanitize import duration, plain

NOTHING_CHARGED = "Nothing was charged."


def what_happened(job: Job) -> str:
    """Why a job ended without a video, and what to do."""
    if job.verdict:
        refusal = by_name(job.verdict)
        return f"{refusal.means} {refusal.what_to_do(job.verdict_code)}"
    if job.state == State.CANCELED:
        return job.reason or "The execution was stopped."
    return job.reason or "MotionDrop stopped working on it because of a fault of its own."


def cost_of_failure(job: Job) -> str:
    """Whether a job that ended without a video cost anything."""
    if job.verdict:
        return by_name(job.verdict).cost
    if job.cost is not None:
        return f"The animation service charged {usd(job.cost)} for it."
    if job.unknown or job.task_id:
        task = f"task {job.task_id}" if job.task_id else "a task of that time"
        return f"It may have been charged up to {usd(job.quote)}: see the provider's bill for {task}."
    return NOTHING_CHARGED


def notes(job: Job) -> list[str]:
    """What else there is to say of a result: what differs from what was asked for, and what would do better."""
    found = [_mismatch(job), _STOPPED if job.stopped else "", _UNOPENED if not job.result_codec else ""]
    return [note for note in found if note] + [f"A better result next time: {plain(advice)}." for advice in job.advice]


_STOPPED = (
    "The execution was stopped when the animation had already begun at the service. It was charged, so the video was"
    " saved all the same."
)
_UNOPENED = "The file arrived whole, yet it could not be opened here to look at it: please see whether it plays."


def picture(job: Job) -> str:
    """The result's picture as a person says it; empty where it is not known."""
    if not job.result_width:
        return ""
    return f"{job.result_width} x {job.result_height} px, {job.result_frame_rate or 0:.3g} frames/s"


def why_closed(job: Job) -> str:
    """Why the job ended, as the console shows it."""
    if job.verdict:
        return f"{by_name(job.verdict).means} {plain(job.verdict_code or '')}".strip()
    return job.reason or f"The job is {job.state}."


def _mismatch(job: Job) -> str:
    """What was delivered beside what was asked for; half a second of rounding is none."""
    asked = job.video.duration or 0
    delivered = job.billed_seconds
    found = []
    if delivered is not None and abs(delivered - asked) > 0.5:  # noqa: PLR2004
        found.append(f"{duration(delivered)} were delivered for a video of {duration(asked)}")
    if job.billed_mode and job.billed_mode != job.options.mode:
        found.append(f"{job.billed_mode} was delivered where {job.options.mode} was asked for")
    return f"Please note: {' and '.join(found)}." if found else ""
