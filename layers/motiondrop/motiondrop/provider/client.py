"""The provider's client: create, query, list and cancel tasks of Model Studio's wan2.2-animate models.

Source: the provider's page "Wan - image to animation API reference". Every call is sent once: there is no
idempotency key, so a POST that is sent twice is two paid tasks. Nothing here sleeps, retries or follows a redirect.
"""

import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3 import exceptions as transport

from motiondrop.domain.job import Options
from motiondrop.domain.provider_errors import KeyRefused
from motiondrop.errors import SettingsError
from motiondrop.provider import responses as answers
from motiondrop.provider.parsing import PROVIDER_TIME, is_task_id
from motiondrop.provider.responses import (
    Created,
    NoAnswer,
    NotSent,
    NotUnderstood,
    OutcomeUnknown,
    Reply,
    Task,
    TaskPage,
    TaskRow,
    TaskStatus,
    Unreachable,
)

__all__ = [
    "BASE_URLS",
    "CALL_TIMEOUT",
    "Created",
    "NoAnswer",
    "NotSent",
    "NotUnderstood",
    "OutcomeUnknown",
    "Task",
    "TaskPage",
    "TaskRow",
    "TaskStatus",
    "Unreachable",
    "WanClient",
    "address",
]

#: The regions' addresses, from the page; one region's key does not work in the other. Since 2026-10 the provider calls
#: dashscope-intl a legacy shared domain, which stays available; a workspace's own address is a setting.
BASE_URLS = {
    "singapore": "https://dashscope-intl.aliyuncs.com/api/v1",
    "beijing": "https://dashscope.aliyuncs.com/api/v1",
}

#: Timeouts in seconds: to connect, and between two bytes of an answer. The page names none; its calls only enqueue
#: and look up.
CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0

#: The longest that a call takes, even if its answer trickles in: no further byte is awaited once CONNECT_TIMEOUT and
#: READ_TIMEOUT are over. A slow resolver, a host with several dead addresses or headers that trickle in can take
#: longer; then the function's own timeout ends the call.
CALL_TIMEOUT = timedelta(seconds=CONNECT_TIMEOUT + 2 * READ_TIMEOUT)

#: An answer of the API has about a kilobyte, a full page of the task list some tens of kilobytes.
MAX_ANSWER_BYTES = 1_000_000

#: Rows of a page of the task list. Ten is what the provider's own example asks for; no page says how many it allows.
PAGE_SIZE = 10

#: The task list shows at most this span; without a start, the most recent one.
LIST_SPAN = timedelta(hours=24)

_CREATE_PATH = "/services/aigc/image2video/video-synthesis"
_CHUNK = 65536


