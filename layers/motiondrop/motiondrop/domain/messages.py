"""What is notified: the texts of the emails, and the facts that programs are told in their place."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from motiondrop.clock import iso
from motiondrop.domain.job import Job, State
from motiondrop.domain.keys import folder_of, stem_of
from motiondrop.domain.outcome import (
    AI_GENERATED,
    AI_GENERATED_MANY,
    NOTHING_CHARGED,
    cost,
    cost_in_full,
    cost_of_failure,
    length,
    notes,
    picture,
    sound,
    what_happened,
)
from motiondrop.domain.pricing import dollars, usd
from motiondrop.domain.provider_errors import RetryPolicy, WanError, by_name
from motiondrop.sanitize import ascii_line, duration, plain, storable

#: Where a message has no folder or mode: an attribute is never empty, or a subscriber's filter would miss it.
NONE = "none"

#: The version of docs/message.schema.json.
_VERSION = 1


@dataclass(frozen=True)
class Message:
    """Something to tell: a headline with the name first, a plain body, and what a program needs of it.

    `event`, `folder` and `mode` are what subscribers filter by. `about` is the same for the same message, however
    often it is notified. `link` leads to the job's page.
    """

    event: str
    headline: str
    body: str
    about: str
    folder: str = NONE
    mode: str = NONE
    link: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The headline as SNS takes a subject: one line of at most 99 ASCII characters."""
        return ascii_line(self.headline)

    @property
    def attributes(self) -> dict[str, str]:
        """What subscribers filter by."""
        return {"event": self.event, "folder": self.folder, "mode": self.mode}

    @property
    def line(self) -> str:
        """The message in a digest."""
        return f"- {plain(self.headline, 300)}" + (f"\n  {self.link}" if self.link else "")

    @property
    def document(self) -> dict[str, Any]:
        """What programs are told (docs/message.schema.json)."""
        return {"version": _VERSION, **self.attributes, **self.facts}


def outcome(job: Job, bucket: str, link: str) -> Message:
    """The message for the job's end, whichever it was."""
    if job.state == State.SUCCEEDED:
        return succeeded(job, bucket, link)
    return canceled(job, link) if job.state == State.CANCELED else failed(job, link)


def succeeded(job: Job, bucket: str, link: str) -> Message:
    """The video is saved: where it is, how long, what it cost, and how to see it."""
    lines = [
        _line("Watch it", link),
        _line("File", f"s3://{bucket}/{job.result.key}"),
        _line("Length", length(job)),
        _line("Picture", picture(job)),
        _line("Sound", sound(job)),
        _line("Mode", job.options.mode),
        _line("Cost", _cost(job)),
        _line("Took", _took(job)),
        _line("Job", job.job_id),
    ]
    facts = "\n".join(filter(None, lines))
    body = _paragraphs(f"{_pair(job)} - the animation is ready.", facts, AI_GENERATED, *notes(job))
    result = {
        "bucket": bucket,
        "key": job.result.key,
        "size": job.result.size,
        "sha256": job.result.sha256,
        "codec": job.result.codec,
        "width": job.result.width,
        "height": job.result.height,
        "frame_rate": job.result.frame_rate,
        "sound": job.result.sound,
    }
    headline = f"{_name(job)}: animated - {length(job)} for {cost(job)}"
    return _of_job(job, headline, body, link, {"seconds": job.billing.seconds, "result": result})


def existing(job: Job, again: Job, bucket: str, link: str) -> Message:
    """The files of `again` are those of a job whose video is saved: where it is, and that it costs nothing more."""
    lines = [
        _line("Watch it", link),
        _line("File", f"s3://{bucket}/{job.result.key}"),
        _line("Made from", _pair(job)),
        _line("Cost", f"{usd(0)}, since it was paid for then"),
        _line("Job", job.job_id),
    ]
    body = _paragraphs(
        f"{_pair(again)} - this animation was made before, and here it is.", "\n".join(lines), AI_GENERATED
    )
    return Message(
        "existing",
        f"{_name(again)}: already animated - $0.00",
        body,
        f"existing {job.job_id} {again.image.key} {again.video.key}",
        _folder(again.image.key),
        job.options.mode,
        link,
        {"job_id": job.job_id, "image": again.image.key, "video": again.video.key, "link": link},
    )


