import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from urllib.parse import parse_qs, urlsplit

import fastcrc
import pytest
import requests

from tests.support.stand_in import Caller, MediaServer


def get(url: str, **headers: str) -> requests.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=sent, timeout=10, allow_redirects=False)


def xml_code(answer: requests.Response) -> str:
    assert answer.headers["Content-Type"] == "application/xml"
    root = ET.fromstring(answer.text)  # noqa: S314 - our own server's
    assert root.tag == "Error"
    assert root.findtext("Message")
    assert root.findtext("RequestId")
    return str(root.findtext("Code"))


@pytest.fixture
def url(caller: Caller) -> str:
    return caller.result_url()


def test_result_url_has_the_providers_form(caller: Caller, url: str) -> None:
    assert url.startswith(caller.url + "/")
    parts = urlsplit(url)
    assert re.fullmatch(r"/1d/[0-9a-f]{2}/\d{8}/[0-9a-f]{8}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.mp4", parts.path)
    assert list(parse_qs(parts.query)) == ["Expires", "OSSAccessKeyId", "Signature"]
    ended_at = caller.control("tasks")[0]["ended_at"]
    assert parse_qs(parts.query)["Expires"] == [str(int(ended_at + 86_400))]


def test_result_url_stays_the_same_from_query_to_query(caller: Caller) -> None:
    task_id = caller.create()
    first = caller.finished(task_id)["output"]["results"]["video_url"]
    assert caller.query(task_id).json()["output"]["results"]["video_url"] == first


def test_result_has_the_object_stores_headers(url: str) -> None:
    answer = get(url)
    assert answer.status_code == 200
    body = answer.content
    assert body[4:8] == b"ftyp"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Content-Type"] == "video/mp4"
    md5 = hashlib.md5(body, usedforsecurity=False)
    assert answer.headers["ETag"] == f'"{md5.hexdigest().upper()}"'
    assert answer.headers["Content-MD5"] == base64.b64encode(md5.digest()).decode()
    assert answer.headers["x-oss-hash-crc64ecma"] == str(fastcrc.crc64.xz(body))


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=10-99999999", 10, None),
    ],
)
def test_satisfiable_range_gives_206_and_the_whole_objects_crc(
    url: str,
    wanted: str,
    start: int,
    stop: int | None,
) -> None:
    whole, part = get(url), get(url, Range=wanted)
    assert part.status_code == 206
    assert part.content == whole.content[start:stop]
    first, last = whole.content.index(part.content), len(whole.content)
    assert part.headers["Content-Range"] == f"bytes {first}-{first + len(part.content) - 1}/{last}"
    for name in ("ETag", "x-oss-hash-crc64ecma"):
        assert part.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    "wanted", ["bytes=99999999-", "bytes=5-2", "bytes=-0", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5"]
)
def test_unsatisfiable_range_gives_200_and_the_whole_object(url: str, wanted: str) -> None:
    answer = get(url, Range=wanted)
    assert answer.status_code == 200
    assert "Content-Range" not in answer.headers
    assert answer.content == get(url).content


def test_if_range_gives_the_range_only_of_the_same_object(url: str) -> None:
    whole = get(url)
    for value in (whole.headers["ETag"], whole.headers["Last-Modified"]):
        assert get(url, Range="bytes=5-9", If_Range=value).status_code == 206
    for value in ('"0123"', 'W/"0123"', "Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"):
        assert get(url, Range="bytes=5-9", If_Range=value).content == whole.content


def test_expired_url_is_refused_in_xml(caller: Caller, url: str) -> None:
    caller.advance(86_402)
    answer = get(url)
    assert answer.status_code == 403
    assert xml_code(answer) == "AccessDenied"
    assert "<Message>Request has expired.</Message>" in answer.text


def test_result_lives_as_long_after_its_end_as_the_task_after_its_start(caller: Caller) -> None:
    caller.control("settings", {"validity_seconds": 1000})
    url = caller.result_url()
    caller.advance(998)
    assert get(url).status_code == 200
    caller.advance(3)
    assert get(url).status_code == 403


@pytest.mark.parametrize("part", ["Expires=1", "Expires=9", "Signature=A", "/1d/"])
def test_altered_url_does_not_match_its_signature(url: str, part: str) -> None:
    altered = {
        "Expires=1": url.replace("Expires=", "Expires=1"),
        "Expires=9": url.replace("Expires=", "Expires=x"),
        "Signature=A": url.replace("Signature=", "Signature=A"),
        "/1d/": url.replace("/1d/", "/1d/00"),
    }[part]
    answer = get(altered)
    assert answer.status_code == 403
    assert xml_code(answer) == "SignatureDoesNotMatch"


def test_url_of_another_access_key_is_refused(url: str) -> None:
    answer = get(url.replace("OSSAccessKeyId=", "OSSAccessKeyId=X"))
    assert (answer.status_code, xml_code(answer)) == (403, "InvalidAccessKeyId")


def test_url_without_its_signature_is_refused(url: str) -> None:
    answer = get(url.partition("?")[0])
    assert answer.status_code == 403
    assert xml_code(answer) == "AccessDenied"


def test_url_signed_for_get_refuses_head(url: str) -> None:
    assert requests.head(url, timeout=5).status_code == 403
    assert get(url).status_code == 200


def test_result_that_is_gone_is_no_such_key(caller: Caller, url: str) -> None:
    caller.control("reset", {})
    answer = get(url)
    assert (answer.status_code, xml_code(answer)) == (404, "NoSuchKey")


def test_same_inputs_render_the_same_bytes_under_another_url(caller: Caller, media: MediaServer, url: str) -> None:
    again = caller.result_url()
    assert again != url
    assert get(again).content == get(url).content
    other = caller.result_url(mode="wan-pro")
    assert get(other).content != get(url).content
