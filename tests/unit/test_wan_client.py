import ssl
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as transport

from motiondrop.errors import MotionDropError, SettingsError
from motiondrop.job import Options
from motiondrop.refusals import (
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
from motiondrop.wan import (
    BASE_URLS,
    CALL_TIMEOUT,
    Created,
    NotSent,
    NotUnderstood,
    OutcomeUnknown,
    Task,
    TaskStatus,
    Unreachable,
    Wan,
    address,
)
from tests.unit.recorded_provider import (
    CREATED,
    FAILED,
    FAILED_ID,
    HTML,
    IMAGE_URL,
    KEY,
    OPTIONS,
    REFUSED,
    SUCCEEDED,
    TASK_ID,
    VIDEO_URL,
    Answer,
    Recorded,
    client,
    session_on,
)

UTC8_1532 = datetime(2025, 9, 18, 7, 32, tzinfo=UTC)


def create(wan: Wan, **more: Any) -> Created:
    return wan.create(IMAGE_URL, VIDEO_URL, OPTIONS, **more)


def query(body: Any, status: int = 200, **headers: str) -> Task:
    wan, _ = client(Answer(status, body, headers))
    return wan.query(TASK_ID)


def output(**fields: Any) -> dict[str, Any]:
    return {"request_id": "r", "output": {"task_id": TASK_ID, **fields}}


CALLS: dict[str, Callable[[Wan], object]] = {
    "create": create,
    "query": lambda wan: wan.query(TASK_ID),
    "list": lambda wan: wan.list(),
    "cancel": lambda wan: wan.cancel(TASK_ID),
}


# --- What is sent ---


def test_create_sends_the_pages_request() -> None:
    wan, provider = client(Answer(body=CREATED))
    assert create(wan) == Created(TASK_ID, TaskStatus.PENDING, "4909100c-7b5a-9f92-bfe5-xxxxxx")
    asked = provider.last
    assert (asked.method, asked.url) == (
        "POST",
        "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/image2video/video-synthesis",
    )
    assert asked.headers["Authorization"] == f"Bearer {KEY}"
    assert asked.headers["X-DashScope-Async"] == "enable"
    assert asked.headers["Content-Type"] == "application/json"
    assert provider.last_body() == {
        "model": "wan2.2-animate-move",
        "input": {"image_url": IMAGE_URL, "video_url": VIDEO_URL},
        "parameters": {"mode": "wan-std", "check_image": True},
    }


def test_create_sends_the_options_and_a_watermark_only_where_asked_for() -> None:
    wan, provider = client(Answer(body=CREATED))
    options = Options("wan-pro", check_image=False, model="wan2.2-animate-mix")
    wan.create(IMAGE_URL, VIDEO_URL, options, watermark=False)
    body = provider.last_body()
    assert body["model"] == "wan2.2-animate-mix"
    assert body["parameters"] == {"mode": "wan-pro", "check_image": False}
    assert body["input"]["watermark"] is False


@pytest.mark.parametrize("call", ["query", "list", "cancel"])
def test_other_calls_carry_the_key_and_no_async_header(call: str) -> None:
    wan, provider = client(Answer(body={"request_id": "r", "data": [], "total": 0, "total_page": 0}))
    if call == "query":
        provider.plays = [Answer(body=SUCCEEDED)]
    CALLS[call](wan)
    assert provider.last.headers["Authorization"] == f"Bearer {KEY}"
    assert "X-DashScope-Async" not in provider.last.headers
    assert provider.last.body is None


def test_paths_are_the_pages() -> None:
    wan, provider = client(Answer(body=SUCCEEDED), Answer(body={"request_id": "r"}), base_url="beijing")
    wan.query(TASK_ID)
    wan.cancel(TASK_ID)
    base = "https://dashscope.aliyuncs.com/api/v1"
    assert [(one.method, one.url) for one in provider.asked] == [
        ("GET", f"{base}/tasks/{TASK_ID}"),
        ("POST", f"{base}/tasks/{TASK_ID}/cancel"),
    ]


def test_list_sends_its_filters_in_the_providers_time_zone() -> None:
    wan, provider = client(Answer(body={"data": [], "total": 0, "total_page": 0, "page_no": 3}))
    end = UTC8_1532 + timedelta(hours=24)
    wan.list(start=UTC8_1532, end=end, model="wan2.2-animate-move", status=TaskStatus.RUNNING, page=3, page_size=50)
    assert provider.last.url == (
        f"{BASE_URLS['singapore']}/tasks/?start_time=20250918153200&end_time=20250919153200"
        "&model_name=wan2.2-animate-move&status=RUNNING&page_no=3&page_size=50"
    )


def test_list_without_filters_asks_for_a_page_of_the_documented_size() -> None:
    wan, provider = client(Answer(body={"data": [], "total": 0, "total_page": 0}))
    wan.list()
    assert provider.last.url == f"{BASE_URLS['singapore']}/tasks/?page_no=1&page_size=10"


@pytest.mark.parametrize("span", [timedelta(hours=24, seconds=1), timedelta(seconds=-1)])
def test_list_refuses_a_span_that_the_provider_does_not_show(span: timedelta) -> None:
    wan, provider = client(Answer(body=b""))
    with pytest.raises(ValueError, match="24 hours"):
        wan.list(start=UTC8_1532, end=UTC8_1532 + span)
    assert provider.asked == []


@pytest.mark.parametrize("task_id", ["", "..", "a/b", "a?b", "a b", "ä", "a" * 129])
def test_text_that_is_no_task_id_never_reaches_a_path(task_id: str) -> None:
    wan, provider = client(Answer(body=SUCCEEDED))
    for call in (wan.query, wan.cancel):
        with pytest.raises(ValueError, match="task id"):
            call(task_id)
    assert provider.asked == []


def test_new_key_works_at_once() -> None:
    keys = ["sk-old", "sk-new"]
    provider = Recorded(Answer(body=SUCCEEDED))
    wan = Wan(session_on(provider), "singapore", lambda: keys.pop(0))
    wan.query(TASK_ID)
    wan.query(TASK_ID)
    assert [one.headers["Authorization"] for one in provider.asked] == ["Bearer sk-old", "Bearer sk-new"]


# --- Where it is sent ---


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ("singapore", "https://dashscope-intl.aliyuncs.com/api/v1"),
        ("beijing", "https://dashscope.aliyuncs.com/api/v1"),
        ("https://dashscope.aliyuncs.com/api/v1/", "https://dashscope.aliyuncs.com/api/v1"),
        (
            "https://llm-abc123.ap-southeast-1.maas.aliyuncs.com/api/v1",
            "https://llm-abc123.ap-southeast-1.maas.aliyuncs.com/api/v1",
        ),
        ("https://proxy.example:8443/wan/api/v1", "https://proxy.example:8443/wan/api/v1"),
        ("http://127.0.0.1:8900/api/v1", "http://127.0.0.1:8900/api/v1"),
        ("http://localhost:8900/api/v1", "http://localhost:8900/api/v1"),
        ("http://[::1]:8900/api/v1", "http://[::1]:8900/api/v1"),
    ],
)
def test_address_is_a_regions_name_or_a_url(said: str, used: str) -> None:
    assert address(said) == used


