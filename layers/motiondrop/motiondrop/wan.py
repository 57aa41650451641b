"""The provider's client: create, query, list and cancel tasks of Model Studio's wan2.2-animate models.

Source: the provider's page "Wan - image to animation API reference". Every call is sent once: there is no
idempotency key, so a POST that is sent twice is two paid tasks. Nothing here sleeps or retries.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from motiondrop.errors import MotionDropError
from motiondrop.job import Options
from motiondrop.refusals import WanError, family

#: Seconds to connect, and between two bytes of an answer. The page gives none; its calls only enqueue and look up.
CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 12.0

#: How long a call takes at most, but for an answer that trickles in.
CALL_TIMEOUT = timedelta(seconds=CONNECT_TIMEOUT + READ_TIMEOUT)

#: An answer of the API is about a kilobyte, a page of the task list about ten.
MAX_ANSWER_BYTES = 1_000_000

_PROVIDER_TIME = timezone(timedelta(hours=8))
_CREATE_PATH = "/services/aigc/image2video/video-synthesis"
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class OutcomeUnknown(MotionDropError):
    """The answer to a create call never came or made no sense: a task may exist, or not."""


class NotSent(MotionDropError):
    """No connection to the provider came about, so nothing was asked of it."""


class Unreachable(MotionDropError):
    """The provider could not be reached or did not answer; asking again is free."""


class NotUnderstood(MotionDropError):
    """The provider's answer does not have the shape that its page promises."""


class TaskStatus(StrEnum):
    """The task's states, as on the page."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Created:
    """A task that exists now."""

    task_id: str
    status: TaskStatus
    request_id: str | None


@dataclass(frozen=True)
class Task:
    """A task as the provider tells it. Times in UTC, duration in seconds of delivered video."""

    task_id: str
    status: TaskStatus
    request_id: str | None = None
    submitted_at: datetime | None = None
    scheduled_at: datetime | None = None
    ended_at: datetime | None = None
    video_url: str | None = None
    video_duration: float | None = None
    video_ratio: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class TaskRow:
    """A row of the task list. Times in UTC."""

    task_id: str
    status: TaskStatus
    model: str | None
    api_key_id: str | None
    created_at: datetime | None


@dataclass(frozen=True)
class TaskPage:
    """A page of the task list, with the provider's own clock at the time of the answer."""

    rows: tuple[TaskRow, ...]
    total: int
    page: int
    pages: int
    now: datetime | None


