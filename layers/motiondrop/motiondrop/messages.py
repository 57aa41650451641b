"""What people are told: the mails, and the attributes by which a subscriber picks the ones it wants."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motiondrop.job import Job, State, folder_of, stem_of
from motiondrop.pricing import usd
from motiondrop.refusals import WanError, by_name
from motiondrop.text import ascii_line, duration, plain

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NOTHING_CHARGED = "Nothing was charged."


@dataclass(frozen=True)
class Message:
    """A mail: a subject of one ASCII line, a plain body, and attributes that are never empty."""

    subject: str
    body: str
    attributes: dict[str, str] = field(default_factory=dict)


class Messenger:
    """Publishes to the stack's two topics."""

    def __init__(self, sns: "SNSClient", notifications: str, operations: str) -> None:
        self._sns = sns
        self._notifications = notifications
        self._operations = operations

    def notify(self, message: Message) -> None:
        """Tell the people who drop files."""
        self._publish(self._notifications, message)

    def alert(self, message: Message) -> None:
        """Tell the operator."""
        self._publish(self._operations, message)

    def _publish(self, topic: str, message: Message) -> None:
        self._sns.publish(
            TopicArn=topic,
            Subject=ascii_line(message.subject),
            Message=message.body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()
            },
        )


def succeeded(job: Job, bucket: str, link: str) -> Message:
    """The video is saved: where it is, how long, what it cost, and how to see it."""
    lines = [
        _line("Watch it", link),
        _line("File", f"s3://{bucket}/{job.result_key}"),
        _line("Length", duration(job.billed_seconds or 0)),
        _line("Mode", job.options.mode),
        _line("Cost", _cost(job)),
        _line("Took", _took(job)),
        _line("Job", job.job_id),
    ]
    notes = [f"A better result next time: {plain(advice)}." for advice in job.advice]
    if job.stopped:
        notes.insert(
            0,
            "The run was stopped when the animation had already begun at the service. It was charged, so the video"
            " was saved all the same.",
        )
    if mismatch := _mismatch(job):
        notes.insert(0, mismatch)
    body = _paragraphs(f"{_pair(job)} - the animation is ready.", "\n".join(lines), *notes)
    return Message(
        f"{_name(job)}: animated - {duration(job.billed_seconds or 0)} for {usd(job.cost or 0)}",
        body,
        _attributes(job, "succeeded"),
    )


def failed(job: Job) -> Message:
    """The job FAILED: what happened in one sentence, whether it cost anything, what to do, how to retry."""
    lines = [_line("Job", job.job_id), _line("Cost", _cost_of_failure(job))]
    if job.verdict_code or job.verdict_message:
        said = ": ".join(plain(part) for part in (job.verdict_code, job.verdict_message) if part)
        lines.append(_line("The service said", said))
    if job.request_id:
        lines.append(_line("Its request id", plain(job.request_id)))
    body = _paragraphs(f"{_pair(job)} - the animation failed.", _what_happened(job), "\n".join(lines), _RETRY)
    return Message(f"{_name(job)}: failed - {_short_reason(job)}", body, _attributes(job, "failed"))


def canceled(job: Job) -> Message:
    """The job was CANCELED before anything was charged."""
    body = _paragraphs(
        f"{_pair(job)} - the animation was canceled.",
        f"{job.reason or 'The run was stopped.'} {NOTHING_CHARGED}",
        _line("Job", job.job_id),
        _RETRY,
    )
    return Message(f"{_name(job)}: canceled", body, _attributes(job, "canceled"))


def rejected(key: str, reason: str) -> Message:
    """A drop cannot be used: what was measured, and what to change."""
    body = _paragraphs(
        f"{plain(key)} cannot be used.",
        f"What was found: {plain(reason, 300)}.",
        f"{NOTHING_CHARGED} Change the file and drop it again under the same name or another.",
    )
    attributes = {"event": "rejected", "folder": folder_of(key) or "/"}
    return Message(f"{stem_of(key)}: rejected - {reason}", body, attributes)


def held(refusal: WanError) -> Message:
    """To the operator: the line is held until something is mended; no job fails for it."""
    said = ": ".join(plain(part) for part in (refusal.code, refusal.message) if part) or "no code"
    body = _paragraphs(
        "The line is held: no job is sent to the animation service, and no job fails.",
        refusal.sentence,
        "\n".join([_line("It said", said), _line("Its request id", plain(refusal.request_id or "unknown"))]),
        "One job at a time tries whether it is mended, every five minutes; then the line goes on by itself.",
    )
    return Message(f"MotionDrop: the line is held - {refusal.code or 'no code'}", body, {"event": "held"})


def resumed() -> Message:
    """To the operator: the line goes on."""
    return Message("MotionDrop: the line goes on", "The animation service takes tasks again.\n", {"event": "resumed"})


_RETRY = (
    "To try again drop the files again, or start a new execution with the same input in the Step Functions console."
)


def outcome(job: Job, bucket: str, link: str) -> Message:
    """The mail for the job's end, whichever it was."""
    if job.state == State.SUCCEEDED:
        return succeeded(job, bucket, link)
    return canceled(job) if job.state == State.CANCELED else failed(job)


def _pair(job: Job) -> str:
    return f"{plain(job.image.key)} x {plain(job.video.key)}"


def _name(job: Job) -> str:
    """The dropped name as a subject can show it; the job's id where no letter of it is ASCII."""
    name = ascii_line(stem_of(job.image.key), 40)
    return name if any(char.isalnum() for char in name) else job.job_id


def _line(label: str, value: str) -> str:
    return f"{label + ':':18}{value}"


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _cost(job: Job) -> str:
    return usd(job.cost or 0) if job.cost == job.quote else f"{usd(job.cost or 0)} (quoted {usd(job.quote)})"


def _took(job: Job) -> str:
    whole = duration(((job.closed_at or job.recorded_at) - job.recorded_at).total_seconds())
    if not (job.submitted_at and job.scheduled_at and job.ended_at):
        return whole
    line = duration(max(0.0, (job.submitted_at - job.recorded_at).total_seconds()))
    work = duration((job.ended_at - job.scheduled_at).total_seconds())
    return f"{whole} ({line} in line, {work} at the animation service)"


def _mismatch(job: Job) -> str:
    """What was delivered beside what was asked for; half a second of rounding is none."""
    asked = job.video.duration or 0
    delivered = job.billed_seconds
    notes = []
    if delivered is not None and abs(delivered - asked) > 0.5:  # noqa: PLR2004
        notes.append(f"{duration(delivered)} were delivered for a video of {duration(asked)}")
    if job.billed_mode and job.billed_mode != job.options.mode:
        notes.append(f"{job.billed_mode} was delivered where {job.options.mode} was asked for")
    return f"Please note: {' and '.join(notes)}." if notes else ""


def _what_happened(job: Job) -> str:
    if job.verdict:
        refusal = by_name(job.verdict)
        return f"{refusal.means} {refusal.what_to_do(job.verdict_code)}"
    return job.reason or "MotionDrop stopped working on it because of a fault of its own."


def _cost_of_failure(job: Job) -> str:
    if job.verdict:
        return by_name(job.verdict).cost
    if job.unknown or job.task_id:
        return f"It may have been charged up to {usd(job.quote)}: see the provider's bill for task {job.task_id}."
    return NOTHING_CHARGED


def _short_reason(job: Job) -> str:
    return job.verdict_code or (by_name(job.verdict).__name__ if job.verdict else "see inside")


def _attributes(job: Job, event: str) -> dict[str, str]:
    return {"event": event, "folder": job.folder or "/", "mode": job.options.mode}