@pytest.mark.parametrize(
    "said",
    [
        "",
        "frankfurt",
        "dashscope.aliyuncs.com/api/v1",
        "ftp://dashscope.aliyuncs.com/api/v1",
        "http://dashscope.aliyuncs.com/api/v1",
        "http://127.0.0.1.evil.example/api/v1",
        "http://10.0.0.1/api/v1",
        "https:///api/v1",
        "https://user:secret@dashscope.aliyuncs.com/api/v1",  # pragma: allowlist secret
        "https://dashscope.aliyuncs.com/api/v1?x=1",
        "https://dashscope.aliyuncs.com/api/v1#x",
        "https://dashscope.aliyuncs.com:0/api/v1",
        "https://dashscope.aliyuncs.com:99999/api/v1",
        "https://dashscope.aliyuncs.com/api v1",
        "https://dashscöpe.aliyuncs.com/api/v1",
        "https://[::1/api/v1",
    ],
)
def test_address_that_could_send_the_key_astray_is_refused(said: str) -> None:
    with pytest.raises(SettingsError):
        address(said)


# --- Once, and only there ---


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS)
def test_redirect_is_never_followed(call: str, status: int) -> None:
    wan, provider = client(Answer(status, b"", {"Location": "https://evil.example/"}))
    with pytest.raises(OutcomeUnknown if call == "create" else NotUnderstood):
        CALLS[call](wan)
    assert len(provider.asked) == 1


