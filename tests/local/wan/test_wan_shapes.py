"""The shapes of captured traffic: the gateway's headers, gzip, HEAD, and bodies in chunks."""

import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from local.wan import DEMO_KEY
from tests.support.stand_in import CREATE, Caller

AUTHORIZED = {"Authorization": f"Bearer {DEMO_KEY}"}
VARY = "Origin,Access-Control-Request-Method,Access-Control-Request-Headers, Accept-Encoding"
Connection = http.client.HTTPConnection


@pytest.fixture
def connection(caller: Caller) -> Iterator[Connection]:
    made = Connection(caller.url.removeprefix("http://"), timeout=5)
    yield made
    made.close()


@pytest.fixture
def answers(caller: Caller) -> dict[str, requests.Response]:
    """One answer of each kind."""
    task_id = caller.create()
    caller.finished(task_id)
    return {
        "created": caller.post(caller.body()),
        "refused": caller.post({}),
        "queried": caller.query(task_id),
        "unknown": caller.query("1"),
        "listed": caller.list(),
        "not canceled": caller.cancel(task_id),
        "elsewhere": requests.get(f"{caller.url}/api/v1/other", timeout=5),
        "too large": requests.post(caller.url + CREATE, data=b" " * 1_100_000, headers=AUTHORIZED, timeout=5),
    }


def test_answers_carry_the_gateways_headers(answers: dict[str, requests.Response]) -> None:
    now = time.time() * 1000
    for answer in answers.values():
        assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
        assert answer.headers["Vary"] == VARY
        assert 0 <= int(answer.headers["req-cost-time"]) < 5000
        assert int(answer.headers["req-arrive-time"]) == pytest.approx(now, abs=10_000)


def test_task_answers_name_their_charset_and_creations_do_not(answers: dict[str, requests.Response]) -> None:
    types = {name: answer.headers["Content-Type"] for name, answer in answers.items()}
    with_charset = {name for name, value in types.items() if value == "application/json;charset=UTF-8"}
    assert with_charset == {"queried", "unknown", "listed", "not canceled"}
    assert {types[name] for name in set(types) - with_charset} == {"application/json"}


def test_cost_time_is_how_long_the_request_took(caller: Caller) -> None:
    caller.fault("list", "hang", seconds=0.2)
    assert 200 <= int(caller.list().headers["req-cost-time"]) < 2000


def test_result_files_and_pages_of_html_have_no_headers_of_the_gateway(caller: Caller) -> None:
    url = caller.result_url()
    caller.fault("query", "garbage")
    for answer in (requests.get(url, timeout=5), requests.get(url[:-1], timeout=5), caller.query("1")):
        assert not {"X-Request-ID", "req-cost-time", "Content-Encoding"} & set(answer.headers)


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        (None, False),
        ("identity", False),
        ("gzip;q=0", False),
        ("br", False),
    ],
)
def test_answer_is_compressed_if_the_caller_takes_gzip(
    connection: Connection, accepted: str | None, *, compressed: bool
) -> None:
    headers = AUTHORIZED | ({"Accept-Encoding": accepted} if accepted else {})
    connection.putrequest("GET", "/api/v1/tasks/", skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    assert (answer.headers.get("Content-Encoding") == "gzip") is compressed
    assert json.loads(gzip.decompress(body) if compressed else body)["total"] == 0


def sent(caller: Caller, method: str, path: str, encoding: str) -> tuple[http.client.HTTPMessage, bytes]:
    """Return the head and all the bytes that come after it."""
    host = caller.url.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=5) as connection:
        headers = AUTHORIZED | {"Accept-Encoding": encoding, "Host": host, "Connection": "close"}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        with connection.makefile("rb") as answer:
            status = answer.readline().split()[1]
            head = http.client.parse_headers(answer)
            head["Status"] = status.decode()
            return head, answer.read()


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_has_a_gets_head_and_no_body(caller: Caller, encoding: str) -> None:
    task_id = caller.create()
    caller.finished(task_id)
    result = caller.result_url().removeprefix(caller.url)
    paths = (f"/api/v1/tasks/{task_id}", "/api/v1/tasks/", "/api/v1/other", result, "/1d/none", "/_control/stats")
    for path in paths:
        head, nothing = sent(caller, "HEAD", path, encoding)
        gets_head, body = sent(caller, "GET", path, encoding)
        assert nothing == b""
        assert len(body) == int(gets_head["Content-Length"])
        if path.startswith("/1d/"):
            # URLs of results are signed for GET alone.
            assert head["Status"] == "403"
        elif "control" not in path:
            assert (head["Status"], head["Content-Type"]) == (gets_head["Status"], gets_head["Content-Type"])
            # A request id may be compressed better than another.
            about = pytest.approx(len(body), abs=12 if encoding == "gzip" else 0)
            assert int(head["Content-Length"]) == about


