import http.client
import io
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import fastcrc
import pytest
import requests

from tests.support.stand_in import Caller

JSON_STAGES = ("create", "query", "list", "cancel")
STAGES = (*JSON_STAGES, "result")


@pytest.fixture
def ask(caller: Caller) -> Callable[[str], requests.Response]:
    """Return what makes one good request of a stage, and wants no fault to be due before."""
    caller.finished(caller.create())
    url = caller.result_url()
    caller.control("settings", {"task_seconds": 1000})
    caller.create()
    waiting = caller.create()
    asks: dict[str, Callable[[], requests.Response]] = {
        "create": lambda: caller.post(caller.body()),
        "query": lambda: caller.query(waiting),
        "list": caller.list,
        "cancel": lambda: caller.cancel(waiting),
        "result": lambda: requests.get(url, timeout=5, allow_redirects=False),
    }
    return lambda stage: asks[stage]()


def made(caller: Caller) -> int:
    return len(caller.control("tasks"))


@pytest.mark.parametrize("stage", JSON_STAGES)
def test_error_answers_with_its_status_code_and_message(
    caller: Caller,
    ask: Callable[[str], requests.Response],
    stage: str,
) -> None:
    caller.fault(stage, "error", status=400, code="Arrearage", message="Access denied.")
    before = made(caller)
    answer = ask(stage)
    assert answer.status_code == 400
    assert list(answer.json()) == ["code", "message", "request_id"]
    assert answer.json()["code"] == "Arrearage"
    assert answer.json()["message"] == "Access denied."
    assert made(caller) == before
    assert caller.control("stats")["rejected"]["Arrearage"] == 1
    assert ask(stage).status_code == 200


def test_error_may_do_what_was_asked_all_the_same(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    caller.create()
    caller.fault("create", "error", status=500, code="InternalError", acts="first")
    assert caller.post(caller.body()).status_code == 500
    first, second = caller.control("tasks")
    assert second["status"] == "PENDING"
    caller.fault("cancel", "error", status=500, acts="first")
    assert caller.cancel(second["task_id"]).status_code == 500
    assert caller.status(second["task_id"]) == "CANCELED"
    assert caller.status(first["task_id"]) == "RUNNING"


def test_error_of_the_result_is_xml(caller: Caller, ask: Callable[[str], requests.Response]) -> None:
    caller.fault("result", "error", status=503, code="ServiceUnavailable", message="Busy & away.")
    answer = ask("result")
    assert answer.status_code == 503
    assert "<Code>ServiceUnavailable</Code>" in answer.text
    assert "Busy &amp; away." in answer.text


def test_error_may_come_without_code_and_message(caller: Caller) -> None:
    caller.fault("query", "error", status=500, code=None, message=None)
    assert list(caller.query("1").json()) == ["request_id"]


def test_faults_count_down_and_come_in_order(caller: Caller) -> None:
    caller.fault("list", "error", 2, status=500, code="A")
    caller.fault("list", "error", status=503, code="B")
    assert [caller.list().status_code for _ in range(4)] == [500, 500, 503, 200]


def test_fault_of_one_stage_spares_the_others(caller: Caller) -> None:
    caller.fault("cancel", "garbage")
    assert caller.list().status_code == 200
    assert caller.post(caller.body()).status_code == 200


@pytest.mark.parametrize("stage", STAGES)
def test_garbage_is_html_with_status_200(caller: Caller, ask: Callable[[str], requests.Response], stage: str) -> None:
    caller.fault(stage, "garbage")
    answer = ask(stage)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize("stage", STAGES)
def test_hang_holds_the_answer_back(caller: Caller, ask: Callable[[str], requests.Response], stage: str) -> None:
    caller.fault(stage, "hang", seconds=0.3)
    began = time.monotonic()
    assert ask(stage).status_code == 200
    assert time.monotonic() - began >= 0.3


def test_hang_makes_the_task_at_once_though_the_caller_gives_up(caller: Caller) -> None:
    caller.fault("create", "hang", seconds=5)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            caller.url + "/api/v1/services/aigc/image2video/video-synthesis",
            json=caller.body(),
            headers=caller.headers(),
            timeout=0.2,
        )
    assert made(caller) == 1


