"""Step Functions' tasks: task tokens, timeouts, heartbeats, and the state machine's role."""

import contextvars
import json
import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.services import lambda_svc
from ministack.services import stepfunctions as sfn

from local.emulator.internals import internal, replace
from local.emulator.stepfunctions_runs import Run, Stopped, current_run, lock
from local.emulator.stepfunctions_states import Context, ExecutionError, State

CALLBACK = ".waitForTaskToken"


@dataclass(eq=False)
class Callback:
    """A task that waits for its token to be sent back."""

    run: Run | None
    settled: threading.Event = field(default_factory=threading.Event)
    last_heartbeat: float = field(default_factory=time.monotonic)
    output: str | None = None
    error: tuple[str, str] | None = None
    expired: bool = False

    def is_open(self) -> bool:
        """Whether an answer still counts."""
        return not (self.settled.is_set() or self.expired or (self.run is not None and self.run.is_over()))

    def settle(self, *, output: str | None = None, error: tuple[str, str] | None = None) -> None:
        """Take the first answer; later ones change nothing."""
        with lock:
            if self.is_open():
                self.output, self.error = output, error
                self.settled.set()


_callbacks: dict[str, Callback] = {}


def task_tokens() -> None:
    """Make task tokens work as on AWS: one per attempt, closed with the task, each call given the right answer.

    AWS, "SendTaskSuccess": TaskTimedOut if the token expired or its task was closed, InvalidToken if it is
    no token, InvalidOutput if the output is no JSON. "Wait for a callback with task token": HeartbeatSeconds
    fails the task with States.HeartbeatTimeout; a service call that fails, fails the task. On MiniStack a
    failing function hangs the state, heartbeats are ignored, a JSONata TimeoutSeconds breaks the state, and a closed
    token is unknown.
    """
    stock = {name: internal(sfn, name) for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat")}
    activity_tokens = internal(sfn, "_task_tokens")

    def answered(name: str, data: dict[str, Any], **answer: Any) -> Any:
        token = data.get("taskToken")
        if token in activity_tokens:
            return stock[name](data)
        return _answer(token or "", **answer)

    def success(data: dict[str, Any]) -> Any:
        output = data.get("output", "")
        try:
            json.loads(output)
        except ValueError:
            return sfn.error_response_json("InvalidOutput", "Invalid Output: 'Output must be valid JSON'", 400)
        return answered("_send_task_success", data, output=output)

    def failure(data: dict[str, Any]) -> Any:
        error = (data.get("error", ""), data.get("cause", ""))
        return answered("_send_task_failure", data, error=error)

    replace(sfn, "_send_task_success", success)
    replace(sfn, "_send_task_failure", failure)
    replace(sfn, "_send_task_heartbeat", lambda data: answered("_send_task_heartbeat", data))
    replace(sfn, "_invoke_with_callback", _invoke_with_callback)
    _evaluate_timeouts()
    _new_token_for_each_attempt()


def _answer(token: str, **answer: Any) -> Any:
    """Settle the token's task, or record a heartbeat if there is no `answer`; return AWS's response."""
    callback = _callbacks.get(token)
    if callback is None:
        return sfn.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
    with lock:
        if not callback.is_open():
            message = "Task Timed Out: 'Provided task does not exist anymore'"
            return sfn.error_response_json("TaskTimedOut", message, 400)
        if answer:
            callback.settle(**answer)
        else:
            callback.last_heartbeat = time.monotonic()
    return sfn.json_response({})


def _invoke_with_callback(resource: str, arguments: Any, token: str, state: State) -> Any:
    """Call the service, and wait for the token, the timeout or a missed heartbeat."""
    run = current_run.get()
    callback = _callbacks[token] = Callback(run)
    if run is not None:
        run.waiting.append(callback.settled)
    began = time.monotonic()

    def call_service() -> None:
        try:
            internal(sfn, "_invoke_resource")(resource.replace(CALLBACK, ""), arguments)
        except ExecutionError as error:
            callback.settle(error=(error.error, error.cause))  # type: ignore[attr-defined]  # untyped

    # In a thread of its own, since a function may still be running when its token is answered.
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(call_service,), daemon=True).start()
    _wait(callback, began, state.get("TimeoutSeconds"), state.get("HeartbeatSeconds"))
    if callback.error is not None:
        raise ExecutionError(*callback.error)
    return json.loads(callback.output or "null")


def _wait(callback: Callback, began: float, timeout: float | None, heartbeat: float | None) -> None:
    times_out_at = began + timeout if timeout else math.inf
    while True:
        beat_due_at = callback.last_heartbeat + heartbeat if heartbeat else math.inf
        remaining = min(times_out_at, beat_due_at) - time.monotonic()
        callback.settled.wait(None if math.isinf(remaining) else max(0.0, remaining))
        if callback.run is not None and callback.run.is_over():
            raise Stopped
        with lock:
            if callback.settled.is_set():
                return
            now = time.monotonic()
            if now >= times_out_at:
                callback.expired = True
                raise ExecutionError("States.Timeout", "")
            if heartbeat and now >= callback.last_heartbeat + heartbeat:
                callback.expired = True
                raise ExecutionError("States.HeartbeatTimeout", "")


