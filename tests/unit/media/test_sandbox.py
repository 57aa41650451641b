"""The sandbox: what a child that hangs, crashes or lies can do, and what its parent keeps from it."""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from motiondrop.domain.formats import Kind
from motiondrop.media import prepare
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Order
from motiondrop.media.sandbox import SandboxError, hide, run
from tests.support.media import clip, picture

PRELUDE = """
import ctypes, json, os, signal, socket, subprocess, sys, time
def say(text): os.write(1, text if isinstance(text, bytes) else text.encode())
order = json.loads(sys.argv[1])
"""
STARTED = "say(chr(10))\n"
LOCKED = """
from motiondrop.media.child.lockdown import lock_down
libc = ctypes.CDLL(None, use_errno=True)
class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
def ask(name, attempt):
    try:
        outcome = attempt()
    except (OSError, MemoryError, subprocess.SubprocessError) as error:
        outcome = type(error).__name__
    told[name] = outcome
told, parent = {}, os.getppid()
"""


def ask(code: str, seconds: float = 20, **order: object) -> dict[str, Any]:
    """Run a child that executes `code` in place of the real one."""
    command = (sys.executable, "-S", "-P", "-c", PRELUDE + code)
    with Path(os.devnull).open("rb") as file:
        return run(order, {"source": file}, kind=Kind.VIDEO, seconds=seconds, command=command)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.abort()", "cannot be opened"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "cannot be opened"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "cannot be opened"),
        ("os._exit(0)", "cannot be opened"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "would take more than 20 seconds to process"),
        ("say('[')", "cannot be opened"),
        ("say('[]')", "cannot be opened"),
        ("say('[' * 60000)", "cannot be opened"),
        ("say('{\"report\": NaN}')", "cannot be opened"),
        ("say('{\"report\": {\"width\": ' + '1' * 5000 + '}}')", "cannot be opened"),
        ("say(b'\\xff\\xfe')", "cannot be opened"),
        ("say('{\"rejected\": 7}')", "cannot be opened"),
        ('say(\'{"rejected": ""}\')', "cannot be opened"),
        ("[say(b'x' * 60000) for _ in range(200)]", "cannot be opened"),
        ('say(\'{"rejected": "schön, (100%)"}\')', "sch n 100"),
    ],
)
def test_a_child_that_fails_refuses_the_file(code: str, words: str) -> None:
    with pytest.raises(Rejected, match=words):
        ask(STARTED + code)


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(60)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('{'); time.sleep(60)",
        "os.close(1); time.sleep(60)",
        "os.fork(); time.sleep(60)",
    ],
    ids=["silent", "half an answer", "closed", "with a child of its own"],
)
def test_a_child_that_hangs_is_killed_at_the_deadline(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            started.append(self.pid)

    monkeypatch.setattr("motiondrop.media.sandbox.subprocess.Popen", Noted)
    began = time.monotonic()
    with pytest.raises(Rejected):
        ask(STARTED + code, seconds=1.5)
    assert time.monotonic() - began < 6
    (child,) = started
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


@pytest.mark.parametrize("end", ["say('{}'); os._exit(0)", "time.sleep(60)"], ids=["answered", "late"])
def test_the_whole_process_group_is_gone(end: str, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"""
pid = os.fork()
if pid == 0:
    os.close(1)
    time.sleep(60)
open({str(note)!r}, 'w').write(str(pid))
{end}
"""
    try:
        ask(STARTED + code, seconds=2)
    except Rejected:
        assert end.startswith("time")
    grandchild = int(note.read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _runs(grandchild):
        time.sleep(0.05)
    assert not _runs(grandchild)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which whoever inherits it has yet to reap."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607  # the system's own
    return done.stdout.strip() not in {"", "Z", "Z+", "Zs"}


@pytest.mark.parametrize("code", ["os._exit(3)", "import no_such_module", "time.sleep(60)"])
def test_a_sandbox_that_does_not_start_says_nothing_about_the_file(code: str) -> None:
    with pytest.raises(SandboxError, match="did not start"):
        ask(code, seconds=1.5)


def test_the_child_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = ask(STARTED + "say(json.dumps({'names': sorted(k for k in os.environ if not k.startswith('LC_'))}))")
    assert set(found["names"]) <= {"PYTHONPATH", "LD_LIBRARY_PATH"}


def test_the_child_gets_the_files_it_is_handed_and_no_other() -> None:
    found = ask(STARTED + "say(json.dumps({'open': os.listdir('/dev/fd'), 'files': order['files']}))")
    # The last one is the folder that is listed.
    assert len(found["open"]) == 5
    assert set(found["files"].values()) <= {int(name) for name in found["open"]}


#: What a locked child tries to do to its parent and to the system.
PROOF = """
lock_down(seconds=20, threads=False)
def read():
    buffer = ctypes.create_string_buffer({length})
    mine = Part(ctypes.cast(buffer, ctypes.c_void_p), {length})
    theirs = Part({address}, {length})
    got = libc.process_vm_readv(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
    return buffer.raw.hex() if got > 0 else os.strerror(ctypes.get_errno())
ask('process_vm_readv', read)
ask('ptrace', lambda: libc.ptrace(16, parent, 0, 0))
ask('mem', lambda: open(f'/proc/{{parent}}/mem', 'rb').read(1).hex())
ask('environ', lambda: open(f'/proc/{{parent}}/environ', 'rb').read().hex())
ask('file', lambda: open('/etc/passwd').read())
ask('new file', lambda: open('/tmp/x', 'w').name)
ask('socket', lambda: str(socket.socket()))
ask('pipe', lambda: os.pipe())
ask('fork', lambda: os.fork())
ask('execute', lambda: subprocess.Popen(['true']).pid)
ask('memory', lambda: len(bytearray(4_000_000_000)))
told['user'] = os.geteuid()
say(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and process_vm_readv are Linux's")
def test_the_locked_child_reads_no_memory_of_its_parent_and_opens_no_file_and_no_socket() -> None:
    secret = b"a secret of the parent: " + os.urandom(8).hex().encode()
    address = int.from_bytes(_address_of(secret), "little")
    code = PROOF.format(address=address, length=len(secret))
    found = ask(LOCKED + STARTED + code)
    assert secret.hex() not in json.dumps(found)
    root = os.geteuid() == 0
    assert found.pop("user") == (65534 if root else os.geteuid())
    assert found == {
        "process_vm_readv": "Operation not permitted",
        "ptrace": -1,
        "mem": found["mem"],
        "environ": found["environ"],
        "file": "OSError",
        "new file": "OSError",
        "socket": "OSError",
        "pipe": "OSError",
        "fork": "BlockingIOError",
        "execute": found["execute"],
        "memory": "MemoryError",
    }
    assert {found["mem"], found["environ"], found["execute"]} <= {"OSError", "PermissionError", "BlockingIOError"}


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="becomes another user, which root may")
def test_a_child_of_the_same_user_cannot_read_its_parent_either() -> None:
    """What holds on Lambda, where parent and child are one user: the parent is not dumpable."""
    program = """
import ctypes, os, sys
from motiondrop.media.sandbox import hide
os.setgroups([]); os.setgid(12345); os.setuid(12345)
hide()
libc = ctypes.CDLL(None)
class Part(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
secret, buffer = ctypes.create_string_buffer(b'secret'), ctypes.create_string_buffer(6)
parent = os.getpid()
if os.fork() == 0:
    mine, theirs = (Part(ctypes.cast(place, ctypes.c_void_p), 6) for place in (buffer, secret))
    print(libc.process_vm_readv(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0), buffer.value)
    print(libc.ptrace(16, parent, 0, 0))
    try: open(f"/proc/{parent}/mem", "rb"); print("opened")
    except OSError as error: print(type(error).__name__)
    sys.stdout.flush(); os._exit(0)
os.wait()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.stdout.split("\n") == ["-1 b''", "-1", "PermissionError", ""], done.stderr


def _address_of(secret: bytes) -> bytes:
    """Where the bytes of an object lie in this process's memory: CPython's `id` and the size of what is before them."""
    return (id(secret) + bytes.__basicsize__ - 1).to_bytes(8, "little")


def test_a_librarys_stray_output_cannot_corrupt_the_answer(tmp_path: Path) -> None:
    code = """
import motiondrop.media.child.__main__ as child
real = child._worker
def noisy(job):
    work = real(job)
    def worker(job):
        print('hello'); sys.stderr.write('hello'); os.write(1, b'hello'); os.write(2, b'hello')
        return work(job)
    return worker
child._worker = noisy
child.main()
"""
    (tmp_path / "a.png").write_bytes(picture("png"))
    command = (sys.executable, "-S", "-P", "-c", "import os, sys\n" + code)
    with ExitStack() as stack:
        files: dict[str, BinaryIO] = {"source": stack.enter_context((tmp_path / "a.png").open("rb"))}
        files |= {name: stack.enter_context((tmp_path / name).open("w+b")) for name in ("copy", "poster")}
        found = run({"mode": "check", "format": "PNG"}, files, kind=Kind.IMAGE, seconds=20, command=command)
    assert found["report"]["width"] == 300


@pytest.fixture
def lie(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the child says in place of what it found."""
    said: dict[str, Any] = {}
    real = run

    def lying(*args: Any, **options: Any) -> dict[str, Any]:
        return {key: fields | said for key, fields in real(*args, **options).items()}

    monkeypatch.setattr(prepare, "run", lying)
    return said


@pytest.mark.parametrize(
    "lies",
    [
        {"width": float("inf")},
        {"width": -300},
        {"width": True},
        {"width": 10**400},
        {"height": "240"},
        {"duration": float("nan")},
        {"duration": float("inf")},
        {"duration": -1.0},
        {"duration": 10**400},
        {"duration": 31},
        {"duration": None},
        {"frame_rate": 1e300},
        {"codec": "x" * 100},
        {"codec": ["h264"]},
        {"format": "png"},
        {"kind": "image"},
        {"kind": "sound"},
        {"converted": "all"},
        {"converted": ["x" * 1000]},
        {"converted": ["<script>"]},
        {"notes": ["a"] * 1000},
        {"notes": [7]},
    ],
    ids=str,
)
def test_a_child_that_lies_refuses_the_file(lie: dict[str, Any], lies: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip())
    lie.update(lies)
    with pytest.raises(Rejected, match="cannot be opened"):
        prepare.check(tmp_path / "a.mp4", Order("a.mp4"), tmp_path)


def test_a_copy_that_is_not_what_the_child_says_is_refused(lie: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("png"))
    lie["format"] = "jpeg"
    with pytest.raises(Rejected, match="cannot be opened"):
        prepare.check(tmp_path / "a.png", Order("a.png"), tmp_path)


def test_hiding_a_process_is_left_out_where_the_system_has_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    hide()
