"""What the tests of the whole way do again and again: draw small files, drop them, follow executions, read emails."""

import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import requests
from boto3.dynamodb.types import TypeDeserializer
from PIL import Image

from local.drop_link import new_drop_link
from local.emulator.edge import FAULTS_FILE
from local.stack import PROJECT, Stack
from tests.support.cloud import Cloud

_colours = itertools.count(1)

_deserialize = TypeDeserializer().deserialize

ENDED = {"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"}


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item of the table without its types."""
    return {name: _deserialize(value) for name, value in item.items()}


def image(size: tuple[int, int] = (320, 480)) -> bytes:
    """A PNG unlike any other of this session."""
    number = next(_colours)
    buffer = io.BytesIO()
    colour = (number % 256, number // 256 % 256, 120)
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def video(seconds: int = 2, colour: int = 0) -> bytes:
    """A small H.264 MP4."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 240, 320, "yuv420p"
        for index in range(seconds * 10):
            frame = av.VideoFrame.from_image(Image.new("RGB", (240, 320), (index * 5 % 256, 90, colour)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


@cache
def _sent(email: Path) -> str:
    """An email's text, cached since it never changes."""
    return email.read_text()


@dataclass(frozen=True)
class Driver:
    """Takes drops the whole way on a local cloud, up to the email."""

    cloud: Cloud

    @property
    def stack(self) -> Stack:
        return self.cloud.stack

    def drop(self, key: str, body: bytes, **metadata: str) -> None:
        """Drop a file. Tests share a cloud and look for what is theirs by name, so no two may use the same."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
        name = key.rpartition("/")[2].rpartition(".")[0]
        other = self.cloud.names.setdefault(name, test)
        assert other == test, f"{test} drops {name!r}, and so does {other}"
        self.stack.s3.put_object(Bucket=self.stack.inbox_bucket, Key=key, Body=body, Metadata=metadata)

    def drop_pair(self, stem: str, picture: bytes | None = None, clip: bytes | None = None) -> None:
        self.drop(f"{stem}.png", picture or image())
        self.drop(f"{stem}.mp4", clip or video())

    def receipt(self, key: str) -> str:
        tags = self.stack.s3.get_object_tagging(Bucket=self.stack.inbox_bucket, Key=key)["TagSet"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "motiondrop"), "")

    def wait_for_receipt(self, key: str, beginning: str) -> str:
        def look() -> str | None:
            text = self.receipt(key)
            return text if text.startswith(beginning) else None

        return self.cloud.wait_for(look, f"a receipt {beginning!r} at {key}")

    def executions(self, slug: str) -> list[Any]:
        """The executions of the jobs of that slug, newest first."""
        named = re.compile(rf"{re.escape(slug)}-[0-9a-f]{{20}}-\d+")
        pages = self.stack.stepfunctions.get_paginator("list_executions").paginate(
            stateMachineArn=self.stack.state_machine_arn
        )
        return [execution for page in pages for execution in page["executions"] if named.fullmatch(execution["name"])]

    def wait_for_execution(self, slug: str, number: int = 1, statuses: Iterable[str] = ENDED) -> Any:
        """The execution of that number, once it has one of the statuses."""
        wanted = set(statuses)

        def find() -> str | None:
            arns = [execution["executionArn"] for execution in self.executions(slug)]
            return next((arn for arn in arns if arn.endswith(f"-{number}")), None)

        def look() -> Any:
            execution = self.status(arn)
            return execution if execution["status"] in wanted else None

        arn = self.cloud.wait_for(find, f"execution {number} of {slug}")
        return self.cloud.wait_for(look, f"execution {number} of {slug} to be {wanted}")

    def status(self, arn: str) -> Any:
        return self.stack.stepfunctions.describe_execution(executionArn=arn)

    def states(self, arn: str) -> list[str]:
        """The names of the states that the execution entered, in order."""
        history = self.stack.stepfunctions.get_execution_history(executionArn=arn, maxResults=1000)
        entered = [event.get("stateEnteredEventDetails", {}).get("name") for event in history["events"]]
        return [name for name in entered if name]

    def wait_for_state(self, slug: str, state: str, number: int = 1) -> str:
        """The ARN of the execution of that number, once it has entered the state."""

        def look() -> str | None:
            for execution in self.executions(slug):
                if execution["name"].endswith(f"-{number}") and self.states(execution["executionArn"])[-1:] == [state]:
                    return str(execution["executionArn"])
            return None

        return self.cloud.wait_for(look, f"{slug} in {state!r}")

    def emails(self, name: str) -> list[str]:
        """The emails whose subject begins with the name."""
        return [text for path in self.stack.emails() if (text := _sent(path)).startswith(f"Subject: {name}: ")]

    def wait_for_email(self, name: str, number: int = 1) -> str:
        def look() -> str | None:
            emails = self.emails(name)
            return emails[-1] if len(emails) >= number else None

        return self.cloud.wait_for(look, f"email {number} about {name}")

    def job(self, arn: str) -> dict[str, Any]:
        """The job's record, as stored."""
        job_id = json.loads(self.status(arn)["input"])["job_id"]
        item = self.stack.dynamodb.get_item(
            TableName=self.stack.table, Key={"pk": {"S": f"JOB#{job_id[-20:]}"}, "sk": {"S": "JOB"}}
        )["Item"]
        return plain(item)

    @contextmanager
    def failing(self, *faults: dict[str, Any]) -> Iterator[None]:
        """Make the functions' calls to AWS fail as `faults` say, during the block."""
        file = self.cloud.state_dir / FAULTS_FILE
        beside = file.with_suffix(".new")
        beside.write_text(json.dumps(faults))
        beside.rename(file)
        try:
            yield
        finally:
            file.unlink()

    def sweep(self) -> dict[str, Any]:
        """Run a round of the sweep now; return what it healed, or the error that ended it."""
        answer = self.stack.lambda_.invoke(FunctionName=self.stack.functions["SweepFunction"], Payload=b"{}")
        healed: dict[str, Any] = json.loads(answer["Payload"].read() or b"null") or {}
        return healed

    def queue(self) -> list[str]:
        """What is in the queue's partition: leased slots, the lock, the breaker, the jobs that wait."""
        items = self.stack.dynamodb.query(
            TableName=self.stack.table,
            KeyConditionExpression="pk = :line",
            ExpressionAttributeValues={":line": {"S": "QUEUE"}},
        )["Items"]
        return [str(item["sk"]["S"]) for item in items]

    def in_queue(self) -> list[str]:
        """What `queue` returns, without the breaker's notes, which stay until a job fares better."""
        return [key for key in self.queue() if not key.startswith("BREAKER#")]

    def probe_is_due(self) -> None:
        """Let the time pass that the open breaker, and a job that was refused alone, wait before they try again."""
        for key in (key for key in self.queue() if key.startswith("BREAKER")):
            with suppress(self.stack.dynamodb.exceptions.ConditionalCheckFailedException):
                self.stack.dynamodb.update_item(
                    TableName=self.stack.table,
                    Key={"pk": {"S": "QUEUE"}, "sk": {"S": key}},
                    UpdateExpression="SET #until = #since",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeNames={"#until": "until", "#since": "since"},
                )

    def control(self, what: str, **body: Any) -> Any:
        url = f"{self.stack.wan_url}/_control/{what}"
        answer = requests.post(url, json=body, timeout=10) if body or what == "reset" else requests.get(url, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Give no slots during the block, so that jobs wait in the queue; then run the sweep, which gives them."""
        item = {"pk": {"S": "QUEUE"}, "sk": {"S": "PAUSE"}}
        self.stack.dynamodb.put_item(TableName=self.stack.table, Item=item)
        try:
            yield
        finally:
            self.stack.dynamodb.delete_item(TableName=self.stack.table, Key=item)
            self.sweep()

    def scale_waits(self, factor: float) -> None:
        """Multiply the state machine's waits and its pauses between retries by `factor`."""
        settings = {"stepfunctions._SFN_WAIT_SCALE": factor}
        requests.post(f"{self.stack.endpoint_url}/_ministack/config", json=settings, timeout=10).raise_for_status()

    def stop_rounds(self) -> None:
        """Let the sweep come only when a test asks for it: with no grace, it sends what a function is about to send."""
        self.disable_rules("ScheduleExpression")

    def disable_rules(self, kind: str) -> list[str]:
        """Disable the stack's rules that have a `ScheduleExpression` or an `EventPattern`; return their names."""
        rules = [str(rule["Name"]) for rule in self.stack.events.list_rules()["Rules"] if kind in rule]
        for rule in rules:
            self.stack.events.disable_rule(Name=rule)
        return rules

    def new_drop_link(self, folder: str, usd_a_day: int = 100) -> str:
        """The address of a new drop link's page."""
        return new_drop_link(self.stack, folder, days=1, usd_a_day=usd_a_day)

    def operate(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of `motiondrop` on this cloud, without a terminal."""
        line = [sys.executable, "-m", "cli", "--local", "--state-dir", str(self.cloud.state_dir), *words]
        environ = {"PYTHONPATH": "layers/motiondrop", "PATH": "/usr/bin:/bin"}
        return subprocess.run(line, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)  # noqa: S603  # ours

    def tasks(self) -> int:
        return int(self.control("stats")["created"])

    def queries(self) -> int:
        """How many times the provider was asked about a task."""
        return int(self.control("stats")["requests"].get("GET /api/v1/tasks/{task_id}", 0))