class WanClient:
    """The provider, behind one HTTP session. `key` is called for every request, so that a new key works at once.

    `base_url` is a region's name or a URL up to `/api/v1`. Raise SettingsError if it is neither. Timeouts in seconds.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        key: Callable[[], str],
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._base_url = address(base_url)
        self._session = session
        self._key = key
        self._timeouts = (connect_timeout, read_timeout)
        retries = getattr(session.get_adapter(self._base_url), "max_retries", None)
        if retries is not None and retries.total != 0:
            raise ValueError("a session that sends again by itself could pay twice")

    def create(
        self, image_url: str, video_url: str, options: Options, *, key: str | None = None, watermark: bool | None = None
    ) -> Created:
        """Make a task, which will be paid for, using `key`, by default the current API key.

        Raise a WanError if the provider refused, and NotSent if the call never reached it: then no task was made.
        Raise OutcomeUnknown if the call failed and a task may have been made all the same.
        """
        body: dict[str, Any] = {
            "model": options.model,
            "input": {"image_url": image_url, "video_url": video_url},
            "parameters": {"mode": options.mode, "check_image": options.check_image},
        }
        if watermark is not None:
            body["input"]["watermark"] = watermark
        try:
            reply = self._send("POST", _CREATE_PATH, {"X-DashScope-Async": "enable"}, body=body, key=key)
        except NotSent:
            raise
        except Unreachable as error:
            raise OutcomeUnknown(f"the create call was broken off ({error})") from error
        return answers.created(reply)

    def query(self, task_id: str) -> Task:
        """Query a task. Raise a WanError if the call is refused, Unreachable or NotUnderstood if it fails."""
        return answers.task(task_id, self._send("GET", _path(task_id)))

    def list(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        model: str | None = None,
        status: TaskStatus | None = None,
        page: int = 1,
        page_size: int = PAGE_SIZE,
    ) -> TaskPage:
        """List the account's tasks of at most 24 hours, the last 24 by default; errors as for `query`.

        `start` and `end` are times with a time zone; the provider takes them to the second.
        """
        if start and end and not timedelta(0) <= end - start <= LIST_SPAN:
            raise ValueError("the task list shows at most 24 hours, which end after they start")
        query = {
            "start_time": _list_time(start),
            "end_time": _list_time(end),
            "model_name": model,
            "status": status and status.value,
            "page_no": str(page),
            "page_size": str(page_size),
        }
        params = {name: value for name, value in query.items() if value}
        return answers.task_page(page, self._send("GET", "/tasks/", params=params))

    def cancel(self, task_id: str) -> None:
        """Cancel a PENDING task; raise NotCancelable if it is no longer PENDING; other errors as for `query`."""
        answers.acknowledged(self._send("POST", f"{_path(task_id)}/cancel"))

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Reply:
        """Send once and read the whole answer. Raise NotSent or Unreachable if the network fails."""
        key = self._key() if key is None else key
        if not key.isascii() or not key.isprintable() or not key or " " in key:
            # Checked here: the HTTP library's error would quote the key.
            raise KeyRefused("NoKey", "The API key is empty or has characters that no key has.")
        # A new connection for each call: one that is kept while the function is frozen dies unnoticed, and then nobody
        # knows what became of a POST sent on it.
        own = {"Connection": "close", "Accept": "application/json", "Accept-Encoding": "identity"}
        request = requests.Request(
            method,
            self._base_url + path,
            headers={**own, **(headers or {})},
            params=params,
            json=body,
            auth=_Bearer(key),
        )
        try:
            reply = self._exchange(request)
        except (OSError, transport.HTTPError) as error:  # requests' errors are OSErrors
            if isinstance(error, requests.RequestException):
                error.request = error.response = None  # these carry the key
            kind = NotSent if _never_connected(error) else Unreachable
            raise kind(type(error).__name__) from error
        return Reply(reply.status, reply.body.replace(key.encode(), b"***"), reply.date)

    def _exchange(self, request: requests.Request) -> Reply:
        """Send one request and read its answer. Session.send would also read the body of a redirect not followed."""
        prepared = self._session.prepare_request(request)
        url = prepared.url or self._base_url
        asked = self._session.merge_environment_settings(url, {}, True, None, None)
        proxies = {} if _is_loopback(urlsplit(url).hostname) else asked["proxies"]  # no proxy leads to this machine
        over = time.monotonic() + sum(self._timeouts)
        adapter = self._session.get_adapter(url)
        try:
            with adapter.send(
                prepared,
                stream=True,
                timeout=self._timeouts,
                verify=True if asked["verify"] is None else asked["verify"],
                cert=asked["cert"],
                proxies=proxies,
            ) as response:
                return Reply(response.status_code, _whole(response, over), response.headers.get("Date"))
        finally:
            adapter.close()  # a connection that the server keeps open all the same is not used again


def _whole(response: requests.Response, over: float) -> bytes:
    """The whole body. Raise Unreachable if it is too long, or still arriving at the time `over` (monotonic seconds)."""
    body = bytearray()
    while piece := response.raw.read1(_CHUNK, decode_content=True):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise Unreachable("an answer far longer than any of the provider's")
        if time.monotonic() > over:
            raise Unreachable("an answer that trickled in too slowly")
    return bytes(body)


class _Bearer(AuthBase):
    """The key as the request's own authentication: a header alone would be overridden by a .netrc."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def address(region_or_url: str) -> str:
    """The base URL for a region's name or a URL, such as a workspace's `https://….maas.aliyuncs.com/api/v1`.

    Raise SettingsError if the URL has a query, a user or no host, or is not https: every call sends the key there.
    http is accepted only for this machine itself, where the stand-in runs.
    """
    url = BASE_URLS.get(region_or_url, region_or_url)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError("the provider's address is no URL") from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    if not (host and secure and plain) or parts.query or parts.fragment or port == 0:
        raise SettingsError(
            f"the provider's address must be {' or '.join(BASE_URLS)} or an https URL up to /api/v1"
            " (http on this machine only), without user, query and fragment"
        )
    return url.rstrip("/")


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _path(task_id: str) -> str:
    if not is_task_id(task_id):
        raise ValueError("not a task id")
    return f"/tasks/{task_id}"


def _list_time(moment: datetime | None) -> str | None:
    return moment.astimezone(PROVIDER_TIME).strftime("%Y%m%d%H%M%S") if moment else None


def _never_connected(error: Exception) -> bool:
    """Whether the connection failed before anything of the request could be sent over it; False if in doubt."""
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, transport.MaxRetryError) else cause
    if isinstance(reason, transport.ProxyError):
        # urllib3 also raises this if a connection broke after the request was sent through a proxy.
        reason = reason.original_error
    if isinstance(reason, transport.SSLError):
        # Of all TLS errors, only this one is certain to be from the handshake.
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, transport.NewConnectionError | transport.ConnectTimeoutError)
