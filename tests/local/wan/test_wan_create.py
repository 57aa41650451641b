import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.support.stand_in import CREATE, MIX, MOVE, Caller, MediaServer

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def refused(answer: requests.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["code", "message", "request_id"]
    assert body["code"] == code
    assert re.fullmatch(UUID, body["request_id"])
    return str(body["message"])


def with_input(caller: Caller, name: str, value: Any) -> dict[str, Any]:
    body = caller.body()
    body["input"][name] = value
    return body


def test_creation_answers_pending_and_an_id_in_the_pages_order(caller: Caller) -> None:
    answer = caller.post(caller.body())
    assert answer.status_code == 200
    assert list(answer.json()) == ["output", "request_id"]
    assert list(answer.json()["output"]) == ["task_status", "task_id"]
    assert answer.json()["output"]["task_status"] == "PENDING"
    assert re.fullmatch(UUID, answer.json()["output"]["task_id"])


def test_sibling_model_with_the_same_path_is_served(caller: Caller) -> None:
    assert caller.post({**caller.body(), "model": "wan2.2-animate-mix"}).status_code == 200


def test_optional_fields_are_taken(caller: Caller) -> None:
    body = with_input(caller, "watermark", value=True)
    body["parameters"]["check_image"] = False
    assert caller.post(body).status_code == 200


def test_wrong_key_is_refused(caller: Caller) -> None:
    message = refused(caller.post(caller.body(), Authorization="Bearer sk-other"), 401, "InvalidApiKey")
    assert message == "Invalid API-key provided."


@pytest.mark.parametrize("value", [None, "", "sk-local-demo", "Basic sk-local-demo", "Bearer "])
def test_missing_or_malformed_authorization_is_refused(caller: Caller, value: str | None) -> None:
    refused(caller.post(caller.body(), Authorization=value), 401, "InvalidApiKey")


@pytest.mark.parametrize("value", [None, "disable"])
def test_request_without_the_async_header_is_refused_in_the_pages_words(caller: Caller, value: str | None) -> None:
    message = refused(caller.post(caller.body(), X_DashScope_Async=value), 403, "AccessDenied")
    assert message == "current user api does not support synchronous calls."


def test_model_that_does_not_exist_is_refused_as_seen_live(caller: Caller) -> None:
    assert refused(caller.post(caller.body(model="wan9")), 404, "InvalidParameter") == "Model not exist."


def test_account_has_the_models_of_the_settings(caller: Caller) -> None:
    caller.control("settings", {"models": ["wan9"]})
    assert caller.post(caller.body(model="wan9")).status_code == 200
    assert refused(caller.post(caller.body()), 404, "InvalidParameter") == "Model not exist."
    caller.control("settings", {"models": [MOVE, MIX], "offline_models": [MIX]})
    assert caller.post(caller.body()).status_code == 200
    assert refused(caller.post(caller.body(model=MIX)), 403, "AccessDenied") == "Access denied."


def test_model_is_looked_at_before_the_fields_and_after_the_key(caller: Caller) -> None:
    caller.control("settings", {"models": []})
    assert refused(caller.post({"model": MOVE}), 404, "InvalidParameter") == "Model not exist."
    refused(caller.post({"model": MOVE}, Authorization=None), 401, "InvalidApiKey")


def body_with(caller: Caller, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    body = caller.body()
    change(body)
    return body


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body["input"].update(image_url=7), "InvalidParameter"),
        (lambda body: body.update(input=None), "InvalidParameter"),
        (lambda body: body.pop("parameters"), "InvalidParameter"),
        (lambda body: body["parameters"].update(mode="std"), "InvalidParameter"),
        (lambda body: body["input"].update(video_url="ftp://host/a.mp4"), "InvalidURL"),
    ],
)
def test_wrong_fields_may_be_accepted_and_fail_the_task_100_ms_later(
    caller: Caller, media: MediaServer, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    body = body_with(caller, change)
    message = refused(caller.post(body), 400, code)
    caller.control("settings", {"late_validation": True, "task_seconds": 1000})
    caller.create()  # a task that runs holds up no refusal
    answer = caller.post(body)
    assert answer.status_code == 200
    assert answer.json()["output"]["task_status"] == "PENDING"
    task_id = answer.json()["output"]["task_id"]
    output = caller.finished(task_id)["output"]
    assert list(output) == ["task_id", "task_status", "submit_time", "end_time", "code", "message"]
    assert (output["task_status"], output["code"], output["message"]) == ("FAILED", code, message)
    task = caller.control("tasks")[1]
    assert task["ended_at"] - task["created_at"] == pytest.approx(0.1)
    assert task["started_at"] is None
    assert caller.list(status="FAILED").json()["data"][0]["task_id"] == task_id


def test_late_validation_refuses_at_once_what_is_no_field(caller: Caller) -> None:
    caller.control("settings", {"late_validation": True})
    refused(caller.post(caller.body(), Authorization=None), 401, "InvalidApiKey")
    refused(caller.post(caller.body(), X_DashScope_Async=None), 403, "AccessDenied")
    refused(caller.post(caller.body(model="wan9")), 404, "InvalidParameter")
    refused(caller.post([]), 400, "InvalidParameter")
    caller.finished(caller.create())
    assert caller.control("stats")["created"] == 1


@pytest.mark.parametrize("field", ["model", "input", "parameters"])
@pytest.mark.parametrize("value", [None, 7, [], "missing"])
def test_missing_or_malformed_top_field_is_refused(caller: Caller, field: str, value: Any) -> None:
    body = caller.body()
    body[field] = value
    if value == "missing":
        del body[field]
    refused(caller.post(body), 400, "InvalidParameter")


@pytest.mark.parametrize("field", ["image_url", "video_url"])
@pytest.mark.parametrize("value", [None, 7, ""])
def test_missing_or_malformed_url_field_is_refused(caller: Caller, field: str, value: Any) -> None:
    assert field in refused(caller.post(with_input(caller, field, value)), 400, "InvalidParameter")


@pytest.mark.parametrize("field", ["image_url", "video_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://host/画.png",
        "ftp://host/a.png",
        "a.png",
        "http:///a.png",
        "http://host/a b.png",
        "http://[::1/a.png",
    ],
)
def test_url_that_is_not_ascii_or_not_http_is_refused(caller: Caller, field: str, url: str) -> None:
    refused(caller.post(with_input(caller, field, url)), 400, "InvalidURL")


@pytest.mark.parametrize("mode", [None, "std", 1, "WAN-STD"])
def test_mode_is_required_and_one_of_two(caller: Caller, mode: Any) -> None:
    body = caller.body()
    body["parameters"]["mode"] = mode
    refused(caller.post(body), 400, "InvalidParameter")


def test_optional_fields_must_be_bools(caller: Caller) -> None:
    refused(caller.post(with_input(caller, "watermark", "yes")), 400, "InvalidParameter")
    body = caller.body()
    body["parameters"]["check_image"] = 1
    refused(caller.post(body), 400, "InvalidParameter")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_body_that_is_no_json_object_is_refused(caller: Caller, data: bytes) -> None:
    headers = {**caller.headers(), "Content-Type": "application/json"}
    refused(requests.post(caller.url + CREATE, data=data, headers=headers, timeout=5), 400, "InvalidParameter")


def test_content_type_must_be_json(caller: Caller) -> None:
    refused(caller.post(caller.body(), Content_Type="text/plain"), 400, "InvalidParameter")
    assert caller.post(caller.body(), Content_Type="application/json; charset=utf-8").status_code == 200


def test_refused_requests_make_no_task(caller: Caller) -> None:
    caller.post({})
    caller.post(caller.body(), Authorization="Bearer sk-other")
    assert caller.control("tasks") == []
    assert caller.control("stats")["rejected"] == {"InvalidParameter": 1, "InvalidApiKey": 1}


def test_body_over_a_megabyte_is_refused(caller: Caller) -> None:
    refused(caller.post(with_input(caller, "padding", "x" * 1_100_000)), 400, "InvalidParameter")


def test_other_paths_and_methods_are_refused(caller: Caller) -> None:
    refused(requests.get(caller.url + CREATE, timeout=5), 400, "InvalidParameter")
    refused(requests.put(caller.url + "/api/v1/tasks/1", timeout=5), 400, "InvalidParameter")
    refused(requests.get(caller.url + "/", timeout=5), 400, "InvalidParameter")
