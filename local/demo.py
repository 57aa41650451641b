"""The whole way, shown: two files are dropped into the local cloud, and what happens to them is told as it happens."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import ClientError

from local.cloud import command
from local.samples import given_or_drawn
from local.stack import PROJECT, Stack

STATE_DIR = PROJECT / ".local" / "demo"
OUTPUT = PROJECT / "demo-output"

#: The stand-in's task takes 8 s here, where the provider's own sample took 147 s; our waits are scaled likewise.
TASK_SECONDS = 8
WAIT_SCALE = 0.1

#: States that come and go while the provider works, and the one that only leads to the next.
POLLING = {"Wait for the task", "Poll"}
ROUTER = "Go on where the record says"

REJECTED = "REJECTED"

_PATIENCE = 120  # seconds without news after which something is wrong
_LOOK_EVERY = 0.3
_BAR = 30


class DemoError(Exception):
    """The demo cannot go on; the sentence says why."""


@dataclass(frozen=True)
class Inputs:
    """The two files to drop, and how."""

    image: Path
    video: Path
    mode: str


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--image", default="")
    parser.add_argument("--video", default="")
    parser.add_argument("--mode", default="")
    said = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        try:
            inputs = _inputs(said.image, said.video, said.mode, Path(folder))
            with running() as stack:
                return show(stack, inputs)
        except DemoError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nStopped; nothing is left running.", file=sys.stderr)
            return 130


def _inputs(image: str, video: str, mode: str, folder: Path) -> Inputs:
    """The files that were named, or drawn ones."""
    if mode not in {"", "wan-std", "wan-pro"}:
        raise DemoError(f"MODE is {mode!r}; it can be wan-std or wan-pro.")
    for name, given in (("IMAGE", image), ("VIDEO", video)):
        if given and not Path(given).expanduser().is_file():
            raise DemoError(f"{name}={given} is no file.")
    return Inputs(*given_or_drawn(image, video, folder), mode or "wan-std")


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """A local cloud of the demo's own, beside one that may be up; stopped whatever happens."""
    up = ["up", "--state-dir", str(STATE_DIR), "--wait-scale", str(WAIT_SCALE)]
    up += ["--wan-task-seconds", str(TASK_SECONDS), "--owner-pid", str(os.getpid())]
    try:
        status = command.main(up)
        if status:
            raise KeyboardInterrupt if status == 130 else DemoError("The local cloud did not start.")  # noqa: PLR2004
        yield Stack.load(STATE_DIR)
    finally:
        command.main(["down", "--state-dir", str(STATE_DIR)])


def show(stack: Stack, inputs: Inputs) -> int:
    """Drop the files and tell what happens until a mail is there."""
    print("\nDrops:")
    # One folder, one name: namesakes start at once. The extensions stay: they say which of the two is the image.
    keys = [f"demo/hero{path.suffix.lower()}" for path in (inputs.image, inputs.video)]
    for path, key in zip((inputs.image, inputs.video), keys, strict=True):
        metadata = {"mode": inputs.mode} if path is inputs.image else {}
        stack.s3.upload_file(str(path), stack.inbox_bucket, key, ExtraArgs={"Metadata": metadata})
        print(f"  {path.name} -> s3://{stack.inbox_bucket}/{key}")
    arn = _follow_receipts(stack, keys)
    status = _follow_run(stack, arn) if arn else REJECTED
    _print_mails(stack)
    if status == "SUCCEEDED":
        _save(stack, arn)
    return status not in {"SUCCEEDED", REJECTED}  # a rejection is what such a file is to show


