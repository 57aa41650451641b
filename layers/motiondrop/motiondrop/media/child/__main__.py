"""The child of the sandbox: opens one file and says what it is.

Run as `python -m motiondrop.media.child` by `motiondrop.media.sandbox`, never imported by a function. It imports its
media library, gives up every means of doing harm, says READY, and then asks its parent for each range of the
file.
"""

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

from motiondrop.domain.formats import HEAD_BYTES, Format, Kind, sniff
from motiondrop.media.child.source import Source
from motiondrop.media.frames import HEADER, READ, Frame, pack
from motiondrop.media.limits import CHECK_MEMORY, CHECK_SECONDS, READ_MAX, Rejected, damaged, match_name

#: Opens a file of a known format: its answer's fields, or Rejected.
Opener = Callable[[Source, Format], dict[str, Any]]


class _Pipe:
    """The two pipes to the parent, moved away from where a library's stray output would land."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.close(nothing)

    def send(self, frame: Frame, payload: bytes = b"") -> None:
        view = memoryview(pack(frame, payload))
        while view:
            view = view[os.write(self._out, view) :]

    def receive(self) -> bytes:
        _, length = HEADER.unpack(self._take(HEADER.size))
        return self._take(length)

    def _take(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            part = os.read(self._in, length - len(parts))
            if not part:
                # The parent is gone, and with it every reason to go on.
                os._exit(1)
            parts += part
        return bytes(parts)

    def fetch(self, offset: int, length: int) -> bytes:
        self.send(Frame.READ, READ.pack(offset, length))
        return self.receive()


def _lock_down() -> None:
    """Give up memory, time, files, sockets and processes; a limit that a system lacks (macOS) is left out."""
    import resource  # noqa: PLC0415  # not on every system

    def limit(name: str, soft: int, hard: int) -> None:
        # ValueError: already lower, or not to be set here. The parent's deadline holds in any case.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (soft, hard))

    limit("RLIMIT_CORE", 0, 0)
    limit("RLIMIT_FSIZE", 0, 0)
    limit("RLIMIT_AS", CHECK_MEMORY, CHECK_MEMORY)
    limit("RLIMIT_DATA", CHECK_MEMORY, CHECK_MEMORY)
    limit("RLIMIT_CPU", CHECK_SECONDS, CHECK_SECONDS + 1)
    limit("RLIMIT_NPROC", 0, 0)
    # No descriptor can be opened any more: no socket, no file, no look into the parent's /proc entry.
    limit("RLIMIT_NOFILE", 0, 0)


def _opener(kind: Kind, purpose: str) -> Opener:
    """The opener of a kind, importing its library now: after the lock-down nothing can be imported."""
    if purpose == "result":
        from motiondrop.media.child.result import open_result  # noqa: PLC0415  # only results need both libraries

        return open_result
    if kind is Kind.IMAGE:
        from motiondrop.media.child.image import open_image  # noqa: PLC0415  # a video's check does without Pillow

        return open_image
    from motiondrop.media.child.video import open_video  # noqa: PLC0415  # an image's check does without PyAV

    return open_video


def _answer(opener: Opener, source: Source, key: str, kind: Kind) -> tuple[Frame, bytes]:
    try:
        found = match_name(key, sniff(source.at(0, HEAD_BYTES)), kind)
        answer = {"format": found.name} | opener(source, found)
    except Rejected as refusal:
        return Frame.REFUSED, refusal.reason.encode()
    except MemoryError:
        return Frame.NO_MEMORY, b""
    except Exception:  # noqa: BLE001  # a hostile file can make a library raise anything: all of it means "cannot be opened"
        return Frame.REFUSED, damaged(kind).reason.encode()
    return Frame.MEDIA, json.dumps(answer).encode()


def main() -> None:
    """Do one job, then end without anyone's clean-up, which a broken file may upset."""
    pipe = _Pipe()
    job = json.loads(pipe.receive())
    kind = Kind(job["kind"])
    try:
        opener = _opener(kind, job["purpose"])
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told to the parent, which raises
        pipe.send(Frame.FAILED, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    _lock_down()
    pipe.send(Frame.READY)
    source = Source(pipe.fetch, job["size"], READ_MAX)
    pipe.send(*_answer(opener, source, job["key"], kind))
    os._exit(0)


if __name__ == "__main__":
    main()
