import re
from typing import Any

import pytest
import requests

from tests.support.stand_in import CREATE, Caller

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


def test_unknown_model_is_not_found(caller: Caller) -> None:
    refused(caller.post({**caller.body(), "model": "wan9"}), 404, "ModelNotFound")


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
