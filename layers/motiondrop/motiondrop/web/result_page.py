"""The answers to permanent links: a job's page and its media, the gallery, and the same 404 for everything else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from motiondrop.aws.results import Results
from motiondrop.clock import Clock, iso, now
from motiondrop.domain.job import Job, State
from motiondrop.domain.outcome import cost_of_failure, what_happened
from motiondrop.domain.pricing import dollars
from motiondrop.errors import NoSuchJob
from motiondrop.storage.budget import Budget
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.storage.slots import Slots
from motiondrop.web.links import Address, Links
from motiondrop.web.pages import FILTERS, Card, Filter, gallery_page, job_page, policy, unknown_page
from motiondrop.web.progress import read_queue, remaining, wait_of
from motiondrop.web.rendering import asset
from motiondrop.web.response import Response, download_name, page_headers

#: Seconds that a signed URL of a page's media is valid; after that, an open page gets a new one through its own link.
_URL_SECONDS = 3600

#: Jobs on one page of the gallery, and how many a filter is applied to.
_PAGE = 24
_SEARCHED = 200

_ICON_SECONDS = 86_400


@dataclass(frozen=True)
class Request:
    """A request: its path and method, the query parameters that it uses, and whether JSON is wanted."""

    path: str
    signature: str = ""
    after: str | None = None
    shown: Filter = field(default_factory=Filter)
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
            shown=Filter(query.get("folder", ""), query.get("state", "") if query.get("state") in FILTERS else ""),
            as_json="application/json" in (event.get("headers") or {}).get("accept", ""),
            method=event.get("requestContext", {}).get("http", {}).get("method", "GET"),
        )


@dataclass(frozen=True, kw_only=True)
class ResultPage:
    """Answers the links of one stack. `waiting` makes the slots and the budget, which few pages need."""

    jobs: Jobs
    ledger: Ledger
    results: Results
    links: Links
    waiting: Callable[[], tuple[Slots, Budget]]
    clock: Clock = now

    def respond(self, request: Request) -> Response:
        """Answer `/`, a job's page and the paths below it; every wrong link gets the same 404.

        A job's page is `/<job id>?k=<signature>` or, where no `?` is allowed, `/<job id>/<signature>`.
        """
        if request.method not in {"GET", "HEAD"}:
            return Response(405, headers=self._headers("text/plain") | {"Allow": "GET, HEAD"})
        path = request.path.strip("/")
        if path == "icon.svg":
            kept = {"Cache-Control": f"public, max-age={_ICON_SECONDS}"}
            return Response(200, asset("icon.svg"), self._headers("image/svg+xml") | kept)
        # The signature comes first: without a valid one, no answer depends on what exists.
        if not path:
            return self._gallery(request) if self.links.opens_gallery(request.signature) else self._unknown(request)
        at, part = _address(path, request.signature)
        if not self.links.opens(at.job_id, at.signature):
            return self._unknown(request)
        try:
            job = self.jobs.get(at.job_id)
        except NoSuchJob:
            return self._unknown(request)
        if job.job_id != at.job_id:  # the same content under another name has another link
            return self._unknown(request)
        return self._media(job, part, request) if part else self._page(job, at, request)

    def _page(self, job: Job, at: Address, request: Request) -> Response:
        if request.as_json:
            return self._json(200, facts(job, at))
        return self._html(200, job_page(job, at, self._outlook(job)))

    def _outlook(self, job: Job) -> str:
        """How long an open job will take, as far as one can say."""
        if job.closed or job.state == State.SAVING:
            return ""
        totals = self.ledger.totals()
        if job.state != State.QUEUED:
            return remaining(job, totals, self.clock())
        slots, budget = self.waiting()
        return wait_of(job, read_queue(slots, budget, [job]), totals)

    def _media(self, job: Job, part: str, request: Request) -> Response:
        """A redirect to a freshly signed URL, so that seeking works and the link itself never expires."""
        video = job.result.key if job.state == State.SUCCEEDED else None
        keys = {
            "image": job.image.copy,
            "picture": job.image.poster,
            "reference": job.video.copy,
            "poster": job.video.poster,
            "video": video,
            "download": video,
            "still": job.result.still,
        }
        key = keys.get(part)
        if not key:
            return self._unknown(request)
        name = download_name(job.image.key, job.job_id) if part == "download" else None
        location = self.results.url(key, _URL_SECONDS, name=name)
        return Response(302, headers=self._headers("text/plain") | {"Location": location})

    def _gallery(self, request: Request) -> Response:
        found, after = self.jobs.newest(_SEARCHED if request.shown else _PAGE, request.after)
        jobs = [job for job in found if request.shown.shows(job)]
        totals = self.ledger.totals()
        at = {job.job_id: Address(job.job_id, self.links.signature(job.job_id)) for job in jobs}
        if request.as_json:
            content = {
                "jobs": [facts(job, at[job.job_id]) for job in jobs],
                "results": totals.results,
                "seconds": totals.seconds,
                "cost_usd": dollars(totals.cost),
                "older": f"?k={request.signature}&after={after}" if after else None,
            }
            return self._json(200, content)
        body = gallery_page(
            [Card(job, at[job.job_id].page, self._picture(job)) for job in jobs],
            totals,
            signature=request.signature,
            shown=request.shown,
            searched=len(found),
            older=after,
            first=not request.after,
        )
        return self._html(200, body)

    def _picture(self, job: Job) -> str:
        """The URL of a picture of the job: the character's, until there is a still."""
        return self.results.url(job.result.still or job.image.poster, _URL_SECONDS)

    def _unknown(self, request: Request) -> Response:
        return self._json(404, {"error": "unknown link"}) if request.as_json else self._html(404, unknown_page())

    def _json(self, status: int, content: dict[str, Any]) -> Response:
        return Response(status, json.dumps(content), self._headers("application/json"))

    def _html(self, status: int, body: str) -> Response:
        return Response(status, body, self._headers("text/html; charset=utf-8"))

    def _headers(self, content_type: str) -> dict[str, str]:
        return page_headers(content_type, policy(self.results.origin)) | {"Vary": "Accept"}


def _address(path: str, signature: str) -> tuple[Address, str]:
    """Parse a path without its outer slashes: the job's page, and the part of it that is asked for."""
    job_id, _, part = path.partition("/")
    if signature:
        return Address(job_id, signature), part
    signature, _, part = part.partition("/")
    return Address(job_id, signature, in_path=True), part


def facts(job: Job, at: Address) -> dict[str, Any]:
    """What a program gets from a job's link, in pixels, seconds, USD and UTC; links in it are relative to that link."""
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
        "page": at.page,
        "video": at.part("video") if done else None,
    }
