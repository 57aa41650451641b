"""An HTTP response of a page's function, and the headers that all of them have."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Response:
    """An HTTP response."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def page_headers(content_type: str, policy: str) -> dict[str, str]:
    """The headers of what a secret link leads to: kept nowhere, found by nobody; `policy` is what it may load."""
    return {
        "Content-Type": content_type,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }
