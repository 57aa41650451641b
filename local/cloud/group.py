"""The local cloud's process group: starting it, finding it again, ending it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.cloud.interrupts import put_off
from local.cloud.locks import is_locked, take_lock
from local.cloud.progress import CloudError
from local.stack import PROJECT, STACK_FILE

STOP_SECONDS = 10.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Process:
    """A process of the group; `name` is also the name of its log file."""

    name: str
    command: list[str]
    environment: dict[str, str]


class ProcessGroup:
    """The processes of one state folder. They live exactly as long as its lock is held."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._lock = state_dir / "group.lock"
        self._description = state_dir / "group.json"
        self.log_dir = state_dir / "logs"
        self.private_dir = state_dir / "private"

    def is_running(self) -> bool:
        """Whether any process of the group lives."""
        return is_locked(self._lock)

    def start(self, processes: list[Process], owner_pid: int) -> None:
        """Start the processes under a supervisor of their own, in a session of their own."""
        with put_off():
            self._start(processes, owner_pid)

    def _start(self, processes: list[Process], owner_pid: int) -> None:
        lock = take_lock(self._lock)
        if lock is None:
            raise CloudError(f"Another local cloud is using {self._state_dir}.")
        os.set_inheritable(lock, True)
        try:
            self._describe(processes, lock, owner_pid)
            with (self.log_dir / "supervisor.log").open("wb") as log:
                subprocess.Popen(  # noqa: S603 - this project's own module
                    [sys.executable, "-m", "local.cloud.supervisor", str(self._description)],
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
        finally:
            os.close(lock)

    def _describe(self, processes: list[Process], lock: int, owner_pid: int) -> None:
        self.private_dir.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.log_dir, ignore_errors=True)
        self.log_dir.mkdir(parents=True)
        described = [
            {
                "command": process.command,
                "environment": process.environment,
                "folder": str(PROJECT),
                "log": str(self.log_of(process.name)),
            }
            for process in processes
        ]
        for process in processes:
            self.log_of(process.name).touch()
        document = {
            "processes": described,
            "lock_descriptor": lock,
            "owner_pid": owner_pid,
            "private_dir": str(self.private_dir),
            "pid_file": str(self._pid_file),
        }
        self._pid_file.unlink(missing_ok=True)
        self._description.touch(mode=0o600)
        self._description.write_text(json.dumps(document))

    @property
    def _pid_file(self) -> Path:
        return self._state_dir / "group.pid"

    def log_of(self, name: str) -> Path:
        """The log file of a process of the group."""
        return self.log_dir / f"{name}.log"

    def tail(self, name: str) -> str:
        """Return the last lines of a process's log."""
        log = self.log_of(name)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(f"{name}: {line}" for line in lines[-LOG_TAIL_LINES:])

    def stop(self) -> bool:
        """End all processes of the group and remove what they left; False if none was running.

        The number in the pid file is used only while the lock is held: then the group exists, and is ours.
        """
        was_running = self.is_running()
        if was_running:
            self._end()
        for leftover in (self._state_dir / STACK_FILE, self._description, self._pid_file):
            leftover.unlink(missing_ok=True)
        shutil.rmtree(self.private_dir, ignore_errors=True)
        return was_running

    def _end(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while not self._pid_file.exists() and time.monotonic() < deadline:  # its supervisor is just starting
            time.sleep(0.05)
        group = int(self._pid_file.read_text())
        patience = deadline - STOP_SECONDS / 2
        _signal(os.kill, group, signal.SIGTERM)
        while self.is_running() and time.monotonic() < deadline:
            if time.monotonic() > patience:
                _signal(os.killpg, group, signal.SIGKILL)
            time.sleep(0.05)
        if self.is_running():
            raise CloudError(f"Process group {group} does not end; look at it with `ps -g {group}`.")


def _signal(send: Callable[[int, int], None], target: int, number: int) -> None:
    """Send a signal by os.kill or os.killpg; do nothing if the target is gone."""
    try:
        send(target, number)
    except ProcessLookupError:
        return
