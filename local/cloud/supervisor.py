"""`python -m local.cloud.supervisor FILE`: keeps the local cloud's processes together.

It leads the process group, starts the processes that the file names, and ends the whole group when one of them
ends, when it is told to, or when the process that owns the cloud is gone. Its children inherit its lock: while any
of them lives, the lock is held, and the group's number cannot have gone to another group.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

GRACE_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.5


def main(description: Path) -> None:
    """Start the processes and watch over them; never returns, since it ends with its group."""
    said: dict[str, Any] = json.loads(description.read_text())
    pid_file = Path(said["pid_file"])
    pid_file.with_suffix(".new").write_text(str(os.getpid()))
    pid_file.with_suffix(".new").rename(pid_file)  # no one reads half a number
    told_to_stop = False

    def stop(*_: object) -> None:
        nonlocal told_to_stop
        told_to_stop = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    children = [_start(process, said["lock_descriptor"]) for process in said["processes"]]
    while not told_to_stop and all(child.poll() is None for child in children) and _lives(said["owner_pid"]):
        time.sleep(_LOOK_EVERY_SECONDS)
    _end(children, Path(said["private_dir"]))


def _start(process: dict[str, Any], lock_descriptor: int) -> subprocess.Popen[bytes]:
    with Path(process["log"]).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the launcher's own commands
            process["command"],
            env=process["environment"],
            cwd=process["folder"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(lock_descriptor,),
        )


def _lives(pid: int) -> bool:
    """Whether a process lives; True for 0, which stands for no owner at all."""
    if pid == 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(children: list[subprocess.Popen[bytes]], private_dir: Path) -> None:
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
    shutil.rmtree(private_dir, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)  # the functions' processes, and this one


if __name__ == "__main__":
    main(Path(sys.argv[1]))