def failed(job: Job, link: str) -> Message:
    """The job FAILED: what happened in one sentence, whether it cost anything, what to do, how to retry."""
    lines = [_line("Cost", cost_of_failure(job))]
    if job.verdict.code or job.verdict.message:
        said = ": ".join(plain(part) for part in (job.verdict.code, job.verdict.message) if part)
        lines.append(_line("The service said", said))
    if job.task.request_id:
        lines.append(_line("Its request id", plain(job.task.request_id)))
    lines += [_line("Its page", link), _line("Job", job.job_id)]
    body = _paragraphs(f"{_pair(job)} - the animation failed.", what_happened(job), "\n".join(lines), RETRY)
    error = {
        "family": job.verdict.family,
        "code": job.verdict.code,
        "message": job.verdict.message and plain(job.verdict.message, 500),
        "request_id": job.task.request_id,
    }
    headline = f"{_name(job)}: failed - {_short_reason(job)}"
    return _of_job(job, headline, body, link, {"reason": what_happened(job), "error": error})


def canceled(job: Job, link: str) -> Message:
    """The job was CANCELED before anything was charged."""
    body = _paragraphs(
        f"{_pair(job)} - the animation was canceled.",
        f"{what_happened(job)} {NOTHING_CHARGED}",
        "\n".join([_line("Its page", link), _line("Job", job.job_id)]),
        RETRY,
    )
    headline = f"{_name(job)}: canceled - nothing was charged"
    return _of_job(job, headline, body, link, {"reason": what_happened(job)})


def rejected(key: str, reason: str) -> Message:
    """A drop cannot be used: what was measured, and what to change."""
    body = _paragraphs(
        f"{plain(key)} cannot be used.",
        f"What was found: {plain(reason, 300)}.",
        _CHANGE,
    )
    return Message(
        "rejected",
        f"{_ascii_name(key) or 'A file'}: rejected - {reason}",
        body,
        f"rejected {key} {reason}",
        _folder(key),
        facts={"key": key, "reason": plain(reason, 300)},
    )


def alone(key: str, missing: str, receipt: str | None = None) -> Message:
    """A drop has made no job for a day, for want of `missing` or as its receipt says; it is mentioned this once."""
    simply = receipt is None or receipt.startswith("waiting for ")
    body = _paragraphs(
        f"{plain(key)} has waited for {missing} for a day." + ("" if simply else f" Its receipt says: {receipt}."),
        f"Drop {missing} with the same name into the same folder, or delete the file. It is not mentioned again.",
        NOTHING_CHARGED,
    )
    return Message(
        "alone",
        f"{_ascii_name(key) or 'A file'}: still waiting for {missing}",
        body,
        f"alone {key}",
        _folder(key),
        facts={"key": key, "missing": missing},
    )


def untagged(key: str, receipt: str) -> Message:
    """What a drop's receipt would say, if the drop had room for a tag."""
    body = _paragraphs(
        f"{plain(key)}: {plain(receipt, 300)}.",
        "This is the file's receipt. It is usually a tag on the file, but this one has ten tags of its own, which is as"
        " many as S3 allows.",
    )
    headline = f"{_ascii_name(key) or 'A file'}: {receipt}"
    facts = {"key": key, "receipt": plain(receipt, 300)}
    return Message("receipt", headline, body, f"receipt {key} {receipt}", _folder(key), facts=facts)


