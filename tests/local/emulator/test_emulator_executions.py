"""Step Functions' executions on the local cloud, against what AWS documents."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator.conftest import Emulator

DONE = {"Type": "Succeed"}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"].get("Code", "")


def status_events(emulator: Emulator, execution: str, expected: int) -> list[dict[str, Any]]:
    """Return the status events of an execution, once there are as many as expected and no more follow."""
    seen: list[dict[str, Any]] = []
    queue = emulator.stack.outputs["StatusEventsUrl"]

    def look() -> bool:
        received = emulator.stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600)
        details = [json.loads(message["Body"])["detail"] for message in received.get("Messages", [])]
        seen.extend(detail for detail in details if detail["executionArn"] == execution)
        return len(seen) >= expected

    emulator.cloud.wait_for(look, f"{expected} status events")
    time.sleep(0.3)
    look()
    return seen


def test_a_yaml_definition_with_a_substitution_runs(emulator: Emulator) -> None:
    execution = emulator.start(emulator.stack.state_machine_arn, {"question": "why"})
    assert json.loads(emulator.ended(execution)["output"])["said"] == "why"


def test_a_stopped_execution_does_nothing_more(emulator: Emulator) -> None:
    states = {
        "Work": {**emulator.probe_task(do="sleep", seconds=1), "Next": "After"},
        "After": {**emulator.probe_task(do="put", key="after-a-stop"), "End": True},
    }
    execution = emulator.start(emulator.machine(states))
    emulator.cloud.wait_for(lambda: "TaskScheduled" in emulator.kinds(execution), "the task")
    emulator.stack.stepfunctions.stop_execution(executionArn=execution, error="Stopped", cause="by hand")
    described = emulator.ended(execution)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Stopped", "by hand")
    time.sleep(1.5)
    assert emulator.kinds(execution)[-1] == "ExecutionAborted"
    assert emulator.keys("after-a-stop") == []
    assert [event["status"] for event in status_events(emulator, execution, 2)] == ["RUNNING", "ABORTED"]


def test_stopping_twice_answers_the_first_stop(emulator: Emulator) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    states = {"Wait": {"Type": "Wait", "Timestamp": later, "End": True}}
    execution = emulator.start(emulator.machine(states))
    stops = [emulator.stack.stepfunctions.stop_execution(executionArn=execution)["stopDate"] for _ in range(2)]
    assert stops[0] == stops[1]


def test_seconds_are_scaled_and_a_moment_is_a_moment(emulator: Emulator) -> None:
    began = time.monotonic()
    emulator.output({"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Done"}, "Done": DONE})
    assert time.monotonic() - began < 5
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    expression = "{% $states.input.moment %}"
    states = {"Wait": {"Type": "Wait", "Timestamp": expression, "Next": "Done"}, "Done": DONE}
    emulator.output(states, {"moment": moment.isoformat().replace("+00:00", "Z")})
    assert datetime.now(UTC) >= moment


def test_the_machines_timeout_ends_it_as_timed_out(emulator: Emulator) -> None:
    task = {**emulator.probe_task(do="sleep", seconds=3), "End": True}
    machine = emulator.machine({"Work": task}, TimeoutSeconds=1)
    execution = emulator.start(machine)
    assert emulator.ended(execution)["status"] == "TIMED_OUT"
    assert emulator.kinds(execution)[-1] == "ExecutionTimedOut"
    assert [event["status"] for event in status_events(emulator, execution, 2)] == ["RUNNING", "TIMED_OUT"]


def test_a_failed_execution_says_so_once_with_error_and_cause(emulator: Emulator) -> None:
    states = {"Stop": {"Type": "Fail", "Error": "Provider.Refused", "Cause": "{% 'because ' & $states.input.why %}"}}
    execution = emulator.start(emulator.machine(states), {"why": "of it"})
    described = emulator.ended(execution)
    assert (described["status"], described["error"], described["cause"]) == (
        "FAILED",
        "Provider.Refused",
        "because of it",
    )
    event = status_events(emulator, execution, 2)[1]
    assert (event["status"], event["error"], event["cause"]) == (
        "FAILED",
        "Provider.Refused",
        "because of it",
    )


def test_starting_a_running_name_again_is_the_same_execution(emulator: Emulator) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    machine = emulator.machine({"Wait": {"Type": "Wait", "Timestamp": later, "End": True}})
    first = emulator.start(machine, {"a": 1}, name="same")
    assert emulator.start(machine, {"a": 1}, name="same") == first
    with pytest.raises(ClientError) as other_input:
        emulator.start(machine, {"a": 2}, name="same")
    assert code(other_input) == "ExecutionAlreadyExists"
    emulator.stack.stepfunctions.stop_execution(executionArn=first)
    with pytest.raises(ClientError) as closed:
        emulator.start(machine, {"a": 1}, name="same")
    assert code(closed) == "ExecutionAlreadyExists"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "x" * 81, "what?", "tab\tbed"])
def test_a_name_aws_refuses_is_refused(emulator: Emulator, name: str) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.start(emulator.stack.state_machine_arn, name=name)
    assert code(refused) == "InvalidName"


def test_an_input_that_is_no_json_or_too_long_is_refused(emulator: Emulator) -> None:
    start = emulator.stack.stepfunctions.start_execution
    with pytest.raises(ClientError) as no_json:
        start(stateMachineArn=emulator.stack.state_machine_arn, input="{")
    assert code(no_json) == "InvalidExecutionInput"
    with pytest.raises(ClientError) as too_long:
        emulator.start(emulator.stack.state_machine_arn, "x" * 262_144)
    assert code(too_long) == "ValidationException"


def test_assign_sees_the_values_at_state_entry(emulator: Emulator) -> None:
    states = {
        "First": {"Type": "Pass", "Assign": {"count": 1, "seen": 0}, "Next": "Second"},
        "Second": {
            "Type": "Pass",
            "Assign": {"count": "{% $count + 1 %}", "seen": "{% $count %}"},
            "Next": "Third",
        },
        "Third": {"Type": "Pass", "Output": "{% [$count, $seen] %}", "End": True},
    }
    assert emulator.output(states) == [2, 1]


def test_a_running_execution_finishes_on_the_definition_it_started_with(emulator: Emulator) -> None:
    moment = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    say = {"Type": "Pass", "Output": "old", "End": True}
    states = {"Wait": {"Type": "Wait", "Timestamp": moment, "Next": "Say"}, "Say": say}
    machine = emulator.machine(states)
    execution = emulator.start(machine)
    emulator.cloud.wait_for(lambda: "WaitStateEntered" in emulator.kinds(execution), "the wait")
    new = {
        "QueryLanguage": "JSONata",
        "StartAt": "Say",
        "States": {"Say": {**say, "Output": "new"}},
    }
    emulator.stack.stepfunctions.update_state_machine(stateMachineArn=machine, definition=json.dumps(new))
    assert json.loads(emulator.ended(execution)["output"]) == "old"
    described = emulator.stack.stepfunctions.describe_state_machine_for_execution(executionArn=execution)
    assert "Wait" in json.loads(described["definition"])["States"]


def test_redrive_resumes_at_the_failed_state_with_its_input(emulator: Emulator) -> None:
    states = {
        "Count": {
            **emulator.probe_task(do="answer"),
            "Assign": {"kept": 7},
            "Output": {"n": 1},
            "Next": "Look",
        },
        "Look": {
            **emulator.probe_task(do="{% $states.context.Execution.RedriveCount = 0 ? 'raise' : 'answer' %}"),
            "Output": "{% [$states.input.n, $kept, $states.context.Execution.RedriveCount] %}",
            "End": True,
        },
    }
    execution = emulator.start(emulator.machine(states))
    failed = emulator.ended(execution)
    assert (failed["status"], failed["error"], failed["redriveStatus"]) == (
        "FAILED",
        "ProbeError",
        "REDRIVABLE",
    )
    emulator.stack.stepfunctions.redrive_execution(executionArn=execution)
    done = emulator.ended(execution)
    assert (done["status"], json.loads(done["output"]), done["redriveCount"]) == ("SUCCEEDED", [1, 7, 1], 1)
    kinds = emulator.kinds(execution)
    assert kinds.count("TaskStateEntered") == 3
    assert "ExecutionRedriven" in kinds
    events = status_events(emulator, execution, 4)
    assert [(e["status"], e["redriveCount"]) for e in events] == [
        ("RUNNING", 0),
        ("FAILED", 0),
        ("RUNNING", 1),
        ("SUCCEEDED", 1),
    ]
    with pytest.raises(ClientError) as succeeded:
        emulator.stack.stepfunctions.redrive_execution(executionArn=execution)
    assert code(succeeded) == "ExecutionNotRedrivable"


def test_a_poll_leaves_nine_events(emulator: Emulator) -> None:
    states = {
        "Wait": {"Type": "Wait", "Seconds": 15, "Next": "Poll"},
        "Poll": {**emulator.probe_task(do="answer"), "Next": "Over?"},
        "Over?": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Done"}]},
        "Done": DONE,
    }
    execution = emulator.start(emulator.machine(states))
    emulator.ended(execution)
    kinds = emulator.kinds(execution)
    assert len(kinds[kinds.index("WaitStateEntered") : kinds.index("SucceedStateEntered")]) == 9


def test_an_execution_dies_at_25000_events(emulator: Emulator) -> None:
    states = {
        "Again": {"Type": "Pass", "Next": "And again"},
        "And again": {"Type": "Pass", "Next": "Again"},
    }
    execution = emulator.start(emulator.machine(states))
    described = emulator.ended(execution)
    assert described["status"] == "FAILED"
    assert "25000" in described["cause"]
    assert len(emulator.history(execution)) == 25_000
