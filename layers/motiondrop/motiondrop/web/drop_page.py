"""The answers to a drop link: one folder's page, its list, uploads, removals and media, for whoever has the link.

Every request has the link's token in its path. A key is the link's folder plus a name without a slash, and a job is
reached only through this folder's drops, so no request can name anything outside the folder.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from motiondrop.aws.results import Results
from motiondrop.aws.uploads import Uploads
from motiondrop.clock import Clock, now
from motiondrop.domain.delivery import BACKGROUND, DOES
from motiondrop.domain.formats import ACCEPTED, Kind
from motiondrop.domain.job import Job, State
from motiondrop.domain.keys import extension_of, folder_of, ignored
from motiondrop.domain.pricing import MODES, Prices, dollars
from motiondrop.domain.reasons import as_text
from motiondrop.media.limits import SECONDS_MAX, SECONDS_MIN, SIDE_MIN, SOURCE_MAX, Rejected, expect
from motiondrop.media.report import Trim
from motiondrop.storage.budget import Budget
from motiondrop.storage.drop_links import LINK_METADATA, DropLink, DropLinks
from motiondrop.storage.drops import Drops
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.storage.slots import Slots
from motiondrop.web.folder_view import Entry, entries
from motiondrop.web.links import Links
from motiondrop.web.progress import read_queue
from motiondrop.web.rendering import asset, hash_of, render
from motiondrop.web.response import Response, download_name, page_headers

#: How many files a page shows: the newest ones. Each poll of an open page reads this many.
SHOWN = 50

#: Bytes of a key that S3 takes (S3 User Guide, "Naming Amazon S3 objects").
_KEY_BYTES = 1024

#: Seconds that a signed URL of a video or picture is valid: long enough to look at it.
_URL_SECONDS = 3600

_CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
}


@dataclass(frozen=True)
class Request:
    """A request to a drop page: the link's token, the rest of the path, the query, and the JSON body."""

    method: str
    token: str
    parts: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    slash: bool = False  # at the end of the path

    @property
    def base(self) -> str:
        """How the page's own links begin, relative to the page."""
        return "." if self.slash else self.token

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        """The request in an event of the function's URL. A body that is not plain text counts as empty."""
        token, *parts = event.get("rawPath", "/").strip("/").split("/")
        return cls(
            method=event.get("requestContext", {}).get("http", {}).get("method", "GET"),
            token=token,
            parts=tuple(parts),
            query=event.get("queryStringParameters") or {},
            slash=event.get("rawPath", "/").endswith("/"),
            body="" if event.get("isBase64Encoded") else event.get("body") or "",
        )