def held(refusal: WanError) -> Message:
    """To the operator: the queue is held until something is fixed; no job fails for it."""
    said = ": ".join(plain(part) for part in (refusal.code, refusal.message) if part) or "no code"
    body = _paragraphs(
        "The queue is held: no job is sent to the animation service, and no job fails.",
        _SERIES if refusal.retry is not RetryPolicy.HELD else "",
        refusal.sentence,
        "\n".join([_line("It said", said), _line("Its request id", plain(refusal.request_id or "unknown"))]),
        "One job at a time tries whether it is fixed, every five minutes; then the queue goes on by itself.",
    )
    headline = f"MotionDrop: the queue is held - {refusal.code or 'no code'}"
    return Message("held", headline, body, "held", facts={"reason": refusal.sentence, "code": refusal.code})


def over_budget(job: Job, reserve: int) -> Message:
    """To the operator: the queue waits for the next day, since today's budget has no room for its first job."""
    reason = "The day's budget (DailyBudgetUSD) has no room for the first job of the queue."
    body = _paragraphs(
        "The queue is held: no job is sent to the animation service, and no job fails.",
        reason,
        _line("It needs", f"{usd(reserve)} (its quote and a tenth)") + "\n" + _line("Job", job.job_id),
        "The queue goes on by itself when the next day begins (UTC), or at once with a greater budget.",
    )
    headline = "MotionDrop: the queue is held - the day's budget is spent"
    return Message("held", headline, body, "over budget", facts={"reason": reason, "code": None})


def undecided(job: Job) -> Message:
    """To the operator: it is not known whether a create call made a task, and the provider's list does not tell."""
    reason = (
        "A call to the animation service broke off, and its list of tasks does not tell yet whether it made a task."
    )
    body = _paragraphs(
        f"{_pair(job)} - {reason}",
        "The job is not sent again before that is known, since it could be paid for twice. Other jobs go on.",
        "MotionDrop looks again every few minutes. After 23 hours the job fails, and its email says so.",
        "\n".join([_line("Called", iso(job.call.asked_at) or ""), _line("Job", job.job_id)]),
        "To decide it at once, look for a task of that time in the provider's console.",
    )
    headline = f"MotionDrop: {_name(job)} waits - it is not known whether its task was made"
    return Message("undecided", headline, body, f"undecided {job.job_id}", facts={"reason": reason, "code": None})


def resumed() -> Message:
    """To the operator: the queue goes on."""
    return Message("resumed", "MotionDrop: the queue goes on", "The animation service takes tasks again.\n", "resumed")


def unheard(topics: Sequence[str]) -> Message:
    """To the operator: these topics have no confirmed subscriber; it is said once a day."""
    body = _paragraphs(
        f"Nobody hears of {' and '.join(topics)}: the topic has no confirmed subscriber.",
        "An email address that was given to the stack hears nothing until its owner follows the link in the email "
        '"AWS Notification - Subscription Confirmation". The stack\'s outputs name the topics to subscribe to.',
        "Nothing is lost: jobs go on, and the receipts on the dropped files say what became of them.",
    )
    headline = f"MotionDrop: nobody hears of {' and '.join(topics)}"
    return Message("unheard", headline, body, "unheard", facts={"topics": list(topics)})


def host_refused(hosts: Sequence[str], videos: int, until: datetime) -> Message:
    """To the operator: finished videos lie at hosts that WanResultOrigins does not allow; it is said once a day."""
    several = "1 finished video is" if videos == 1 else f"{videos} finished videos are"
    allow = "".join(f"|https://{host}" for host in hosts).replace(".", "\\.")
    body = _paragraphs(
        f"{several} not saved: the parameter WanResultOrigins does not allow the host, so nothing is fetched from it.",
        "\n".join(_line("Host", host) for host in hosts),
        "If it is the provider's, append this to the value of WanResultOrigins and deploy; the rest happens by itself"
        f" within a quarter of an hour:\n\n{allow}",
        "Anybody can make a bucket whose name begins with dashscope-. If the provider's documents do not name this one,"
        " ask its support.",
        f"The provider deletes the first of the videos at {iso(until)}. New jobs are sent and charged meanwhile, unless"
        " you pause the queue.",
    )
    which = f"{hosts[0]} is" if len(hosts) == 1 else f"{len(hosts)} hosts are"
    headline = f"MotionDrop: videos cannot be saved - {which} not allowed"
    facts = {"hosts": list(hosts), "videos": videos}
    return Message("host_refused", headline, body, "host refused", facts=facts)


