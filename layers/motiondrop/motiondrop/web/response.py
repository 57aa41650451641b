"""An HTTP response of a page's function, and the headers that all such responses have."""

from dataclasses import dataclass, field

from motiondrop.domain.keys import stem_of
from motiondrop.sanitize import plain

_NAME = 60  # characters: even at four bytes each, file systems accept the name


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def download_name(key: str, otherwise: str) -> str:
    """The name of a downloaded result: that of the file at `key`, or `otherwise` if that has no usable name."""
    return f"{plain(stem_of(key))[:_NAME] or otherwise}.mp4"


def page_headers(content_type: str, policy: str) -> dict[str, str]:
    """The headers of an answer to a secret link: no caching, no indexing. `policy` is its Content-Security-Policy."""
    return {
        "Content-Type": content_type,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }
