"""The provider without a socket: plays recorded answers, and keeps what it was asked."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from motiondrop.domain.job import Options
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import Created, Task

KEY = "sk-recorded-0123456789"
OPTIONS = Options("wan-std", check_image=True, model="wan2.2-animate-move")
IMAGE_URL = "https://inbox.example/hero.png?X-Amz-Signature=abc"
VIDEO_URL = "https://inbox.example/hero.mp4?X-Amz-Signature=def"
TASK_ID = "0385dc79-5ff8-4d82-bcb6-xxxxxx"

# The reference page's samples, byte for byte.
CREATED = b"""\
{
    "output": {
        "task_status": "PENDING",
        "task_id": "0385dc79-5ff8-4d82-bcb6-xxxxxx"
    },
    "request_id": "4909100c-7b5a-9f92-bfe5-xxxxxx"
}
"""
REFUSED = b"""\
{
    "code":"InvalidApiKey",
    "message":"Invalid API-key provided.",
    "request_id":"fb53c4ec-1c12-4fc4-a580-xxxxxx"
}
"""
SUCCEEDED = b"""\
{
    "request_id": "a67f8716-18ef-447c-a286-xxxxxx",
    "output": {
        "task_id": "0385dc79-5ff8-4d82-bcb6-xxxxxx",
        "task_status": "SUCCEEDED",
        "submit_time": "2025-09-18 15:32:00.105",
        "scheduled_time": "2025-09-18 15:32:15.066",
        "end_time": "2025-09-18 15:34:41.898",
        "results": {
            "video_url": "http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/xxxxx.mp4?Expires=xxxxxx"
        }
    },
    "usage": {
        "video_duration": 5.2,
        "video_ratio": "standard"
    }
}
"""
FAILED_ID = "fe8aa114-d9f1-4f76-b598-xxxxxx"
FAILED = b"""\
{
    "request_id": "daad9007-6acd-9fb3-a6bc-xxxxxx",
    "output": {
        "task_id": "fe8aa114-d9f1-4f76-b598-xxxxxx",
        "task_status": "FAILED",
        "code": "InternalError",
        "message": "xxxxxx"
    }
}
"""
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


@dataclass
class Answer:
    """A recorded answer: bytes as they are, anything else as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Recorded(BaseAdapter):
    """A transport that plays answers in turn, the last one for ever; an exception is raised."""

    def __init__(self, *plays: Answer | Exception) -> None:
        super().__init__()
        self.plays = list(plays)
        self.asked: list[requests.PreparedRequest] = []
        self.settings: list[dict[str, Any]] = []
        self._builder = HTTPAdapter()

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:  # type: ignore[override]
        self.asked.append(request)
        self.settings.append(settings)
        play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        if isinstance(play, Exception):
            if isinstance(play, requests.RequestException):
                play.request = request  # as the real transport does
            raise play
        raw = urllib3.HTTPResponse(
            io.BytesIO(play.content()),
            headers=dict(play.headers),
            status=play.status,
            preload_content=False,
            decode_content=False,
        )
        return self._builder.build_response(request, raw)

    def close(self) -> None:
        pass

    @property
    def last(self) -> requests.PreparedRequest:
        return self.asked[-1]

    def last_body(self) -> Any:
        return json.loads(self.last.body or b"null")


def session_on(adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def client(*plays: Answer | Exception, base_url: str = "singapore", key: str = KEY) -> tuple[WanClient, Recorded]:
    adapter = Recorded(*plays)
    return WanClient(session_on(adapter), base_url, lambda: key), adapter


def create(wan: WanClient, **more: Any) -> Created:
    return wan.create(IMAGE_URL, VIDEO_URL, OPTIONS, **more)


def query(body: Any, status: int = 200, **headers: str) -> Task:
    wan, _ = client(Answer(status, body, headers))
    return wan.query(TASK_ID)


def output(**fields: Any) -> dict[str, Any]:
    return {"request_id": "r", "output": {"task_id": TASK_ID, **fields}}


CALLS: dict[str, Callable[[WanClient], object]] = {
    "create": create,
    "query": lambda wan: wan.query(TASK_ID),
    "list": lambda wan: wan.list(),
    "cancel": lambda wan: wan.cancel(TASK_ID),
}