def digest(folder: str, events: Sequence[str], lines: Sequence[str]) -> tuple[str, str]:
    """Subject and body of the one email for many messages of a folder, whose events and lines these are."""
    counts = Counter(_DONE.get(event, event) for event in events)
    name = "" if folder in {"/", NONE} else ascii_line(folder, 40)
    subject = f"{name or 'MotionDrop'}: {len(lines)} more - {', '.join(f'{n} {what}' for what, n in counts.items())}"
    many = "This email has what came too fast for an email each."
    advice = [_CHANGE_MANY] if "rejected" in events else []
    advice += [AI_GENERATED_MANY] if {"succeeded", "existing"} & set(events) else []
    advice += [RETRY] if {"failed", "canceled"} & set(events) else []
    return ascii_line(subject), _paragraphs(many, "\n".join(lines), *advice)


_SERIES = (
    "Different jobs were refused alike, one after the other. So the cause is more likely the account or the stack's"
    " configuration than the files."
)

_CHANGE = f"{NOTHING_CHARGED} Change the file and drop it again under the same name or another."
_CHANGE_MANY = "Nothing was charged for a rejected file. Change it and drop it again under the same name or another."

RETRY = (
    "To try again, drop the files again, changed where that helps, or start a new execution with the same input in the"
    " Step Functions console."
)

_DONE = {"succeeded": "animated", "existing": "animated before", "receipt": "receipts"}


def _of_job(job: Job, headline: str, body: str, link: str, more: dict[str, Any]) -> Message:
    event = {State.SUCCEEDED: "succeeded", State.CANCELED: "canceled"}.get(job.state, "failed")
    facts = {
        "job_id": job.job_id,
        "execution": job.execution_number,
        "image": job.image.key,
        "video": job.video.key,
        "recorded_at": iso(job.recorded_at),
        "closed_at": iso(job.closing.at),
        "quoted_usd": dollars(job.quote),
        "cost_usd": None if job.billing.cost is None else dollars(job.billing.cost),
        "cost_estimated": job.billing.estimated,
        "link": link,
        "advice": list(job.advice),
    }
    about = f"{event} {job.job_id} {job.execution_number}"
    return Message(event, headline, body, about, _folder(job.image.key), job.options.mode, link, facts | more)


def _folder(key: str) -> str:
    return storable(folder_of(key)) or "/"


def _pair(job: Job) -> str:
    return f"{plain(job.image.key)} x {plain(job.video.key)}"


def _name(job: Job) -> str:
    """The dropped name as a subject can show it; the job's id where no letter of it is ASCII."""
    return _ascii_name(job.image.key) or job.job_id


def _ascii_name(key: str) -> str:
    name = ascii_line(stem_of(key), 40)
    return name if any(char.isalnum() for char in name) else ""


def _line(label: str, value: str) -> str:
    return f"{label + ':':18}{value}" if value else ""


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _cost(job: Job) -> str:
    quote = usd(job.quote)
    return cost_in_full(job) + ("" if usd(job.billing.cost or 0) == quote else f" (quoted {quote})")


def _took(job: Job) -> str:
    whole = duration(((job.closing.at or job.recorded_at) - job.recorded_at).total_seconds())
    task = job.task
    if not (task.submitted_at and task.scheduled_at and task.ended_at):
        return whole
    line = duration(max(0.0, (task.scheduled_at - job.recorded_at).total_seconds()))
    work = duration((task.ended_at - task.scheduled_at).total_seconds())
    return f"{whole} ({line} in the queue, {work} at work)"


def _short_reason(job: Job) -> str:
    return (by_name(job.verdict.family).means if job.verdict.family else what_happened(job)).rstrip(".")
