"""The provider's video over HTTP: what a break, a lie or a stranger makes of the copy. The host is a fake."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import fastcrc
import pytest
from urllib3.exceptions import ProtocolError

from motiondrop.errors import CopyFailed, HostRefused, ResultExpired
from motiondrop.provider import download
from motiondrop.provider.download import MAX_RESULT_BYTES, Video, allowed_url
from tests.support.template import TEMPLATE

if TYPE_CHECKING:
    import requests

ORIGINS = re.compile(TEMPLATE["Parameters"]["WanResultOrigins"]["Default"])
URL = "http://dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com/1d/video.mp4?Expires=1&Signature=s"
BODY = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 8000


class Raw:
    """The body of an answer: breaks off after `until` bytes, by an error or without a word."""

    def __init__(self, body: bytes, until: int | None, *, silent: bool, compressed: bool) -> None:
        self.compressed = compressed
        self._body = io.BytesIO(body if until is None else body[:until])
        self._breaks = until is not None and not silent

    def read1(self, amount: int, *, decode_content: bool) -> bytes:
        assert decode_content is self.compressed
        piece = self._body.read(min(amount, 100_000))
        if not piece and self._breaks:
            raise ProtocolError("Connection broken")
        return piece


class Answer:
    """An answer of the fake host, as far as requests.Response is used."""

    def __init__(self, status: int, headers: Mapping[str, str], raw: Raw) -> None:
        self.status_code, self.headers, self.raw = status, headers, raw
        self.closed = False

    def close(self) -> None:
        self.closed = True


@dataclass
class Host:
    """An object store with one object; each of `breaks` ends one answer after so many bytes."""

    body: bytes = BODY
    breaks: list[int] = field(default_factory=list)
    silent: bool = False
    ranges: bool = True
    status: int = 200
    headers: dict[str, Any] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)  # of the answers after the first
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get(self, url: str, **options: Any) -> Answer:
        self.asked.append({"url": url, **options})
        start, status = 0, self.status
        headers = {
            "Content-Length": str(len(self.body)),
            "ETag": '"e"',
            "x-oss-hash-crc64ecma": str(fastcrc.crc64.xz(self.body)),
        } | self.headers
        headers = {name: value for name, value in headers.items() if value is not None}
        if self.ranges and (wanted := options["headers"].get("Range")):
            assert options["headers"]["If-Range"] == '"e"'
            start, status = int(wanted.removeprefix("bytes=").removesuffix("-")), 206
            headers |= {"Content-Range": f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"}
            headers["Content-Length"] = str(len(self.body) - start)
            headers |= self.later
        until = self.breaks.pop(0) if self.breaks else None
        return Answer(
            status, headers, Raw(self.body[start:], until, silent=self.silent, compressed="Content-Encoding" in headers)
        )

    def video(self, url: str = URL) -> Video:
        return Video(cast("requests.Session", self), url, ORIGINS)


def read_all(video: Video, amount: int = 300_000) -> bytes:
    parts = []
    while part := video.read(amount):
        parts.append(part)
        assert len(part) <= amount
    return b"".join(parts)


def test_the_whole_video_is_read_in_pieces_counted_and_hashed() -> None:
    host = Host()
    video = host.video()
    assert read_all(video) == BODY
    assert video.size == len(BODY)
    assert video.sha256 == hashlib.sha256(BODY).hexdigest()
    assert host.asked[0]["url"].startswith("https://")
    assert host.asked[0]["allow_redirects"] is False


def test_reading_without_an_amount_gives_all_of_it() -> None:
    assert Host().video().read() == BODY


@pytest.mark.parametrize("silent", [False, True], ids=["reset", "cut short"])
def test_a_break_is_resumed_by_range_where_it_happened(*, silent: bool) -> None:
    host = Host(breaks=[600_000, 300_000, 300_000], silent=silent)
    assert read_all(host.video()) == BODY
    ranges = [asked["headers"].get("Range") for asked in host.asked]
    assert ranges == [None, "bytes=600000-", "bytes=900000-", "bytes=1200000-"]


def test_a_host_that_breaks_off_again_and_again_is_given_up() -> None:
    with pytest.raises(CopyFailed, match="broke off 6 times"):
        read_all(Host(breaks=[1000] * 10).video())


def test_a_host_that_starts_over_instead_of_resuming_is_not_believed() -> None:
    with pytest.raises(CopyFailed, match="changed while"):
        read_all(Host(breaks=[600_000], ranges=False).video())


CHUNKED = {"Content-Length": None, "Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("amount", [300_000, -1])
@pytest.mark.parametrize("headers", [CHUNKED, CHUNKED | {"Content-Encoding": "gzip"}], ids=["chunked", "compressed"])
def test_a_video_without_a_length_is_read_to_its_end_and_checked(headers: dict[str, Any], amount: int) -> None:
    video = Host(headers=headers).video()
    body = video.read() if amount < 0 else read_all(video, amount)
    assert body == BODY
    assert (video.size, video.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    with pytest.raises(CopyFailed, match="CRC"):
        read_all(Host(headers=headers | {"x-oss-hash-crc64ecma": "1"}).video())


def test_a_video_in_chunks_that_breaks_off_is_resumed_and_its_length_learnt() -> None:
    host = Host(headers=CHUNKED, breaks=[600_000, 300_000])
    assert read_all(host.video()) == BODY
    assert [asked["headers"].get("Range") for asked in host.asked] == [None, "bytes=600000-", "bytes=900000-"]


def test_a_compressed_video_that_breaks_off_is_begun_again() -> None:
    with pytest.raises(CopyFailed, match="broke off"):
        read_all(Host(headers=CHUNKED | {"Content-Encoding": "gzip"}, breaks=[600_000]).video())


def test_a_video_without_a_length_ends_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_RESULT_BYTES", 1_000_000)
    with pytest.raises(CopyFailed, match="than any of ours"):
        read_all(Host(headers=CHUNKED).video())


@pytest.mark.parametrize("form", ["{} ", " {}", "000{}"])
def test_the_crc_is_compared_as_a_number(form: str) -> None:
    host = Host(headers={"x-oss-hash-crc64ecma": form.format(fastcrc.crc64.xz(BODY))})
    assert read_all(host.video()) == BODY


@pytest.mark.parametrize("later", [{"ETag": '"another"'}, {"Content-Range": "bytes 600000-700000/700001"}])
def test_a_resumed_part_of_another_object_is_not_mixed_in(later: dict[str, str]) -> None:
    with pytest.raises(CopyFailed, match="changed while"):
        read_all(Host(breaks=[600_000], later=later).video())


def test_a_wrong_crc_never_ends_the_video() -> None:
    video = Host(headers={"x-oss-hash-crc64ecma": "1"}).video()
    with pytest.raises(CopyFailed, match="CRC"):
        read_all(video)


def test_a_body_that_is_longer_than_claimed_is_refused() -> None:
    with pytest.raises(CopyFailed, match="longer"):
        read_all(Host(headers={"Content-Length": "1000"}).video())


@pytest.mark.parametrize("length", ["", "0", "-5", str(MAX_RESULT_BYTES + 1), "many"])
def test_a_size_that_is_missing_nothing_or_too_much_is_refused(length: str) -> None:
    with pytest.raises(CopyFailed, match="claims"):
        Host(headers={"Content-Length": length}).video()


@pytest.mark.parametrize("body", [b"<html>" * 100, b"ftyp", b"\x00\x00\x00\x18moov" + bytes(100)])
def test_what_is_no_mp4_is_refused(body: bytes) -> None:
    with pytest.raises(CopyFailed, match="no MP4"):
        read_all(Host(body).video())


def test_a_head_that_comes_byte_by_byte_is_seen_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Raw, "read1", lambda raw, *_, **__: raw._body.read(5))
    assert Host(BODY[:100]).video().read() == BODY[:100]
    with pytest.raises(CopyFailed, match="no MP4"):
        Host(b"<html>" * 10).video().read()


def test_an_expired_link_has_its_own_error() -> None:
    with pytest.raises(ResultExpired):
        Host(status=403).video()


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500, 503])
def test_a_redirect_is_not_followed_and_errors_fail_the_copy(status: int) -> None:
    with pytest.raises(CopyFailed, match=str(status)):
        Host(status=status).video()


#: The reference page's list ("OSS domain name list"), then those that were seen beyond it.
HOSTS = [
    "dashscope-result-bj.oss-cn-beijing",
    "dashscope-result-hz.oss-cn-hangzhou",
    "dashscope-result-sh.oss-cn-shanghai",
    "dashscope-result-wlcb.oss-cn-wulanchabu",
    "dashscope-result-zjk.oss-cn-zhangjiakou",
    "dashscope-result-sz.oss-cn-shenzhen",
    "dashscope-result-hy.oss-cn-heyuan",
    "dashscope-result-cd.oss-cn-chengdu",
    "dashscope-result-gz.oss-cn-guangzhou",
    "dashscope-result-wlcb-acdr-1.oss-cn-wulanchabu-acdr-1",
    "dashscope-result-sgp.oss-ap-southeast-1",
    "dashscope-result-sh.oss-accelerate",
    "dashscope-a717.oss-accelerate",
]
KNOWN = "dashscope-result-sgp.oss-ap-southeast-1.aliyuncs.com"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_providers_hosts_are_asked_by_https(scheme: str, host: str) -> None:
    assert allowed_url(f"{scheme}://{host}.aliyuncs.com/1d/a.mp4?Expires=1", ORIGINS) == (
        f"https://{host}.aliyuncs.com/1d/a.mp4?Expires=1"
    )


@pytest.mark.parametrize("origin", [f"https://{KNOWN}:443", f"http://{KNOWN}:80", f"http://{KNOWN.upper()}"])
def test_another_way_to_write_a_known_origin_is_the_same_one(origin: str) -> None:
    assert allowed_url(f"{origin}/a", ORIGINS) == f"https://{KNOWN}/a"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        # Buckets that anybody can make, and known ones at another region's endpoint.
        ("https://dashscope-evil.oss-cn-x.aliyuncs.com/a", "dashscope-evil.oss-cn-x.aliyuncs.com"),
        ("https://DASHSCOPE-EVIL.oss-cn-beijing.aliyuncs.com/a", "dashscope-evil.oss-cn-beijing.aliyuncs.com"),
        ("https://dashscope.oss-cn-beijing.aliyuncs.com/a", "dashscope.oss-cn-beijing.aliyuncs.com"),
        ("https://dashscope-result-evil.oss-accelerate.aliyuncs.com/a", "-result-evil.oss-accelerate.aliyuncs.com"),
        ("https://dashscope-a718.oss-accelerate.aliyuncs.com/a", "dashscope-a718.oss-accelerate.aliyuncs.com"),
        ("https://dashscope-result-bj.oss-cn-x.aliyuncs.com/a", "dashscope-result-bj.oss-cn-x.aliyuncs.com"),
        ("https://evil.dashscope-result-bj.oss-cn-beijing.aliyuncs.com/a", "evil.dashscope-result-bj"),
        ("https://xdashscope-result-bj.oss-cn-beijing.aliyuncs.com/a", "xdashscope-result-bj"),
        # A known host that is only part of what is asked.
        (f"https://{KNOWN}.example.com/a", f"{KNOWN}.example.com"),
        (f"https://example.com/{KNOWN}", "example.com"),
        (f"https://example.com?@{KNOWN}/a", "example.com"),
        (f"https://example.com#@{KNOWN}/a", "example.com"),
        (f"https://{KNOWN}@example.com/a", "example.com"),
        (f"https://{KNOWN}:443@example.com/a", "example.com"),
        (f"https://user@{KNOWN}/a", KNOWN),
        (f"https://@{KNOWN}/a", KNOWN),
        (f"https://example.com\\@{KNOWN}/a", KNOWN),
        (f"https://{KNOWN}\\.example.com/a", f"{KNOWN}?.example.com"),
        (f"https://{KNOWN}./a", f"{KNOWN}."),
        (f"https://{KNOWN}:8443/a", f"{KNOWN}:8443"),
        (f"https://{KNOWN}:80/a", f"{KNOWN}:80"),
        (f"https://{KNOWN}:port/a", KNOWN),
        ("https://127.0.0.1/a", "127.0.0.1"),
        ("https://[::1]/a", "::1"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        (f"ftp://{KNOWN}/a", KNOWN),
        (f"//{KNOWN}/a", KNOWN),
        ("file:///etc/passwd", "no host"),
        ("", "no host"),
    ],
)
def test_no_other_host_scheme_or_port_is_asked_and_the_refusal_names_the_host(url: str, named: str) -> None:
    with pytest.raises(HostRefused, match=r"which WanResultOrigins does not allow$") as refusal:
        allowed_url(f"{url}?Expires=1&Signature=secret" if "?" not in url else url, ORIGINS)
    assert named in refusal.value.host
    assert "?Expires" not in str(refusal.value)
    assert "secret" not in str(refusal.value)
    assert "user@" not in str(refusal.value)


def test_a_url_with_https_is_never_fetched_without() -> None:
    plain = re.compile(r"http://example\.com")
    assert allowed_url("http://example.com/a", plain) == "http://example.com/a"
    with pytest.raises(HostRefused):
        allowed_url("https://example.com/a", plain)


def test_a_host_of_any_length_is_named_briefly() -> None:
    with pytest.raises(HostRefused) as refusal:
        allowed_url(f"https://{'a.' * 2000}com/", ORIGINS)
    assert len(refusal.value.host) == 253
