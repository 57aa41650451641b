"""The provider's video, read once over HTTP: counted, resumed, checked, and never ended early or wrong."""

import hashlib
import re
from collections import deque
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import fastcrc
import requests
from urllib3.exceptions import HTTPError

from motiondrop.errors import CopyFailed, ResultExpired

#: Bytes. A video of 30 s at a lavish 100 Mbit/s has 375 MB; what is larger is not one of ours.
MAX_RESULT_BYTES = 1_000_000_000

_CHUNK = 256 * 1024
_TIMEOUT = (5, 30)  # seconds to connect, and between two pieces of the answer
_RESUMES = 5
_FTYP = slice(4, 8)  # where an MP4's first box says that it is one
_HEAD = 12
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/\d+")


class Video:
    """The provider's video as a file that is read once, from its first byte to its last.

    Only origins that match `origins` are asked. `read` raises CopyFailed for whatever is not the whole video, and
    ResultExpired where the link is over.
    """

    def __init__(self, session: requests.Session, url: str, origins: re.Pattern[str]) -> None:
        self._session = session
        self._url = allowed_url(url, origins)
        self._waiting: deque[memoryview] = deque()
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._resumes = 0
        self.size = 0
        self._response = self._open({})
        self._length = _length(self._response)
        self._etag = self._response.headers.get("ETag")
        self._expected_crc = self._response.headers.get("x-oss-hash-crc64ecma")
        self._pieces = self._body()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._sha256.hexdigest()

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, at most `amount`; empty only when the whole video was read and its CRC was right."""
        taken = bytearray()
        while amount < 0 or len(taken) < amount:
            if not self._waiting and not self._fetch():
                break
            piece = self._waiting.popleft()
            cut = len(piece) if amount < 0 else min(len(piece), amount - len(taken))
            taken += piece[:cut]
            if cut < len(piece):
                self._waiting.appendleft(piece[cut:])
        return bytes(taken)

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def _fetch(self) -> bool:
        """Make the next piece wait to be taken; False at the end of a video that is whole."""
        try:
            piece = next(self._pieces, b"")
        except requests.RequestException as error:
            self._resume(error)
            return self._fetch()
        if not piece:
            if self.size < self._length:
                self._resume(None)
                return self._fetch()
            self._check_end()
            return False
        if self.size == 0:
            _check_head(piece)
        self.size += len(piece)
        if self.size > self._length:
            raise CopyFailed("the result is longer than it claimed")
        self._crc = fastcrc.crc64.xz(piece, self._crc)
        self._sha256.update(piece)
        self._waiting.append(memoryview(piece))
        return True

    def _check_end(self) -> None:
        if self._expected_crc and self._expected_crc != str(self._crc):
            raise CopyFailed("the result's CRC is not the one that the provider sent with it")

    def _body(self) -> Iterator[bytes]:
        """The answer's body as it was sent: nothing is unpacked, or the count of its bytes would not hold."""
        try:
            yield from self._response.raw.stream(_CHUNK, decode_content=False)
        except (HTTPError, OSError) as error:
            raise requests.ConnectionError(f"the answer broke off: {type(error).__name__}") from error

    def _resume(self, cause: Exception | None) -> None:
        """Go on where the connection broke, if what is there is still the same object."""
        self._response.close()
        self._resumes += 1
        if self._resumes > _RESUMES:
            raise CopyFailed(f"the result broke off {self._resumes} times") from cause
        headers = {"Range": f"bytes={self.size}-"}
        if self._etag:
            headers["If-Range"] = self._etag
        self._response = self._open(headers)
        # A host that cannot serve the range sends the whole object from its beginning, with 200.
        begins = _CONTENT_RANGE.fullmatch(self._response.headers.get("Content-Range", ""))
        partial = self._response.status_code == requests.codes.partial_content
        if not partial or not begins or int(begins.group(1)) != self.size:
            raise CopyFailed("the result changed while it was copied") from cause
        self._pieces = self._body()

    def _open(self, headers: Mapping[str, str]) -> requests.Response:
        try:
            response = self._session.get(
                self._url,
                headers={"Accept-Encoding": "identity", **headers},
                timeout=_TIMEOUT,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CopyFailed(f"the result's host could not be reached: {type(error).__name__}") from error
        if response.status_code == requests.codes.forbidden:
            response.close()
            raise ResultExpired("the result's link has expired")
        if response.status_code not in {requests.codes.ok, requests.codes.partial_content}:
            response.close()
            raise CopyFailed(f"the result's host answered HTTP {response.status_code}")
        return response


def _length(response: requests.Response) -> int:
    """The bytes that the whole video has, which the host has to say first."""
    text = response.headers.get("Content-Length", "")
    if not text.isdecimal() or not 0 < int(text) <= MAX_RESULT_BYTES:
        response.close()
        raise CopyFailed(f"the result claims to have {text[:20] or 'no'} bytes")
    return int(text)


def _check_head(piece: bytes) -> None:
    if len(piece) < _HEAD or piece[_FTYP] != b"ftyp":
        raise CopyFailed("the result is no MP4")


def allowed_url(url: str, origins: re.Pattern[str]) -> str:
    """The URL with https in place of http, where its origin may be fetched from; else CopyFailed.

    `origins` matches whole origins such as `https://host`. An origin with http is used only where it matches itself.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    for scheme, default in (("https", 443), ("http", 80)):
        if parts.scheme not in {"http", "https"} or parts.username or parts.password or not parts.hostname:
            break
        suffix = "" if port in {None, default, 80 if parts.scheme == "http" else 443} else f":{port}"
        origin = f"{scheme}://{parts.hostname}{suffix}"
        if origins.fullmatch(origin):
            return parts._replace(scheme=scheme, netloc=f"{parts.hostname}{suffix}").geturl()
    raise CopyFailed("the result lies at a host that is not the provider's")
