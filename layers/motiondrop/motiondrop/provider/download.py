"""Reads the provider's video once over HTTP: counts its bytes, resumes after a break, and checks its end."""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import fastcrc
import requests
from urllib3.exceptions import HTTPError

from motiondrop.errors import CopyFailed, HostRefused, ResultExpired

#: Bytes. A video of 30 s at a lavish 100 Mbit/s has 375 MB; what is larger is not one of ours.
MAX_RESULT_BYTES = 1_000_000_000

_CHUNK = 1024 * 1024
_TIMEOUT = (5, 30)  # seconds to connect, and between two pieces of the answer
_RESUMES = 5
_FTYP = slice(4, 8)  # where an MP4 has `ftyp`, the type of its first box
_HEAD = 12
_PORTS = {"https": 443, "http": 80}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_CRC = re.compile(r"\s*(\d{1,40})\s*")
_NO_HOST = re.compile(r"[^a-z0-9.:-]")  # characters that no host contains
_HOST_LENGTH = 253  # characters (RFC 1035)


class Video:
    """The provider's video as a file that is read once, from its first byte to its last.

    Only a URL whose origin matches `origins` is fetched; any other raises HostRefused. `read` raises CopyFailed if what
    arrives is not the whole video, and ResultExpired if the link has expired.
    """

    def __init__(self, session: requests.Session, url: str, origins: re.Pattern[str]) -> None:
        self._session = session
        self._url = allowed_url(url, origins)
        self._buffer = bytearray()  # one for all parts: memory that is allocated anew for each part is not given back
        self._head = b""
        self._crc = 0
        self._sha256 = hashlib.sha256()
        self._resumes = 0
        self.size = 0
        self._response = self._open({})
        # A proxy may compress although it was asked not to; then only the decompressed bytes can be counted.
        self._compressed = self._response.headers.get("Content-Encoding", "identity") != "identity"
        self._length = None if self._compressed else _length(self._response)
        self._etag = self._response.headers.get("ETag")
        crc = _CRC.fullmatch(self._response.headers.get("x-oss-hash-crc64ecma", ""))
        self._expected_crc = int(crc.group(1)) if crc else None

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was read, in hex."""
        return self._sha256.hexdigest()

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, at most `amount`; empty only when the whole video was read and its CRC was right.

        There are fewer than `amount` only at the end.
        """
        if amount < 0 and self._length is None:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        most = (self._length or MAX_RESULT_BYTES) - self.size + 1  # one more than there can be, so that the end is seen
        wanted = most if amount < 0 else min(amount, most)
        if len(self._buffer) < wanted:
            self._buffer = bytearray(wanted)
        filled = 0
        while filled < wanted and (piece := self._next(wanted - filled)):
            self._buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return bytes(memoryview(self._buffer)[:filled])

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def _next(self, most: int) -> bytes:
        """The next bytes that have arrived, at most `most`; empty at the end of a video that is whole."""
        while True:
            cause = None
            try:
                # Read what has arrived, so that a break loses nothing, and decode only what a proxy compressed, so
                # that the bytes counted are the video's.
                piece: bytes = self._response.raw.read1(min(most, _CHUNK), decode_content=self._compressed)
            except (HTTPError, OSError) as error:
                piece, cause = b"", error
            # If the host named no length, the last chunk says that it is the last; a break before it is an error.
            if piece or (cause is None if self._length is None else self.size >= self._length):
                break
            self._resume(cause)
        if not piece:
            self._check_end()
            return b""
        self._check_head(piece)
        self.size += len(piece)
        if self.size > (self._length or MAX_RESULT_BYTES):
            raise CopyFailed("the result is longer than it claimed, or than any of ours")
        self._crc = fastcrc.crc64.xz(piece, self._crc)
        self._sha256.update(piece)
        return piece

    def _check_head(self, piece: bytes) -> None:
        if len(self._head) < _HEAD:
            self._head = (self._head + piece[:_HEAD])[:_HEAD]
            if len(self._head) == _HEAD and self._head[_FTYP] != b"ftyp":
                raise CopyFailed("the result is no MP4")

    def _check_end(self) -> None:
        if len(self._head) < _HEAD:
            raise CopyFailed("the result is no MP4")
        if self._expected_crc is not None and self._expected_crc != self._crc:
            raise CopyFailed("the result's CRC is not the one that the provider sent with it")

    def _resume(self, cause: Exception | None) -> None:
        """Go on where the connection broke. Raise CopyFailed after _RESUMES times, or if the object has changed."""
        self._response.close()
        self._resumes += 1
        if self._resumes > _RESUMES or self._compressed:
            raise CopyFailed(f"the result broke off {self._resumes} times") from cause
        headers = {"Range": f"bytes={self.size}-"}
        if self._etag:
            headers["If-Range"] = self._etag
        self._response = self._open(headers)
        # A host that cannot serve the range sends the whole object from its beginning, with 200.
        begins = _CONTENT_RANGE.fullmatch(self._response.headers.get("Content-Range", ""))
        partial = self._response.status_code == requests.codes.partial_content
        same = self._response.headers.get("ETag") in {None, self._etag}
        whole = int(begins.group(2)) if begins else None
        if (
            not partial
            or not same
            or not begins
            or int(begins.group(1)) != self.size
            or whole != (self._length or whole)
        ):
            raise CopyFailed("the result changed while it was copied") from cause
        self._length = whole

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


def _length(response: requests.Response) -> int | None:
    """The whole video's size in bytes, by its host's first answer; None if it comes in chunks."""
    text = response.headers.get("Content-Length", "")
    if not text and response.headers.get("Transfer-Encoding") == "chunked":
        return None
    if not text.isdecimal() or not 0 < int(text) <= MAX_RESULT_BYTES:
        response.close()
        raise CopyFailed(f"the result claims to have {text[:20] or 'no'} bytes")
    return int(text)


def allowed_url(url: str, origins: re.Pattern[str]) -> str:
    """The URL, with https in place of http if that is allowed. Raise HostRefused if its origin may not be fetched from.

    `origins` matches whole origins such as `https://host`. An http URL is fetched by http only if the http origin
    matches and the https one does not; an https URL never is.
    """
    parts = urlsplit(url)
    host, usual = parts.hostname or "", {None, _PORTS.get(parts.scheme)}
    try:
        port = parts.port
    except ValueError:
        port = -1
    if host and parts.scheme in _PORTS and "@" not in parts.netloc:
        for scheme in dict.fromkeys(("https", parts.scheme)):
            suffix = "" if port in usual | {_PORTS[scheme]} else f":{port}"
            if origins.fullmatch(f"{scheme}://{host}{suffix}"):
                return parts._replace(scheme=scheme, netloc=f"{host}{suffix}").geturl()
    # The host alone: the rest of the URL is signed, and thus a secret.
    named = _NO_HOST.sub("?", host)[:_HOST_LENGTH] or "no host"
    raise HostRefused(named if port in usual | {-1} else f"{named}:{port}")
