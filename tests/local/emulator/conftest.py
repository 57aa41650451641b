"""A local cloud with a template of one of each thing, for what AWS documents about them."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack
from tests.support.cloud import Cloud, running_cloud

TEMPLATE = Path(__file__).with_name("template.yaml")
INVOKE = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True)
class Emulator:
    """The cloud of the conformance tests, and what several of them do with it."""

    cloud: Cloud

    @property
    def stack(self) -> Stack:
        return self.cloud.stack

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke a function; return its answer, or its error document."""
        answer = self.stack.lambda_.invoke(FunctionName=self.stack.functions[function], Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def probe(self, **event: Any) -> Any:
        return self.invoke("Probe", event)

    def probe_task(self, function_arn: str | None = None, **event: Any) -> dict[str, Any]:
        """Return a state that gives the probe an event."""
        arguments = {"FunctionName": function_arn or self.stack.outputs["ProbeArn"], "Payload": event}
        return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments}

    def machine(self, states: dict[str, Any], **top: Any) -> str:
        """Make a JSONata state machine that starts at its first state; return its ARN."""
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
        made = self.stack.stepfunctions.create_state_machine(
            name=f"test-{uuid.uuid4().hex[:12]}",
            definition=json.dumps(definition),
            roleArn=self.stack.outputs["MachineRoleArn"],
        )
        return made["stateMachineArn"]

    def start(self, machine: str, data: Any = None, name: str | None = None) -> str:
        started = self.stack.stepfunctions.start_execution(
            stateMachineArn=machine, input=json.dumps(data or {}), name=name or uuid.uuid4().hex
        )
        return started["executionArn"]

    def run(self, states: dict[str, Any], data: Any = None, **top: Any) -> dict[str, Any]:
        """Run states to their end; return the description of the execution."""
        return self.ended(self.start(self.machine(states, **top), data))

    def ended(self, execution: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            described = self.stack.stepfunctions.describe_execution(executionArn=execution)
            return dict(described) if described["status"] != "RUNNING" else None

        return self.cloud.wait_for(look, f"the end of {execution}")

    def output(self, states: dict[str, Any], data: Any = None) -> Any:
        """Run states, which must succeed; return the output."""
        described = self.run(states, data)
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])

    def history(self, execution: str) -> list[Any]:
        pages = self.stack.stepfunctions.get_paginator("get_execution_history")
        return [e for page in pages.paginate(executionArn=execution) for e in page["events"]]

    def kinds(self, execution: str) -> list[str]:
        return [event["type"] for event in self.history(execution)]

    def keys(self, prefix: str) -> list[str]:
        listed = self.stack.s3.list_objects_v2(Bucket=self.stack.inbox_bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", [])]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    state_dir = tmp_path_factory.mktemp("a folder with spaces")
    for running in running_cloud(state_dir, "--template", str(TEMPLATE)):
        yield Emulator(running)
