"""A local cloud for a benchmark: the project's own template, with the speeds and parameters asked for."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from local.stack import Stack
from tests.support.cloud import Cloud, command
from tests.support.driver import Driver
from tests.support.stand import FEW_PROCESSES

FAULTS = "faults"  # functions write down their calls where the state folder has this folder


@contextmanager
def cloud(*, wait_scale: float, task_seconds: float, traced: bool = False, **parameters: object) -> Iterator[Driver]:
    """A running cloud, stopped afterwards; a task takes `task_seconds`, our waits are multiplied by `wait_scale`.

    `traced`: functions write down their calls, and few of them run at a time, since the machine is the bottleneck then.
    """
    said = {"DailyBudgetUSD": 1_000_000, "EmailsPerMinute": 100_000} | parameters
    options = [word for name, value in said.items() for word in ("--parameter", f"{name}={value}")]
    options += ["--wait-scale", str(wait_scale), "--wan-task-seconds", str(task_seconds)]
    # Small videos: the time to draw them is not what is measured.
    options += ["--wan-short-side", "144"]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if traced:
            (Path(folder) / FAULTS).mkdir()
        try:
            with patch.dict(os.environ, FEW_PROCESSES if traced else {}):
                command("up", Path(folder), "--owner-pid", str(os.getpid()), *options, quiet=True)
            driver = Driver(Cloud(Stack.load(Path(folder)), Path(folder)))
            driver.control("settings", concurrency=1, creations_per_second=1000, queries_per_second=10_000)
            yield driver
        finally:
            command("down", Path(folder), quiet=True)


def wait(look: Callable[[], object], what: str, seconds: float) -> None:
    """Wait until `look` finds something; raise TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)


def progress(text: str) -> None:
    """Print how far the benchmark has got."""
    print(f"  {text}", flush=True)


def events_of(driver: Driver, arn: str) -> list[Any]:
    """The execution's history."""
    pages = driver.stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def states_of(history: list[Any]) -> list[tuple[str, datetime]]:
    """The states that the execution entered, and when."""
    return [
        (event["stateEnteredEventDetails"]["name"], event["timestamp"])
        for event in history
        if "stateEnteredEventDetails" in event
    ]
