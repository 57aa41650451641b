"""What the permanent links answer: a job's page and its media, the gallery, and the same 404 for all else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from motiondrop.aws.results import Results
from motiondrop.clock import iso
from motiondrop.domain.job import Job, State
from motiondrop.domain.outcome import cost_of_failure, what_happened
from motiondrop.domain.pricing import dollars
from motiondrop.errors import NoSuchJob
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.web.links import Links
from motiondrop.web.pages import asset, gallery_page, job_page, policy, unknown_page

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

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        """The request in an event of the function's URL."""
        query = event.get("queryStringParameters") or {}
        return cls(
            path=event.get("rawPath", "/"),
            signature=query.get("k", ""),
            after=query.get("after"),
            as_json="application/json" in (event.get("headers") or {}).get("accept", ""),
            method=event.get("requestContext", {}).get("http", {}).get("method", "GET"),
        )


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResultPage:
    """Answers the links of one stack."""

    jobs: Jobs
    ledger: Ledger
    results: Results
    links: Links

    def respond(self, request: Request) -> Response:
        """Response `/`, `/<job id>` and what lies below it; all that is wrong gets the same 404."""
        if request.method not in {"GET", "HEAD"}:
            return Response(405, headers=self._headers("text/plain") | {"Allow": "GET, HEAD"})
        path = request.path.strip("/")
        if path == "icon.svg":
            kept = {"Cache-Control": f"public, max-age={_ICON_SECONDS}"}
            return Response(200, asset("icon.svg"), self._headers("image/svg+xml") | kept)
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

    def _page(self, job: Job, request: Request) -> Response:
        if request.as_json:
            return self._json(200, facts(job, request.signature))
        return self._html(200, job_page(job, request.signature))

    def _media(self, job: Job, part: str, request: Request) -> Response:
        """A redirect to a freshly signed URL, so that seeking works and the link itself never dies."""
        video = job.result.key if job.state == State.SUCCEEDED else None
        keys = {
            "image": job.image.copy,
            "reference": job.video.copy,
            "video": video,
            "download": video,
            "still": job.result.still,
        }
        key = keys.get(part)
        if not key:
            return self._unknown(request)
        name = f"{job.job_id}.mp4" if part == "download" else None
        location = self.results.url(key, _URL_SECONDS, name=name)
        return Response(302, headers=self._headers("text/plain") | {"Location": location})

    def _gallery(self, request: Request) -> Response:
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
                    "cost_usd": dollars(totals.cost),
                    "older": older,
                },
            )
        cards = [
            (
                job,
                f"{job.job_id}?k={links[job.job_id]}",
                self.results.url(job.result.still, _URL_SECONDS) if job.result.still else None,
            )
            for job in jobs
        ]
        return self._html(200, gallery_page(cards, totals, newest=query if request.after else None, older=older))

    def _unknown(self, request: Request) -> Response:
        return self._json(404, {"error": "unknown link"}) if request.as_json else self._html(404, unknown_page())

    def _json(self, status: int, content: dict[str, Any]) -> Response:
        return Response(status, json.dumps(content), self._headers("application/json"))

    def _html(self, status: int, body: str) -> Response:
        return Response(status, body, self._headers("text/html; charset=utf-8"))

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
        "seconds": job.billing.seconds,
        "cost_usd": None if job.billing.cost is None else dollars(job.billing.cost),
        "cost_estimated": job.billing.estimated,
        "quoted_usd": dollars(job.quote),
        "recorded_at": iso(job.recorded_at),
        "closed_at": iso(job.closing.at),
        "codec": job.result.codec,
        "width": job.result.width,
        "height": job.result.height,
        "frame_rate": job.result.frame_rate,
        "sound": job.result.sound,
        "reason": what_happened(job) if ended_badly else None,
        "charged": cost_of_failure(job) if ended_badly else None,
        "page": f"{job.job_id}?k={signature}",
        "video": f"{job.job_id}/video?k={signature}" if done else None,
    }
