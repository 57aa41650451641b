"""The messages to people who drop files: the texts of the emails, and the facts that programs get instead.

Each text says what happened, what to do and what it cost, in this order. It uses no terms of AWS, and information for
the person who runs MotionDrop comes last, in a line of its own. Messages to operators are in `operator_messages`.
"""

from dataclasses import dataclass, field
from typing import Any

from motiondrop.clock import iso
from motiondrop.domain.job import Job, State
from motiondrop.domain.keys import folder_of, stem_of
from motiondrop.domain.outcome import (
    AI_GENERATED,
    NOTHING_CHARGED,
    cost,
    cost_in_full,
    cost_of_failure,
    cost_of_failure_in_brief,
    how_to_retry,
    length,
    may_be_charged,
    notes,
    what_happened,
    what_to_do,
    why,
    why_in_brief,
)
from motiondrop.domain.pairing import AMBIGUOUS, partner_of
from motiondrop.domain.pricing import dollars, mode_name, usd
from motiondrop.domain.reasons import OWN_FAULT, SEVERAL, details, news, sentences
from motiondrop.sanitize import SUBJECT_LENGTH, ascii_line, duration, named, plain, quoted, storable

#: The folder or mode of a message without one: a subscriber's filter would miss an empty attribute.
NONE = "none"

#: The version of docs/message.schema.json.
_VERSION = 1

#: The most characters in a subject: of a name, which is cut if it is longer, and of a phrase from outside, which is
#: replaced if it is longer.
_NAME = 40
_PHRASE = 60

#: How a digest's line begins, by event. The lines come in this order.
LABELS = {
    "succeeded": "Ready",
    "existing": "Ready",
    "failed": "Failed",
    "canceled": "Canceled",
    "rejected": "Rejected",
    "alone": "Waiting",
    "receipt": "Other",
}


@dataclass(frozen=True)
class Message:
    """A message: a headline with the name first, a plain-text body, and the facts for programs.

    Subscribers filter by `event`, `folder` and `mode`. `about` identifies the message: it stays the same however often
    the message is sent. `link` leads to the job's page, `summary` replaces the headline in a digest, and `help_page`
    is what an operator may want to read.
    """

    event: str
    headline: str
    body: str
    about: str
    folder: str = NONE
    mode: str = NONE
    link: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    help_page: str = ""

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
        """The message as a line of a digest."""
        said = f"{LABELS.get(self.event, 'Other')}: {plain(self.summary or self.headline, 300)}"
        return f"{said} {self.link}" if self.link else said

    @property
    def document(self) -> dict[str, Any]:
        """The message for programs (docs/message.schema.json)."""
        return {"version": _VERSION, **self.attributes, **self.facts}

    def for_operator(self, dashboard: str) -> str:
        """The body, then where an operator looks next: the dashboard and, if the message has one, the help page."""
        page = f"What else to check: {self.help_page} in the MotionDrop repository" if self.help_page else ""
        return paragraphs(self.body.rstrip(), "\n".join(filter(None, [f"Dashboard: {dashboard}", page])))


def outcome(job: Job, bucket: str, link: str) -> Message:
    """The message for the job's end, whichever it was."""
    if job.state == State.SUCCEEDED:
        return succeeded(job, bucket, link)
    return canceled(job, link) if job.state == State.CANCELED else failed(job, link)


def succeeded(job: Job, bucket: str, link: str) -> Message:
    """The video is saved: where to watch it, what it is like and what it cost."""
    body = paragraphs(
        f"Your animation of {pair(job)} is ready.",
        f"Watch or download: {link}",
        f"{_picture(job)} Mode: {mode_name(job.billing.mode or job.options.mode)}. {_took(job)}",
        f"{_cost(job)} {AI_GENERATED}",
        *notes(job),
        _for_whoever_runs_it(job, f"file {job.result.key}"),
    )
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
    measured = f"({length(job)}, {cost(job)})"
    said = _headline(job, f"your animation is ready {measured}")
    return _of_job(
        job, said, body, link, summary=f"{_stem(job)} {measured}", seconds=job.billing.seconds, result=result
    )


