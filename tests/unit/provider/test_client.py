"""The provider's client: what is sent, where, and once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as transport

from motiondrop.domain.job import Options
from motiondrop.errors import SettingsError
from motiondrop.provider.client import BASE_URLS, CALL_TIMEOUT, WanClient, address
from motiondrop.provider.responses import Created, NotUnderstood, OutcomeUnknown, TaskStatus
from tests.support.recorded_provider import (
    CALLS,
    CREATED,
    IMAGE_URL,
    KEY,
    SUCCEEDED,
    TASK_ID,
    VIDEO_URL,
    Answer,
    Recorded,
    client,
    create,
    session_on,
)

UTC8_1532 = datetime(2025, 9, 18, 7, 32, tzinfo=UTC)


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
    wan = WanClient(session_on(provider), "singapore", lambda: keys.pop(0))
    wan.query(TASK_ID)
    wan.query(TASK_ID)
    assert [one.headers["Authorization"] for one in provider.asked] == ["Bearer sk-old", "Bearer sk-new"]


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
            WanClient(session_on(HTTPAdapter(max_retries=retries)), "singapore", lambda: KEY)


def test_plain_session_never_sends_again() -> None:
    session = requests.Session()
    WanClient(session, "singapore", lambda: KEY)
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