def test_redirect_to_nonsense_is_not_even_read() -> None:
    wan, provider = client(Answer(302, b"x" * 100, {"Location": "http://[\xff"}))
    with pytest.raises(NotUnderstood):
        wan.query(TASK_ID)
    assert len(provider.asked) == 1


def test_create_that_breaks_off_is_sent_once() -> None:
    wan, provider = client(requests.ConnectionError(transport.ProtocolError("Connection aborted.", OSError())))
    with pytest.raises(OutcomeUnknown):
        create(wan)
    assert len(provider.asked) == 1


def test_session_that_sends_again_by_itself_is_refused() -> None:
    for retries in (1, urllib3.Retry(3), urllib3.Retry(total=None, connect=0)):
        with pytest.raises(ValueError, match="twice"):
            Wan(session_on(HTTPAdapter(max_retries=retries)), "singapore", lambda: KEY)


def test_plain_session_never_sends_again() -> None:
    session = requests.Session()
    Wan(session, "singapore", lambda: KEY)
    adapter = session.get_adapter(BASE_URLS["singapore"])
    assert isinstance(adapter, HTTPAdapter)
    assert (adapter.max_retries.total, adapter.max_retries.read) == (0, False)


def test_no_connection_is_used_twice_or_kept_over_a_freeze() -> None:
    wan, provider = client(Answer(body=CREATED))
    create(wan)
    assert provider.last.headers["Connection"] == "close"


def test_netrc_does_not_override_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine dashscope-intl.aliyuncs.com login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    wan, provider = client(Answer(body=CREATED))
    create(wan)
    assert provider.last.headers["Authorization"] == f"Bearer {KEY}"


def test_proxy_of_the_environment_is_used_for_the_provider_and_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    wan, provider = client(Answer(body=CREATED))
    create(wan)
    assert provider.settings[-1]["proxies"]["https"] == "http://proxy.example:3128"
    local, provider = client(Answer(body=CREATED), base_url="http://127.0.0.1:8900/api/v1")
    create(local)
    assert not provider.settings[-1]["proxies"]


def test_certificates_are_verified_by_the_environments_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    wan, provider = client(Answer(body=CREATED))
    create(wan)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/authorities.pem")
    create(wan)
    assert [one["verify"] for one in provider.settings] == [True, "/authorities.pem"]


def test_every_call_has_both_timeouts() -> None:
    wan, provider = client(Answer(body=CREATED))
    create(wan)
    connect, read = provider.settings[-1]["timeout"]
    assert connect + 2 * read == CALL_TIMEOUT.total_seconds()


# --- What the network does ---

POOL: Any = urllib3.HTTPSConnectionPool("dashscope-intl.aliyuncs.com", 443)


def gave_up(reason: Exception) -> transport.MaxRetryError:
    return transport.MaxRetryError(POOL, "/api/v1", reason)


def proxied(reason: Exception) -> transport.ProxyError:
    return transport.ProxyError("Unable to connect to proxy", reason)


REFUSED_CONNECTION = transport.NewConnectionError(POOL, "Connection refused")
NOTHING_SENT: list[Exception] = [
    requests.ConnectionError(gave_up(REFUSED_CONNECTION)),
    requests.ConnectionError(gave_up(transport.NameResolutionError("host", POOL, OSError()))),  # type: ignore[arg-type]
    requests.ConnectTimeout(gave_up(transport.ConnectTimeoutError(POOL, "timed out"))),
    requests.exceptions.ProxyError(gave_up(proxied(REFUSED_CONNECTION))),
    requests.exceptions.SSLError(gave_up(transport.SSLError(ssl.SSLCertVerificationError("self-signed")))),
    requests.exceptions.InvalidURL("no host"),
]
PERHAPS_SENT: list[Exception] = [
    requests.ReadTimeout(transport.ReadTimeoutError(POOL, "/", "Read timed out.")),
    requests.ConnectionError(transport.ProtocolError("Connection aborted.", ConnectionResetError())),
    requests.ConnectionError(),
    requests.exceptions.SSLError(gave_up(transport.SSLError(ssl.SSLError("record")))),
    requests.exceptions.ProxyError(gave_up(proxied(ConnectionResetError()))),
    requests.exceptions.InvalidHeader("Content-Length contained multiple unmatching values"),
    requests.exceptions.ChunkedEncodingError(),
    transport.ProtocolError("Connection broken"),
    transport.IncompleteRead(3, 5),
    transport.DecodeError("not gzip"),
    OSError("no CA bundle"),
]