def existing(job: Job, again: Job, link: str) -> Message:
    """The files of `again` were animated before, by `job`: where its video is, and that nothing is charged now."""
    where = f"in the folder {named(job.folder.rstrip('/'))}" if job.folder else "not in a folder"
    before, now = ([one.key.rpartition("/")[2] for one in (ended.image, ended.video)] for ended in (job, again))
    names = " and ".join(named(name) for name in before)
    called = f"had the same names as now, {names}, but were" if before == now else f"were called {names} and were"
    body = paragraphs(
        f"Your animation of {pair(again)} already exists. These two files were animated before. At that time they"
        f" {called} {where}.",
        f"Watch or download: {link}",
        f"Nothing was charged this time. {AI_GENERATED}",
        _for_whoever_runs_it(job, f"file {job.result.key}"),
    )
    return Message(
        "existing",
        _headline(again, f"your animation already exists ({usd(0)})"),
        body,
        f"existing {job.job_id} {again.image.key} {again.video.key}",
        _folder(again.image.key),
        job.options.mode,
        link,
        {"job_id": job.job_id, "image": again.image.key, "video": again.video.key, "link": link},
        f"{_stem(again)} (already exists, {usd(0)})",
    )


def failed(job: Job, link: str) -> Message:
    """The job FAILED: why, what to do, whether it cost anything, and what the provider said."""
    animation = f"animation of {pair(job)}"
    ended = f"MotionDrop gave up on your {animation}." if may_be_charged(job) else f"Your {animation} failed."
    body = paragraphs(
        f"{ended} {why(job)}",
        f"{what_to_do(job)} {how_to_retry(job)}".strip(),
        cost_of_failure(job),
        f"Details: {link}",
        _for_whoever_runs_it(job, *_answered(job)),
    )
    error = {
        "family": job.verdict.family,
        "code": job.verdict.code,
        "message": job.verdict.message and plain(job.verdict.message, 500),
        "request_id": job.task.request_id,
    }
    brief = why_in_brief(job)
    said = _headline(job, brief)
    reason = what_happened(job)
    return _of_job(
        job,
        said,
        body,
        link,
        summary=f"{_stem(job)}. {_capitalized(brief)}. {_capitalized(cost_of_failure_in_brief(job))}.",
        reason=reason,
        error=error,
    )


def canceled(job: Job, link: str) -> Message:
    """The job was CANCELED before anything was charged."""
    body = paragraphs(
        f"Your animation of {pair(job)} was canceled. {why(job)}",
        how_to_retry(job),
        NOTHING_CHARGED,
        f"Details: {link}",
        _for_whoever_runs_it(job),
    )
    said = _headline(job, "canceled, nothing was charged")
    summary = f"{_stem(job)}. {NOTHING_CHARGED}"
    return _of_job(job, said, body, link, summary=summary, reason=what_happened(job))


def rejected(key: str, reason: str) -> Message:
    """A drop cannot be used: what was measured, and what to change."""
    found, *more = sentences(plain(reason, 300))
    if any(one.lower().startswith(_CHANGES) for one in more):
        more.append("Drop the corrected file under the same name.")
    body = paragraphs(f"{named(key)} cannot be used: {found}.", " ".join(more), NOTHING_CHARGED)
    name = key.rpartition("/")[2]
    return Message(
        "rejected",
        headline(_ascii(name) or "A file", f"rejected, {found}", "rejected"),
        body,
        f"rejected {key} {reason}",
        _folder(key),
        facts={"key": key, "reason": plain(reason, 300)},
        summary=" ".join([f"{named(name)}. {_capitalized(found)}.", *more, NOTHING_CHARGED]),
    )


def alone(key: str, missing: str, receipt: str | None = None) -> Message:
    """A drop has had no job for a day, for lack of `missing` or for the reason in its receipt. Sent only once."""
    name, partner = key.rpartition("/")[2], named(partner_of(key))
    kind = missing.rpartition(" ")[2]
    said, advice = "", f"Drop {missing} with the same name, for example {partner}, into the same folder."
    if receipt and receipt.startswith(AMBIGUOUS):
        said = (
            f" Its folder has several images and several videos, so MotionDrop cannot tell which {kind} goes with it."
        )
        advice = f"Choose the {kind} for {named(name)} and rename it to {partner}, or upload it again as {partner}."
    elif receipt and not receipt.startswith("waiting for "):
        said = f" Its receipt says: {quoted(receipt, 300)}."
    body = paragraphs(
        f"{named(key)} has been waiting for {missing} for a day.{said}",
        f"{advice} If you don't need {named(name)}, delete it. This is the only reminder.",
        NOTHING_CHARGED,
    )
    return Message(
        "alone",
        headline(_ascii(name) or "A file", f"still waiting for {missing}"),
        body,
        f"alone {key}",
        _folder(key),
        facts={"key": key, "missing": missing},
        summary=f"{named(name)} needs {missing}, for example {partner}",
    )


