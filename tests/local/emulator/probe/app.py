"""A function that does what its event says, so that a test can see how the cloud around it behaves."""

import os
import sys
import time
import uuid
from typing import Any

import boto3
from emulator_helper import NAME  # type: ignore[import-not-found]  # it lies in a layer

ENVIRONMENT_ID = uuid.uuid4().hex


class ProbeError(Exception):
    """Raised when the event asks for it."""


def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: C901 - a list of things to do
    """Answer, raise, exit, sleep, or tell what is seen from inside."""
    if "requestContext" in event:
        return {"statusCode": 200, "body": "reached by its URL"}
    match event["do"]:
        case "answer":
            return {"said": event.get("with"), "layer": NAME, "environment_id": ENVIRONMENT_ID}
        case "raise":
            raise ProbeError(event.get("with", "as asked"))
        case "exit":
            os._exit(3)
        case "sleep":
            print("asleep", event.get("with"), os.getpid(), flush=True)  # noqa: T201 - the function's log
            time.sleep(event["seconds"])
            return {"said": event.get("with"), "environment_id": ENVIRONMENT_ID}
        case "look around":
            return {
                "environment": dict(os.environ),
                "folder": os.getcwd(),  # noqa: PTH109 - what the function sees, as it is
                "path": sys.path,
                "boto3": boto3.__file__,
                "context": [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn],
            }
        case "print":
            print(event["with"])  # noqa: T201 - the function's log
            return None
        case "put":
            return boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=event["key"])["ETag"]
        case "delete":
            return boto3.client("s3").delete_object(Bucket=os.environ["BUCKET"], Key=event["key"])
        case "send token":
            client = boto3.client("stepfunctions")
            return client.send_task_success(taskToken=event["token"], output='"sent from inside"')
    raise ValueError(event)


def work(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Take one message of a queue; note that it began and ended."""
    (record,) = event["Records"]
    verb, _, label = record["body"].partition(" ")
    _note(f"work/{label}/{context.aws_request_id}.began")
    if verb == "slow":
        time.sleep(0.4)
    if verb == "crash":
        os._exit(1)
    _note(f"work/{label}/{context.aws_request_id}.ended")
    if verb == "malformed":
        return {"batchItemFailures": [{"itemIdentifier": ""}]}
    failed = [{"itemIdentifier": record["messageId"]}] if verb == "fail" else []
    return {"batchItemFailures": failed}


def fail(event: dict[str, Any], context: Any) -> None:
    """Note the attempt, and fail."""
    _note(f"fail/{event['detail']['label']}/{time.time_ns()}")
    raise ProbeError("it always does")


def _note(key: str) -> None:
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key)
