"""Read a request's body, whole or in chunks (RFC 9112, section 7.1), and no more of it than is allowed."""

import re
from typing import Protocol

from local.wan.errors import ProviderError
from local.wan.headers import Headers

MAX_BODY_BYTES = 1024 * 1024
_MAX_LINE = 4096
_MAX_TRAILERS = 32
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(;[^\r\n]*)?\r\n")


class Source(Protocol):
    """Where bytes are read."""

    def read(self, size: int, /) -> bytes:
        """Read this many bytes, or fewer where there are no more."""

    def readline(self, size: int, /) -> bytes:
        """Read a line with its end, or this many bytes of it."""


def read_body(headers: Headers, source: Source) -> bytes:
    """Return the body; raises InvalidParameter if it is too large, or not what the headers say."""
    coding = headers.get("Transfer-Encoding")
    length = headers.get("Content-Length")
    if coding is not None:
        # Both headers at once are how requests are smuggled past a gateway.
        if coding.strip().lower() != "chunked" or length is not None:
            raise _malformed("Transfer-Encoding must be chunked, without a Content-Length")
        return _chunked(source)
    text = (length or "0").strip()
    if not (text.isascii() and text.isdigit()):
        raise _malformed("Content-Length must be a number")
    _check_size(int(text[:10]))
    return source.read(int(text))


def _chunked(source: Source) -> bytes:
    body = bytearray()
    while True:
        line = _SIZE.fullmatch(source.readline(_MAX_LINE))
        if line is None:
            raise _malformed("a chunk must begin with its size")
        size = int(line[1], 16)
        if size == 0:
            break
        _check_size(len(body) + size)
        body += source.read(size)
        if source.read(2) != b"\r\n":
            raise _malformed("a chunk must be as long as it says")
    for _ in range(_MAX_TRAILERS):
        trailer = source.readline(_MAX_LINE)
        if trailer == b"\r\n":
            return bytes(body)
        if not trailer.endswith(b"\r\n"):
            break
    raise _malformed("the last chunk must end with an empty line")


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        raise ProviderError("InvalidParameter", "The request body must be 1 MB at most.")


def _malformed(reason: str) -> ProviderError:
    return ProviderError("InvalidParameter", f"The request body is malformed: {reason}.")
