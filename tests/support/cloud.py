"""A local cloud for tests, in a folder of its own, beside a developer's `make up`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from local.cloud.group import ProcessGroup
from local.stack import PROJECT, Stack

T = TypeVar("T")

# A test ends as soon as it sees what it waits for; a busy machine takes its time.
WAIT_SECONDS = 120.0

_LONGEST_PAUSE = 0.5  # seconds

#: No waits of ours, tasks of a second, and results that take next to no time to draw.
SPEED = ("--wait-scale", "0", "--wan-task-seconds", "1", "--wan-short-side", "144")

#: The factor on the state machine's waits in most tests: it polls 13 times a second, rather than without a pause.
WAIT_SCALE = 0.005

#: No digests: each test looks for emails of its own, however many tests run in a minute.
OF_ALL_TESTS = ("--parameter", "EmailsPerMinute=100000")


@dataclass(frozen=True)
class Cloud:
    """A running local cloud: `cloud.stack` has its names and clients."""

    stack: Stack
    state_dir: Path
    names: dict[str, str] = field(default_factory=dict)
    """The names of drops, and the test file that dropped them."""

    def wait_for(self, look: Callable[[], T | None], what: str, seconds: float = WAIT_SECONDS, every: float = 0.1) -> T:
        """Return the first truthy value that `look` returns; fail the test after `seconds` without one.

        It looks less often the longer it takes, since each look takes time from what it waits for.
        """
        deadline = time.monotonic() + seconds
        pause = every
        while not (seen := look()):
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(pause)
            pause = max(every, min(pause * 1.5, _LONGEST_PAUSE))
        return seen


def command(verb: str, state_dir: Path, *options: str, quiet: bool = False) -> None:
    """Run `python -m local.cloud`; if `quiet`, without its standard output."""
    words = [sys.executable, "-m", "local.cloud", verb, "--state-dir", str(state_dir), *options]
    notified = subprocess.DEVNULL if quiet else None
    subprocess.run(words, cwd=PROJECT, check=True, stdout=notified)  # noqa: S603 - this project's own launcher


def running_cloud(state_dir: Path, *options: str) -> Iterator[Cloud]:
    """Start a local cloud that ends with this process at the latest; stop it when the fixture is done."""
    try:
        command("up", state_dir, *SPEED, "--owner-pid", str(os.getpid()), *options)
        yield Cloud(Stack.load(state_dir), state_dir)
    finally:
        ProcessGroup(state_dir).stop()
