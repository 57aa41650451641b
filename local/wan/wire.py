"""Put an answer on the socket: whole, or broken the way a fault wants it."""

import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Protocol

from local.wan.answers import Answer

_CHUNK = 256 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BEFORE_RESET = 0.05


class Sink(Protocol):
    """Where bytes are written."""

    def write(self, data: bytes, /) -> object:
        """Write all of it."""

    def writelines(self, lines: Iterable[bytes], /) -> object:
        """Write one after the other."""


def send(out: Sink, answer: Answer, date: str, *, close: bool, with_body: bool = True) -> None:
    """Send a whole answer; if not `with_body`, send only the head, which still states the body's length."""
    head = _head(answer, date, close=close)
    if not with_body:
        out.write(head)
        return
    if answer.result is None:
        out.write(head + answer.body)
        return
    out.write(head)
    out.writelines(_file_chunks(answer, answer.size))


def send_half(out: Sink, answer: Answer, date: str, *, with_body: bool = True) -> None:
    """Send the head, which promises the whole body, and half of the body."""
    out.write(_head(answer, date, close=True))
    if not with_body:
        return
    half = answer.size // 2
    if answer.result is None:
        out.write(answer.body[:half])
        return
    out.writelines(_file_chunks(answer, half))


def reset(connection: socket.socket) -> None:
    """End a connection with a TCP reset."""
    # What was sent should be read first: a reset may overtake it.
    time.sleep(_BEFORE_RESET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    # Files made from a socket keep it open after `close`, and the server shuts down politely: close its descriptor.
    os.close(connection.detach())


def _head(answer: Answer, date: str, *, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}", f"Date: {date}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines.append(f"Content-Length: {answer.size}")
    lines.append(f"Connection: {'close' if close else 'keep-alive'}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _file_chunks(answer: Answer, length: int) -> Iterator[bytes]:
    if answer.result is None:
        return
    with answer.result.path.open("rb") as file:
        file.seek(answer.start)
        while length > 0 and (chunk := file.read(min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
