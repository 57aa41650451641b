"""The provider's client: what the network does, and what of a call is secret."""

import ssl
import traceback
from typing import Any

import pytest
import requests
import urllib3
from urllib3 import exceptions as transport

from motiondrop.domain.provider_errors import (
    KeyRefused,
)
from motiondrop.errors import MotionDropError
from motiondrop.provider.responses import NotSent, OutcomeUnknown, Unreachable
from tests.support.recorded_provider import (
    CALLS,
    CREATED,
    HTML,
    IMAGE_URL,
    KEY,
    SUCCEEDED,
    TASK_ID,
    VIDEO_URL,
    Answer,
    client,
    create,
    output,
    query,
)

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
    monkeypatch.setattr("motiondrop.provider.client.time.monotonic", lambda: next(clock))
    wan, _ = client(Answer(body=SUCCEEDED))
    with pytest.raises(Unreachable, match="trickled"):
        wan.query(TASK_ID)


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
