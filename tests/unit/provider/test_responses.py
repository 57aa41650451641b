"""The provider's answers: typed results, or an error of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from motiondrop.domain.provider_errors import (
    AccessNotGranted,
    ContentRefused,
    KeyRefused,
    NotCancelable,
    NotFound,
    ProviderBusy,
    ProviderFault,
    Throttled,
    UnknownRefusal,
    WanError,
)
from motiondrop.provider.responses import NotUnderstood, OutcomeUnknown, Task, TaskStatus
from tests.support.recorded_provider import (
    CALLS,
    CREATED,
    FAILED,
    FAILED_ID,
    HTML,
    REFUSED,
    SUCCEEDED,
    TASK_ID,
    Answer,
    client,
    create,
    output,
    query,
)

UTC8_1532 = datetime(2025, 9, 18, 7, 32, tzinfo=UTC)


def test_create_that_is_refused_is_the_codes_family_with_all_that_was_said() -> None:
    wan, _ = client(Answer(401, REFUSED))
    with pytest.raises(KeyRefused) as caught:
        create(wan)
    error = caught.value
    assert (error.code, error.message, error.status, error.request_id) == (
        "InvalidApiKey",
        "Invalid API-key provided.",
        401,
        "fb53c4ec-1c12-4fc4-a580-xxxxxx",
    )


@pytest.mark.parametrize("body", [HTML, b"", b"null", b"[]", b'{"code": 7}', b"\xff\xfe"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UnknownRefusal),
        (401, KeyRefused),
        (403, AccessNotGranted),
        (404, NotFound),
        (413, UnknownRefusal),
        (429, Throttled),
    ],
)
def test_create_that_is_refused_without_the_error_body_is_the_statuss_family(
    status: int, kind: type[WanError], body: bytes
) -> None:
    wan, _ = client(Answer(status, body))
    with pytest.raises(kind) as caught:
        create(wan)
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [200, 201, 202, 204, 304, 408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        HTML,
        b"{}",
        b'{"output": {"task_id": ""}}',
        b'{"output": {"task_id": 7}}',
        b'{"output": {"task_id": "a/b"}}',
        b'{"output": []}',
        CREATED[:-20],
        b'{"code": "InternalError", "message": "m"}',
    ],
)
def test_create_without_a_task_id_or_a_refusal_has_an_unknown_outcome(status: int, body: bytes) -> None:
    wan, _ = client(Answer(status, body))
    with pytest.raises(OutcomeUnknown):
        create(wan)


@pytest.mark.parametrize("status", [200, 201, 202, 302, 400, 408, 429, 500, 503])
def test_task_id_is_kept_whatever_the_status(status: int) -> None:
    wan, _ = client(Answer(status, CREATED))
    assert create(wan).task_id == TASK_ID


def test_refusal_under_http_200_is_a_refusal() -> None:
    wan, _ = client(Answer(200, REFUSED))
    with pytest.raises(KeyRefused):
        create(wan)


def test_request_id_is_kept_with_an_unknown_outcome() -> None:
    wan, _ = client(Answer(500, {"code": "InternalError", "message": "m", "request_id": "r-1"}))
    with pytest.raises(OutcomeUnknown) as caught:
        create(wan)
    assert caught.value.request_id == "r-1"
    assert "r-1" in str(caught.value)


def test_query_reads_every_field_of_the_pages_success() -> None:
    assert query(SUCCEEDED) == Task(
        task_id=TASK_ID,
        status=TaskStatus.SUCCEEDED,
        request_id="a67f8716-18ef-447c-a286-xxxxxx",
        submitted_at=UTC8_1532 + timedelta(milliseconds=105),
        scheduled_at=UTC8_1532 + timedelta(seconds=15, milliseconds=66),
        ended_at=UTC8_1532 + timedelta(minutes=2, seconds=41, milliseconds=898),
        video_url="http://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/xxxxx.mp4?Expires=xxxxxx",
        video_duration=5.2,
        video_ratio="standard",
    )


def test_query_reads_every_field_of_the_pages_failure() -> None:
    wan, _ = client(Answer(body=FAILED))
    assert wan.query(FAILED_ID) == Task(
        task_id=FAILED_ID,
        status=TaskStatus.FAILED,
        request_id="daad9007-6acd-9fb3-a6bc-xxxxxx",
        code="InternalError",
        message="xxxxxx",
    )


@pytest.mark.parametrize("status", TaskStatus)
def test_query_knows_all_six_states(status: TaskStatus) -> None:
    assert query(output(task_status=status.value)).status is status


@pytest.mark.parametrize("status", [None, "", "SUSPENDED", "succeeded", 7, True, [], {}])
def test_state_that_no_page_names_is_asked_for_again_and_ends_nothing(status: object) -> None:
    with pytest.raises(NotUnderstood) as caught:
        query(output(task_status=status))
    assert caught.value.request_id == "r"


@pytest.mark.parametrize("missing", ["code", "message"])
def test_failed_task_may_lack_its_code_or_message(missing: str) -> None:
    fields = {"code": "InternalError", "message": "m"}
    del fields[missing]
    task = query(output(task_status="FAILED", **fields))
    assert {"code": task.code, "message": task.message} == {**fields, missing: None}


@pytest.mark.parametrize(
    "place",
    [
        {"results": {"video_url": "https://host.example/a.mp4"}},
        {"video_url": "https://host.example/a.mp4"},
        {"results": [{"video_url": "https://host.example/a.mp4"}]},
        {"results": {"video_url": None}, "video_url": "https://host.example/a.mp4"},
        {"results": [], "video_url": "https://host.example/a.mp4"},
    ],
)
def test_video_url_is_found_where_this_model_and_its_siblings_put_it(place: dict[str, Any]) -> None:
    assert query(output(task_status="SUCCEEDED", **place)).video_url == "https://host.example/a.mp4"


@pytest.mark.parametrize(
    "url",
    [None, 7, "", "a.mp4", "ftp://h/a.mp4", "http://", "http://[::1", "http://h:99999/", "http://h/ä", "http://h/\n"],
)
def test_success_without_a_usable_url_is_told_as_one_without(url: object) -> None:
    task = query(output(task_status="SUCCEEDED", results={"video_url": url}))
    assert (task.status, task.video_url) == (TaskStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"video_duration": 5}, 5.0),
        ({"duration": 5.5}, 5.5),
        ({"video_duration": None, "duration": 5.5}, 5.5),
        ({"video_duration": "5.2"}, 5.2),
        ({"video_duration": "1e3"}, None),
        ({"video_duration": " 5.2"}, None),
        ({"video_duration": "-5.2"}, None),
        ({"video_duration": "\N{ARABIC-INDIC DIGIT FIVE}"}, None),
        ({"video_duration": "9999999"}, None),
        ({"video_duration": -1}, None),
        ({"video_duration": True}, None),
        ({"video_duration": 1e300}, None),
        ([], None),
        (None, None),
    ],
)
def test_duration_is_one_that_can_be_charged_or_none(usage: object, seconds: float | None) -> None:
    body = output(task_status="SUCCEEDED") | {"usage": usage}
    assert query(body).video_duration == seconds


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
def test_duration_that_is_no_number_is_none_or_no_answer(number: bytes) -> None:
    body = b'{"output":{"task_status":"SUCCEEDED"},"usage":{"video_duration":%s}}' % number
    try:
        assert query(body).video_duration is None
    except NotUnderstood:
        assert len(number) == 5000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-09-18 15:32:00.105", UTC8_1532 + timedelta(milliseconds=105)),
        ("2025-09-18 15:32:00", UTC8_1532),
        ("2025-01-01 00:00:00.000", datetime(2024, 12, 31, 16, tzinfo=UTC)),
        ("0001-01-01 00:00:00.000", None),
        ("2025-09-18T15:32:00Z", None),
        ("", None),
        (1758180720105, None),
    ],
)
def test_times_are_read_as_utc8_and_kept_as_utc(text: object, moment: datetime | None) -> None:
    assert query(output(task_status="RUNNING", submit_time=text)).submitted_at == moment


def test_unknown_fields_are_passed_over() -> None:
    body = output(task_status="RUNNING", surprise=[1]) | {"more": {}, "usage": {"SR": 720}}
    assert query(body).status is TaskStatus.RUNNING


def test_half_a_character_and_endless_text_are_made_fit_to_keep() -> None:
    body = b'{"output":{"task_status":"FAILED","code":"\\ud800","message":"%s"}}' % (b"x" * 100_000)
    task = query(body)
    assert (task.code or "").encode() == b"?"
    assert len(task.message or "") == 2000


@pytest.mark.parametrize("body", [FAILED, {"output": {"task_id": [], "task_status": "FAILED"}}])
def test_answer_about_another_task_is_not_believed(body: Any) -> None:
    with pytest.raises(NotUnderstood, match="another task"):
        query(body)


@pytest.mark.parametrize("body", [b"", HTML, b"null", b"[]", b"7", b"{}", b'{"request_id":"r"}', b"[" * 100_000])
def test_query_that_says_nothing_is_not_understood(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        query(body)


@pytest.mark.parametrize("call", ["query", "list", "cancel"])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, REFUSED, KeyRefused),
        (200, REFUSED, KeyRefused),
        (429, {"code": "Throttling.RateQuota"}, Throttled),
        (400, {"code": "DataInspectionFailed"}, ContentRefused),
        (500, {"code": "InternalError"}, ProviderFault),
        (500, b"", ProviderFault),
        (502, HTML, ProviderFault),
        (503, HTML, ProviderBusy),
        (529, HTML, ProviderFault),
        (404, HTML, NotFound),
        (400, b"", UnknownRefusal),
    ],
)
def test_other_calls_that_are_refused_are_the_codes_or_statuss_family(
    call: str, status: int, body: Any, kind: type[WanError]
) -> None:
    wan, _ = client(Answer(status, body))
    with pytest.raises(kind) as caught:
        CALLS[call](wan)
    assert type(caught.value) is kind


ROW = {
    "task_id": TASK_ID,
    "status": "SUCCEEDED",
    "model_name": "wan2.2-animate-move",
    "api_key_id": "1234567",
    "gmt_create": 1758180720105,
    "start_time": 1758180735066,
    "end_time": 1758180881898,
    "region": "ap-southeast-1",
    "request_id": "r-of-the-creation",
    "user_api_unique_key": "apikey:v1:…",
}
LIST = {"total": 1, "data": [ROW], "total_page": 1, "page_no": 1, "page_size": 10, "request_id": "r"}


def test_list_reads_every_field_and_the_providers_clock() -> None:
    wan, _ = client(Answer(body=LIST, headers={"Date": "Thu, 18 Sep 2025 07:32:00 GMT"}))
    page = wan.list()
    assert (page.total, page.page, page.pages, page.now, page.request_id) == (1, 1, 1, UTC8_1532, "r")
    (row,) = page.rows
    assert (row.task_id, row.status, row.model, row.api_key_id) == (
        TASK_ID,
        TaskStatus.SUCCEEDED,
        "wan2.2-animate-move",
        "1234567",
    )
    assert row.created_at == UTC8_1532 + timedelta(milliseconds=105)
    assert row.request_id == "r-of-the-creation"


def test_list_may_write_numbers_as_text_and_text_as_numbers() -> None:
    wan, _ = client(Answer(body=LIST | {"data": [ROW | {"api_key_id": 1234567, "gmt_create": "1758180720105"}]}))
    (row,) = wan.list().rows
    assert row.api_key_id == "1234567"
    assert row.created_at == UTC8_1532 + timedelta(milliseconds=105)


@pytest.mark.parametrize("date", [None, "", "now", "Thu, 99 Sep 2025", "Thu, 18 Sep 99999 07:32:00 GMT"])
def test_list_without_a_date_has_no_clock(date: str | None) -> None:
    wan, _ = client(Answer(body=LIST, headers={"Date": date} if date is not None else {}))
    assert wan.list().now is None


def test_date_without_a_zone_is_utc() -> None:
    wan, _ = client(Answer(body=LIST, headers={"Date": "Thu, 18 Sep 2025 07:32:00 -0000"}))
    assert wan.list().now == UTC8_1532


@pytest.mark.parametrize(
    "change",
    [
        {"data": None},
        {"data": {}},
        {"total": None},
        {"total": "1"},
        {"total": True},
        {"total": -1},
        {"total_page": None},
        {"total_page": 0},
        {"page_no": 2},
        {"data": [ROW, {"status": "PENDING"}]},
        {"data": [None]},
        {"data": [ROW | {"task_id": "a/b"}]},
    ],
)
def test_list_that_cannot_be_trusted_is_never_taken_for_an_empty_one(change: dict[str, Any]) -> None:
    wan, _ = client(Answer(body=LIST | change))
    with pytest.raises(NotUnderstood) as caught:
        wan.list()
    assert caught.value.request_id == "r"


def test_empty_list_is_one() -> None:
    wan, _ = client(Answer(body={"total": 0, "data": [], "total_page": 0, "page_no": 1, "page_size": 10}))
    assert wan.list().rows == ()


def test_cancel_of_a_waiting_task_says_nothing() -> None:
    wan, _ = client(Answer(body={"request_id": "r"}))
    wan.cancel(TASK_ID)


def test_cancel_of_another_task_is_not_cancelable() -> None:
    message = "Failed to cancel the task, please confirm if the task is in PENDING status."
    wan, _ = client(Answer(400, {"request_id": "r", "code": "UnsupportedOperation", "message": message}))
    with pytest.raises(NotCancelable) as caught:
        wan.cancel(TASK_ID)
    assert (caught.value.message, caught.value.request_id) == (message, "r")


@pytest.mark.parametrize("body", [b"", HTML, b"[]"])
def test_cancel_that_is_not_acknowledged_is_not_understood(body: bytes) -> None:
    wan, _ = client(Answer(body=body))
    with pytest.raises(NotUnderstood):
        wan.cancel(TASK_ID)
