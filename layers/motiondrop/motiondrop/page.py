"""The page behind a permanent link: the video playing, and what is known of its job."""

import html
import json
from dataclasses import dataclass

from motiondrop.errors import NoSuchJob
from motiondrop.job import Job, State, stem_of
from motiondrop.jobs import Jobs
from motiondrop.links import Links
from motiondrop.pricing import usd
from motiondrop.refusals import by_name
from motiondrop.results import Results
from motiondrop.text import duration, plain

#: Seconds that a signed URL of the page's media lives; a page left open asks for a new one when it plays.
_URL_SECONDS = 3600
_REFRESH_SECONDS = 15


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Page:
    """Answers the links of one stack."""

    jobs: Jobs
    results: Results
    links: Links

    def answer(self, path: str, signature: str, *, as_json: bool) -> Answer:
        """Answer `/<job id>`, `/<job id>/video`, `/image` and `/reference`; all that is wrong gets the same 404."""
        job_id, _, part = path.strip("/").partition("/")
        if not self.links.valid(job_id, signature):
            return self._unknown(as_json=as_json)
        try:
            job = self.jobs.get(job_id)
        except NoSuchJob:
            return self._unknown(as_json=as_json)
        if part:
            return self._media(job, part)
        if as_json:
            return self._json(200, facts(job))
        return self._html(200, _document(job, signature))

    def _media(self, job: Job, part: str) -> Answer:
        """A redirect to a freshly signed URL, so that seeking works and the link itself never dies."""
        keys = {
            "image": job.image.copy,
            "reference": job.video.copy,
            "video": job.result_key,
            "download": job.result_key,
        }
        key = keys.get(part)
        if not key:
            return self._unknown(as_json=False)
        name = f"{job.job_id}.mp4" if part == "download" else None
        return Answer(
            302, "", self._headers("text/plain") | {"Location": self.results.url(key, _URL_SECONDS, name=name)}
        )

    def _unknown(self, *, as_json: bool) -> Answer:
        if as_json:
            return self._json(404, {"error": "unknown link"})
        body = _SHELL.format(
            title="Unknown link",
            body="<main><h1>Unknown link</h1><p>This link does not lead anywhere.</p></main>",
            head="",
        )
        return self._html(404, body)

    def _json(self, status: int, content: dict[str, object]) -> Answer:
        return Answer(status, json.dumps(content), self._headers("application/json"))

    def _html(self, status: int, body: str) -> Answer:
        return Answer(status, body, self._headers("text/html; charset=utf-8"))

    def _headers(self, content_type: str) -> dict[str, str]:
        origin = self.results.origin
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' {origin}; "
            f"media-src 'self' {origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return {
            "Content-Type": content_type,
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "X-Robots-Tag": "noindex",
            "X-Content-Type-Options": "nosniff",
        }


def facts(job: Job) -> dict[str, object]:
    """What the link tells a program: seconds, USD, UTC."""
    return {
        "job_id": job.job_id,
        "state": job.state,
        "mode": job.options.mode,
        "seconds": job.billed_seconds,
        "cost_usd": None if job.cost is None else job.cost / 1_000_000,
        "recorded_at": job.recorded_at.isoformat(),
        "closed_at": job.closed_at and job.closed_at.isoformat(),
    }


def _document(job: Job, signature: str) -> str:
    query = f"?k={html.escape(signature)}"
    name = html.escape(plain(stem_of(job.image.key), 80))
    base = job.job_id  # relative, since a custom domain may put a path before it
    if job.state == State.SUCCEEDED:
        body = (
            f'<video controls playsinline preload="metadata" src="{base}/video{query}"></video>'
            f'<p><a class="button" href="{base}/download{query}">Download</a></p>'
        )
        head = ""
    elif job.closed:
        reason = f"{by_name(job.verdict).means}" if job.verdict else job.reason or "The job was canceled."
        body, head = f"<p class='state'>{job.state.capitalize()}: {html.escape(reason)}</p>", ""
    else:
        body = f"<p class='state'>{_PROGRESS[job.state]}. This page looks again by itself.</p>"
        head = f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">'
    rows = [
        ("Length", duration(job.billed_seconds) if job.billed_seconds else "-"),
        ("Mode", job.options.mode),
        ("Cost", usd(job.cost) if job.cost is not None else f"quoted {usd(job.quote)}"),
        ("Dropped", f"{job.recorded_at:%Y-%m-%d %H:%M} UTC"),
        ("Done", f"{job.closed_at:%Y-%m-%d %H:%M} UTC" if job.closed_at else "-"),
    ]
    table = "".join(f"<tr><th scope='row'>{label}</th><td>{html.escape(value)}</td></tr>" for label, value in rows)
    body = (
        f"<main><h1>{name}</h1>{body}<div class='inputs'>"
        f"<figure><img alt='The character image' src='{base}/image{query}'><figcaption>Character</figcaption></figure>"
        f"<figure><video controls muted playsinline preload='metadata' src='{base}/reference{query}'></video>"
        f"<figcaption>Reference</figcaption></figure></div><table>{table}</table></main>"
    )
    return _SHELL.format(title=name, body=body, head=head)


_PROGRESS = {
    State.QUEUED: "Waiting in the line",
    State.ADMITTED: "Being sent to the animation service",
    State.SUBMITTING: "Being sent to the animation service",
    State.PENDING: "Waiting at the animation service",
    State.RUNNING: "Being animated",
    State.SAVING: "Being saved",
    State.CANCELING: "Being canceled",
}

_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - MotionDrop</title>{head}
<style>
body {{ margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: #111; color: #eee }}
main {{ max-width: 60rem; margin: 0 auto; padding: 1rem }}
video, img {{ max-width: 100%; max-height: 75vh; background: #000; border-radius: .5rem }}
main > video {{ display: block; margin: 0 auto; width: 100% }}
.inputs {{ display: flex; flex-wrap: wrap; gap: 1rem }}
figure {{ margin: 0; flex: 1 1 12rem }} figure * {{ max-height: 14rem }}
.button {{ display: inline-block; padding: .5rem 1rem; border-radius: .5rem; background: #fff; color: #111; text-decoration: none }}
th {{ text-align: left; padding-right: 1rem; font-weight: normal; color: #bbb }}
</style></head><body>{body}</body></html>
"""
