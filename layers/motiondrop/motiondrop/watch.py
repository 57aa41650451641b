"""What the permanent links answer: a job's page and its media, the gallery, and the same 404 for all else."""

import json
from dataclasses import dataclass, field
from typing import Any

from motiondrop.errors import NoSuchJob
from motiondrop.job import Job, State
from motiondrop.jobs import Jobs
from motiondrop.ledger import Ledger
from motiondrop.links import Links
from motiondrop.messages import cost_of_failure, what_happened
from motiondrop.pages import asset, gallery_page, job_page, policy, unknown_page
from motiondrop.results import Results

#: Seconds that a signed URL of what a page shows lives; a page left open asks its link for a new one when it plays.
_URL_SECONDS = 3600

#: Jobs on one page of the gallery.
_PAGE = 24

_ICON_SECONDS = 86_400


@dataclass(frozen=True)
class Request:
    """What is asked for: a path, and of the query string what counts."""

    path: str
    signature: str = ""
    after: str | None = None
    as_json: bool = False
    method: str = "GET"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Watch:
    """Answers the links of one stack."""

    jobs: Jobs
    ledger: Ledger
    results: Results
    links: Links

    def answer(self, request: Request) -> Answer:
        """Answer `/`, `/<job id>` and what lies below it; all that is wrong gets the same 404."""
        if request.method not in {"GET", "HEAD"}:
            return Answer(405, headers=self._headers("text/plain") | {"Allow": "GET, HEAD"})
        path = request.path.strip("/")
        if path == "icon.svg":
            kept = {"Cache-Control": f"public, max-age={_ICON_SECONDS}"}
            return Answer(200, asset("icon.svg"), self._headers("image/svg+xml") | kept)
        job_id, _, part = path.partition("/")
        # The signature comes first: without a right one, nothing here depends on what exists.
        if not job_id:
            return self._gallery(request) if self.links.opens_gallery(request.signature) else self._unknown(request)
        if not self.links.opens(job_id, request.signature):
            return self._unknown(request)
        try:
            job = self.jobs.get(job_id)
        except NoSuchJob:
            return self._unknown(request)
        if job.job_id != job_id:  # the same content under another name has another link
            return self._unknown(request)
        return self._media(job, part, request) if part else self._page(job, request)

    def _page(self, job: Job, request: Request) -> Answer:
        if request.as_json:
            return self._json(200, facts(job, request.signature))
        return self._html(200, job_page(job, request.signature))

    def _media(self, job: Job, part: str, request: Request) -> Answer:
        """A redirect to a freshly signed URL, so that seeking works and the link itself never dies."""
        video = job.result_key if job.state == State.SUCCEEDED else None
        keys = {
            "image": job.image.copy,
            "reference": job.video.copy,
            "video": video,
            "download": video,
            "still": job.result_still,
        }
        key = keys.get(part)
        if not key:
            return self._unknown(request)
        name = f"{job.job_id}.mp4" if part == "download" else None
        location = self.results.url(key, _URL_SECONDS, name=name)
        return Answer(302, headers=self._headers("text/plain") | {"Location": location})

    def _gallery(self, request: Request) -> Answer:
        jobs, after = self.jobs.newest(_PAGE, request.after)
        totals = self.ledger.totals()
        query = f"?k={request.signature}"
        older = f"{query}&after={after}" if after else None
        links = {job.job_id: self.links.signature(job.job_id) for job in jobs}
        if request.as_json:
            return self._json(
                200,
                {
                    "jobs": [facts(job, links[job.job_id]) for job in jobs],
                    "results": totals.results,
                    "seconds": totals.seconds,
                    "cost_usd": totals.cost / 1_000_000,
                    "older": older,
                },
            )
        cards = [
            (
                job,
                f"{job.job_id}?k={links[job.job_id]}",
                self.results.url(job.result_still, _URL_SECONDS) if job.result_still else None,
            )
            for job in jobs
        ]
        return self._html(200, gallery_page(cards, totals, newest=query if request.after else None, older=older))

    def _unknown(self, request: Request) -> Answer:
        return self._json(404, {"error": "unknown link"}) if request.as_json else self._html(404, unknown_page())

    def _json(self, status: int, content: dict[str, Any]) -> Answer:
        return Answer(status, json.dumps(content), self._headers("application/json"))

    def _html(self, status: int, body: str) -> Answer:
        return Answer(status, body, self._headers("text/html; charset=utf-8"))

    def _headers(self, content_type: str) -> dict[str, str]:
        return {
            "Content-Type": content_type,
            "Content-Security-Policy": policy(self.results.origin),
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Vary": "Accept",
            "X-Robots-Tag": "noindex",
            "X-Content-Type-Options": "nosniff",
        }


def facts(job: Job, signature: str) -> dict[str, Any]:
    """What a link tells a program: pixels, seconds, USD, UTC; links are relative to the page's own."""
    done = job.state == State.SUCCEEDED
    ended_badly = job.closed and not done
    return {
        "job_id": job.job_id,
        "state": job.state,
        "mode": job.options.mode,
        "seconds": job.billed_seconds,
        "cost_usd": None if job.cost is None else job.cost / 1_000_000,
        "quoted_usd": job.quote / 1_000_000,
        "recorded_at": job.recorded_at.isoformat(),
        "closed_at": job.closed_at.isoformat() if job.closed_at else None,
        "codec": job.result_codec,
        "width": job.result_width,
        "height": job.result_height,
        "frame_rate": job.result_frame_rate,
        "reason": what_happened(job) if ended_badly else None,
        "charged": cost_of_failure(job) if ended_badly else None,
        "page": f"{job.job_id}?k={signature}",
        "video": f"{job.job_id}/video?k={signature}" if done else None,
    }
