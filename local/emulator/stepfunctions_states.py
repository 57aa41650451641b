"""Step Functions' interpreter: the walk from state to state, and what a redrive resumes."""

import copy
import json
from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions as sfn

from local.emulator.internals import internal, replace
from local.emulator.stepfunctions_runs import Execution, Run, Stopped, current_run, deadlines, end, lock

Context = dict[str, Any]
State = dict[str, Any]

ExecutionError: type[Exception] = internal(sfn, "_ExecutionError")


@dataclass(frozen=True)
class Position:
    """Where a run is: the state, its input, and the variables at its entry."""

    state_name: str
    state_input: Any
    variables: dict[str, Any]


def run_execution(execution_arn: str, resume: Position | None = None) -> None:
    """Walk the states of an execution to its end, in the calling thread."""
    execution = internal(sfn, "_executions").get(execution_arn)
    if execution is None:
        return
    run = Run(execution)
    with lock:
        if execution["status"] != "RUNNING":  # stopped before its thread began
            return
        execution["_run"] = run
    current_run.set(run)
    try:
        _walk(run, resume)
    except ExecutionError as error:
        end(execution, "FAILED", error=error.error, cause=error.cause)  # type: ignore[attr-defined]  # untyped
    except Stopped:
        return
    except Exception as error:  # noqa: BLE001 - an interpreter's fault fails the execution, as States.Runtime
        sfn.logger.exception("unexpected error in %s", execution_arn)
        end(execution, "FAILED", error="States.Runtime", cause=str(error))


def _walk(run: Run, resume: Position | None) -> None:
    execution = run.execution
    definition = _definition(execution)
    if "TimeoutSeconds" in definition:
        deadlines.add(run, float(definition["TimeoutSeconds"]))
    at = resume or Position(definition["StartAt"], json.loads(execution["input"]), {})
    context = _context(execution, definition, at.variables)
    name: str | None = at.state_name
    data = at.state_input
    while name:
        state = definition["States"].get(name)
        if state is None:
            raise ExecutionError("States.Runtime", f"State '{name}' not found in definition")
        execution["_position"] = Position(name, copy.deepcopy(data), copy.deepcopy(context["variables"]))
        kind = state["Type"]
        context["State"] = {"Name": name, "EnteredTime": sfn.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(data)}
        _record(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        data, following = _execute(kind, state, data, execution, context)
        exited = {"name": name, "output": json.dumps(data)}
        _record(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
        name = following
    end(execution, "SUCCEEDED", output=json.dumps(data))


def _record(execution: Execution, kind: str, details: dict[str, Any]) -> None:
    internal(sfn, "_add_event")(execution, kind, details)


def _execute(kind: str, state: State, data: Any, execution: Execution, context: Context) -> tuple[Any, str | None]:
    """Run one state; return its output and the next state's name, None at the end."""
    if kind == "Fail":
        raise ExecutionError(*internal(sfn, "_fail_state_error")(state, data, context))
    if kind == "Succeed":
        if internal(sfn, "_state_query_language")(state, context) == "JSONata":
            return internal(sfn, "_apply_jsonata_output")(state, data, context, default=data), None
        selected = internal(sfn, "_apply_input_path")(state, data, context)
        return internal(sfn, "_apply_output_path")(state, selected, context), None
    if kind in ("Pass", "Choice", "Wait"):
        output, following = internal(sfn, f"_execute_{kind.lower()}")(state, data, context)
    elif kind in ("Task", "Parallel", "Map"):
        output, following = internal(sfn, f"_execute_{kind.lower()}")(state, data, execution, context)
    else:
        raise ExecutionError("States.Runtime", f"Unknown state type: {kind}")
    return output, following


def _definition(execution: Execution) -> dict[str, Any]:
    """Return the definition the execution started with, which an update of the machine does not change."""
    if "_definition" not in execution:
        machine = internal(sfn, "_state_machines")[execution["stateMachineArn"]]
        execution.update(_definition=machine["definition"], _machine=machine["name"], _role=machine["roleArn"])
    definition: dict[str, Any] = json.loads(execution["_definition"])
    return definition


def _context(execution: Execution, definition: dict[str, Any], variables: dict[str, Any]) -> Context:
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "RoleArn": execution["_role"],
            "StartTime": execution["startDate"],
            "RedriveCount": execution.get("redriveCount", 0),
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": execution["_machine"]},
        "variables": variables,
    }


def executions_keep_their_definition() -> None:
    """Let a running execution finish with the definition it started with, and describe that definition.

    AWS, "Updating a state machine" and "DescribeStateMachineForExecution".
    """
    stock_describe = internal(sfn, "_describe_state_machine_for_execution")

    def describe(data: dict[str, Any]) -> Any:
        status, headers, body = stock_describe(data)
        execution = internal(sfn, "_executions").get(data.get("executionArn")) or {}
        if status == 200 and "_definition" in execution:  # noqa: PLR2004 - HTTP's OK
            body = json.dumps({**json.loads(body), "definition": execution["_definition"]}).encode()
        return status, headers, body

    replace(sfn, "_run_execution", run_execution)
    replace(sfn, "_describe_state_machine_for_execution", describe)


def assign_evaluates_at_state_entry() -> None:
    """Evaluate all expressions of an Assign with the variables as they were when the state was entered.

    AWS, "Passing data between states with variables": values assigned in a state are available from the next
    one on. MiniStack evaluates them one after the other, each with the results of those before.
    """
    evaluate = internal(sfn, "_apply_jsonata_template")
    language = internal(sfn, "_state_query_language")

    def assign(
        state: State, raw_input: Any, context: Context | None, result: Any = None, error_output: Any = None
    ) -> None:
        expressions = state.get("Assign")
        if context is None or not isinstance(expressions, dict) or language(state, context) != "JSONata":
            return
        values = {
            name: evaluate(expression, raw_input, context, result=result, error_output=error_output)
            for name, expression in expressions.items()
        }
        context.setdefault("variables", {}).update(values)

    replace(sfn, "_apply_state_assign", assign)


def error_names() -> None:
    """Make Retry and Catch match the error names that AWS says they match.

    AWS, "Handling errors in Step Functions workflows": States.ALL does not match States.Runtime and
    States.DataLimitExceeded, which end the execution; States.TaskFailed matches all but States.Timeout; and
    States.Timeout matches a missed heartbeat too.
    """
    terminal = ("States.Runtime", "States.DataLimitExceeded")
    timeouts = ("States.Timeout", "States.HeartbeatTimeout")

    def matches(names: list[str], error: str) -> bool:
        if error in names:
            return True
        if error in terminal:
            return False
        if error in timeouts and "States.Timeout" in names:
            return True
        return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")

    replace(sfn, "_error_matches", matches)