def test_head_that_meets_a_fault_has_no_body_either(caller: Caller) -> None:
    caller.fault("list", "truncated")
    head, nothing = sent(caller, "HEAD", "/api/v1/tasks/", "identity")
    assert (head["Status"], nothing) == ("200", b"")


def chunked(*chunks: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + last


def send(connection: Connection, data: bytes, **headers: str) -> tuple[int, Any]:
    """Send a creation with these bytes after its head."""
    connection.putrequest("POST", CREATE)
    given = AUTHORIZED | {"X-DashScope-Async": "enable", "Content-Type": "application/json"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in given.items():
        connection.putheader(name, value)
    connection.endheaders(data)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


CHUNKED = {"Transfer_Encoding": "chunked"}


@pytest.mark.parametrize(
    "shaped",
    [
        chunked,
        lambda body: chunked(*(body[at : at + 7] for at in range(0, len(body), 7))),
        lambda body: chunked(body, last=b"000\r\nTrailer: 1\r\nOther: 2\r\n\r\n"),
        lambda body: b'%X;name="value"\r\n%s\r\n0;last\r\n\r\n' % (len(body), body),
    ],
)
def test_body_may_come_in_chunks(caller: Caller, connection: Connection, shaped: Callable[[bytes], bytes]) -> None:
    body = json.dumps(caller.body()).encode()
    for _ in range(2):
        status, document = send(connection, shaped(body), **CHUNKED)
        assert status == 200
        assert document["output"]["task_status"] == "PENDING"
    assert [task["input"] for task in caller.control("tasks")] == [caller.body()["input"]] * 2


@pytest.mark.parametrize(
    "size",
    ["x", "-{:x}", "", " {:x}", "{:x} 2", "0x{:x}", "00000000{:x}", "{:x}" + ";x" * 5000],
)
def test_chunk_with_a_malformed_size_is_refused(caller: Caller, connection: Connection, size: str) -> None:
    body = json.dumps(caller.body()).encode()
    line = size.format(len(body)).encode()
    assert_refused(caller, connection, line + b"\r\n" + body + b"\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"%x\n%s\n0\n\n",
        b"%x\r\n%s0\r\n\r\n",
        b"%x\r\n%sXX0\r\n\r\n",
        b"%x\r\n%s\r\n0\r\n" + b"A: b\r\n" * 40 + b"\r\n",
        b"%x\r\n%s\r\n0\r\nA: b\n\r\n",
    ],
)
def test_chunks_that_are_put_together_wrongly_are_refused(caller: Caller, connection: Connection, data: bytes) -> None:
    body = json.dumps(caller.body()).encode()
    assert_refused(caller, connection, data % (len(body), body))


def assert_refused(caller: Caller, connection: Connection, data: bytes) -> None:
    status, document = send(connection, data, **CHUNKED)
    assert (status, document["code"]) == (400, "InvalidParameter")
    assert re.fullmatch("[0-9a-f-]{36}", document["request_id"])
    # The rest of the body must not be read as the next request.
    assert connection.sock is None
    assert caller.control("tasks") == []


def test_chunks_that_break_off_make_no_task(caller: Caller, connection: Connection) -> None:
    body = json.dumps(caller.body()).encode()
    connection.putrequest("POST", CREATE)
    for name, value in (AUTHORIZED | {"X-DashScope-Async": "enable", "Transfer-Encoding": "chunked"}).items():
        connection.putheader(name, value)
    connection.endheaders(chunked(body, last=b""))
    connection.close()
    time.sleep(0.1)
    assert caller.control("tasks") == []


def test_chunks_of_more_than_a_megabyte_are_refused(caller: Caller, connection: Connection) -> None:
    pieces = [b" " * 65_536] * 17
    status, document = send(connection, chunked(*pieces), **CHUNKED)
    assert (status, document["code"]) == (400, "InvalidParameter")
    assert "1 MB" in document["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Transfer_Encoding": "gzip, chunked"},
        {"Transfer_Encoding": "identity"},
        {"Transfer_Encoding": "chunked", "Content_Length": "2"},
        {"Content_Length": "-1"},
        {"Content_Length": "2x"},
        {"Content_Length": "99999999999999999999"},
    ],
)
def test_body_whose_length_cannot_be_known_is_refused(
    caller: Caller, connection: Connection, headers: dict[str, str]
) -> None:
    status, document = send(connection, b"", **headers)
    assert (status, document["code"]) == (400, "InvalidParameter")
    assert caller.control("tasks") == []
