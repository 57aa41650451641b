"""What the provider's answers say: bytes in, typed results or an error of ours out, whatever the bytes are.

Source of every field: the provider's page "Wan - image to animation API reference", and for the task list and
canceling its page on managing asynchronous tasks. Fields that no page names are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from motiondrop.domain.provider_codes import family
from motiondrop.domain.provider_errors import ProviderBusy, ProviderFault, ProviderTimeout, UnknownRefusal, WanError
from motiondrop.errors import MotionDropError
from motiondrop.provider import parsing
from motiondrop.sanitize import plain


class NoAnswer(MotionDropError):
    """A call to the provider got no answer that can be used; `request_id` is the answer's, if it had one."""

    def __init__(self, what: str, *, request_id: str | None = None) -> None:
        super().__init__(f"{what}, request {plain(request_id)}" if request_id else what)
        self.request_id = request_id


class Unreachable(NoAnswer):
    """The provider could not be reached or did not answer; asking again is free."""


class NotSent(Unreachable):
    """No connection to the provider was made, so the call never reached it."""


class NotUnderstood(NoAnswer):
    """The provider's answer does not have the shape that its page promises."""


class OutcomeUnknown(NoAnswer):
    """The answer to a create call never came or made no sense: a task may exist, or not."""


class TaskStatus(StrEnum):
    """The task's states, as on the page."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read whole; `date` is its Date header."""

    status: int
    body: bytes
    date: str | None = None


@dataclass(frozen=True)
class Created:
    """The task that a create call made."""

    task_id: str
    status: TaskStatus
    request_id: str | None


@dataclass(frozen=True)
class Task:
    """A task as the provider reports it. Times in UTC, duration in seconds of delivered video."""

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
    """A row of the task list. Times in UTC; `request_id` is that of the call that created the task."""

    task_id: str
    status: TaskStatus
    model: str | None
    api_key_id: str | None
    created_at: datetime | None
    request_id: str | None = None


@dataclass(frozen=True)
class TaskPage:
    """A page of the task list, with the provider's own clock at the time of the answer."""

    rows: tuple[TaskRow, ...]
    total: int
    page: int
    pages: int
    now: datetime | None
    request_id: str | None = None


def created(reply: Reply) -> Created:
    """Read the answer to a create call.

    If it has no task id, raise a WanError if it says that nothing was made, else OutcomeUnknown.
    """
    answer = parsing.json_object(reply.body)
    output = parsing.mapping(answer.get("output"))
    request_id = parsing.text(answer.get("request_id"))
    task_id = parsing.task_id(output.get("task_id"))
    if task_id:
        # Whatever else the answer says, this task exists and has to be followed.
        return Created(task_id, _status(output.get("task_status")) or TaskStatus.UNKNOWN, request_id)
    kind = family(parsing.text(answer.get("code")), reply.status, parsing.message(answer.get("message")))
    refused = reply.status in range(400, 500) and reply.status != HTTPStatus.REQUEST_TIMEOUT
    said_so = reply.status == HTTPStatus.OK and kind not in _SAYS_NOTHING
    if refused or said_so:
        raise _refusal(reply.status, answer)
    raise OutcomeUnknown(f"HTTP {reply.status} without a task id", request_id=request_id)


def task(task_id: str, reply: Reply) -> Task:
    """Read the answer to a query. Raise a WanError if it is a refusal, NotUnderstood if it shows no such task."""
    answer = _answer(reply)
    request_id = parsing.text(answer.get("request_id"))
    output = parsing.mapping(answer.get("output"))
    status = _status(output.get("task_status"))
    if status is None:
        # Not taken for UNKNOWN, which ends a job: a task in a state that is new to us is polled again.
        raise NotUnderstood("a task without a state that the page names", request_id=request_id)
    if output.get("task_id") not in (None, task_id):  # no set: the value may not be hashable
        raise NotUnderstood("an answer about another task", request_id=request_id)
    usage = parsing.mapping(answer.get("usage"))
    seconds = parsing.seconds(usage.get("video_duration"))
    return Task(
        task_id=task_id,
        status=status,
        request_id=request_id,
        submitted_at=parsing.provider_time(output.get("submit_time")),
        scheduled_at=parsing.provider_time(output.get("scheduled_time")),
        ended_at=parsing.provider_time(output.get("end_time")),
        video_url=_video_url(output),
        video_duration=parsing.seconds(usage.get("duration")) if seconds is None else seconds,
        video_ratio=parsing.text(usage.get("video_ratio")),
        code=parsing.text(output.get("code")) or parsing.text(answer.get("code")),
        message=parsing.message(output.get("message")) or parsing.message(answer.get("message")),
    )


