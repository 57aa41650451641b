"""Step Functions' tasks on the local cloud, against what AWS documents."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator.conftest import INVOKE, Emulator

TOKEN = "{% $states.context.Task.Token %}"


def waiting_state(emulator: Emulator, **more: Any) -> dict[str, Any]:
    """Return a state that gives the probe its task token and waits."""
    return {
        "Type": "Task",
        "Resource": f"{INVOKE}.waitForTaskToken",
        "Arguments": {
            "FunctionName": emulator.stack.outputs["ProbeArn"],
            "Payload": {"do": "print", "with": "{% 'token ' & $states.context.Task.Token %}"},
        },
        "End": True,
        **more,
    }


def token_of(emulator: Emulator, attempt: int = 0) -> str:
    """Return the token that the probe printed last."""
    log = emulator.stack.log_dir / f"{emulator.stack.functions['Probe']}.log"

    def look() -> str | None:
        lines = [line for line in log.read_text().splitlines() if line.startswith("token ")] if log.exists() else []
        return lines[-1].removeprefix("token ") if len(lines) > attempt else None

    return emulator.cloud.wait_for(look, "a task token")


def tokens_so_far(emulator: Emulator) -> int:
    log = emulator.stack.log_dir / f"{emulator.stack.functions['Probe']}.log"
    return log.read_text().count("token ") if log.exists() else 0


def refusal(emulator: Emulator, token: str) -> str:
    with pytest.raises(ClientError) as refused:
        emulator.stack.stepfunctions.send_task_success(taskToken=token, output="{}")
    return refused.value.response["Error"].get("Code", "")


def test_a_token_sent_back_is_the_states_result_and_then_closed(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    execution = emulator.start(emulator.machine({"Wait": waiting_state(emulator)}))
    token = token_of(emulator, before)
    emulator.stack.stepfunctions.send_task_success(taskToken=token, output='{"granted": true}')
    assert json.loads(emulator.ended(execution)["output"]) == {"granted": True}
    assert refusal(emulator, token) == "TaskTimedOut"


def test_a_token_nobody_made_is_invalid(emulator: Emulator) -> None:
    assert refusal(emulator, "x" * 100) == "InvalidToken"


def test_an_output_that_is_no_json_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.stack.stepfunctions.send_task_success(taskToken="x", output="{")
    assert refused.value.response["Error"].get("Code") == "InvalidOutput"


def test_a_token_of_a_stopped_execution_answers_task_timed_out(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    execution = emulator.start(emulator.machine({"Wait": waiting_state(emulator)}))
    token = token_of(emulator, before)
    emulator.stack.stepfunctions.stop_execution(executionArn=execution)
    assert refusal(emulator, token) == "TaskTimedOut"


def test_a_failure_sent_back_fails_the_state_by_its_name(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    execution = emulator.start(emulator.machine({"Wait": waiting_state(emulator)}))
    emulator.stack.stepfunctions.send_task_failure(taskToken=token_of(emulator, before), error="No", cause="why")
    described = emulator.ended(execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "No", "why")


def test_a_jsonata_timeout_closes_the_token_and_can_be_caught(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    state = waiting_state(
        emulator,
        TimeoutSeconds="{% $states.input.patience %}",
        Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Renew"}],
    )
    renew = {"Type": "Pass", "Output": "renewed", "End": True}
    execution = emulator.start(emulator.machine({"Wait": state, "Renew": renew}), {"patience": 1})
    token = token_of(emulator, before)
    assert json.loads(emulator.ended(execution)["output"]) == "renewed"
    assert refusal(emulator, token) == "TaskTimedOut"
    assert "TaskTimedOut" in emulator.kinds(execution)


def test_each_attempt_has_a_token_of_its_own(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    retry = [{"ErrorEquals": ["Again"], "MaxAttempts": 1}]
    execution = emulator.start(emulator.machine({"Wait": waiting_state(emulator, Retry=retry)}))
    first = token_of(emulator, before)
    emulator.stack.stepfunctions.send_task_failure(taskToken=first, error="Again")
    second = token_of(emulator, before + 1)
    assert first != second
    assert refusal(emulator, first) == "TaskTimedOut"
    emulator.stack.stepfunctions.send_task_success(taskToken=second, output="2")
    assert emulator.ended(execution)["output"] == "2"


def test_heartbeats_keep_a_task_alive_and_their_absence_fails_it(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    execution = emulator.start(emulator.machine({"Wait": waiting_state(emulator, HeartbeatSeconds=1)}))
    token = token_of(emulator, before)
    for _ in range(3):
        time.sleep(0.6)
        emulator.stack.stepfunctions.send_task_heartbeat(taskToken=token)
    described = emulator.ended(execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.HeartbeatTimeout")


def test_a_function_that_fails_behind_a_token_fails_the_state(emulator: Emulator) -> None:
    state = waiting_state(emulator)
    state["Arguments"]["Payload"] = {"do": "raise", "token": TOKEN}
    described = emulator.run({"Wait": state})
    assert (described["status"], described["error"]) == ("FAILED", "ProbeError")


def test_a_token_may_be_sent_before_the_function_returns(emulator: Emulator) -> None:
    state = waiting_state(emulator)
    state["Arguments"]["Payload"] = {"do": "send token", "token": TOKEN}
    assert emulator.output({"Wait": state}) == "sent from inside"


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"do": "raise"}, "ProbeError"),
        ({"do": "exit"}, "Runtime.ExitError"),
        ({"do": "sleep", "seconds": 20}, "Sandbox.Timedout"),
    ],
)
def test_a_function_error_is_caught_by_its_name(emulator: Emulator, event: dict[str, Any], error: str) -> None:
    task = {
        **emulator.probe_task(**event),
        "Catch": [{"ErrorEquals": [error], "Next": "Caught"}],
        "End": True,
    }
    caught = {"Type": "Pass", "Output": "{% $states.input.Error %}", "End": True}
    assert emulator.output({"Task": task, "Caught": caught}) == error


def test_a_retried_task_starts_again_and_succeeds(emulator: Emulator) -> None:
    event = {"do": "{% $states.context.State.RetryCount = 0 ? 'exit' : 'answer' %}"}
    retry = [{"ErrorEquals": ["Runtime.ExitError"], "IntervalSeconds": 60, "MaxAttempts": 2}]
    task = {**emulator.probe_task(**event), "Retry": retry, "Output": "done", "End": True}
    assert emulator.output({"Task": task}) == "done"


def test_a_task_past_its_timeout_fails_as_timed_out(emulator: Emulator) -> None:
    task = {**emulator.probe_task(do="sleep", seconds=3), "TimeoutSeconds": 1, "End": True}
    assert emulator.run({"Task": task})["error"] == "States.Timeout"


def test_a_machine_invokes_only_what_its_role_allows(emulator: Emulator) -> None:
    task = {**emulator.probe_task(emulator.stack.outputs["ForbiddenArn"], do="answer"), "End": True}
    described = emulator.run({"Task": task})
    assert (described["status"], described["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "lambda:InvokeFunction" in described["cause"]


def test_many_waiting_executions_are_woken_at_once(emulator: Emulator) -> None:
    before = tokens_so_far(emulator)
    machine = emulator.machine({"Wait": waiting_state(emulator)})
    executions = [emulator.start(machine) for _ in range(30)]
    emulator.cloud.wait_for(lambda: tokens_so_far(emulator) >= before + 30, "all tokens")
    log = (emulator.stack.log_dir / f"{emulator.stack.functions['Probe']}.log").read_text().splitlines()
    tokens = [line.removeprefix("token ") for line in log if line.startswith("token ")][-30:]
    for token in tokens:
        emulator.stack.stepfunctions.send_task_success(taskToken=token, output="1")
    assert {emulator.ended(execution)["status"] for execution in executions} == {"SUCCEEDED"}


def test_a_missed_heartbeat_is_caught_as_a_timeout(emulator: Emulator) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    caught = {"Type": "Pass", "Output": "{% $states.input.Error %}", "End": True}
    state = waiting_state(emulator, HeartbeatSeconds=1, Catch=catch)
    assert emulator.output({"Wait": state, "Caught": caught}) == "States.HeartbeatTimeout"
