"""`python -m tests.faults.load [PAIRS]`: a thousand pairs dropped at once, and an execution that is polled for a day.

Both take long, so they are part of `make faults` only.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from motiondrop.workflow.poll import interval
from tests.support.cloud import running_cloud
from tests.support.driver import image
from tests.support.stand import FEW_PROCESSES, Stand

_DAY = 24 * 3600
_FOLDER = 50  # pairs of a folder
_SLOTS = 2
_MOST_EVENTS = 10_000  # of the 25,000 that an execution may have


@contextmanager
def cloud(folder: Path) -> Iterator[Stand]:
    """A local cloud with no waits of ours and no faults, with as many slots as a stack has by default."""
    clouds = running_cloud(folder, "--parameter", f"MaxInFlight={_SLOTS}", "--parameter", "DailyBudgetUSD=1000000")
    try:
        with patch.dict(os.environ, FEW_PROCESSES):
            stand = Stand(next(clouds))
        stand.driver.control("settings", concurrency=1)
        yield stand
    finally:
        clouds.close()  # type: ignore[attr-defined]  # a generator, typed as the iterator it is


def many(stand: Stand, pairs: int) -> list[str]:
    """Drop so many pairs at once and wait for the last email; return what is wrong, with the times on the way."""
    stems = [f"p{number:04d}" for number in range(pairs)]
    began = time.monotonic()

    def drop(number: int) -> None:
        stand.driver.drop_pair(f"set{number // _FOLDER:02d}/{stems[number]}", image((200, 200)), stand.clip)

    with ThreadPoolExecutor(8) as droppers:
        list(droppers.map(drop, range(pairs)))
    dropped = time.monotonic() - began
    notified = 0
    while notified < pairs and time.monotonic() - began < 4 * pairs:
        time.sleep(3)
        before, notified = notified, stand.notified()
        if notified * 10 // pairs > before * 10 // pairs:
            _say(f"{notified} of {pairs} jobs have ended after {time.monotonic() - began:.0f} s")
    stand.settle(stems, 60)
    ended = time.monotonic() - began
    tally = stand.tally(stems)
    created, peak = stand.driver.control("stats")["created"], stand.most_at_once()
    states = Counter(job["state"] for job in stand.jobs().values())
    _say(f"{pairs} pairs: dropped in {dropped:.0f} s, ended in {ended:.0f} s, {dict(states)}")
    _say(f"tasks {created}, at most {peak} unfinished or given slots at a time")
    wrong = [f"{kind}: {one}" for kind, found in tally.faults.items() for one in found]
    if created != pairs:
        wrong.append(f"{created} tasks")
    if peak > _SLOTS:
        wrong.append(f"{peak} unfinished tasks or given slots at a time")
    return wrong


def day(stand: Stand) -> list[str]:
    """Let an execution poll as often as it does in a day; return what is wrong."""
    polls, age = 0, timedelta()
    while age < timedelta(seconds=_DAY):
        age += timedelta(seconds=interval(age, 15))
        polls += 1
    stand.driver.control("settings", task_seconds=_DAY - 7200)
    before = _queries(stand)
    stand.drop(["day"])
    stand.wait(lambda: _queries(stand) - before >= polls, 900)
    stand.driver.control("clock", advance_seconds=_DAY - 7199)
    stand.settle(["day"], 60)
    execution = stand.driver.executions("day")[0]
    pages = stand.stack.stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution["executionArn"]
    )
    events = [event for page in pages for event in page["events"]]
    polled = sum(event.get("stateEnteredEventDetails", {}).get("name") == "Poll" for event in events)
    status = execution["status"]
    _say(f"an execution polled {polled} times, for 24 h, has {len(events)} events of history: {status}")
    return [f"{len(events)} events"] * (len(events) >= _MOST_EVENTS) + [status] * (status != "SUCCEEDED")


def _queries(stand: Stand) -> int:
    return sum(number for what, number in stand.driver.control("stats")["requests"].items() if what.startswith("GET"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(pairs: int) -> int:
    """Run both; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        with cloud(Path(folder) / "day") as stand:
            wrong = day(stand)
        with cloud(Path(folder) / "many") as stand:
            wrong += many(stand, pairs)
    for one in wrong:
        _say(f"    {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