def task_page(page: int, reply: Reply) -> TaskPage:
    """Read a page of the task list; errors as for `task`. An invalid list is an error, never an empty list."""
    answer = _answer(reply)
    request_id = parsing.text(answer.get("request_id"))
    rows, total, pages = answer.get("data"), parsing.count(answer.get("total")), parsing.count(answer.get("total_page"))
    if not isinstance(rows, list) or total is None or pages is None:
        raise NotUnderstood("a list of tasks without its rows, total or pages", request_id=request_id)
    if parsing.count(answer.get("page_no")) not in {None, page}:
        raise NotUnderstood("another page of the list than the one asked for", request_id=request_id)
    if total and not pages:
        raise NotUnderstood("a list of tasks that has no pages", request_id=request_id)
    read = tuple(_row(row, request_id) for row in rows)
    return TaskPage(read, total, page, pages, parsing.http_date(reply.date), request_id)


def acknowledged(reply: Reply) -> None:
    """Read the answer to a cancel call, which says no more than its request id; errors as for `task`."""
    _answer(reply)


#: Families of codes that, in an answer with HTTP 200, leave open whether a task was made.
_SAYS_NOTHING = frozenset({ProviderFault, ProviderTimeout, ProviderBusy, UnknownRefusal})


def _answer(reply: Reply) -> Mapping[str, Any]:
    """The answer as a JSON object. Raise a WanError or NotUnderstood if the call did not work."""
    answer = parsing.json_object(reply.body)
    code = parsing.text(answer.get("code"))
    if reply.status >= HTTPStatus.BAD_REQUEST:
        raise _refusal(reply.status, answer)
    if code and not {"output", "data"} & set(answer) and family(code) is not UnknownRefusal:
        raise _refusal(reply.status, answer)  # an error body as on the page, whatever the status
    if reply.status != HTTPStatus.OK:
        raise NotUnderstood(f"HTTP {reply.status}", request_id=parsing.text(answer.get("request_id")))
    if not answer:
        raise NotUnderstood("an answer that is no JSON object")
    return answer


def _refusal(status: int, answer: Mapping[str, Any]) -> WanError:
    code, message = parsing.text(answer.get("code")), parsing.message(answer.get("message"))
    request_id = parsing.text(answer.get("request_id"))
    return family(code, status, message)(code, message, status=status, request_id=request_id)


def _status(value: object) -> TaskStatus | None:
    try:
        return TaskStatus(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _video_url(output: Mapping[str, Any]) -> str | None:
    """`results.video_url` of this model, `video_url` of its siblings, or the first of a list of results."""
    results = output.get("results")
    if isinstance(results, list) and results:
        results = results[0]
    return parsing.url(parsing.mapping(results).get("video_url")) or parsing.url(output.get("video_url"))


def _row(value: object, request_id: str | None) -> TaskRow:
    row = parsing.mapping(value)
    task_id = parsing.task_id(row.get("task_id"))
    if task_id is None:
        raise NotUnderstood("a row of the task list without a task id", request_id=request_id)
    return TaskRow(
        task_id=task_id,
        status=_status(row.get("status", row.get("task_status"))) or TaskStatus.UNKNOWN,
        model=parsing.text(row.get("model_name")),
        api_key_id=parsing.name(row.get("api_key_id")),
        created_at=parsing.epoch_time(row.get("gmt_create")),
        request_id=parsing.text(row.get("request_id")),
    )
