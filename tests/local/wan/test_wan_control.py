from typing import Any

import pytest
import requests

from local.wan import DEMO_KEY
from tests.support.stand_in import CREATE, Caller


def test_tasks_tell_all_of_every_task_oldest_first(caller: Caller) -> None:
    first = caller.create()
    caller.finished(first)
    caller.control("settings", {"task_seconds": 100})
    second, third = caller.create(mode="wan-pro"), caller.create()
    tasks = caller.control("tasks")
    assert [task["task_id"] for task in tasks] == [first, second, third]
    assert [task["status"] for task in tasks] == ["SUCCEEDED", "RUNNING", "PENDING"]
    assert tasks[1]["input"] == caller.body()["input"]
    assert tasks[1]["parameters"] == {"mode": "wan-pro"}
    assert tasks[0]["created_at"] <= tasks[0]["started_at"] <= tasks[0]["ended_at"]
    assert tasks[2]["started_at"] is tasks[2]["ended_at"] is None


def test_stats_count_requests_by_method_and_path(caller: Caller) -> None:
    task_id = caller.create()
    url = caller.finished(task_id)["output"]["results"]["video_url"]
    caller.control("reset", {})
    caller.create()
    caller.query("a")
    caller.query("b")
    caller.cancel("a")
    caller.list()
    requests.get(url, timeout=5)
    stats = caller.control("stats")
    assert stats == {
        "created": 1,
        "peak_running": 1,
        "peak_unfinished": 1,
        "requests": {
            f"POST {CREATE}": 1,
            "GET /api/v1/tasks/{task_id}": 2,
            "POST /api/v1/tasks/{task_id}/cancel": 1,
            "GET /api/v1/tasks/": 1,
            "GET /1d/{result}": 1,
        },
        "rejected": {"UnsupportedOperation": 1, "NoSuchKey": 1},
    }


def test_settings_change_while_it_runs(caller: Caller) -> None:
    shown = caller.control("settings", {"api_keys": ["sk-new"], "task_seconds": 1.5})
    assert shown["api_keys"] == ["sk-new"]
    assert shown["task_seconds"] == 1.5
    assert caller.list().status_code == 401
    caller.key = "sk-new"
    assert caller.list().status_code == 200
    assert caller.control("settings") == shown


def test_reset_forgets_all_but_the_settings(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 77})
    caller.create()
    caller.fault("create", "garbage")
    caller.advance(5000)
    caller.control("reset", {})
    assert caller.control("tasks") == []
    assert caller.control("faults") == {"faults": []}
    assert caller.control("stats")["created"] == 0
    assert caller.control("settings")["task_seconds"] == 77
    task_id = caller.create()
    assert caller.status(task_id) == "RUNNING"


def test_clock_moves_forward(caller: Caller) -> None:
    before = caller.control("clock")["now"]
    assert caller.control("clock", {"advance_seconds": 90})["now"] == pytest.approx(before + 90, abs=2)


def test_faults_that_are_left_are_shown(caller: Caller) -> None:
    caller.fault("query", "error", 2, status=503, code="ModelUnavailable", message="Busy.")
    caller.query("a")
    assert caller.control("faults") == {
        "faults": [
            {
                "on": "query",
                "kind": "error",
                "times": 1,
                "status": 503,
                "code": "ModelUnavailable",
                "message": "Busy.",
            },
        ],
    }


@pytest.mark.parametrize(
    ("name", "body", "named"),
    [
        ("settings", {"task_second": 1}, "task_second"),
        ("settings", {"task_seconds": -1}, "task_seconds"),
        ("settings", {"task_seconds": "1"}, "task_seconds"),
        ("settings", {"concurrency": 0}, "concurrency"),
        ("settings", {"concurrency": True}, "concurrency"),
        ("settings", {"queries_per_second": 1.5}, "queries_per_second"),
        ("settings", {"short_side": 63}, "short_side"),
        ("settings", {"short_side": 1081}, "short_side"),
        ("settings", {"short_side": "720"}, "short_side"),
        ("settings", {"short_side": True}, "short_side"),
        ("settings", {"models": "wan2.2-animate-move"}, "models"),
        ("settings", {"models": ["wan 9"]}, "models"),
        ("settings", {"offline_models": [None]}, "offline_models"),
        ("settings", {"late_validation": 1}, "late_validation"),
        ("settings", {"api_keys": []}, "api_keys"),
        ("settings", {"api_keys": DEMO_KEY}, "api_keys"),
        ("settings", {"api_keys": [""]}, "api_keys"),
        ("faults", {"kind": "error"}, "on must be"),
        ("faults", {"on": "create"}, "kind must be"),
        ("faults", {"on": "create", "kind": "wrong_crc"}, "wrong_crc can happen on result"),
        ("faults", {"on": "query", "kind": "task_failed"}, "task_failed can happen on create"),
        ("faults", {"on": "create", "kind": "error", "times": 0}, "times"),
        ("faults", {"on": "create", "kind": "error", "status": 99}, "status"),
        ("faults", {"on": "create", "kind": "error", "code": 5}, "code"),
        ("faults", {"on": "create", "kind": "garbage", "status": 500}, "garbage has no field 'status'"),
        ("faults", {"on": "create", "kind": "hang"}, "seconds"),
        ("faults", {"on": "create", "kind": "hang", "seconds": -1}, "seconds"),
        ("faults", {"on": "create", "kind": "hang", "seconds": 1, "acts": "twice"}, "acts"),
        ("faults", {"on": "create", "kind": "error", "acts": "late"}, "acts"),
        ("faults", {"on": "result", "kind": "redirect"}, "location"),
        ("faults", {"on": "result", "kind": "redirect", "location": "a\r\nb"}, "location"),
        ("clock", {}, "advance_seconds"),
        ("clock", {"advance_seconds": -5}, "advance_seconds"),
        ("clock", {"advance_seconds": "5"}, "advance_seconds"),
        ("reset", {"now": True}, "no fields"),
        ("faults", [], "JSON object"),
    ],
)
def test_control_body_that_cannot_be_meant_is_refused_with_a_sentence(
    caller: Caller,
    name: str,
    body: Any,
    named: str,
) -> None:
    answer = requests.post(f"{caller.url}/_control/{name}", json=body, timeout=5)
    assert answer.status_code == 400
    assert named in answer.json()["error"]
    assert caller.control("faults") == {"faults": []}


def test_control_path_that_is_none_is_told_those_there_are(caller: Caller) -> None:
    answer = requests.get(f"{caller.url}/_control/nothing", timeout=5)
    assert answer.status_code == 404
    assert "/_control/stats" in answer.json()["error"]