def _evaluate_timeouts() -> None:
    stock = internal(sfn, "_execute_task")
    evaluate = internal(sfn, "_jsonata_state_field")

    def execute(state: State, raw_input: Any, execution: Any, context: Context) -> Any:
        evaluated = {
            name: evaluate(state, name, "number", raw_input, context)
            for name in ("TimeoutSeconds", "HeartbeatSeconds")
            if isinstance(state.get(name), str)
        }
        return stock({**state, **evaluated}, raw_input, execution, context)

    replace(sfn, "_execute_task", execute)


def _new_token_for_each_attempt() -> None:
    def with_new_token(name: str) -> None:
        stock = internal(sfn, name)

        def evaluate(state: State, data: Any, context: Context | None = None) -> Any:
            if context is not None and CALLBACK in state.get("Resource", ""):
                context["Task"] = {"Token": secrets.token_urlsafe(450)}
            return stock(state, data, context)

        replace(sfn, name, evaluate)

    with_new_token("_apply_jsonata_arguments")
    with_new_token("_apply_parameters")


def task_events() -> None:
    """Make a task record the same events as on AWS, so that its history can be read and its events counted.

    AWS, "HistoryEvent": TaskStarted follows TaskScheduled, TaskSubmitted says that the service of a callback
    was called, and a timeout is TaskTimedOut instead of TaskFailed.
    """
    record = internal(sfn, "_add_event")

    def add_event(execution: Any, kind: str, details: dict[str, Any] | None = None) -> Any:
        details = details or {}
        failed = details.get("taskFailedEventDetails", {})
        if failed.get("error") in ("States.Timeout", "States.HeartbeatTimeout"):
            return record(execution, "TaskTimedOut", {"taskTimedOutEventDetails": failed})
        event = record(execution, kind, details)
        if kind == "TaskScheduled":
            scheduled = details["taskScheduledEventDetails"]
            record(execution, "TaskStarted", {"taskStartedEventDetails": scheduled})
            if CALLBACK in scheduled["resource"]:
                record(execution, "TaskSubmitted", {"taskSubmittedEventDetails": scheduled})
        return event

    replace(sfn, "_add_event", add_event)


def task_tokens_are_authorised() -> None:
    """Authorise SendTask* calls on the state machine that made the token, which a policy can name."""
    stock = internal(iam_actions, "extract_resource_arn")

    def resource_arn(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
        if service == "states" and ".SendTask" in headers.get("x-amz-target", ""):
            try:
                callback = _callbacks.get(json.loads(body).get("taskToken", ""))
            except ValueError:
                callback = None
            if callback is not None and callback.run is not None:
                return callback.run.execution["stateMachineArn"]
        return stock(service, method, path, headers, body, *rest)

    replace(iam_actions, "extract_resource_arn", resource_arn)


def machine_role_is_enforced() -> None:
    """Let a state machine invoke only the functions that its role allows, when AUTH is on.

    AWS, "How Step Functions generates IAM policies for integrated services": lambda:InvokeFunction on the
    function; a refusal fails the task with Lambda.AWSLambdaException. MiniStack calls the function whatever
    the role says.
    """
    stock = internal(sfn, "_call_lambda")

    def call(function: str, event: Any) -> Any:
        run = current_run.get()
        if run is not None and app.AUTH:
            _, config, _ = internal(lambda_svc, "_get_func_record_for_ref")(function)
            _authorise(run, (config or {}).get("FunctionArn", "*"))
        return stock(function, event)

    replace(sfn, "_call_lambda", call)


def _authorise(run: Run, function_arn: str) -> None:
    account = internal(sfn, "get_account_id")()
    role = run.execution["_role"].rsplit("/", 1)[-1]
    caller = f"arn:aws:sts::{account}:assumed-role/{role}/{run.execution['name']}"
    action = "lambda:InvokeFunction"
    request = iam_evaluator.EvalContext(
        caller, "AssumedRole", account, action, function_arn, internal(sfn, "get_region")()
    )
    policies = internal(iam_evaluator, "_gather_role_policies")(role, account)
    statements = [statement for policy in policies for statement in policy]
    if iam_evaluator.evaluate(request, [statements]).decision != "Allow":
        raise ExecutionError(
            "Lambda.AWSLambdaException",
            f"User: {caller} is not authorized to perform: {action} on resource: {function_arn} because no "
            f"identity-based policy allows the {action} action (Service: Lambda, Status Code: 403)",
        )
