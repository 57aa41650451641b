"""What the Step Functions console shows of an execution: its input, its steps' outputs, and how it ended."""

import json
import re
from typing import Any

from tests.support.driver import Driver

#: What only a signed URL or a provider's key contains; see `local.cloud.options` for the key.
_SECRETS = re.compile(r"X-Amz-Signature|X-Amz-Credential|Signature=|AWSAccessKeyId|\bsk-\w", re.IGNORECASE)

#: What differs from run to run.
_VARYING = (
    (re.compile(r"\b[0-9a-f]{20}\b"), "<identity>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"s3://[a-z0-9-]+/"), "s3://<bucket>/"),
)


def history(driver: Driver, arn: str) -> list[dict[str, Any]]:
    """The events of an execution."""
    pages = driver.stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [dict(event) for page in pages for event in page["events"]]


def shown(driver: Driver, arn: str) -> str:
    """The execution as a person follows it: the input, then each step with what it answered, then its end.

    How often it polled a task that was not over depends on the machine, so those polls and their waits are left out.
    """
    said = driver.status(arn)
    lines = [_line("input", said["input"])]
    exits = [event["stateExitedEventDetails"] for event in history(driver, arn) if "stateExitedEventDetails" in event]
    told = [step for step in exits if '"next_poll_at"' not in step.get("output", "")]
    lines += [_line(step["name"], step.get("output", "")) for step in told]
    if said["status"] == "FAILED":
        cause = json.loads(said["cause"])
        cause.pop("requestId", None)
        lines.append(_line(f"{said['status']} {said['error']}", json.dumps(cause)))
    else:
        lines.append(said["status"])
    text = "\n".join(lines) + "\n"
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return re.sub(r'("(?:waited_seconds|in_queue|at_provider|animating|saving|total)": )[\d.]+', r"\1<seconds>", text)


def _line(name: str, text: str) -> str:
    return f"{name}\n{json.dumps(json.loads(text or 'null'), indent=2, ensure_ascii=False)}"


def secrets_in(driver: Driver, seen: set[str]) -> list[str]:
    """Events that contain a signed URL or a key, of all executions that are over and not yet `seen`."""
    pages = driver.stack.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=driver.stack.state_machine_arn
    )
    over = [one for page in pages for one in page["executions"] if one["status"] != "RUNNING"]
    found = []
    for one in over:
        if one["executionArn"] not in seen:
            seen.add(one["executionArn"])
            events = history(driver, one["executionArn"])
            found += [
                json.dumps(event, default=str) for event in events if _SECRETS.search(json.dumps(event, default=str))
            ]
    return found
