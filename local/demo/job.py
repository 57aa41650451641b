"""The demo's job: what happens to it, step by step, and what comes out."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import ClientError

from local.cloud.interrupts import Interrupts
from local.cloud.processes import is_healthy
from local.stack import PROJECT, Stack

OUTPUT = PROJECT / "demo-output"
TASK_SECONDS = 8

#: States that come and go while the provider works.
POLLING = {"Wait for the task", "Poll"}

SUCCEEDED, REJECTED = "SUCCEEDED", "REJECTED"

_PATIENCE = 120  # seconds without news after which something is wrong
_EMAIL_PATIENCE = 20
_LOOK_EVERY = 0.3


class DemoError(Exception):
    """The demo cannot go on; the sentence says why."""


@dataclass(frozen=True)
class Inputs:
    """The two files to drop, and the mode."""

    image: Path
    video: Path
    mode: str


@dataclass(frozen=True)
class Receipt:
    """A drop has a new receipt."""

    key: str
    text: str


@dataclass(frozen=True)
class Started:
    """The files are paired, and their execution has started."""

    execution: str


@dataclass(frozen=True)
class Entered:
    """The execution has entered a state."""

    state: str


@dataclass(frozen=True)
class Animating:
    """The provider works on the task; `share` is how much of the work is done, from 0 to 1."""

    share: float
    status: str


@dataclass(frozen=True)
class Ended:
    """The job has ended: the execution's status, or REJECTED where no execution was started."""

    status: str


Step = Receipt | Started | Entered | Animating | Ended


class Demo:
    """The two files that were dropped, and their job."""

    def __init__(self, stack: Stack, drop_page: str, keys: tuple[str, ...], interrupts: Interrupts) -> None:
        self.stack = stack
        self.drop_page = drop_page
        self.keys = keys
        self._interrupts = interrupts
        self._arn = ""

    def steps(self) -> Iterator[Step]:
        """Yield each step as it happens, until the job has ended; raise DemoError if nothing happens for too long."""
        yield from self._taken_in()
        if not self._arn:
            yield Ended(REJECTED)
            return
        yield Started(self._arn.rpartition(":")[2])
        yield from self._run()

    def _taken_in(self) -> Iterator[Step]:
        told: dict[str, str] = {}
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for key in self.keys:
                text = self._receipt(key)
                if text and told.get(key) != text:
                    told[key] = text
                    yield Receipt(key, text)
            if any(text.startswith("rejected") for text in told.values()):
                return
            runs = self.stack.stepfunctions.list_executions(stateMachineArn=self.stack.state_machine_arn)["executions"]
            if runs:
                self._arn = runs[-1]["executionArn"]  # the first one: whoever is at the page may drop more
                return
            self._pause()
        raise DemoError(f"The drops were not taken in within {_PATIENCE} s; see {self.stack.log_dir}.")

    def _receipt(self, key: str) -> str:
        with contextlib.suppress(ClientError):
            tags = self.stack.s3.get_object_tagging(Bucket=self.stack.inbox_bucket, Key=key)["TagSet"]
            return next((tag["Value"] for tag in tags if tag["Key"] == "motiondrop"), "")
        return ""

    def _run(self) -> Iterator[Step]:
        seen, news = 0, time.monotonic()
        animating = False
        while time.monotonic() < news + _PATIENCE:
            for event in self._events(seen):
                seen, news = event["id"], time.monotonic()
                name = event.get("stateEnteredEventDetails", {}).get("name", "")
                if name and event["type"] != "ChoiceStateEntered":  # which only leads to the next
                    animating = name in POLLING
                    yield Entered(name)
            if animating:
                yield self._progress()
            status = self.stack.stepfunctions.describe_execution(executionArn=self._arn)["status"]
            if status != "RUNNING":
                yield Ended(status)
                return
            self._pause()
        raise DemoError(f"Nothing has happened for {_PATIENCE} s; see {self.stack.log_dir}.")

    def _events(self, seen: int) -> list[Any]:
        pages = self.stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=self._arn)
        return [event for page in pages for event in page["events"] if event["id"] > seen]

    def _progress(self) -> Animating:
        tasks = requests.get(f"{self.stack.wan_url}/_control/tasks", timeout=5).json()
        if not tasks or not tasks[-1]["started_at"]:
            return Animating(0.0, tasks[-1]["status"] if tasks else "PENDING")
        return Animating(min(1.0, (time.time() - tasks[-1]["started_at"]) / TASK_SECONDS), tasks[-1]["status"])

    def _pause(self) -> None:
        time.sleep(_LOOK_EVERY)
        self._interrupts.check()

    def is_up(self) -> bool:
        """Whether the local cloud still answers."""
        self._interrupts.check()
        return is_healthy(self.stack.endpoint_url)

    def emails(self) -> list[str]:
        """Return the emails so far, oldest first; wait a while if there is none yet."""
        deadline = time.monotonic() + _EMAIL_PATIENCE
        while not self.stack.emails() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY)
        return [path.read_text().rstrip() for path in self.stack.emails()]

    def save(self) -> str:
        """Save the video in `demo-output/`; return a sentence with its place, length and cost."""
        job_id = self._arn.rpartition(":")[2].rpartition("-")[0]
        OUTPUT.mkdir(exist_ok=True)
        path = OUTPUT / f"{job_id}.mp4"
        self.stack.s3.download_file(self.stack.results_bucket, f"videos/{job_id}.mp4", str(path))
        result = self.stack.s3.get_object(Bucket=self.stack.results_bucket, Key=f"videos/{job_id}.json")["Body"].read()
        billed = json.loads(result)["provider"]
        cost = f"${billed['cost_usd']:.2f} at list price"
        return f"Saved {path.relative_to(PROJECT)}: {billed['billed_seconds']} s, {cost}"


def link_in(email: str) -> str:
    """Return the first link in an email, which leads to a job's page; empty if there is none."""
    found = re.search(r"https?://\S+", email)
    return found[0] if found else ""
