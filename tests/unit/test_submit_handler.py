"""submit's handler: what fails comes back soon, and what AWS has no room for comes again and counts for nothing."""

import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.stack import PROJECT
from motiondrop import bootstrap
from motiondrop.aws.event_queue import SATURATED_SECONDS, event_of
from motiondrop.errors import Saturated

EVENT = {
    "Records": [
        {"body": event_of("hero.png"), "receiptHandle": "handle", "attributes": {"ApproximateReceiveCount": "2"}}
    ]
}
CONTEXT = SimpleNamespace(
    function_name="submit", memory_limit_in_mb=512, invoked_function_arn="arn:aws:lambda:x", aws_request_id="1"
)


class Queue:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def postpone(self, body: str, seconds: int) -> None:
        self.calls.append(("postpone", json.loads(body)["Records"][0]["s3"]["object"]["key"], seconds))

    def try_again_soon(self, handle: str, received: int) -> None:
        self.calls.append(("try again", handle, received))


def handle(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Queue:
    """Handle an event whose drop meets an error; return the queue."""
    spec = importlib.util.spec_from_file_location("submit_app", PROJECT / "functions" / "submit" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    queue = Queue()

    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(bootstrap, "event_queue", lambda: queue)
    monkeypatch.setattr(bootstrap, "submit", lambda: SimpleNamespace(handle=fail))
    try:
        app.handler(EVENT, CONTEXT)
    except RuntimeError:
        queue.calls.append(("raised",))
    return queue


def test_a_message_that_aws_has_no_room_for_comes_again_later_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = handle(monkeypatch, Saturated("no room"))
    assert queue.calls == [("postpone", "hero.png", SATURATED_SECONDS)]


def test_a_message_that_failed_comes_back_soon_and_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = handle(monkeypatch, RuntimeError("no"))
    assert queue.calls == [("try again", "handle", 2), ("raised",)]
