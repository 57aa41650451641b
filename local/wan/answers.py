"""The provider's answers, field by field and in the reference page's order."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.wan.clock import iso_time, milliseconds, provider_time
from local.wan.creation import MODES
from local.wan.errors import ProviderError
from local.wan.results import Result
from local.wan.settings import REGIONS, Region
from local.wan.tasks import FAILED, PENDING, RUNNING, SUCCEEDED, UNKNOWN, Task

JSON = "application/json"
GARBAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
_ACCOUNT_ID = "1000000000000001"
"""All keys belong to the account itself, so `caller_uid` and `caller_parent_id` are the same."""
NOT_A_VIDEO = b"<!DOCTYPE html><html><body><p>Sign in to the network to continue.</p></body></html>\n"


@dataclass
class Answer:
    """An HTTP answer before it is sent: a body in memory, or a part of a result's file."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None
    """The provider's error code, for the statistics."""
    request_id: str = ""
    result: Result | None = None
    start: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        """The body's length, in bytes."""
        return len(self.body) if self.result is None else self.length


def json_answer(document: Any, status: int = 200) -> Answer:
    """Return an answer with a JSON body, as compact as the provider's."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    request_id = document.get("request_id", "") if isinstance(document, dict) else ""
    return Answer(status, body, {"Content-Type": JSON}, request_id=request_id)


def html_answer(body: bytes) -> Answer:
    """Return a 200 answer with an HTML page, as some gateway on the way would send it."""
    return Answer(200, body, {"Content-Type": "text/html; charset=utf-8"})


def error_answer(error: ProviderError) -> Answer:
    """Return the answer for a refusal: code, message, request_id."""
    return refusal(error.code, error.message, error.status)


def refusal(code: str | None, message: str | None, status: int) -> Answer:
    """Return the answer for a refusal whose code or message may be missing."""
    fields = {"code": code, "message": message, "request_id": _request_id()}
    answer = json_answer({name: value for name, value in fields.items() if value is not None}, status)
    answer.code = code
    return answer


def oss_error(status: int, code: str, message: str, now: float, expires: int | None = None) -> Answer:
    """Return a refusal in OSS's form: XML with code, message and request id."""
    times = (
        ""
        if expires is None
        else (f"  <Expires>{iso_time(expires)}</Expires>\n  <ServerTime>{iso_time(now)}</ServerTime>\n")
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n'
        f"  <Code>{_escaped(code)}</Code>\n  <Message>{_escaped(message)}</Message>\n"
        f"  <RequestId>{uuid.uuid4().hex[:24].upper()}</RequestId>\n"
        "  <HostId>dashscope-result-local.oss-local.aliyuncs.com</HostId>\n"
        f"{times}</Error>\n"
    )
    return Answer(status, body.encode(), {"Content-Type": "application/xml"}, code)


def created(task: Task) -> Answer:
    """Return the answer to a creation: its status is always PENDING, even if the task starts at once."""
    output = {"task_status": PENDING, "task_id": task.task_id}
    return json_answer({"output": output, "request_id": task.request_id})


def canceled() -> Answer:
    """Return the answer to a cancel request that succeeded."""
    return json_answer({"request_id": _request_id()})


def queried(task_id: str, task: Task | None, base_url: str, *, with_url: bool = True) -> Answer:
    """Return the answer to a query: UNKNOWN if there is no such task or its validity is over."""
    output: dict[str, Any] = {"task_id": task_id, "task_status": UNKNOWN if task is None else task.status}
    document: dict[str, Any] = {"request_id": _request_id(), "output": output}
    if task is None:
        return json_answer(document)
    output["submit_time"] = provider_time(task.created_at)
    if task.started_at is not None:
        output["scheduled_time"] = provider_time(task.started_at)
    if task.ended_at is not None:
        output["end_time"] = provider_time(task.ended_at)
    if task.status == FAILED and task.failure is not None:
        # The page's sample of a failure has no times; captured answers have them.
        reasons = {"code": task.failure.code, "message": task.failure.message}
        output |= {name: value for name, value in reasons.items() if value is not None}
    if task.status == SUCCEEDED and task.result is not None:
        if with_url:
            output["results"] = {"video_url": f"{base_url}{task.result_path}?{task.result_query}"}
        document["usage"] = {
            "video_duration": round(task.result.seconds, 2),
            "video_ratio": MODES[task.creation.mode],
        }
    return json_answer(document)


def listed(tasks: list[Task], page_no: int, page_size: int, region: Region) -> Answer:
    """Return one page of the task list as an answer."""
    page = tasks[(page_no - 1) * page_size : page_no * page_size]
    return json_answer(
        {
            "total": len(tasks),
            "data": [_row(task, region) for task in page],
            "total_page": -(-len(tasks) // page_size),
            "page_no": page_no,
            "page_size": page_size,
            "request_id": _request_id(),
        },
    )


def _row(task: Task, region: Region) -> dict[str, Any]:
    """Return a task's row; its fields are in alphabetical order, as in the provider's own samples."""
    over = task.ended_at is not None and task.status not in {PENDING, RUNNING}
    fields: dict[str, Any] = {
        "api_key_id": api_key_id(task.api_key),
        "caller_parent_id": _ACCOUNT_ID,
        "caller_uid": _ACCOUNT_ID,
        "end_time": milliseconds(task.ended_at) if over and task.ended_at is not None else None,
        "gmt_create": milliseconds(task.created_at),
        "model_name": task.creation.model,
        "region": REGIONS[region],
        "request_id": task.request_id,
        "start_time": milliseconds(task.started_at) if task.started_at is not None else None,
        "status": task.status,
        "task_id": task.task_id,
        "user_api_unique_key": f"apikey:v1:aigc:image2video:video-synthesis:{task.creation.model}",
    }
    return {name: value for name, value in fields.items() if value is not None}


def api_key_id(key: str) -> str:
    """Return the number by which the list identifies a key without revealing it."""
    return str(int(hashlib.sha256(key.encode()).hexdigest()[:10], 16) % 10_000_000)


def shown_task(task: Task) -> dict[str, Any]:
    """Return what the control API shows of a task; its times are seconds since the epoch."""
    return {
        "task_id": task.task_id,
        "status": task.status,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "model": task.creation.model,
        "input": task.creation.input,
        "parameters": task.creation.parameters,
        "api_key_id": api_key_id(task.api_key),
        "code": task.failure.code if task.failure and task.status == FAILED else None,
        "message": task.failure.message if task.failure and task.status == FAILED else None,
    }


def shown_tasks(tasks: Iterable[Task]) -> Answer:
    """Return the control API's list of tasks as an answer."""
    return json_answer([shown_task(task) for task in tasks])


def _request_id() -> str:
    return str(uuid.uuid4())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