@pytest.mark.parametrize(("acts", "tasks"), [("late", 1), ("never", 0)])
def test_hang_may_make_the_task_late_or_never(caller: Caller, acts: str, tasks: int) -> None:
    caller.fault("create", "hang", seconds=0.3, acts=acts)
    thread = threading.Thread(target=lambda: outcome(lambda: caller.post(caller.body())))
    thread.start()
    time.sleep(0.1)
    assert len(requests.get(caller.url + "/_control/tasks", timeout=5).json()) == 0
    thread.join()
    assert made(caller) == tasks


def outcome(ask: Callable[[], requests.Response]) -> str:
    """Return the status, or the name of the error."""
    try:
        return str(ask().status_code)
    except requests.RequestException as error:
        return repr(error)


@pytest.mark.parametrize("stage", STAGES)
def test_accepted_then_lost_closes_without_an_answer(
    caller: Caller,
    ask: Callable[[str], requests.Response],
    stage: str,
) -> None:
    caller.fault(stage, "accepted_then_lost")
    before = made(caller)
    assert "RemoteDisconnected" in outcome(lambda: ask(stage))
    assert made(caller) == before + (stage == "create")


def test_lost_cancel_has_canceled(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 100})
    _, waiting = caller.create(), caller.create()
    caller.fault("cancel", "accepted_then_lost")
    with pytest.raises(requests.ConnectionError):
        caller.cancel(waiting)
    assert caller.status(waiting) == "CANCELED"


def test_task_failed_fails_the_next_task_made(caller: Caller) -> None:
    caller.fault("create", "task_failed", code="InvalidImage.NoHuman", message="No human.")
    assert caller.post({}).status_code == 400
    failed, good = caller.create(), caller.create()
    answer = caller.finished(failed)
    assert list(answer) == ["request_id", "output"]
    output = answer["output"]
    assert list(output)[:5] == ["task_id", "task_status", "submit_time", "scheduled_time", "end_time"]
    assert output["submit_time"] <= output["scheduled_time"] <= output["end_time"]
    assert (output["task_id"], output["task_status"]) == (failed, "FAILED")
    assert (output["code"], output["message"]) == ("InvalidImage.NoHuman", "No human.")
    assert caller.finished(good)["output"]["task_status"] == "SUCCEEDED"


def test_task_failed_fails_so_many_seconds_after_the_start(caller: Caller) -> None:
    caller.fault("create", "task_failed", code="InternalError.Timeout", message="Late.", after_seconds=50)
    task_id = caller.create()
    assert caller.status(task_id) == "RUNNING"
    caller.advance(48)
    assert caller.status(task_id) == "RUNNING"
    caller.advance(3)
    assert caller.status(task_id) == "FAILED"
    (task,) = caller.control("tasks")
    assert task["ended_at"] == task["started_at"] + 50


def test_task_failed_may_leave_out_code_or_message(caller: Caller) -> None:
    caller.fault("create", "task_failed", code=None, message="Only this.")
    caller.fault("create", "task_failed", code="Only.This", message=None)
    first, second = caller.finished(caller.create()), caller.finished(caller.create())
    assert list(first["output"])[5:] == ["message"]
    assert list(second["output"])[5:] == ["code"]


def test_task_failed_and_lost_answers_go_together(caller: Caller) -> None:
    caller.fault("create", "task_failed", code="InternalError", message="Broken.")
    caller.fault("create", "accepted_then_lost")
    with pytest.raises(requests.ConnectionError):
        caller.post(caller.body())
    (task,) = caller.control("tasks")
    assert caller.finished(task["task_id"])["output"]["code"] == "InternalError"


def test_success_without_url_has_all_but_the_url(caller: Caller) -> None:
    caller.control("settings", {"task_seconds": 0.3})
    caller.fault("query", "success_without_url")
    answer = caller.finished(caller.create())
    assert answer["output"]["task_status"] == "SUCCEEDED"
    assert "results" not in answer["output"]
    assert answer["usage"]["video_duration"] == 2.0
    assert "results" in caller.query(answer["output"]["task_id"]).json()["output"]


