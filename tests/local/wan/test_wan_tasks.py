import re
import time
from email.utils import parsedate_to_datetime

import pytest

from local.wan import DEMO_KEY
from tests.support.stand_in import Caller, MediaServer

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"


def list_time(seconds: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds + 8 * 3600))


def test_task_waits_runs_and_succeeds_on_the_clock(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 147})
    first, second = caller.create(), caller.create()
    assert [caller.status(first), caller.status(second)] == ["RUNNING", "PENDING"]
    waiting = caller.query(second).json()["output"]
    assert list(waiting) == ["task_id", "task_status", "submit_time"]
    running = caller.query(first).json()["output"]
    assert list(running) == ["task_id", "task_status", "submit_time", "scheduled_time"]
    time.sleep(0.5)
    caller.advance(146)
    assert caller.status(first) == "RUNNING"
    caller.advance(2)
    assert [caller.status(first), caller.status(second)] == ["SUCCEEDED", "RUNNING"]


def test_times_are_written_in_utc_plus_8_with_milliseconds(caller: Caller) -> None:
    output = caller.finished(caller.create())["output"]
    for name in ("submit_time", "scheduled_time", "end_time"):
        assert re.fullmatch(TIME, output[name])
    task = caller.control("tasks")[0]
    shown = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(task["created_at"] + 8 * 3600))
    assert output["submit_time"].startswith(shown)


def test_next_task_starts_at_the_moment_the_last_one_ends(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 50})
    ids = [caller.create() for _ in range(3)]
    time.sleep(0.4)
    for _ in range(3):
        caller.advance(60)
        time.sleep(0.4)
    tasks = caller.control("tasks")
    assert [task["task_id"] for task in tasks] == ids
    assert [task["status"] for task in tasks] == ["SUCCEEDED"] * 3
    assert tasks[1]["started_at"] == tasks[0]["ended_at"]
    assert tasks[2]["started_at"] == tasks[1]["ended_at"]
    assert tasks[0]["ended_at"] == tasks[0]["started_at"] + 50


def test_queue_goes_on_while_nobody_asks(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 0.2})
    for _ in range(3):
        caller.create()
    time.sleep(1.5)
    tasks = caller.control("tasks")
    assert all(task["ended_at"] < tasks[0]["created_at"] + 1.3 for task in tasks)
    assert caller.control("stats")["peak_running"] == 1


