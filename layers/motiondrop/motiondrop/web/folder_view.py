"""What the drop page says of a folder: one entry for each job and for each file that has none, newest first.

A job may have drops in several folders. What is said here comes from this folder's drops and from what all share: the
job's state, times and result. Names of other folders' files are never looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Job, State, words
from motiondrop.domain.outcome import cost, cost_of_failure, length, what_happened
from motiondrop.domain.pricing import usd
from motiondrop.sanitize import plain
from motiondrop.storage.drops import Drop
from motiondrop.storage.ledger import Totals

#: Seconds of work for a second of video, where no result has told yet: the provider's sample took 28 in wan-std, the
#: sibling model 9 in wan-std and 16 in wan-pro.
WORK_PER_SECOND = 28.0

#: An estimate is said as a range around what results took until now.
_LEAST, _MOST = 0.6, 1.6

#: The bar of a running job stops here until it has ended: nobody knows when it will.
_FULL = 95


@dataclass(frozen=True)
class File:
    """A file of the folder: its name, as it is and as it is shown, and whether there is a picture of it."""

    name: str
    shown: str
    kind: Kind
    poster: bool


@dataclass(frozen=True)
class Entry:
    """A line of the page. `tone` is one of waiting, working, done, failed, canceled; `bar` is in percent."""

    id: str
    files: tuple[File, ...]
    title: str
    tone: str
    details: tuple[str, ...]
    at: datetime | None
    bar: int | None = None
    job_id: str | None = None
    result: bool = False
    still: bool = False


@dataclass(frozen=True)
class Queue:
    """What the queue is like: the jobs that wait, next first, and why none is sent, if so."""

    order: Sequence[str]
    held: str | None = None


def entries(drops: Sequence[Drop], jobs: Mapping[str, Job], queue: Queue, totals: Totals, now: datetime) -> list[Entry]:
    """The folder's entries, newest first."""
    found: list[Entry] = []
    told: set[str] = set()
    for drop in drops:
        mine = [jobs[job_id] for job_id in sorted(drop.jobs) if job_id in jobs]
        if not mine:
            found.append(_of_drop(drop))
        for job in mine:
            if job.job_id not in told:
                told.add(job.job_id)
                files = [other for other in drops if job.job_id in other.jobs]
                found.append(_of_job(job, files, queue, totals, now))
    return found


def _of_drop(drop: Drop) -> Entry:
    said = drop.rejected or drop.waiting or "being checked"
    title, tone, more = (
        ("Rejected", "failed", ("Nothing was charged.",)) if _is_rejected(drop) else ("Waiting", "waiting", ())
    )
    return Entry(
        drop.key, (_file(drop),), title, tone, (_sentence(said.removeprefix("rejected: ")), *more), drop.dropped_at
    )


def _is_rejected(drop: Drop) -> bool:
    return bool(drop.rejected) or (drop.waiting or "").startswith("rejected: ")


def _of_job(job: Job, drops: Sequence[Drop], queue: Queue, totals: Totals, now: datetime) -> Entry:
    title, tone = TITLES[job.state]
    files = tuple(_file(drop) for drop in _ordered(drops))
    converted = [_sentence(line) for drop in drops if drop.media and (line := words(drop.media))]
    return Entry(
        id=job.job_id,
        files=files,
        title=title,
        tone=tone,
        details=(*_details(job, queue, totals, now), *converted),
        at=max((drop.dropped_at for drop in drops if drop.dropped_at), default=job.recorded_at),
        bar=_bar(job, totals, now),
        job_id=job.job_id,
        result=job.state == State.SUCCEEDED,
        still=bool(job.result.still),
    )


#: What each state is called, and how it looks.
TITLES: dict[State, tuple[str, str]] = {
    State.PREPARING: ("Being converted", "working"),
    State.QUEUED: ("In the queue", "waiting"),
    State.ADMITTED: ("Being sent", "working"),
    State.SUBMITTING: ("Being sent", "working"),
    State.PENDING: ("Waiting at the animation service", "working"),
    State.RUNNING: ("Being animated", "working"),
    State.SAVING: ("Being saved", "working"),
    State.SUCCEEDED: ("Ready", "done"),
    State.FAILED: ("Failed", "failed"),
    State.CANCELED: ("Canceled", "canceled"),
}


def _details(job: Job, queue: Queue, totals: Totals, now: datetime) -> list[str]:
    if job.state == State.SUCCEEDED:
        return [" · ".join([length(job), job.options.mode, cost(job)])]
    if job.state == State.FAILED:
        return [what_happened(job), cost_of_failure(job)]
    if job.state == State.CANCELED:
        return [what_happened(job), "Nothing was charged."]
    lines = [f"{usd(job.quote)} if it succeeds"]
    if job.state == State.QUEUED:
        lines = [*_place(job, queue, totals), *lines]
    elif job.state == State.RUNNING and (left := _left(job, totals, now)):
        lines = [f"About {left} left", *lines]
    return lines


def _place(job: Job, queue: Queue, totals: Totals) -> list[str]:
    if queue.held:
        return [queue.held]
    if job.job_id not in queue.order:
        return [f"Behind more than {len(queue.order)} others"] if queue.order else []
    ahead = list(queue.order).index(job.job_id)
    place = "Next in the queue" if ahead == 0 else f"Number {ahead + 1} in the queue"
    return [f"{place}, likely done in {_range((ahead + 1) * _seconds_of_work(job, totals))}"]


def _left(job: Job, totals: Totals, now: datetime) -> str | None:
    begun = job.task.scheduled_at
    if begun is None:
        return None
    left = _seconds_of_work(job, totals) - (now - begun).total_seconds()
    return _range(left) if left > 0 else None


def _bar(job: Job, totals: Totals, now: datetime) -> int | None:
    if job.state != State.RUNNING or job.task.scheduled_at is None:
        return None
    done = (now - job.task.scheduled_at).total_seconds() / max(1.0, _seconds_of_work(job, totals))
    return max(1, min(_FULL, round(100 * done)))


def _seconds_of_work(job: Job, totals: Totals) -> float:
    """How long the provider is likely to work on the job, by what results took until now."""
    pace = totals.work / totals.seconds if totals.work and totals.seconds else WORK_PER_SECOND
    return pace * (job.video.duration or 0)


def _range(seconds: float) -> str:
    least, most = round(seconds * _LEAST / 60), max(1, round(seconds * _MOST / 60))
    if least < 1:
        return "less than a minute" if most <= 1 else f"up to {most} minutes"
    return f"{least} to {most} minutes" if least < most else f"{most} minutes"


def _ordered(drops: Sequence[Drop]) -> list[Drop]:
    """The image first."""
    return sorted(drops, key=lambda drop: (drop.kind is Kind.VIDEO, drop.key))


def _file(drop: Drop) -> File:
    name = drop.key.rpartition("/")[2]
    return File(name, plain(name, 120), drop.kind, bool(drop.media and drop.media.poster))


def _sentence(text: str) -> str:
    """A receipt's words as a sentence."""
    said = plain(text, 300)
    return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith(".") else ".")
