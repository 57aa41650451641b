"""The two sides of the contract: recorded answers of the provider, and its stand-in while it runs."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from urllib3 import exceptions as transport

from local.wan import StandIn
from motiondrop.domain.job import Options
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import Task, TaskStatus
from tests.support import recorded_provider as recorded
from tests.support.recorded_provider import Answer
from tests.support.stand_in import Caller

OPTIONS = recorded.OPTIONS
READ_TIMEOUT = 0.3


@dataclass(frozen=True)
class Fault:
    """What can go wrong with a call: as it was recorded, and as the stand-in is asked for it."""

    play: Answer | Exception
    kind: str
    fields: dict[str, Any]


def refused(status: int, code: str | None, message: str | None = "m") -> Fault:
    said = {"code": code, "message": message, "request_id": "r"}
    body = {name: value for name, value in said.items() if value is not None}
    return Fault(Answer(status, body), "error", {"status": status, "code": code, "message": message})


FAULTS: dict[str, Fault] = {
    "silence": Fault(requests.ReadTimeout(), "hang", {"seconds": 3 * READ_TIMEOUT}),
    "late": Fault(requests.ReadTimeout(), "hang", {"seconds": 3 * READ_TIMEOUT, "acts": "late"}),
    "lost": Fault(requests.ConnectionError(transport.ProtocolError("Connection aborted.")), "accepted_then_lost", {}),
    "cut short": Fault(transport.ProtocolError("Connection broken"), "truncated", {}),
    "reset": Fault(requests.ConnectionError(transport.ProtocolError("reset")), "reset_midway", {}),
    "garbage": Fault(Answer(200, recorded.HTML), "garbage", {}),
    "redirect": Fault(
        Answer(302, b"", {"Location": "http://127.0.0.1:9/"}), "redirect", {"location": "http://127.0.0.1:9/"}
    ),
    "408": refused(408, None, None),
    "500": refused(500, "InternalError"),
    "500 without a code": refused(500, None, None),
    "502": refused(502, None),
    "503": refused(503, "ModelUnavailable", None),
}


NOT_CANCELED = refused(
    400, "UnsupportedOperation", "Failed to cancel the task, please confirm if the task is in PENDING status."
)


class Side(ABC):
    """One side: `wan` is the client on it; a situation is brought about before each call."""

    wan: WanClient

    @abstractmethod
    def meets(self, stage: str, fault: Fault) -> str:
        """The next call of this stage meets the fault; returns the id of a task to ask for."""

    @abstractmethod
    def works(self) -> str:
        """The calls work again; returns the id of a task that succeeds at once."""

    @abstractmethod
    def task(self, situation: str) -> str:
        """Bring a task into a situation; returns its id."""

    @abstractmethod
    def to_cancel(self, situation: str) -> str:
        """Bring a task into a situation in which it will be asked to be canceled; returns its id."""

    @abstractmethod
    def tasks(self, models: list[str]) -> None:
        """Fill the task list with tasks of these models, and no others."""

    @abstractmethod
    def with_key(self, key: str) -> WanClient:
        """The client with another key."""

    @abstractmethod
    def creations(self) -> int:
        """How many create calls arrived."""

    @abstractmethod
    def urls(self) -> tuple[str, str]:
        """The image's and the video's URL."""

    def create(self, wan: WanClient | None = None, options: Options = OPTIONS) -> Any:
        return (wan or self.wan).create(*self.urls(), options)


def _output(status: str, **fields: Any) -> Answer:
    usage = {"usage": {"video_duration": 2.0, "video_ratio": "standard"}} if status == "SUCCEEDED" else {}
    output = {"task_id": recorded.TASK_ID, "task_status": status, **fields}
    return Answer(body={"request_id": "r", "output": output, **usage})


SUBMITTED = {"submit_time": "2025-09-18 15:32:00.105"}
STARTED = SUBMITTED | {"scheduled_time": "2025-09-18 15:32:15.066"}
ENDED = STARTED | {"end_time": "2025-09-18 15:34:41.898"}
VIDEO = {"results": {"video_url": "http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/x.mp4?Expires=1"}}
SITUATIONS: dict[str, Answer] = {
    "PENDING": _output("PENDING", **SUBMITTED),
    "RUNNING": _output("RUNNING", **STARTED),
    "SUCCEEDED": _output("SUCCEEDED", **ENDED, **VIDEO),
    "SUCCEEDED without a URL": _output("SUCCEEDED", **ENDED),
    "FAILED": _output("FAILED", **ENDED, code="InvalidFile.NoHuman", message="m"),
    "FAILED without a code": _output("FAILED", **ENDED, message="m"),
    "FAILED without a message": _output("FAILED", **ENDED, code="InternalError.Timeout"),
    "CANCELED": _output("CANCELED", **SUBMITTED, end_time="2025-09-18 15:34:41.898"),
    "UNKNOWN": _output("UNKNOWN"),
}
FAILURES: dict[str, dict[str, str | None]] = {
    "FAILED": {"code": "InvalidFile.NoHuman", "message": "m"},
    "FAILED without a code": {"code": None, "message": "m"},
    "FAILED without a message": {"code": "InternalError.Timeout", "message": None},
}


class RecordedSide(Side):
    """Answers as the page and the notes show them."""

    def __init__(self) -> None:
        self.wan, self._provider = recorded.client(Answer())

    def meets(self, stage: str, fault: Fault) -> str:
        self._provider.plays = [fault.play]
        return recorded.TASK_ID

    def works(self) -> str:
        self._provider.plays = [SITUATIONS["SUCCEEDED"]]
        return recorded.TASK_ID

    def task(self, situation: str) -> str:
        self._provider.plays = [SITUATIONS[situation]]
        return recorded.TASK_ID

    def to_cancel(self, situation: str) -> str:
        answer = Answer(body={"request_id": "r"})
        self._provider.plays = [answer if situation == "PENDING" else NOT_CANCELED.play]
        return recorded.TASK_ID

    def tasks(self, models: list[str]) -> None:
        rows = [
            {"task_id": f"t-{number}", "status": "PENDING", "model_name": model, "api_key_id": "1", "gmt_create": 1}
            for number, model in enumerate(models)
        ]
        pages: list[Answer | Exception] = [
            Answer(
                body={"total": len(rows), "data": rows[at : at + 2], "total_page": -(-len(rows) // 2), "page_size": 2},
                headers={"Date": "Thu, 18 Sep 2025 07:32:00 GMT"},
            )
            for at in range(0, len(rows), 2)
        ]
        self._provider.plays = pages

    def with_key(self, key: str) -> WanClient:
        wan, self._provider = recorded.client(Answer(401, recorded.REFUSED), key=key)
        return wan

    def creations(self) -> int:
        return sum((one.url or "").endswith("/video-synthesis") for one in self._provider.asked)

    def urls(self) -> tuple[str, str]:
        return recorded.IMAGE_URL, recorded.VIDEO_URL

    def create(self, wan: WanClient | None = None, options: Options = OPTIONS) -> Any:
        if wan is None and self._provider.plays == [SITUATIONS["SUCCEEDED"]]:
            self._provider.plays = [Answer(body=recorded.CREATED)]
        return super().create(wan, options)


class StandInSide(Side):
    """The stand-in, over HTTP."""

    def __init__(self, stand_in: StandIn, caller: Caller) -> None:
        self._stand_in = stand_in
        self._caller = caller
        self.wan = self.with_key(caller.key)

    def meets(self, stage: str, fault: Fault) -> str:
        task_id = self._caller.create()
        self._caller.fault(stage, fault.kind, **fault.fields)
        return task_id

    def works(self) -> str:
        return self._caller.create()

    def task(self, situation: str) -> str:
        return _BROUGHT_ABOUT[situation](self._caller)

    def to_cancel(self, situation: str) -> str:
        return self.task(situation)

    def tasks(self, models: list[str]) -> None:
        for model in models:
            answer = self._caller.post(self._caller.body() | {"model": model})
            assert answer.status_code == 200

    def with_key(self, key: str) -> WanClient:
        session = requests.Session()
        return WanClient(
            session, f"{self._stand_in.url}/api/v1", lambda: key, connect_timeout=1, read_timeout=READ_TIMEOUT
        )

    def creations(self) -> int:
        requests_: dict[str, int] = self._caller.control("stats")["requests"]
        return next((count for name, count in requests_.items() if name.endswith("/video-synthesis")), 0)

    def urls(self) -> tuple[str, str]:
        return f"{self._caller.media_url}/image.png", f"{self._caller.media_url}/video.mp4"


def _running(caller: Caller) -> str:
    caller.control("settings", {"task_seconds": 1000})
    task_id = caller.create()
    caller.until(task_id, {"RUNNING"})
    return task_id


def _pending(caller: Caller) -> str:
    _running(caller)
    return caller.create()


def _succeeded(caller: Caller) -> str:
    task_id = caller.create()
    caller.finished(task_id)
    return task_id


def _without_url(caller: Caller) -> str:
    task_id = _succeeded(caller)
    caller.fault("query", "success_without_url")
    return task_id


def _failed(situation: str) -> Callable[[Caller], str]:
    def bring_about(caller: Caller) -> str:
        fields: dict[str, Any] = {**FAILURES[situation]}
        caller.fault("create", "task_failed", **fields)
        return _succeeded(caller)

    return bring_about


def _canceled(caller: Caller) -> str:
    task_id = _pending(caller)
    assert caller.cancel(task_id).status_code == 200
    return task_id


def _expired(caller: Caller) -> str:
    task_id = _succeeded(caller)
    caller.advance(86_401)
    return task_id


_BROUGHT_ABOUT: dict[str, Callable[[Caller], str]] = {
    "PENDING": _pending,
    "RUNNING": _running,
    "SUCCEEDED": _succeeded,
    "SUCCEEDED without a URL": _without_url,
    **{situation: _failed(situation) for situation in FAILURES},
    "CANCELED": _canceled,
    "UNKNOWN": _expired,
}


def settled(wan: WanClient, task_id: str) -> Task:
    """The task once it is over; fails after some seconds."""
    deadline = time.monotonic() + 15
    while (task := wan.query(task_id)).status in {TaskStatus.PENDING, TaskStatus.RUNNING}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return task
