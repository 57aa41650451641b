"""The sandbox: what a child that hangs, crashes or lies can do, and what its parent keeps from it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from motiondrop.domain.formats import Kind
from motiondrop.media import sandbox
from motiondrop.media.check import check
from motiondrop.media.frames import READ, Frame
from motiondrop.media.limits import Rejected
from motiondrop.media.sandbox import SandboxError, probe
from tests.support.media import Padded, clip, picture, reader

PRELUDE = """
import os, sys, time, signal
from motiondrop.media.frames import HEADER, READ, Frame, pack
def send(frame, payload=b""): os.write(1, pack(frame, payload))
def take(length):
    data = b""
    while len(data) < length: data += os.read(0, length - len(data))
    return data
def receive(): return take(HEADER.unpack(take(HEADER.size))[1])
receive()
"""
READY = "send(Frame.READY)\n"


def run(code: str, size: int = 1000, read: sandbox.Reader | None = None) -> object:
    """Probe with a child that runs `code` in place of the real one."""
    command = (sys.executable, "-S", "-P", "-c", PRELUDE + code)
    return probe("a.mp4", Kind.VIDEO, size, read or reader(bytes(size)), command)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.abort()", "cannot be opened"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "cannot be opened"),
        ("os._exit(0)", "cannot be opened"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "needs more than 10 seconds"),
        ("send(Frame.NO_MEMORY)", "needs more than 512 MB of memory"),
        ("send(Frame.MEDIA, b'{}')", "cannot be opened"),
        ("send(Frame.MEDIA, b'[')", "cannot be opened"),
        ('send(Frame.MEDIA, b\'{"format": "PNG", "width": 300, "height": 300}\')', "cannot be opened"),
        ("send(Frame.JOB, b'')", "cannot be opened"),
        ("os.write(1, b'a library says hello, at length')", "cannot be opened"),
        ("send(Frame.READ, READ.pack(900, 200)); receive()", "cannot be opened"),
        ("send(Frame.READ, b'')", "cannot be opened"),
        ("send(Frame.REFUSED, 'schön, (100%)'.encode())", "sch n 100"),
    ],
)
def test_a_child_that_fails_refuses_the_file(code: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        run(READY + code)


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(60)",
        "send(Frame.READ, READ.pack(0, 1000000)); time.sleep(60)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'm'); time.sleep(60)",
    ],
    ids=["silent", "deaf", "half a frame"],
)
def test_a_child_that_hangs_is_killed_at_the_deadline(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CHECK_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(Rejected, match="needs more than 10 seconds"):
        run(READY + code, size=2_000_000)
    assert time.monotonic() - began < 5
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_time_that_reading_takes_is_not_the_files_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CHECK_SECONDS", 1.0)
    waits = [1.2]

    def slow(offset: int, length: int) -> bytes:
        time.sleep(waits.pop() if waits else 0)
        return clip()[offset : offset + length]

    assert probe("a.mp4", Kind.VIDEO, len(clip()), slow).duration == 2.4


def test_a_child_that_reads_on_and_on_is_stopped() -> None:
    size = 200_000_000
    read = Padded(b"", size)
    with pytest.raises(Rejected, match="needs more than 8 MB of it"):
        run(
            READY + "for n in range(200): send(Frame.READ, READ.pack(n * 65536, 65536)); receive()",
            size,
            read,
        )
    assert read.total <= 8_000_000


@pytest.mark.parametrize("code", ["os._exit(3)", "send(Frame.FAILED, b'no av')", ""], ids=["exit", "failed", "end"])
def test_a_sandbox_that_does_not_start_says_nothing_about_the_file(code: str) -> None:
    with pytest.raises(SandboxError):
        run(code)


def test_a_sandbox_that_is_slow_to_start_says_nothing_about_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "START_SECONDS", 0.2)
    with pytest.raises(SandboxError, match="did not start"):
        run("time.sleep(60)")


@pytest.mark.parametrize("key", ["a.mp4", "a.png"])
def test_a_failing_reader_is_no_word_about_the_file(key: str) -> None:
    def read(offset: int, length: int) -> bytes:
        raise ConnectionResetError("the store is away")

    with pytest.raises(ConnectionResetError, match="the store is away"):
        check(key, 100_000, read)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_reader_that_fails_midway_is_no_word_about_the_file() -> None:
    calls = []

    def read(offset: int, length: int) -> bytes:
        calls.append(offset)
        if len(calls) == 2:
            raise TimeoutError
        return big[offset : offset + length]

    big = clip("mov", noisy=True, width=640, height=480)
    with pytest.raises(TimeoutError):
        check("a.mov", len(big), read)


def test_a_short_read_is_no_word_about_the_file() -> None:
    data = picture("png")
    with pytest.raises(SandboxError, match="bytes instead of"):
        check("a.png", len(data) + 10, reader(data))


def test_the_child_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    code = "send(Frame.REFUSED, ' '.join(sorted(k for k in os.environ if not k.startswith('LC_'))).encode())"
    with pytest.raises(Rejected, match=r"^(LD_LIBRARY_PATH )?PYTHONPATH$|^PYTHONPATH$"):
        run(READY + code)


def test_the_locked_child_can_open_nothing_and_start_nothing() -> None:
    code = """