@pytest.mark.parametrize("stage", STAGES)
def test_truncated_promises_more_than_it_sends(
    caller: Caller,
    ask: Callable[[str], requests.Response],
    stage: str,
) -> None:
    caller.fault(stage, "truncated")
    assert "IncompleteRead" in outcome(lambda: ask(stage))
    assert outcome(lambda: ask(stage)) == ("400" if stage == "cancel" else "200")


def test_truncated_result_has_status_200_and_half_the_bytes(caller: Caller) -> None:
    url = urlsplit(caller.result_url())
    caller.fault("result", "truncated")
    connection = http.client.HTTPConnection(str(url.hostname), url.port or 0, timeout=5)
    connection.request("GET", f"{url.path}?{url.query}")
    answer = connection.getresponse()
    assert answer.status == 200
    promised = int(answer.headers["Content-Length"])
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert len(caught.value.partial) == promised // 2
    connection.close()


@pytest.mark.parametrize("stage", STAGES)
def test_reset_midway_resets_the_connection(
    caller: Caller,
    ask: Callable[[str], requests.Response],
    stage: str,
) -> None:
    caller.fault(stage, "reset_midway")
    assert "ConnectionResetError" in outcome(lambda: ask(stage))


def test_result_reset_midway_can_be_resumed_by_a_range(caller: Caller) -> None:
    url = caller.result_url()
    whole = requests.get(url, timeout=5).content
    caller.fault("result", "reset_midway")
    got = io.BytesIO()
    with requests.get(url, stream=True, timeout=5) as answer, pytest.raises(requests.RequestException):
        got.writelines(answer.iter_content(1024))
    assert 0 < got.tell() < len(whole)
    rest = requests.get(url, headers={"Range": f"bytes={got.tell()}-"}, timeout=5)
    assert rest.status_code == 206
    assert got.getvalue() + rest.content == whole


@pytest.mark.parametrize("wanted", ["", "bytes=0-9"])
def test_wrong_crc_differs_from_the_bytes(caller: Caller, wanted: str) -> None:
    url = caller.result_url()
    whole = requests.get(url, timeout=5).content
    caller.fault("result", "wrong_crc")
    answer = requests.get(url, headers={"Range": wanted}, timeout=5)
    assert answer.headers["x-oss-hash-crc64ecma"] != str(fastcrc.crc64.xz(whole))
    assert answer.content == (whole[:10] if wanted else whole)
    assert requests.get(url, timeout=5).headers["x-oss-hash-crc64ecma"] == str(fastcrc.crc64.xz(whole))


@pytest.mark.parametrize("stage", STAGES)
def test_redirect_points_elsewhere(caller: Caller, stage: str) -> None:
    urls = {
        "result": caller.result_url(),
        "list": f"{caller.url}/api/v1/tasks/",
        "query": f"{caller.url}/api/v1/tasks/1",
    }
    caller.fault(stage, "redirect", location="http://169.254.169.254/latest")
    method = "GET" if stage in urls else "POST"
    default = f"{caller.url}/api/v1/" + (
        "tasks/1/cancel" if stage == "cancel" else "services/aigc/image2video/video-synthesis"
    )
    answer = requests.request(method, urls.get(stage, default), timeout=5, allow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "http://169.254.169.254/latest"


def test_expired_refuses_a_result_that_is_in_time(caller: Caller, ask: Callable[[str], requests.Response]) -> None:
    caller.fault("result", "expired")
    answer = ask("result")
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code>" in answer.text
    assert "<Message>Request has expired.</Message>" in answer.text
    assert ask("result").status_code == 200


def test_not_a_video_is_a_page_with_status_200(caller: Caller, ask: Callable[[str], requests.Response]) -> None:
    caller.fault("result", "not_a_video")
    answer = ask("result")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"ftyp" not in answer.content
