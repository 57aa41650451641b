import http.client
import json
import threading
import time

from local.wan import DEMO_KEY
from tests.support.stand_in import Caller, MediaServer, image_bytes


def seconds_for(caller: Caller, images: list[str]) -> float:
    """Return how long these tasks take from the first creation to the last end."""
    ids = [caller.create(image=image) for image in images]
    while caller.status(ids[-1]) in {"PENDING", "RUNNING"}:
        time.sleep(0.05)
    tasks = [task for task in caller.control("tasks") if task["task_id"] in ids]
    assert {task["status"] for task in tasks} == {"SUCCEEDED"}
    return float(tasks[-1]["ended_at"] - tasks[0]["created_at"])


def test_tasks_flow_one_after_the_other_without_idling(caller: Caller, media: MediaServer) -> None:
    caller.control("settings", {"short_side": 64})
    images = [f"/{number}.png" for number in range(40)]
    for number, image in enumerate(images):
        media.files[image] = image_bytes((200, 200), color=f"rgb({number},90,120)")
    # Rendering is this machine's to do; what is rendered already must cost next to nothing.
    assert len(images) / seconds_for(caller, images) > 8
    assert len(images) / seconds_for(caller, images) > 20
    assert caller.control("stats")["peak_running"] == 1


def test_fifty_connections_at_once_are_all_answered(caller: Caller) -> None:
    task_id = caller.create()
    caller.control("settings", {"queries_per_second": 1_000_000})
    wrong: list[object] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(caller.url.removeprefix("http://"), timeout=20)
        for _ in range(20):
            connection.request("GET", f"/api/v1/tasks/{task_id}", headers={"Authorization": f"Bearer {DEMO_KEY}"})
            answer = connection.getresponse()
            document = json.loads(answer.read())
            if answer.status != 200 or document["output"]["task_id"] != task_id:
                wrong.append(document)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert caller.control("stats")["requests"]["GET /api/v1/tasks/{task_id}"] == 1000


def test_query_does_not_wait_for_a_rendering(caller: Caller, media: MediaServer) -> None:
    media.silent.add("/image.png")
    caller.create()
    began = time.monotonic()
    assert caller.list().json()["data"][0]["status"] == "RUNNING"
    assert time.monotonic() - began < 0.2
    media.release.set()