from motiondrop.media.child.__main__ import _lock_down
import socket, subprocess
_lock_down()
out = []
for attempt in (lambda: open('/proc/self/environ'), socket.socket, lambda: bytearray(600_000_000)):
    try:
        attempt()
        out.append('done')
    except (OSError, MemoryError) as error:
        out.append(type(error).__name__)
send(Frame.READY)
send(Frame.REFUSED, ' '.join(out).encode())
"""
    with pytest.raises(Rejected, match=r"^OSError OSError MemoryError$"):
        run(code)


def test_a_librarys_stray_output_cannot_corrupt_the_talk() -> None:
    code = """
import motiondrop.media.child.__main__ as probe
opener = probe._opener
def noisy(kind, purpose):
    real = opener(kind, purpose)
    def opened(source, found):
        print('hello'); sys.stderr.write('hello'); os.write(1, b'hello'); os.write(2, b'hello')
        return real(source, found)
    return opened
probe._opener = noisy
probe.main()
"""
    data = clip()
    command = (sys.executable, "-S", "-P", "-c", "import os, sys\n" + code)
    assert probe("a.mp4", Kind.VIDEO, len(data), reader(data), command).duration == 2.4


MEASURE = """
import resource, sys, time
from motiondrop.media.check import check
path, size = sys.argv[1], int(sys.argv[2])
total = 0
with open(path, 'rb') as file:
    def read(offset, length):
        global total
        total += length
        file.seek(offset)
        return file.read(length)
    began = time.monotonic()
    media = check(path, size, read)
print(total, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, time.monotonic() - began)
"""


@pytest.mark.parametrize(("movflags", "group"), [("", 5000), ("frag_keyframe+empty_moov", 30)])
def test_a_200_mb_video_is_checked_within_8_mb_of_reading_and_256_mb_of_memory(
    tmp_path: Path, movflags: str, group: int
) -> None:
    path = tmp_path / "big.mp4"
    data = clip.__wrapped__(rate=30, frames=895, group=group, filler=205_000, movflags=movflags)
    path.write_bytes(data)
    assert 190_000_000 < len(data) <= 200_000_000
    # In a small process of its own: a child's peak counts what its parent held when it was started.
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", MEASURE, str(path), str(len(data))],
        env=sandbox._environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    read, peak, seconds = done.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"{len(data)} bytes: read {read}, peak {int(peak) * unit / 1e6:.0f} MB, {float(seconds):.2f} s")  # noqa: T201
    assert int(read) < 8_000_000
    assert int(peak) * unit < 256_000_000
    assert float(seconds) < 10


def test_a_frame_names_its_letter() -> None:
    assert Frame(b"m") is Frame.MEDIA
    assert READ.size == 12
