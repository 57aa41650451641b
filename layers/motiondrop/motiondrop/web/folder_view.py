"""What the drop page says about a folder: one entry for each job and for each file without a job, newest first.

A job may have drops in several folders. An entry comes from this folder's drops and from what all the job's drops
share: its state, times and result. Names of other folders' files are never looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from motiondrop.domain.formats import Kind
from motiondrop.domain.job import IN_FLIGHT, UNSENT, Job, State
from motiondrop.domain.outcome import (
    NOTHING_CHARGED,
    cost,
    cost_of_failure,
    how_to_retry,
    length,
    what_happened,
)
from motiondrop.domain.pricing import mode_name, usd
from motiondrop.domain.reasons import as_text
from motiondrop.sanitize import named, plain
from motiondrop.storage.drops import Drop
from motiondrop.storage.ledger import Totals
from motiondrop.web.progress import STOPPED, Queue, percent, remaining, state_of, wait_of


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
    width: int | None = None  # pixels, of the result
    height: int | None = None
    link: str | None = None
    delete: str = "Delete"  # what the buttons that delete its files do; `note` is a warning above them
    note: str = ""


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
    said = drop.rejected or drop.waiting or "MotionDrop is checking the file"
    title, tone, more = ("Rejected", "failed", (NOTHING_CHARGED,)) if _is_rejected(drop) else ("Waiting", "waiting", ())
    return Entry(
        drop.key,
        (_file(drop),),
        title,
        tone,
        (as_text(plain(said.removeprefix("rejected: "), 300)), *more),
        drop.dropped_at,
    )


def _is_rejected(drop: Drop) -> bool:
    return bool(drop.rejected) or (drop.waiting or "").startswith("rejected: ")


def _of_job(job: Job, drops: Sequence[Drop], queue: Queue, totals: Totals, now: datetime) -> Entry:
    title, tone = state_of(job)
    files = tuple(_file(drop) for drop in _ordered(drops))
    converted = [line for drop in _ordered(drops) for line in _of_file(drop)]
    return Entry(
        id=job.job_id,
        files=files,
        title=title,
        tone=tone,
        details=(*_details(job, queue, totals, now), *converted),
        at=max((drop.dropped_at for drop in drops if drop.dropped_at), default=job.recorded_at),
        bar=percent(job, totals, now),
        job_id=job.job_id,
        result=job.state == State.SUCCEEDED,
        still=bool(job.result.still),
        width=job.result.width,
        height=job.result.height,
        delete="Cancel" if job.state in UNSENT else "Delete",
        note=_SENT if job.state in IN_FLIGHT and not job.stopped else "",
    )


_SENT = "The animation service already has this job. It will be finished and charged even if you delete its files."


def _details(job: Job, queue: Queue, totals: Totals, now: datetime) -> list[str]:
    if job.state == State.SUCCEEDED:
        return [" · ".join([length(job), mode_name(job.options.mode), cost(job)])]
    if job.state == State.FAILED:
        return [f"{what_happened(job)} {how_to_retry(job)}".strip(), cost_of_failure(job)]
    if job.state == State.CANCELED:
        return [f"{what_happened(job)} {how_to_retry(job)}".strip(), NOTHING_CHARGED]
    if job.stopped:
        return [STOPPED]
    lines = [f"It costs {usd(job.quote)} if it succeeds."]
    if job.state == State.QUEUED:
        lines = [wait_of(job, queue, totals), *lines]
    elif job.state == State.RUNNING:
        lines = [remaining(job, totals, now), *lines]
    return lines


def _of_file(drop: Drop) -> list[str]:
    """Sentences about the file: how it was converted, and its notes."""
    if drop.media is None:
        return []
    name = named(drop.key.rpartition("/")[2])
    lines = [f"{name} was converted: {', '.join(drop.media.converted)}."] if drop.media.converted else []
    return [plain(line, 300) for line in (*lines, *(f"{name}: {note}." for note in drop.media.notes))]


def _ordered(drops: Sequence[Drop]) -> list[Drop]:
    """The drops in order: images before videos, then by key."""
    return sorted(drops, key=lambda drop: (drop.kind is Kind.VIDEO, drop.key))


def _file(drop: Drop) -> File:
    name = drop.key.rpartition("/")[2]
    return File(name, plain(name, 120), drop.kind, bool(drop.media and drop.media.poster))