class Wan:
    """The provider, behind one HTTP session. `key` is asked at each call, so that a new key works at once."""

    def __init__(self, session: requests.Session, base_url: str, key: Callable[[], str]) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._key = key

    def create(
        self, image_url: str, video_url: str, options: Options, *, watermark: bool | None = None
    ) -> Created:
        """Make a task, which will be paid for.

        Raise a WanError where the provider refused, and NotSent where it was never asked: nothing was made then.
        Raise OutcomeUnknown where a task may have been made without our knowing.
        """
        body: dict[str, Any] = {
            "model": options.model,
            "input": {"image_url": image_url, "video_url": video_url},
            "parameters": {"mode": options.mode, "check_image": options.check_image},
        }
        if watermark is not None:
            body["input"]["watermark"] = watermark
        headers = self._headers() | {"X-DashScope-Async": "enable"}
        try:
            status, raw, _ = self._send("POST", _CREATE_PATH, headers, body=body)
        except Unreachable as error:
            if _never_connected(error):
                raise NotSent("no connection to the provider") from error
            raise OutcomeUnknown("the create call was broken off") from error
        answer = _json(raw)
        if 400 <= status < 500 and status != requests.codes.request_timeout:  # noqa: PLR2004
            raise _refusal(status, answer)
        output = _mapping(answer.get("output"))
        task_id = _task_id(output.get("task_id"))
        if status != requests.codes.ok or task_id is None:
            raise OutcomeUnknown(f"HTTP {status} without a task id, request {_text(answer.get('request_id'))}")
        return Created(task_id, _status(output.get("task_status")), _text(answer.get("request_id")))

    def query(self, task_id: str) -> Task:
        """Ask for a task. Raise WanError where the call is refused, Unreachable or NotUnderstood where it failed."""
        status, raw, _ = self._send("GET", f"/tasks/{quote(task_id, safe='')}", self._headers())
        answer = _answer(status, raw)
        output = answer.get("output")
        if not isinstance(output, Mapping):
            raise NotUnderstood("an answer about a task without its output")
        usage = _mapping(answer.get("usage"))
        return Task(
            task_id=task_id,
            status=_status(output.get("task_status")),
            request_id=_text(answer.get("request_id")),
            submitted_at=_provider_time(output.get("submit_time")),
            scheduled_at=_provider_time(output.get("scheduled_time")),
            ended_at=_provider_time(output.get("end_time")),
            video_url=_video_url(output),
            video_duration=_number(usage.get("video_duration", usage.get("duration"))),
            video_ratio=_text(usage.get("video_ratio")),
            code=_text(output.get("code")) or _text(answer.get("code")),
            message=_text(output.get("message")) or _text(answer.get("message")),
        )

    def list(
        self,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        model: str | None = None,
        status: TaskStatus | None = None,
        page: int = 1,
        page_size: int = 100,
    ) -> TaskPage:
        """List the account's tasks of at most 24 hours, the last 24 by default; errors as for `query`."""
        query = {
            "start_time": start and start.astimezone(_PROVIDER_TIME).strftime("%Y%m%d%H%M%S"),
            "end_time": end and end.astimezone(_PROVIDER_TIME).strftime("%Y%m%d%H%M%S"),
            "model_name": model,
            "status": status and status.value,
            "page_no": str(page),
            "page_size": str(page_size),
        }
        params = {name: value for name, value in query.items() if value}
        code, raw, headers = self._send("GET", "/tasks/", self._headers(), params=params)
        answer = _answer(code, raw)
        rows = answer.get("data")
        total, pages = _count(answer.get("total")), _count(answer.get("total_page"))
        if not isinstance(rows, list) or total is None or pages is None:
            raise NotUnderstood("a list of tasks without its rows, total or pages")
        return TaskPage(tuple(_row(row) for row in rows), total, page, pages, _http_date(headers.get("Date")))

    def cancel(self, task_id: str) -> None:
        """Cancel a PENDING task; NotCancelable where it is no longer that, else errors as for `query`."""
        status, raw, _ = self._send("POST", f"/tasks/{quote(task_id, safe='')}/cancel", self._headers())
        _answer(status, raw)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key()}"}

    def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Send once, read the whole answer; Unreachable for whatever the network did."""
        try:
            with self._session.request(
                method,
                self._base_url + path,
                params=params,
                json=body,
                headers=headers,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = b""
                for chunk in response.iter_content(65536):
                    raw += chunk
                    if len(raw) > MAX_ANSWER_BYTES:
                        raise Unreachable("an answer far longer than any of the provider's")
                return response.status_code, raw, response.headers
        except requests.RequestException as error:
            raise Unreachable(type(error).__name__) from error


def _never_connected(error: Unreachable) -> bool:
    """Whether the connection failed before anything could be sent over it."""
    cause = error.__cause__
    if not isinstance(cause, requests.ConnectionError) or not cause.args:
        return False
    reason = getattr(cause.args[0], "reason", cause.args[0])
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _json(raw: bytes) -> Mapping[str, Any]:
    """The answer as a JSON object, empty where it is none: RecursionError is how deep nesting shows."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, Mapping) else {}


def _answer(status: int, raw: bytes) -> Mapping[str, Any]:
    answer = _json(raw)
    if status != requests.codes.ok:
        raise _refusal(status, answer)
    if not answer:
        raise NotUnderstood("an answer that is no JSON object")
    return answer


def _refusal(status: int, answer: Mapping[str, Any]) -> WanError:
    code, message = _text(answer.get("code")), _text(answer.get("message"))
    return family(code, status)(code, message, status=status, request_id=_text(answer.get("request_id")))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _task_id(value: object) -> str | None:
    """A task id goes into a path and a record's key, so it has to look like one."""
    return value if isinstance(value, str) and _TASK_ID.fullmatch(value) else None


def _status(value: object) -> TaskStatus:
    """The status; UNKNOWN for one that the page does not name, which `poll` believes only when repeated."""
    try:
        return TaskStatus(str(value))
    except ValueError:
        return TaskStatus.UNKNOWN


def _number(value: object) -> float | None:
    """A number of seconds that can be charged: finite and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e6 else None  # noqa: PLR2004  # NaN compares false, infinity is above


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _provider_time(value: object) -> datetime | None:
    """`YYYY-MM-DD HH:mm:ss.SSS` in UTC+8, as UTC."""
    try:
        local = datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=_PROVIDER_TIME)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _epoch_milliseconds(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(str(value)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _http_date(value: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(value or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _video_url(output: Mapping[str, Any]) -> str | None:
    """`results.video_url` of this model, `video_url` of its siblings, or the first of a list of results."""
    results = output.get("results")
    if isinstance(results, list) and results:
        results = results[0]
    return _text(_mapping(results).get("video_url")) or _text(output.get("video_url"))


def _row(value: object) -> TaskRow:
    row = _mapping(value)
    task_id = _task_id(row.get("task_id"))
    if task_id is None:
        raise NotUnderstood("a row of the task list without a task id")
    return TaskRow(
        task_id=task_id,
        status=_status(row.get("status", row.get("task_status"))),
        model=_text(row.get("model_name")),
        api_key_id=_text(row.get("api_key_id")),
        created_at=_epoch_milliseconds(row.get("gmt_create")),
    )