def kind_of(play: object) -> str:
    """A test's name: the same in every process, so no address of an object in it."""
    return type(play).__name__


@pytest.mark.parametrize("error", NOTHING_SENT, ids=kind_of)
def test_create_that_never_connected_is_not_sent(error: Exception) -> None:
    wan, _ = client(error)
    with pytest.raises(NotSent):
        create(wan)


@pytest.mark.parametrize("error", PERHAPS_SENT, ids=kind_of)
def test_create_that_broke_off_has_an_unknown_outcome(error: Exception) -> None:
    wan, _ = client(error)
    with pytest.raises(OutcomeUnknown):
        create(wan)


@pytest.mark.parametrize("call", ["query", "list", "cancel"])
@pytest.mark.parametrize("error", [*NOTHING_SENT, *PERHAPS_SENT], ids=kind_of)
def test_other_calls_that_broke_off_are_unreachable(call: str, error: Exception) -> None:
    wan, _ = client(error)
    with pytest.raises(Unreachable):
        CALLS[call](wan)


@pytest.mark.parametrize("call", CALLS)
def test_endless_answer_is_given_up(call: str) -> None:
    wan, _ = client(Answer(body=b" " * 1_000_001))
    with pytest.raises(OutcomeUnknown if call == "create" else Unreachable):
        CALLS[call](wan)


def test_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 14))
    monkeypatch.setattr("motiondrop.wan.time.monotonic", lambda: next(clock))
    wan, _ = client(Answer(body=SUCCEEDED))
    with pytest.raises(Unreachable, match="trickled"):
        wan.query(TASK_ID)


# --- Secrets ---


@pytest.mark.parametrize("key", ["", " ", "sk-a b", "sk-a\n", "sk-a\r\nX: y", "sk-ä", "sk-\u200b"])
def test_text_that_cannot_be_a_key_is_refused_before_it_is_sent_or_quoted(key: str) -> None:
    wan, provider = client(Answer(body=CREATED), key=key)
    with pytest.raises(KeyRefused) as caught:
        create(wan)
    assert provider.asked == []
    assert "sk-" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "play",
    [
        *NOTHING_SENT,
        *PERHAPS_SENT,
        Answer(400, {"code": "InvalidParameter", "message": f"key {KEY} is odd", "request_id": KEY}),
        Answer(500, {"message": KEY, "request_id": KEY}),
        Answer(200, HTML + KEY.encode()),
        Answer(401, {"code": KEY, "message": KEY}),
    ],
    ids=kind_of,
)
@pytest.mark.parametrize("call", CALLS)
def test_key_and_signatures_are_in_no_error(call: str, play: Answer | Exception) -> None:
    wan, _ = client(play)
    with pytest.raises(MotionDropError) as caught:
        CALLS[call](wan)
    error: BaseException | None = caught.value
    said = "".join(traceback.format_exception(caught.value))
    while error is not None:
        said += f"{error!r} {vars(error)}"
        assert getattr(error, "request", None) is None
        error = error.__cause__
    assert KEY not in said
    assert "X-Amz-Signature" not in said
    assert KEY not in repr(wan)


def test_signed_url_that_the_provider_quotes_loses_its_query() -> None:
    task = query(output(task_status="FAILED", code="InvalidURL", message=f"cannot get {VIDEO_URL} now, {IMAGE_URL}"))
    assert task.message == "cannot get https://inbox.example/hero.mp4 now, https://inbox.example/hero.png"


# --- Answers to create ---


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


# --- Answers to query ---


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
        ({"video_duration": "5.2"}, None),
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


# --- Answers to list and cancel ---

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
    assert row.started_at == UTC8_1532 + timedelta(seconds=15, milliseconds=66)
    assert row.ended_at == UTC8_1532 + timedelta(seconds=161, milliseconds=898)
    assert (row.region, row.request_id) == ("ap-southeast-1", "r-of-the-creation")


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