def untagged(key: str, receipt: str) -> Message:
    """What a drop's receipt would say, if the drop had room for a tag."""
    name, said = key.rpartition("/")[2], plain(receipt, 300)
    body = paragraphs(
        f"{named(key)}{news(said)}",
        "MotionDrop usually writes this into a tag on the file in the inbox. A file there can have at most ten tags,"
        " and this one already has ten, so you get an email instead.",
    )
    first = said.partition(" - ")[0].replace(": ", ", ")
    return Message(
        "receipt",
        headline(_ascii(name) or "A file", first, "its receipt"),
        body,
        f"receipt {key} {receipt}",
        _folder(key),
        facts={"key": key, "receipt": said},
        summary=f"{named(name)}{news(said)}",
    )


def headline(name: str, said: str, otherwise: str = "") -> str:
    """A subject: `name`, cut if necessary, then `said`, or `otherwise` if `said` is empty or too long."""
    said = ascii_line(said, SUBJECT_LENGTH)
    if otherwise and (not said or len(said) > _PHRASE):
        said = otherwise
    return f"{ascii_line(name, min(_NAME, SUBJECT_LENGTH - len(said) - 2))}: {said}"


def pair(job: Job, joined: str = "with") -> str:
    """The names of a job's two files, with their common folder once."""
    return f"{named(job.image.key)} {joined} {named(job.video.key.rpartition('/')[2])}"


def subject_name(job: Job) -> str:
    """The image's name as a subject can show it; the job's id if nothing of the name can be shown in ASCII."""
    return _ascii(stem_of(job.image.key)) or job.job_id


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, each as a paragraph."""
    return "\n\n".join(part for part in parts if part) + "\n"


#: How a part of a rejection begins if it asks for a change of the file itself.
_CHANGES = ("export", "crop", "change", "choose", "use a ", "write")


def _of_job(job: Job, said: str, body: str, link: str, *, summary: str, **more: Any) -> Message:
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
    folder = _folder(job.image.key)
    return Message(event, said, body, about, folder, job.options.mode, link, facts | more, summary)


def _headline(job: Job, said: str) -> str:
    """A subject with the image's name, or without it if nothing of the name can be shown in ASCII."""
    name = _ascii(stem_of(job.image.key))
    if name:
        return headline(name, said)
    return _capitalized(said) if said.startswith("your ") else headline("Your animation", said)


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _folder(key: str) -> str:
    return storable(folder_of(key)) or "/"


def _ascii(name: str) -> str:
    """A name as a subject can show it; empty if no letter or digit of it can be shown in ASCII."""
    shown = ascii_line(name)
    return shown if any(char.isalnum() for char in shown) else ""


def _stem(job: Job) -> str:
    return named(stem_of(job.image.key)) if plain(stem_of(job.image.key)) else job.job_id


def _picture(job: Job) -> str:
    """What the video is like, as a sentence."""
    result = job.result
    said = f"The animation is {length(job)} long"
    if result.width:
        said += f", at {result.width} x {result.height} pixels and {result.frame_rate or 0:.3g} frames per second"
    kept = "with the sound of your video" if job.video.sound else "with sound"
    said += {True: f", {kept}", False: ", without sound", None: ""}[result.sound]
    return f"{said}."


def _cost(job: Job) -> str:
    quote = usd(job.quote)
    return f"It cost {cost_in_full(job)}." + ("" if usd(job.billing.cost or 0) == quote else f" The quote was {quote}.")


def _took(job: Job) -> str:
    whole = f"Making it took {duration(((job.closing.at or job.recorded_at) - job.recorded_at).total_seconds())}"
    if not job.task.scheduled_at:
        return f"{whole}."
    queued = duration(max(0.0, (job.task.scheduled_at - job.recorded_at).total_seconds()))
    return f"{whole}, including {queued} in the queue."


def _answered(job: Job) -> list[str]:
    """What the provider said of a job that FAILED, and where to look for what it may have charged."""
    answer = ": ".join(filter(None, (job.verdict.code, job.verdict.message)))
    said = [f"the animation service answered {quoted(answer, 400)}"] if answer else []
    if error := details(job.closing.reason, OWN_FAULT):
        said.append(f"the error was {named(error)}")
    if job.task.request_id:
        said.append(f"request ID {named(job.task.request_id)}")
    if may_be_charged(job):
        several = details(job.closing.reason, SEVERAL)
        if several:
            task = f"one of the tasks {plain(several)}"
        elif job.task.id:
            task = f"task {named(job.task.id)}"
        else:
            task = f"a task created around {job.called_at:%Y-%m-%d %H:%M} UTC"
        said.append(f"in the animation service's bill, look for {task}")
    return said


def _for_whoever_runs_it(job: Job, *more: str) -> str:
    return f"For the person who runs MotionDrop: {'; '.join(filter(None, [f'job {job.job_id}', *more]))}."