class _Refused(Exception):  # an answer, not an error of the library
    """The request cannot be carried out; the message tells the person at the page why, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class DropPage:
    """Answers the drop links of one stack."""

    drop_links: DropLinks
    links: Links
    drops: Drops
    jobs: Jobs
    slots: Slots
    budget: Budget
    ledger: Ledger
    results: Results
    uploads: Uploads
    prices: Prices
    mode: str
    model: str
    clock: Clock = now

    def respond(self, request: Request) -> Response:
        """Answer `/<token>/` and the paths below it; every token that opens nothing gets the same 404."""
        link = self.drop_links.opened_by(request.token)
        if link is None:
            return self._html(404, render("unknown_drop_link.html"))
        action = {
            ("GET", ()): self._page,
            ("GET", ("list",)): self._list,
            ("GET", ("icon.svg",)): self._icon,
            ("POST", ("upload",)): self._upload,
            ("POST", ("remove",)): self._remove,
            ("GET", ("poster",)): self._poster,
            ("GET", ("video",)): self._media,
            ("GET", ("still",)): self._media,
            ("GET", ("download",)): self._media,
        }.get(("GET" if request.method == "HEAD" else request.method, request.parts))
        if action is None:
            return self._json(404, {"error": "There is nothing here."})
        try:
            return action(link, request)
        except (_Refused, Rejected) as error:
            return self._json(400, {"error": as_text(str(error))})

    def _page(self, link: DropLink, request: Request) -> Response:
        facts = {
            "prices": {mode: dollars(price) for mode, price in self.prices.by_mode.items()},
            "extensions": {kind: _extensions(kind) for kind in Kind},
            "most": {kind: SOURCE_MAX[kind] for kind in Kind},
            "seconds": [SECONDS_MIN, SECONDS_MAX],
            "side": SIDE_MIN,
        }
        page = render(
            "drop_page.html",
            folder=link.folder.rstrip("/"),
            facts=facts,
            modes=[(mode, dollars(self.prices.by_mode[mode])) for mode in MODES],
            mode=self.mode,
            accept=",".join(f".{one}" for kind in Kind for one in _extensions(kind)),
            what=DOES[self.model],
            background=BACKGROUND[self.model],
            expires_at=link.expires_at,
            email=link.email,
            **self._listed(link, request),
        )
        return self._html(200, page)

    def _icon(self, link: DropLink, request: Request) -> Response:  # noqa: ARG002  # one shape for all
        return Response(200, asset("icon.svg"), self._headers("image/svg+xml"))

    def _list(self, link: DropLink, request: Request) -> Response:
        return self._html(200, render("drop_list.html", **self._listed(link, request)))

    def _listed(self, link: DropLink, request: Request) -> dict[str, Any]:
        """The values that the list's template shows."""
        left = max(0, link.daily - self.budget.of_link(link.link_id))
        return {
            "entries": self._entries(link),
            "left": dollars(left),
            "daily": dollars(link.daily),
            "base": request.base,
        }

    def _entries(self, link: DropLink) -> list[Entry]:
        drops = [drop for drop in self.drops.newest(link.folder, SHOWN) if not drop.deleted]
        jobs = {job.job_id: job for job in self.jobs.find(sorted({one for drop in drops for one in drop.jobs}))}
        queue = read_queue(self.slots, self.budget, jobs.values())
        found = entries(drops, jobs, queue, self.ledger.totals(), self.clock())
        return [replace(entry, link=self._permanent(jobs.get(entry.job_id or ""), link.folder)) for entry in found]

    def _permanent(self, job: Job | None, folder: str) -> str | None:
        """The link to a job's result; None if there is no result, or if its page names a file of another folder."""
        if (
            job is None
            or job.state != State.SUCCEEDED
            or {folder_of(job.image.key), folder_of(job.video.key)} != {folder}
        ):
            return None
        return self.links.to(job.job_id)

    def _upload(self, link: DropLink, request: Request) -> Response:
        asked = _document(request)
        key = _new_key(link, asked.get("name"))
        size = asked.get("size")
        if not isinstance(size, int) or isinstance(size, bool):
            raise _Refused("the page did not send the size of the file. Reload the page and try again")
        kind = expect(key, size)
        metadata = {LINK_METADATA: link.link_id} | _options(kind, asked)
        extension = extension_of(key)
        content_type = _CONTENT_TYPES.get(extension, f"{kind}/{extension}")
        upload = self.uploads.sign(key, size, content_type, metadata, replace=asked.get("replace") is True)
        return self._json(200, {"url": upload.url, "headers": upload.headers})

    def _remove(self, link: DropLink, request: Request) -> Response:
        self.uploads.remove(_key(link, _document(request).get("name")))
        return self._json(200, {})

    def _poster(self, link: DropLink, request: Request) -> Response:
        drop = self.drops.get(_key(link, request.query.get("name")))
        return self._to(drop.media.poster if drop and drop.media else None)

    def _media(self, link: DropLink, request: Request) -> Response:
        """Redirect to the video or still of a job; the query names the job and a file of this folder that it uses."""
        drop = self.drops.get(_key(link, request.query.get("name")))
        job_id = request.query.get("job", "")
        jobs = self.jobs.find([job_id]) if drop and job_id in drop.jobs else []
        done = [job for job in jobs if job.state == State.SUCCEEDED]
        if not done or drop is None:
            return self._to(None)
        (what,) = request.parts
        result = done[0].result
        name = download_name(drop.key, done[0].job_id) if what == "download" else None
        return self._to(result.still if what == "still" else result.key, name)

    def _to(self, key: str | None, name: str | None = None) -> Response:
        """A redirect to a freshly signed URL of an object in the results bucket."""
        if key is None:
            return self._json(404, {"error": "There is nothing here."})
        location = self.results.url(key, _URL_SECONDS, name=name)
        return Response(302, headers=self._headers("text/plain") | {"Location": location})

    def _json(self, status: int, content: dict[str, Any]) -> Response:
        return Response(status, json.dumps(content), self._headers("application/json"))

    def _html(self, status: int, body: str) -> Response:
        return Response(status, body, self._headers("text/html; charset=utf-8"))

    def _headers(self, content_type: str) -> dict[str, str]:
        results, inbox = self.results.origin, self.uploads.origin
        policy = (
            f"default-src 'none'; style-src {hash_of('page.css')} {hash_of('drop.css')}; "
            f"script-src {hash_of('drop.js')}; img-src 'self' blob: {results}; media-src 'self' blob: {results}; "
            f"connect-src 'self' {inbox}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return page_headers(content_type, policy)


def _document(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise _Refused("the page sent a request that MotionDrop does not understand. Reload the page and try again")
    return asked


def _key(link: DropLink, name: object) -> str:
    """The key of the file in the link's folder with exactly this name; raise _Refused if no file can have that name."""
    if not isinstance(name, str) or not name or "/" in name or any(unicodedata.category(char) == "Cs" for char in name):
        raise _Refused("this name is not the name of a file in this folder")
    return link.folder + name


def _new_key(link: DropLink, name: object) -> str:
    """The key of a file that is to be uploaded; raise _Refused if the name cannot be used."""
    key = _key(link, unicodedata.normalize("NFC", name) if isinstance(name, str) else name)
    odd = "\\" in key or any(unicodedata.category(char) in _ODD and char not in _JOINERS for char in key)
    if odd or ignored(key) or len(key.encode()) > _KEY_BYTES:
        raise _Refused("this file name cannot be used. Rename the file and choose it again")
    return key


#: Categories of characters that show nothing or reorder a line. The two joiners are allowed: emoji need them.
_ODD, _JOINERS = {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}, "\u200c\u200d"


def _options(kind: Kind, asked: Mapping[str, Any]) -> dict[str, str]:
    """The options chosen on the page, as metadata of the drop; raise _Refused if the mode is unknown."""
    if kind is Kind.VIDEO:
        trim = asked.get("trim")
        return {"trim": str(Trim.parse(trim))} if isinstance(trim, str) and trim else {}
    mode = asked.get("mode")
    if mode not in MODES:
        raise _Refused(f"the mode must be {' or '.join(MODES)}")
    return {"mode": mode}


def _extensions(kind: Kind) -> list[str]:
    return [extension for one in ACCEPTED if one.kind is kind for extension in one.extensions]
