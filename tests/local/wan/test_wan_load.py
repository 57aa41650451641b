import http.client
import json
import threading
import time
from itertools import pairwise
from typing import Any

from local.wan import DEMO_KEY
from tests.support.stand_in import Caller, MediaServer, image_bytes


def run(caller: Caller, images: list[str]) -> list[dict[str, Any]]:
    """The tasks of these images, when all have succeeded."""
    ids = [caller.create(image=image) for image in images]
    while caller.status(ids[-1]) in {"PENDING", "RUNNING"}:
        time.sleep(0.05)
    tasks = [task for task in caller.control("tasks") if task["task_id"] in ids]
    assert {task["status"] for task in tasks} == {"SUCCEEDED"}
    return tasks


def test_tasks_flow_one_after_the_other_without_idling(caller: Caller, media: MediaServer) -> None:
    caller.control("settings", {"short_side": 64})
    images = [f"/{number}.png" for number in range(40)]
    for number, image in enumerate(images):
        media.files[image] = image_bytes((200, 200), color=f"rgb({number},90,120)")
    rendered, known = run(caller, images), run(caller, images)
    for tasks in (rendered, known):
        for earlier, later in pairwise(tasks):
            assert later["started_at"] == max(later["created_at"], earlier["ended_at"])
    first, again = (sum(task["ended_at"] - task["started_at"] for task in tasks) for tasks in (rendered, known))
    assert again < first / 2, "rendering is this machine's to do; what is rendered already must cost next to nothing"
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
    assert caller.list().json()["data"][0]["status"] == "RUNNING"
    media.release.set()
