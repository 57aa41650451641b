"""Lambda on the local cloud, against what AWS documents."""

import json
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

from local.stack import PROJECT
from tests.local.emulator.conftest import Emulator


def test_a_function_sees_its_own_environment_and_not_the_hosts(emulator: Emulator) -> None:
    seen = emulator.probe(do="look around")["environment"]
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == emulator.stack.functions["Probe"]
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["AWS_REGION"] == emulator.stack.region
    assert seen["AWS_ENDPOINT_URL"] == emulator.stack.endpoint_url
    assert seen["TZ"] == ":UTC"
    assert seen["BUCKET"] == emulator.stack.inbox_bucket
    assert seen["HOME"] != os.environ.get("HOME")
    defined = {name for name in seen if not name.startswith(("AWS_", "LAMBDA_", "_"))}
    own = {"BUCKET", "SETTLE_SECONDS", "WAN_BASE_URL"}
    shell = {"PWD", "OLDPWD", "SHLVL", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert defined - own - shell == {"PATH", "LANG", "TZ", "HOME", "TMPDIR", "PYTHONPATH"}
    leaks = {"AWS_CA_BUNDLE", "AWS_PROFILE", "LAMBDA_ACCOUNT_CONCURRENCY", "GATEWAY_PORT", "AUTH"}
    assert leaks & seen.keys() == set()


def test_code_comes_before_layers_and_layers_before_the_runtime(emulator: Emulator) -> None:
    seen = emulator.probe(do="look around")
    path = seen["path"]
    assert path[0] == seen["folder"] == seen["environment"]["LAMBDA_TASK_ROOT"]
    assert "layer-packages" in path[1]  # the later layer covers the earlier one
    assert "layer-packages" in seen["boto3"]
    assert not any(str(PROJECT / ".venv") in part for part in path)
    assert emulator.probe(do="answer")["layer"] == "from a layer"


def test_an_exception_has_its_own_name(emulator: Emulator) -> None:
    error = emulator.probe(do="raise", **{"with": "once"})
    assert (error["errorType"], error["errorMessage"]) == ("ProbeError", "once")


def test_a_process_that_exits_is_replaced(emulator: Emulator) -> None:
    assert emulator.probe(do="exit")["errorType"] == "Runtime.ExitError"
    assert emulator.probe(do="answer")["layer"] == "from a layer"


def test_a_module_that_fails_to_import_is_reported_each_time(emulator: Emulator) -> None:
    for _ in range(2):
        error = emulator.invoke("Broken", {})
        assert (error["errorType"], error["errorMessage"]) == (
            "RuntimeError",
            "this module cannot be imported",
        )


def test_a_function_past_its_timeout_is_stopped(emulator: Emulator) -> None:
    label = uuid.uuid4().hex
    error = emulator.probe(do="sleep", seconds=20, **{"with": label})
    assert error["errorType"] == "Sandbox.Timedout"
    log = emulator.stack.log_dir / f"{emulator.stack.functions['Probe']}.log"
    (process,) = re.findall(rf"asleep {label} (\d+)", log.read_text())
    emulator.cloud.wait_for(lambda: not Path(f"/proc/{process}").exists(), "the end of its process", seconds=10)


def test_environments_are_reused_one_after_the_other_and_separate_at_once(emulator: Emulator) -> None:
    first, second = (emulator.probe(do="answer")["environment_id"] for _ in range(2))
    assert first == second
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda _: emulator.probe(do="sleep", seconds=1)["environment_id"], range(3)))
    assert len(set(at_once)) == 3


def test_more_invocations_than_the_bound_wait_for_their_turn(emulator: Emulator) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: emulator.probe(do="sleep", seconds=0.3), range(16)))
    assert all(answer["environment_id"] for answer in answers)
    assert len({answer["environment_id"] for answer in answers}) <= 10


def test_a_role_allows_what_its_policy_says_and_no_more(emulator: Emulator) -> None:
    assert "errorType" not in emulator.probe(do="put", key="allowed")
    assert emulator.probe(do="delete", key="allowed")["errorType"] == "AccessDenied"


def test_output_lands_in_the_functions_log_file(emulator: Emulator) -> None:
    line = f"hello {uuid.uuid4()}"
    emulator.probe(do="print", **{"with": line})
    log = emulator.stack.log_dir / f"{emulator.stack.functions['Probe']}.log"
    assert line in log.read_text()


def test_an_update_lets_the_invocation_in_flight_finish(emulator: Emulator) -> None:
    name, label = emulator.stack.functions["Probe"], uuid.uuid4().hex
    log = emulator.stack.log_dir / f"{name}.log"
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(emulator.probe, do="sleep", seconds=1.5, **{"with": label})
        emulator.cloud.wait_for(lambda: log.exists() and label in log.read_text(), "the invocation")
        emulator.stack.lambda_.update_function_configuration(FunctionName=name, Description=label)
        assert emulator.probe(do="answer")["environment_id"] != slow.result()["environment_id"]
    assert slow.result()["said"] == label


def test_a_failing_event_is_retried_twice_and_then_dead_lettered(emulator: Emulator) -> None:
    label = uuid.uuid4().hex
    emulator.stack.events.put_events(
        Entries=[{"Source": "emulator.test", "DetailType": "Asked", "Detail": json.dumps({"label": label})}]
    )
    queue = emulator.stack.outputs["DeadLettersUrl"]

    def dead_letter() -> str | None:
        received = emulator.stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return next((m["Body"] for m in received.get("Messages", []) if label in m["Body"]), None)

    body = json.loads(emulator.cloud.wait_for(dead_letter, "the dead letter"))
    assert body["requestPayload"]["detail"]["label"] == label
    assert len(emulator.keys(f"fail/{label}/")) == 3


def test_a_function_url_is_one_that_can_be_opened(emulator: Emulator) -> None:
    with urlopen(emulator.stack.result_page_url) as answer:  # noqa: S310 - this machine
        assert answer.read() == b"reached by its URL"


def test_an_event_without_room_waits_and_takes_no_try_of_its_own(emulator: Emulator) -> None:
    name, label = emulator.stack.functions["Failing"], uuid.uuid4().hex
    emulator.stack.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    emulator.stack.events.put_events(
        Entries=[{"Source": "emulator.test", "DetailType": "Asked", "Detail": json.dumps({"label": label})}]
    )
    time.sleep(4)  # longer than its three tries take
    assert emulator.keys(f"fail/{label}/") == []
    emulator.stack.lambda_.delete_function_concurrency(FunctionName=name)
    emulator.cloud.wait_for(lambda: len(emulator.keys(f"fail/{label}/")) == 3, "all tries")
