"""An HTTP response of a page's function, and the headers that all of them have."""

from dataclasses import dataclass, field

from motiondrop.domain.keys import stem_of
from motiondrop.sanitize import plain

_NAME = 60  # characters: with four bytes each still a name that file systems take


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def download_name(key: str, otherwise: str) -> str:
    """What a result is called when it is downloaded: after the file at `key`, or `otherwise` where that has no name."""
    return f"{plain(stem_of(key))[:_NAME] or otherwise}.mp4"


def page_headers(content_type: str, policy: str) -> dict[str, str]:
    """The headers of what a secret link leads to: no caching, no indexing; `policy` is what it may load."""
    return {
        "Content-Type": content_type,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }
