"""Which request is which: the provider's paths, the result files and the control API."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from local.wan import faults
from local.wan.headers import Headers

API = "/api/v1"
CREATE_PATH = f"{API}/services/aigc/image2video/video-synthesis"
CONTROL = "/_control/"
_READS = {"GET", "HEAD"}
_CANCEL = re.compile(rf"{API}/tasks/(?P<task_id>[^/]+)/cancel/?")
_QUERY = re.compile(rf"{API}/tasks/(?P<task_id>[^/]+)")


@dataclass(frozen=True)
class Request:
    """An HTTP request, read whole."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def path(self) -> str:
        """The target's path, percent-encoded as it was sent."""
        return urlsplit(self.target).path

    def query(self) -> dict[str, str]:
        """Return the query's fields, the last one of each name."""
        fields = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}


@dataclass(frozen=True)
class Route:
    """What a request asks for; `stage` is empty where the provider has no such path or method."""

    stage: str
    counted_as: str
    task_id: str = ""


def route(request: Request) -> Route:
    """Find out what a request asks for."""
    method, path = request.method, request.path
    if method == "POST" and path.rstrip("/") == CREATE_PATH:
        return Route(faults.CREATE, f"POST {CREATE_PATH}")
    if method == "POST" and (found := _CANCEL.fullmatch(path)):
        return Route(faults.CANCEL, f"POST {API}/tasks/{{task_id}}/cancel", unquote(found["task_id"]))
    if method in _READS and path.rstrip("/") == f"{API}/tasks":
        return Route(faults.LIST, f"{method} {API}/tasks/")
    if method in _READS and (found := _QUERY.fullmatch(path)):
        return Route(faults.QUERY, f"{method} {API}/tasks/{{task_id}}", unquote(found["task_id"]))
    if method in _READS and path.startswith("/1d/"):
        return Route(faults.RESULT, f"{method} /1d/{{result}}")
    return Route("", f"{method} {{unknown}}")
