"""The HTML behind the permanent links: a job's page, the gallery, and what stands where a link leads nowhere."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path

from motiondrop.domain.delivery import expected, takes
from motiondrop.domain.job import Input, Job, State
from motiondrop.domain.keys import stem_of
from motiondrop.domain.messages import RETRY
from motiondrop.domain.outcome import (
    AI_GENERATED,
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
from motiondrop.domain.pricing import usd
from motiondrop.sanitize import duration, plain
from motiondrop.storage.ledger import Totals

_STATIC = Path(__file__).parent / "static"

_STATES = {
    State.PREPARING: "Being converted, so that the animation service takes it",
    State.QUEUED: "Waiting in the queue",
    State.ADMITTED: "Being sent to the animation service",
    State.SUBMITTING: "Being sent to the animation service",
    State.PENDING: "Waiting at the animation service",
    State.RUNNING: "Being animated",
    State.SAVING: "Being saved",
    State.SUCCEEDED: "Ready",
    State.FAILED: "Failed",
    State.CANCELED: "Canceled",
}

#: Without scripts a page of a job that has not ended loads itself anew, after these seconds.
_REFRESH = 20


@cache
def asset(name: str) -> str:
    """A file that the pages are made with."""
    return (_STATIC / name).read_text()


@cache
def policy(origin: str) -> str:
    """The Content-Security-Policy: this page, its own style and script by their hashes, and the results bucket."""
    return (
        f"default-src 'none'; style-src '{_hash(asset('page.css'))}'; script-src '{_hash(asset('page.js'))}'; "
        f"img-src 'self' {origin}; media-src 'self' {origin}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def unknown_page() -> str:
    """What every link shows that leads nowhere, whatever the reason."""
    return _shell(
        "Unknown link",
        _header("Unknown link")
        + '<div class="state"><p>This link does not lead anywhere. Was it copied whole?</p></div>',
    )


def job_page(job: Job, signature: str) -> str:
    """The page of a job; links are relative, since a domain of one's own may put a path before them."""
    name = _name(job)
    if job.state == State.SUCCEEDED:
        lead = " · ".join([length(job), job.options.mode, cost(job)])
        top = _header(name, lead) + _result(job, name, signature)
    else:
        top = _header(name) + _state(job)
    body = f"{top}<h2>Made from</h2>{_inputs(job, signature)}<h2>Details</h2>{_details(job)}"
    return _shell(name, body, job)


def gallery_page(
    jobs: Sequence[tuple[Job, str, str | None]], totals: Totals, *, newest: str | None, older: str | None
) -> str:
    """The gallery's page: jobs with their links and the URLs of their stills, and links to its other pages."""
    lead = (
        f"{totals.results} result{'' if totals.results == 1 else 's'} so far · {duration(totals.seconds)} of video · "
        f"{usd(totals.cost)} in all"
    )
    cards = "".join(_card(job, link, still) for job, link, still in jobs)
    shown = f'<ul class="cards">{cards}</ul>' if cards else '<div class="state"><p>No jobs here yet.</p></div>'
    pages = [("Newest", newest), ("Older", older)]
    links = "".join(f'<a href="{escape(link)}">{label}</a>' for label, link in pages if link)
    nav = f'<nav aria-label="Pages">{links}</nav>' if links else ""
    return _shell("All jobs", _header("All jobs", lead) + shown + nav)


def _result(job: Job, name: str, signature: str) -> str:
    base, query = job.job_id, f"?k={escape(signature)}"
    size = f' width="{job.result.width}" height="{job.result.height}"' if job.result.width else ""
    poster = f' poster="{base}/still{query}"' if job.result.still else ""
    notified = "".join(f"<p>{escape(note)}</p>" for note in notes(job))
    return (
        f'<div class="stage"><video controls playsinline preload="metadata" aria-label="The animation {escape(name)}"'
        f'{size}{poster} src="{base}/video{query}"></video></div><p class="label">{AI_GENERATED}</p>'
        f'<p class="actions"><a class="button" href="{base}/download{query}" download>Download</a></p>'
        + (f'<h2>Good to know</h2><div class="state">{notified}</div>' if notified else "")
    )


