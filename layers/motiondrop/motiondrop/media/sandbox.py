"""Opens a file in a process of its own, which can be killed and has nothing worth stealing.

The media libraries are native code that reads what strangers dropped. They run in `motiondrop.media.child`, which has
neither environment nor credentials. If its parent is root, it runs as a user without rights. It has open descriptors of
the files that it needs, and cannot open another file. It is handed its order as an argument and answers with one JSON
object; if it crashes, hangs or lies, the file is rejected.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from motiondrop.domain.formats import Kind
from motiondrop.errors import MotionDropError
from motiondrop.media.limits import Rejected, damaged, time_of, too_costly
from motiondrop.media.report import parse

#: The child's command: without `site` (the paths are handed over) and without the current directory among the paths.
COMMAND = (sys.executable, "-S", "-P", "-m", "motiondrop.media.child")

#: Bytes: the longest answer that is read. An answer with all fields, full of lines, has 4,000.
ANSWER_MAX = 64 * 1024
#: Seconds that a child may take to end once it has closed its pipe.
_END_SECONDS = 1.0
#: Linux, <linux/prctl.h>.
_PR_SET_DUMPABLE = 4


class SandboxError(MotionDropError):
    """The sandbox itself failed, which says nothing about the file: trying again is right."""


def hide() -> None:
    """Keep other processes of the same user from reading or tracing this one; has an effect only on Linux."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def run(
    order: Mapping[str, object],
    files: Mapping[str, BinaryIO],
    *,
    kind: Kind,
    seconds: float,
    command: Sequence[str] = COMMAND,
) -> dict[str, Any]:
    """Have the child carry out an order on open files; return its answer, of which only the syntax is checked.

    Raise Rejected if the child rejects the file, dies, does not answer with JSON or takes more than `seconds`;
    SandboxError if it did not get as far as the file. When this returns, no process of the child is left.
    """
    hide()
    descriptors = {name: file.fileno() for name, file in files.items()}
    said = json.dumps(dict(order) | {"kind": kind, "seconds": seconds, "files": descriptors})
    with subprocess.Popen(  # noqa: S603  # our own interpreter and module, and no shell
        [*command, said],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        pass_fds=tuple(descriptors.values()),
        start_new_session=True,
    ) as child:
        try:
            answer, ended = _answer(child, time.monotonic() + seconds)
            status = _status(child) if ended else None
        finally:
            _end(child)
    if not answer:
        raise SandboxError(f"the sandbox did not start: status {status}")
    if not ended:
        raise damaged(kind) if len(answer) > ANSWER_MAX else too_costly(kind, time_of(seconds))
    if status == -signal.SIGXCPU:
        raise too_costly(kind, time_of(seconds))
    return _believed(answer, kind)


def _believed(answer: bytes, kind: Kind) -> dict[str, Any]:
    try:
        found = parse(answer)
    except ValueError as error:
        raise damaged(kind) from error
    if "rejected" in found:
        reason = found["rejected"]
        raise Rejected(reason) if isinstance(reason, str) and reason.strip() else damaged(kind)
    return found


def _answer(child: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bool]:
    """What the child wrote, and whether it closed its pipe: False if it was late or wrote too much."""
    if child.stdout is None:  # impossible with PIPE, which the type checker does not know
        raise SandboxError("the sandbox has no pipe")
    answer = bytearray()
    while len(answer) <= ANSWER_MAX:
        ready, _, _ = select.select([child.stdout], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return bytes(answer), False
        part = os.read(child.stdout.fileno(), ANSWER_MAX)
        if not part:
            return bytes(answer), True
        answer += part
    return bytes(answer), False


def _status(child: "subprocess.Popen[bytes]") -> int | None:
    """The child's exit status, as subprocess counts it; None if it keeps running after closing its pipe."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return child.wait(_END_SECONDS)
    return None


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child and all that it has started. Their process group keeps its number while any process is in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    if child.poll() is None:
        child.kill()
    child.wait()


def _environment() -> dict[str, str]:
    """All that Python needs and nothing else: above all, no credentials."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100  # a string is all it takes
    kept = {"PYTHONPATH": paths}
    # Lambda's own Python finds its shared library by this variable.
    if "LD_LIBRARY_PATH" in os.environ:
        kept["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return kept
