"""The provider's own SDK against the stand-in: what it sends is taken, and what it gets it understands.

It is also why our client sends a creation once: this one sends again, and each time that arrives is a task to pay for.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dashscope
import pytest
import requests
from dashscope.v2.errors import DashScopeError

from local.wan import DEMO_KEY, Settings, StandIn, serve
from tests.support.stand_in import CREATE, MOVE, Caller, MediaServer

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
_PATH = CREATE.removeprefix("/api/v1")
_ASYNC = {"X-DashScope-Async": "enable"}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with serve(Settings(task_seconds=0, short_side=144)) as running:
        yield running


@pytest.fixture
def caller(stand_in: StandIn, media: MediaServer) -> Iterator[Caller]:
    made = Caller(stand_in.url, media.url)
    made.control("settings", {"task_seconds": 0, "creations_per_second": 100, "queries_per_second": 1000})
    yield made
    made.control("reset", {})
    made.session.close()


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither its proxies nor its settings of the SDK have a part in this."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("DASHSCOPE_API_KEY", "DASHSCOPE_HTTP_BASE_URL", "DASHSCOPE_API_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def videos(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's class for videos, pointed at the stand-in."""
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{caller.url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", DEMO_KEY)
    return dashscope.VideoSynthesis


@pytest.fixture
def client(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK's client of version 2, whose pauses between sending again are left out."""
    monkeypatch.setattr("dashscope.v2.transport.http._sleep", lambda _: None)
    return dashscope.Client(api_key=DEMO_KEY, base_url=f"{caller.url}/api/v1")


def create(videos: Any, caller: Caller, **more: Any) -> Any:
    body = caller.body()
    return videos.async_call(model=MOVE, task="image2video", extra_input=body["input"], **body["parameters"], **more)


def body_of_v2(caller: Caller) -> dict[str, Any]:
    return {"json": caller.body(), "headers": _ASYNC}


def test_task_is_created_waited_for_and_its_video_fetched(videos: Any, caller: Caller) -> None:
    created = create(videos, caller)
    assert (created.status_code, created.output.task_status) == (200, "PENDING")
    assert created.request_id
    done = videos.wait(created)
    assert (done.status_code, done.output.task_status) == (200, "SUCCEEDED")
    assert done.usage.video_duration == 2.0
    assert requests.get(done.output["results"]["video_url"], timeout=5).content[4:8] == b"ftyp"
    (task,) = caller.control("tasks")
    assert task["task_id"] == created.output.task_id
    assert task["input"]["image_url"] == caller.body()["input"]["image_url"]
    assert task["parameters"]["mode"] == "wan-std"


def test_task_is_fetched_listed_and_canceled(videos: Any, caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 1000})
    running, waiting = create(videos, caller), create(videos, caller)
    assert videos.fetch(running).output.task_status == "RUNNING"
    listed = videos.list(model_name=MOVE, status="PENDING", region="ap-southeast-1", page_size=5)
    assert [row["task_id"] for row in listed.output["data"]] == [waiting.output.task_id]
    assert videos.cancel(waiting).status_code == 200
    assert videos.fetch(waiting.output.task_id).output.task_status == "CANCELED"
    refused = videos.cancel(running)
    assert (refused.status_code, refused.code) == (400, "UnsupportedOperation")
    assert videos.fetch("8f02de03-dbee-4d00-a3c3-77def2e27844").output.task_status == "UNKNOWN"


def test_refusals_and_failures_are_understood(videos: Any, caller: Caller) -> None:
    refused = videos.async_call(model="wan9", task="image2video", extra_input=caller.body()["input"], mode="wan-std")
    assert (refused.status_code, refused.code) == (404, "InvalidParameter")
    assert refused.message == "Model not exist."
    assert refused.request_id
    caller.fault("create", "task_failed", code="InvalidFile.NoHuman", message="no human")
    failed = videos.wait(create(videos, caller))
    assert failed.output.task_status == "FAILED"
    assert (failed.output.code, failed.output.message) == ("InvalidFile.NoHuman", "no human")


def test_version_2_creates_waits_lists_and_cancels(client: Any, caller: Caller) -> None:
    created = client.transport.request("POST", _PATH, **body_of_v2(caller)).json()["output"]
    done = client.videos.jobs.wait(created["task_id"], poll_interval=0.02)
    assert done.status == "SUCCEEDED"
    assert requests.get(done.output["results"]["video_url"], timeout=5).content[4:8] == b"ftyp"
    # Of the list it reads the counts alone: it looks for `tasks`, where the page and version 1 have `data`.
    assert client.videos.jobs.list(status="SUCCEEDED").total == 1
    assert client.videos.jobs.list(status="FAILED").total == 0
    caller.control("settings", {"task_seconds": 1000})
    caller.create()
    waiting = caller.create()
    client.videos.jobs.cancel(waiting)
    assert client.videos.jobs.fetch(waiting).status == "CANCELED"
    caller.fault("query", "error", status=400, code="Arrearage", message="Access denied.")
    with pytest.raises(DashScopeError) as caught:
        client.videos.jobs.fetch(waiting)
    assert caught.value.code == "Arrearage"


@pytest.mark.parametrize("trouble", [{"kind": "error", "status": 500, "acts": "first"}, {"kind": "accepted_then_lost"}])
def test_version_2_makes_three_tasks_of_one_creation_whose_answer_is_an_error_or_lost(
    client: Any, caller: Caller, trouble: dict[str, Any]
) -> None:
    caller.control("settings", {"task_seconds": 1000})
    caller.fault("create", times=2, **trouble)
    answer = client.transport.request("POST", _PATH, **body_of_v2(caller))
    assert answer.status_code == 200
    assert len(caller.control("tasks")) == 3
    assert caller.control("stats")["requests"][f"POST {CREATE}"] == 3


def test_version_1_makes_two_tasks_of_one_creation_whose_answer_is_lost(videos: Any, caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 1000})
    caller.fault("create", "accepted_then_lost")
    assert create(videos, caller).status_code == 200
    assert len(caller.control("tasks")) == 2