def _state(job: Job) -> str:
    """What there is to say instead of a video."""
    head = f"<strong>{_STATES[job.state]}</strong>"
    if not job.closed:
        time = "" if job.state == State.SAVING else takes(job)
        coming = f"<p>{expected(job)}</p><p>{time} This page shows the video as soon as it is there.</p>"
        return f'<div class="state" role="status">{head}{coming}</div>'
    charged = NOTHING_CHARGED if job.state == State.CANCELED else cost_of_failure(job)
    said = "".join(f"<p>{escape(plain(text, 1000))}</p>" for text in (what_happened(job), charged, RETRY))
    return f'<div class="state failed" role="status">{head}{said}</div>'


def _inputs(job: Job, signature: str) -> str:
    base, query = job.job_id, f"?k={escape(signature)}"
    # Before it is converted there is nothing to play.
    video = f' src="{base}/reference{query}"' if job.video.copy else ""
    return (
        f'<div class="inputs"><figure><img alt="The character image" src="{base}/image{query}">'
        f"<figcaption><b>Character</b>{_caption(job.image)}</figcaption></figure>"
        '<figure><video controls muted playsinline preload="metadata" aria-label="The reference video"'
        f"{video}></video>"
        f"<figcaption><b>Reference</b>{_caption(job.video)}</figcaption></figure></div>"
    )


def _caption(one: Input) -> str:
    length = f" · {duration(one.duration)}" if one.duration else ""
    return f"{escape(plain(one.key.rpartition('/')[2], 80))}<br>{one.width} x {one.height} px{length}"


def _details(job: Job) -> str:
    rows = [
        ("Length", length(job) if job.billing.seconds else ""),
        ("Picture", picture(job)),
        ("Sound", sound(job)),
        ("Mode", job.options.mode),
        ("Cost", cost_in_full(job) if job.billing.cost is not None else _quote(job)),
        ("Folder", escape(plain(job.folder, 80)) or "/"),
        ("Dropped", _time(job.recorded_at)),
        ("Ended", _time(job.closing.at)),
        ("Job", job.job_id),
    ]
    return "<dl>" + "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in rows if value) + "</dl>"


def _card(job: Job, link: str, still: str | None) -> str:
    shown = (
        f'<img alt="" loading="lazy" src="{escape(still)}">'
        if still
        else f'<span class="blank" aria-hidden="true">{_STATES[job.state]}</span>'
    )
    billed = [length(job) if job.billing.seconds else "", cost(job) if job.billing.cost is not None else _quote(job)]
    said = " · ".join(filter(None, [_STATES[job.state], *billed]))
    return (
        f'<li><a href="{escape(link)}">{shown}<div><b>{escape(_name(job))}</b>'
        f"<small>{said}</small><small>{_time(job.recorded_at)}</small></div></a></li>"
    )


def _quote(job: Job) -> str:
    """What it may cost yet; nothing where it ended."""
    return "" if job.closed else f"quoted {usd(job.quote)}"


def _name(job: Job) -> str:
    return plain(stem_of(job.image.key), 80) or job.job_id


def _time(moment: datetime | None) -> str:
    return f'<time datetime="{moment.isoformat()}">{moment:%Y-%m-%d %H:%M} UTC</time>' if moment else ""


def _header(title: str, lead: str = "") -> str:
    said = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return f'<header><p class="brand">MotionDrop</p><h1>{escape(title)}</h1>{said}</header>'


def _shell(title: str, body: str, job: Job | None = None) -> str:
    is_open = job is not None and not job.closed
    refresh = f'<noscript><meta http-equiv="refresh" content="{_REFRESH}"></noscript>' if is_open else ""
    mark = f' data-open="{job.state}"' if job and is_open else ""
    return "".join(_document(escape(title), body, refresh, mark))


def _document(title: str, body: str, refresh: str, mark: str) -> Iterable[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
    yield f'<title>{title} - MotionDrop</title><link rel="icon" href="icon.svg">{refresh}'
    yield f"<style>{asset('page.css')}</style></head>"
    yield f"<body{mark}><main>{body}</main><script>{asset('page.js')}</script></body></html>\n"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
