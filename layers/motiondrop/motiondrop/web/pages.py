"""The pages behind the permanent links: a job's page, the gallery, and the page of a link that leads nowhere.

This module decides what they say. How they look is in `templates/`, which escape all of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from motiondrop.domain.delivery import expected
from motiondrop.domain.job import Input, Job, State
from motiondrop.domain.keys import stem_of
from motiondrop.domain.outcome import (
    AI_GENERATED,
    NOTHING_CHARGED,
    cost,
    cost_in_full,
    cost_of_failure,
    how_to_retry,
    length,
    notes,
    picture,
    sound,
    what_happened,
    what_to_do,
    why,
)
from motiondrop.domain.pricing import mode_name, usd
from motiondrop.sanitize import duration, plain
from motiondrop.storage.ledger import Totals
from motiondrop.web.links import Address
from motiondrop.web.progress import STOPPED, state_of
from motiondrop.web.rendering import hash_of, render

#: What the gallery can be filtered by.
FILTERS = {"open": "In progress", "ready": "Ready", "failed": "Failed", "canceled": "Canceled"}

#: Seconds after which the page of an open job reloads itself in a browser without scripts.
_REFRESH = 20


@dataclass(frozen=True)
class Filter:
    """The gallery's filter: a text that a job's folder name contains, and one of FILTERS; an empty field shows all."""

    folder: str = ""
    state: str = ""

    def __bool__(self) -> bool:
        return bool(self.folder or self.state)

    def shows(self, job: Job) -> bool:
        """Whether the filter shows the job."""
        return self.folder.casefold() in job.folder.casefold() and self.state in {"", _tone(job)}


@dataclass(frozen=True)
class Card:
    """A job in the gallery, with its link and the URL of its picture."""

    job: Job
    link: str
    picture: str


@cache
def policy(origin: str) -> str:
    """The Content-Security-Policy: this page, its own style and script by their hashes, and the results bucket."""
    return (
        f"default-src 'none'; style-src {hash_of('page.css')}; script-src {hash_of('page.js')}; "
        f"img-src 'self' {origin}; media-src 'self' {origin}; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def unknown_page() -> str:
    """The page of every link that leads nowhere, whatever the reason."""
    return render("unknown_link.html")


def job_page(job: Job, at: Address, outlook: str) -> str:
    """The page of a job; `outlook` says how long it will take, as far as one can say."""
    done = job.state == State.SUCCEEDED
    return render(
        "job.html",
        at=at,
        job=job,
        name=name_of(job),
        done=done,
        tone=_tone(job),
        refresh=_REFRESH,
        tall=not done or (job.result.height or 0) > (job.result.width or 0),
        label=AI_GENERATED,
        state=state_of(job)[0],
        lines=notes(job) if done else [plain(line, 1000) for line in _lines(job, outlook)],
        inputs=[("Image", _caption(job.image)), ("Video", _caption(job.video))],
        details=[row for row in _details(job) if row[1]],
    )


def gallery_page(
    cards: Sequence[Card],
    totals: Totals,
    *,
    signature: str,
    shown: Filter,
    searched: int,
    older: str | None,
    first: bool,
) -> str:
    """The gallery's page: `searched` is how many jobs the filter was applied to, `older` the mark of its next page."""
    lead = (
        f"{totals.results} result{'' if totals.results == 1 else 's'} so far · {duration(totals.seconds)} of video · "
        f"{usd(totals.cost)} in all"
    )
    return render(
        "gallery.html",
        lead=lead,
        cards=[_card(card) for card in cards],
        folders=sorted({card.job.folder for card in cards if card.job.folder}),
        filters=FILTERS,
        signature=signature,
        shown=shown,
        searched=searched,
        older=older,
        first=first,
    )


def name_of(job: Job) -> str:
    """The name of the dropped image, followed by the name of the video if that differs."""
    image, video = (plain(stem_of(one.key), 200) for one in (job.image, job.video))
    return (image if image == video else f"{image} × {video}") or job.job_id  # noqa: RUF001  # a cross, as a person writes it


def _tone(job: Job) -> str:
    """The job's key in FILTERS, which is also its style on the page."""
    return {State.SUCCEEDED: "ready", State.FAILED: "failed", State.CANCELED: "canceled"}.get(job.state, "open")


def _lines(job: Job, outlook: str) -> Iterable[str]:
    """The lines that the page shows instead of a video."""
    if job.state == State.CANCELED:
        return [what_happened(job), NOTHING_CHARGED, how_to_retry(job)]
    if job.closed:
        advice = f"{what_to_do(job)} {how_to_retry(job)}".strip()
        return [line for line in (why(job), advice, cost_of_failure(job)) if line]
    if job.stopped:
        return [STOPPED]
    return [expected(job), " ".join(filter(None, [outlook, "This page shows the animation when it is ready."]))]


def _caption(one: Input) -> tuple[str, str]:
    seconds = f" · {duration(one.duration)}" if one.duration else ""
    return plain(one.key.rpartition("/")[2], 200), f"{one.width} x {one.height} px{seconds}"


def _details(job: Job) -> list[tuple[str, str | datetime | None]]:
    return [
        ("Length", length(job) if job.billing.seconds else ""),
        ("Size", picture(job)),
        ("Sound", sound(job)),
        ("Mode", mode_name(job.billing.mode or job.options.mode)),
        ("Cost", cost_in_full(job) if job.billing.cost is not None else _quote(job)),
        ("Folder", plain(job.folder, 200) or "/"),
        ("Dropped", job.recorded_at),
        ("Ended", job.closing.at),
        ("Job", job.job_id),
    ]


def _card(card: Card) -> dict[str, Any]:
    job = card.job
    billed = [length(job) if job.billing.seconds else "", cost(job) if job.billing.cost is not None else _quote(job)]
    return {
        "link": card.link,
        "picture": card.picture,
        "name": name_of(job),
        "folder": plain(job.folder, 200),
        "badge": "" if job.state == State.SUCCEEDED else state_of(job)[0],
        "tone": _tone(job),
        "facts": " · ".join(filter(None, billed)),
        "at": job.recorded_at,
        "dropped_by": job.image.dropped_by,
    }


def _quote(job: Job) -> str:
    """The quote of a job that has not ended; empty for one that has."""
    return "" if job.closed else f"quoted {usd(job.quote)}"
