"""Opens a file in a process of its own, which can be killed and has nothing worth stealing.

The media libraries are native code that reads what strangers dropped. They run in `motiondrop.media.child`, a child
without credentials, files or sockets, with bounded memory and time; it gets the file's bytes from here, a
range at a time.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from motiondrop.domain.formats import FORMATS, Kind
from motiondrop.errors import MotionDropError
from motiondrop.media.frames import HEADER, READ, Frame, pack
from motiondrop.media.limits import CHECK_MEMORY, CHECK_SECONDS, MB, READ_MAX, Media, Rejected, damaged, too_costly

#: Reads `length` bytes at `offset`; both are within the file. It raises what it likes, and check() lets that
#: through.
Reader = Callable[[int, int], bytes]

#: The child, with no site (its paths are handed over) and no current directory.
COMMAND = (sys.executable, "-S", "-P", "-m", "motiondrop.media.child")

#: Seconds to import the media libraries on a cold, throttled function; being late is not the file's fault.
START_SECONDS = 30
#: Bytes: the largest frame that the child may send.
_FRAME_MAX = 64 * 1024

_OUT_OF_TIME = f"{CHECK_SECONDS} seconds"
_OUT_OF_MEMORY = f"{CHECK_MEMORY // 1024**2} MB of memory"


class SandboxError(MotionDropError):
    """The sandbox itself failed, which says nothing about the file: trying again is right."""


class _Hung(Exception):
    """The child's time is up."""


class _Gone(Exception):
    """The child closed its pipes."""


class _Child:
    """A child process and its two pipes; only the time spent waiting for the child counts against it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module, never a word of a user
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",
        )
        if self._process.stdin is None or self._process.stdout is None:  # what PIPE rules out, said to the type checker
            raise SandboxError("the sandbox has no pipes")
        self._in = self._process.stdin.fileno()
        self._out = self._process.stdout.fileno()
        self.left = float(START_SECONDS)
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def _wait(self, fd: int, event: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(fd, event)
            began = time.monotonic()
            ready = selector.select(max(self.left, 0))
            self.left -= time.monotonic() - began
        if not ready or self.left <= 0:
            raise _Hung

    def _receive(self, length: int) -> bytes:
        parts = bytearray()
        while len(parts) < length:
            self._wait(self._out, selectors.EVENT_READ)
            part = os.read(self._out, length - len(parts))
            if not part:
                raise _Gone
            parts += part
        return bytes(parts)

    def receive(self) -> tuple[bytes, bytes]:
        kind, length = HEADER.unpack(self._receive(HEADER.size))
        if length > _FRAME_MAX:
            raise _Gone
        return kind, self._receive(length)

    def send(self, kind: Frame, payload: bytes) -> None:
        view = memoryview(pack(kind, payload))
        while view:
            self._wait(self._in, selectors.EVENT_WRITE)
            try:
                view = view[os.write(self._in, view) :]
            except BrokenPipeError as error:
                raise _Gone from error

    def end(self) -> int:
        """Kill and reap the child; its exit status, as subprocess counts it."""
        status = self._process.poll()
        if status is None and self.left > 0:
            # A child that closed its pipes is about to have a status of its own, which says why.
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(0.2)
        if status is None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return self._process.wait()


def _environment() -> dict[str, str]:
    """All that Python needs and nothing else: above all, no credentials."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100  # a string is all it takes
    kept = {"PYTHONPATH": paths}
    # Lambda's own Python finds its shared library by this.
    if "LD_LIBRARY_PATH" in os.environ:
        kept["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return kept


def probe(key: str, kind: Kind, size: int, read: Reader, command: Sequence[str] = COMMAND) -> Media:
    """What a dropped file of `size` bytes is; Rejected if it cannot be used, SandboxError if the sandbox cannot."""
    return _media(kind, size, ask({"key": key, "kind": kind, "size": size, "purpose": "drop"}, read, command))


def ask(job: Mapping[str, str | int], read: Reader, command: Sequence[str] = COMMAND) -> bytes:
    """Have a file opened in a sandbox; its answer, Rejected if there is none, SandboxError if the sandbox cannot.

    `job` has the file's `key`, `kind`, `size` in bytes and `purpose`. At most READ_MAX bytes are read, in at most
    CHECK_SECONDS beside the time that `read` takes and in at most CHECK_MEMORY bytes of memory. Whatever `read` raises
    is raised.
    """
    kind, size = Kind(str(job["kind"])), int(job["size"])
    child = _Child(command)
    reap = contextlib.ExitStack()
    with reap:
        reap.callback(child.end)
        started = False
        try:
            child.send(Frame.JOB, json.dumps(dict(job)).encode())
            frame, payload = child.receive()
            if frame != Frame.READY:
                raise SandboxError(f"the sandbox did not start: {payload.decode(errors='replace')}")
            started = True
            child.left = float(CHECK_SECONDS)
            return _serve(child, kind, size, read)
        except _Hung as error:
            if not started:
                raise SandboxError(f"the sandbox did not start within {START_SECONDS} seconds") from error
            raise too_costly(kind, _OUT_OF_TIME) from error
        except _Gone as error:
            reap.pop_all()
            status = child.end()
            if not started:
                raise SandboxError(f"the sandbox ended with status {status} before it started") from error
            if status == -signal.SIGXCPU:
                raise too_costly(kind, _OUT_OF_TIME) from error
            raise damaged(kind) from error


def _serve(child: _Child, kind: Kind, size: int, read: Reader) -> bytes:
    total = 0
    while True:
        frame, payload = child.receive()
        if frame == Frame.READ and len(payload) == READ.size:
            offset, length = READ.unpack(payload)
            if offset + length > size or length == 0:
                raise damaged(kind)
            total += length
            if total > READ_MAX:
                raise too_costly(kind, f"{READ_MAX // MB} MB of it")
            data = read(offset, length)
            if len(data) != length:
                raise SandboxError(f"the reader returned {len(data)} bytes instead of {length}")
            child.send(Frame.DATA, data)
        elif frame == Frame.REFUSED:
            raise Rejected(payload.decode("ascii", errors="replace"))
        elif frame == Frame.NO_MEMORY:
            raise too_costly(kind, _OUT_OF_MEMORY)
        elif frame == Frame.MEDIA:
            return payload
        else:
            raise damaged(kind)


def _media(kind: Kind, size: int, payload: bytes) -> Media:
    """The child's answer, of which nothing is believed that was not asked for."""
    try:
        answer = json.loads(payload)
        found = FORMATS[answer["format"]]
        video = kind is Kind.VIDEO
        media = Media(
            kind=kind,
            format=found.name.lower(),
            extension=found.extensions[0],
            width=int(answer["width"]),
            height=int(answer["height"]),
            size=size,
            duration=float(answer["duration"]) if video else None,
            frame_rate=float(answer["frame_rate"]) if video else None,
            codec=str(answer["codec"]) if video else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(kind) from error
    if found.kind is not kind:
        raise damaged(kind)
    return media
