"""The provider's video, read once over HTTP: counted, resumed, checked, and never ended early or wrong."""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import fastcrc
import requests

from motiondrop.errors import CopyFailed, ResultExpired

#: Bytes. A video of 30 s at a lavish 100 Mbit/s has 375 MB; what is larger is not one of ours.
MAX_RESULT_BYTES = 1_000_000_000

_CHUNK = 1024 * 1024
_TIMEOUT = (5, 30)  # seconds to connect, and between two chunks
_RESUMES = 5
_FTYP = slice(4, 8)  # where an MP4's first box says that it is one
_HEAD = 12


class Video:
    """The provider's video as a file that is read once: counts, resumes, and fails rather than end early or wrong.

    Only origins that match `origins` are asked. `read` raises CopyFailed for whatever is not the whole video.
    """

    def __init__(self, session: requests.Session, url: str, origins: re.Pattern[str]) -> None:
        self._session = session
        self._url = allowed_url(url, origins)
        self._buffer = b""
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._resumes = 0
        self.size = 0
        self._response = self._open({})
        self._length = int(self._response.headers.get("Content-Length", "0") or 0)
        self._etag = self._response.headers.get("ETag")
        self._expected_crc = self._response.headers.get("x-oss-hash-crc64ecma")
        if not 0 < self._length <= MAX_RESULT_BYTES:
            raise CopyFailed(f"the result claims to have {self._length} bytes")
        self._chunks = self._response.iter_content(_CHUNK)
        self._seen_head = False

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._sha256.hexdigest()

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, at most `amount`; empty only when the whole video was read and its CRC was right."""
        while amount < 0 or len(self._buffer) < amount:
            chunk = self._next()
            if not chunk:
                break
            self._buffer += chunk
        cut = len(self._buffer) if amount < 0 else amount
        taken, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return taken

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def _next(self) -> bytes:
        while True:
            try:
                chunk: bytes = next(self._chunks, b"")
            except requests.RequestException as error:
                self._resume(error)
                continue
            if not chunk and self.size < self._length:
                self._resume(None)
                continue
            break
        if not chunk:
            self._check_end()
            return b""
        self.size += len(chunk)
        if self.size > self._length:
            raise CopyFailed("the result is longer than it claimed")
        self._crc = fastcrc.crc64.xz(chunk, self._crc)
        self._sha256.update(chunk)
        return self._check_head(chunk)

    def _check_head(self, chunk: bytes) -> bytes:
        if not self._seen_head:
            self._seen_head = True
            if len(chunk) < _HEAD or chunk[_FTYP] != b"ftyp":
                raise CopyFailed("the result is no MP4")
        return chunk

    def _check_end(self) -> None:
        if self._expected_crc and self._expected_crc != str(self._crc):
            raise CopyFailed("the result's CRC is not the one that the provider sent with it")

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
        if self._response.status_code != requests.codes.partial_content:
            raise CopyFailed("the result changed while it was copied") from cause
        self._chunks = self._response.iter_content(_CHUNK)

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