def _follow_receipts(stack: Stack, keys: list[str]) -> str:
    """Tell the drops' receipts until a run was started; return its ARN, empty where a drop was rejected."""
    print("\nReceipts:")
    told: dict[str, str] = {}
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for key in keys:
            receipt = _receipt(stack, key)
            if receipt and told.get(key) != receipt:
                told[key] = receipt
                print(f"  {key}: {receipt}")
        if any(receipt.startswith("rejected") for receipt in told.values()):
            return ""
        runs = stack.stepfunctions.list_executions(stateMachineArn=stack.state_machine_arn)["executions"]
        if runs:
            return runs[0]["executionArn"]
        time.sleep(_LOOK_EVERY)
    raise DemoError(f"The drops were not taken in within {_PATIENCE} s; see {stack.log_dir}.")


def _receipt(stack: Stack, key: str) -> str:
    with contextlib.suppress(ClientError):
        tags = stack.s3.get_object_tagging(Bucket=stack.inbox_bucket, Key=key)["TagSet"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "motiondrop"), "")
    return ""


def _follow_run(stack: Stack, arn: str) -> str:
    """Tell each state as the execution enters it; return the execution's status at its end."""
    print(f"\nRun {arn.rpartition(':')[2]}:")
    began = time.monotonic()
    seen, news = 0, began
    waiting = False
    told: set[str] = set()
    while time.monotonic() < news + _PATIENCE:
        for event in _events(stack, arn, seen):
            seen, news = event["id"], time.monotonic()
            name = event.get("stateEnteredEventDetails", {}).get("name", "")
            if not name or name == ROUTER:
                continue
            waiting = name in POLLING
            if not waiting or name not in told:
                _clear()
                print(f"  {time.monotonic() - began:5.1f} s  {name}", flush=True)
            told.add(name)
        if waiting:
            _progress(stack, began)
        status = stack.stepfunctions.describe_execution(executionArn=arn)["status"]
        if status != "RUNNING":
            _clear()
            print(f"  {time.monotonic() - began:5.1f} s  {status}")
            return status
        time.sleep(_LOOK_EVERY)
    raise DemoError(f"Nothing has happened for {_PATIENCE} s; see {stack.log_dir}.")


def _events(stack: Stack, arn: str, seen: int) -> list[Any]:
    pages = stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"] if event["id"] > seen]


def _progress(stack: Stack, began: float) -> None:
    """Show how far the provider is, as a bar where that can be drawn over."""
    if not sys.stdout.isatty():
        return
    tasks = requests.get(f"{stack.wan_url}/_control/tasks", timeout=5).json()
    status = tasks[-1]["status"] if tasks else "PENDING"
    started = (tasks[-1]["started_at"] or time.time()) if tasks else time.time()
    done = min(1.0, (time.time() - started) / TASK_SECONDS)
    bar = "█" * round(done * _BAR) + "░" * (_BAR - round(done * _BAR))
    print(f"\r\x1b[K  {time.monotonic() - began:5.1f} s  The provider animates {bar} {status}", end="", flush=True)


def _clear() -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="")


def _print_mails(stack: Stack) -> None:
    deadline = time.monotonic() + 20
    while not stack.emails() and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY)
    width = min(shutil.get_terminal_size().columns, 110)
    for mail in stack.emails():
        print(f"\nMail {'─' * (width - 5)}\n{mail.read_text().rstrip()}\n{'─' * width}")


def _save(stack: Stack, arn: str) -> None:
    """Save the video where the person is, and say what it is."""
    job_id = arn.rpartition(":")[2].rpartition("-")[0]
    OUTPUT.mkdir(exist_ok=True)
    path = OUTPUT / f"{job_id}.mp4"
    stack.s3.download_file(stack.results_bucket, f"videos/{job_id}.mp4", str(path))
    result = stack.s3.get_object(Bucket=stack.results_bucket, Key=f"videos/{job_id}.json")["Body"].read()
    billed = json.loads(result)["provider"]
    cost = f"${billed['cost_usd']:.2f} at list price"
    print(f"\nSaved {path.relative_to(PROJECT)}: {billed['billed_seconds']} s, {cost}")


if __name__ == "__main__":
    sys.exit(main())