def test_concurrency_lets_more_tasks_run_at_once(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    ids = [caller.create() for _ in range(4)]
    assert [caller.status(task_id) for task_id in ids].count("RUNNING") == 1
    caller.control("settings", {"concurrency": 3})
    assert [caller.status(task_id) for task_id in ids] == ["RUNNING"] * 3 + ["PENDING"]
    stats = caller.control("stats")
    assert (stats["peak_running"], stats["peak_unfinished"]) == (3, 4)


def test_waiting_task_can_be_canceled(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    _, waiting = caller.create(), caller.create()
    answer = caller.cancel(waiting)
    assert answer.status_code == 200
    assert list(answer.json()) == ["request_id"]
    assert caller.status(waiting) == "CANCELED"


def test_canceled_task_never_runs(caller: Caller, media: MediaServer) -> None:
    caller.control("settings", {"task_seconds": 100})
    caller.create()
    waiting = caller.create(image="/image.png?second")
    caller.cancel(waiting)
    last = caller.create()
    time.sleep(0.4)
    caller.advance(101)
    assert caller.status(last) == "RUNNING"
    assert not [path for path in media.asked if "second" in path]


def test_only_a_waiting_task_can_be_canceled(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    running, waiting = caller.create(), caller.create()
    caller.cancel(waiting)
    for task_id in (running, waiting, "8f02de03-dbee-4d00-a3c3-77def2e27844"):
        answer = caller.cancel(task_id)
        assert answer.status_code == 400
        assert answer.json()["code"] == "UnsupportedOperation"
        expected = "Failed to cancel the task, please confirm if the task is in PENDING status."
        assert answer.json()["message"] == expected


@pytest.mark.parametrize("task_id", ["8f02de03-dbee-4d00-a3c3-77def2e27844", "no-uuid", "%E7%94%BB"])
def test_id_never_made_is_unknown(caller: Caller, task_id: str) -> None:
    answer = caller.query(task_id)
    assert answer.status_code == 200
    assert list(answer.json()) == ["request_id", "output"]
    assert answer.json()["output"]["task_status"] == "UNKNOWN"


def test_task_is_unknown_and_unlisted_after_its_validity(caller: Caller) -> None:
    task_id = caller.create()
    caller.finished(task_id)
    caller.advance(86_390)
    assert caller.status(task_id) == "SUCCEEDED"
    caller.advance(20)
    assert caller.status(task_id) == "UNKNOWN"
    assert caller.list().json()["total"] == 0
    assert caller.control("tasks")[0]["status"] == "SUCCEEDED"


def test_list_row_has_the_notes_fields_and_no_url(caller: Caller) -> None:
    task_id = caller.create()
    caller.finished(task_id)
    answer = caller.list().json()
    assert list(answer) == ["total", "data", "total_page", "page_no", "page_size", "request_id"]
    (row,) = answer["data"]
    assert list(row) == [
        "api_key_id",
        "caller_parent_id",
        "caller_uid",
        "end_time",
        "gmt_create",
        "model_name",
        "region",
        "request_id",
        "start_time",
        "status",
        "task_id",
        "user_api_unique_key",
    ]
    assert (row["caller_parent_id"], row["caller_uid"]) == ("1000000000000001", "1000000000000001")
    task = caller.control("tasks")[0]
    assert row["gmt_create"] == int(task["created_at"] * 1000)
    assert row["end_time"] == int(task["ended_at"] * 1000)
    assert row["region"] == "ap-southeast-1"
    assert "video_url" not in str(answer)


def test_list_has_pages_newest_first(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    ids = [caller.create() for _ in range(5)][::-1]
    pages = [caller.list(page_no=number, page_size=2).json() for number in (1, 2, 3, 4)]
    assert [[row["task_id"] for row in page["data"]] for page in pages] == [ids[:2], ids[2:4], ids[4:], []]
    assert {page["total_page"] for page in pages} == {3}
    assert {page["total"] for page in pages} == {5}


def test_list_filters_by_status_and_model(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    running, _ = caller.create(), caller.create()
    caller.post({**caller.body(), "model": "wan2.2-animate-mix"})
    assert [row["task_id"] for row in caller.list(status="RUNNING").json()["data"]] == [running]
    assert caller.list(status="PENDING").json()["total"] == 2
    assert caller.list(model_name="wan2.2-animate-mix").json()["total"] == 1
    assert caller.list(model_name="other").json()["total"] == 0


def test_list_filters_by_task_key_and_region(caller: Caller) -> None:
    caller.control("settings", {"api_keys": [DEMO_KEY, "sk-second"], "task_seconds": 100})
    first = caller.create()
    caller.key = "sk-second"
    second = caller.create()
    rows = {row["task_id"]: row for row in caller.list().json()["data"]}

    def listed(**query: str) -> list[str]:
        return [row["task_id"] for row in caller.list(**query).json()["data"]]

    assert listed(task_id=first) == [first]
    assert listed(task_id="none") == []
    assert listed(api_key_id=rows[second]["api_key_id"]) == [second]
    assert listed(region="ap-southeast-1") == [second, first]
    assert listed(region="cn-beijing") == []
    assert listed(region="ap-southeast-1", task_id=first, api_key_id=rows[second]["api_key_id"]) == []
    assert listed(task_id="", region="") == [second, first]


def test_list_filters_by_time_in_utc_plus_8(caller: Caller) -> None:
    caller.create()
    made = caller.control("tasks")[0]["created_at"]
    assert caller.list(start_time=list_time(made), end_time=list_time(made)).json()["total"] == 1
    assert caller.list(start_time=list_time(made + 2), end_time=list_time(made + 60)).json()["total"] == 0
    assert caller.list(end_time=list_time(made - 2)).json()["total"] == 0
    assert caller.list(start_time=list_time(made - 60)).json()["total"] == 1


@pytest.mark.parametrize(
    "query",
    [
        {"start_time": "20260101000000", "end_time": "20260102000001"},
        {"start_time": "20260102000000", "end_time": "20260101000000"},
        {"start_time": "2026-01-01"},
        {"end_time": "20261301000000"},
        {"page_no": "0"},
        {"page_size": "101"},
        {"page_size": "ten"},
        {"status": "DONE"},
    ],
)
def test_bad_list_filter_is_refused(caller: Caller, query: dict[str, str]) -> None:
    answer = caller.list(**query)
    assert answer.status_code == 400
    assert answer.json()["code"] == "InvalidParameter"


def test_list_answers_without_the_last_slash_too(caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {DEMO_KEY}"}
    assert caller.session.get(caller.url + "/api/v1/tasks", headers=headers, timeout=5).json()["total"] == 0


def test_keys_of_an_account_see_each_others_tasks_under_their_own_ids(caller: Caller) -> None:
    caller.control("settings", {"api_keys": [DEMO_KEY, "sk-second"]})
    caller.create()
    caller.key = "sk-second"
    caller.create()
    rows = caller.list().json()["data"]
    assert len(rows) == 2
    assert rows[0]["api_key_id"] != rows[1]["api_key_id"]
    assert "sk-" not in str(rows)


def test_every_question_needs_a_key(caller: Caller) -> None:
    caller.key = "sk-other"
    answers = [caller.query("1"), caller.cancel("1"), caller.list()]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"InvalidApiKey"}


def test_date_header_follows_the_clock(caller: Caller) -> None:
    caller.advance(3600)
    for answer in (caller.list(), caller.query("1"), caller.session.get(caller.url + "/1d/x", timeout=5)):
        ahead = parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        assert 3598 <= ahead <= 3601


def test_sixth_creation_in_a_second_is_throttled_and_makes_nothing(caller: Caller) -> None:
    caller.control("settings", {"creations_per_second": 5, "task_seconds": 100})
    answers = [caller.post(caller.body()) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["code"] == "Throttling.RateQuota"
    assert "Retry-After" not in answers[-1].headers
    assert len(caller.control("tasks")) == 5
    caller.advance(1)
    assert caller.post(caller.body()).status_code == 200


def test_query_list_and_cancel_share_twenty_a_second(caller: Caller) -> None:
    caller.control("settings", {"queries_per_second": 20})
    answers = [caller.query("1") for _ in range(7)]
    answers += [caller.list() for _ in range(7)]
    answers += [caller.cancel("1") for _ in range(7)]
    assert [answer.status_code == 429 for answer in answers] == [False] * 20 + [True]
    assert answers[-1].json()["code"] == "Throttling.RateQuota"


def test_keys_of_an_account_share_its_limits(caller: Caller) -> None:
    caller.control("settings", {"api_keys": [DEMO_KEY, "sk-second"], "creations_per_second": 1})
    assert caller.post(caller.body()).status_code == 200
    caller.key = "sk-second"
    assert caller.post(caller.body()).status_code == 429
