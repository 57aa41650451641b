"""Step Functions' requests: starting by name, describing, redriving."""

import contextvars
import json
import re
import threading
from typing import Any

from ministack.services import stepfunctions as sfn

from local.emulator.internals import internal, replace
from local.emulator.stepfunctions_runs import (
    REDRIVABLE,
    Execution,
    does_not_exist,
    emit_status,
    lock,
    not_redrivable_reason,
)
from local.emulator.stepfunctions_states import Position, run_execution

MAX_INPUT_BYTES = 262_144
MAX_NAME_LENGTH = 80
_FORBIDDEN_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


def start_execution_by_name() -> None:
    """Make StartExecution by name idempotent while the execution runs, and check names and inputs.

    AWS, "StartExecution": with the name and input of a running execution, the answer is that execution; with
    another input, or if the execution is closed, it is ExecutionAlreadyExists. Names have 1 to 80 characters without
    white space, brackets, wildcards or specials; the input is JSON of at most 262,144 bytes.
    """
    stock = internal(sfn, "_start_execution")

    def start(data: dict[str, Any]) -> Any:
        name, given = data.get("name"), data.get("input", "{}")
        if (refusal := _refusal(name, given)) is not None:
            return refusal
        with lock:
            running = _running_execution(data.get("stateMachineArn", ""), name) if name else None
            if running is not None and running["input"] == given:
                arn, began = running["executionArn"], running["startDate"]
                return sfn.json_response({"executionArn": arn, "startDate": began})
            return stock(data)

    replace(sfn, "_start_execution", start)


def _refusal(name: str | None, given: str) -> Any:
    if name is not None and (not 1 <= len(name) <= MAX_NAME_LENGTH or _FORBIDDEN_IN_NAMES.search(name)):
        return sfn.error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    if len(given.encode()) > MAX_INPUT_BYTES:
        message = (
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_INPUT_BYTES}"
        )
        return sfn.error_response_json("ValidationException", message, 400)
    try:
        json.loads(given)
    except ValueError:
        return sfn.error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
    return None


def _running_execution(machine: str, name: str) -> Execution | None:
    arn = internal(sfn, "_resolve_state_machine_arn")(machine.split("#", maxsplit=1)[0])
    if arn is None:
        return None
    execution: Execution | None = internal(sfn, "_executions").get(
        f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
    )
    return execution if execution is not None and execution["status"] == "RUNNING" else None


def redrive() -> None:
    """Let RedriveExecution resume an execution at the state that did not succeed.

    AWS, "Restarting state machine executions with redrive": failed, timed out and aborted executions
    resume from the unsuccessful step, with its input, a fresh token and a RUNNING event whose redriveCount says how
    often that was done. MiniStack has no redrive.
    """
    stock = sfn.handle_request
    stock_describe = internal(sfn, "_describe_execution")
    finalize = internal(sfn, "_finalize_response")

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return finalize(_redrive(json.loads(body or b"{}")))
        return await stock(method, path, headers, body, query)

    def describe(data: dict[str, Any]) -> Any:
        status, headers, body = stock_describe(data)
        execution = internal(sfn, "_executions").get(data.get("executionArn"))
        if execution is None:
            return does_not_exist(data)
        described = {key: value for key, value in json.loads(body).items() if value is not None}
        described["redriveCount"] = execution.get("redriveCount", 0)
        if execution["status"] in REDRIVABLE:
            described["redriveStatus"] = "REDRIVABLE"
        else:
            described["redriveStatus"] = "NOT_REDRIVABLE"
            described["redriveStatusReason"] = not_redrivable_reason(execution)
        if execution.get("redriveDate"):
            described["redriveDate"] = execution["redriveDate"]
        return status, headers, json.dumps(described).encode()

    replace(sfn, "handle_request", handle)
    replace(sfn, "_describe_execution", describe)


def _redrive(data: dict[str, Any]) -> Any:
    execution = internal(sfn, "_executions").get(data.get("executionArn"))
    if execution is None:
        return does_not_exist(data)
    with lock:
        if execution["status"] not in REDRIVABLE:
            return sfn.error_response_json("ExecutionNotRedrivable", not_redrivable_reason(execution), 400)
        count = execution.get("redriveCount", 0) + 1
        execution.update(
            status="RUNNING",
            stopDate=None,
            error=None,
            cause=None,
            output=None,
            redriveCount=count,
            redriveDate=sfn.now_iso(),
            _run=None,
        )
        details = {"executionRedrivenEventDetails": {"redriveCount": count}}
        internal(sfn, "_add_event")(execution, "ExecutionRedriven", details)
    emit_status(execution)
    position: Position | None = execution.get("_position")
    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(run_execution, execution["executionArn"], position),
        daemon=True,
    )
    thread.start()
    return sfn.json_response({"redriveDate": execution["redriveDate"]})
