"""The operator's levers of docs/operating.md, each tried; and what happens while a part of AWS fails."""

import json
import shutil
import time
from pathlib import Path

import pytest
import requests

from local.stack import PROJECT
from motiondrop.storage.drops import record_key
from tests.support.cloud import OF_ALL_TESTS, SPEED, WAIT_SCALE, command
from tests.support.driver import Driver, image


def lever(driver: Driver, *words: str) -> str:
    """Run an operator's command; return what it prints."""
    done = driver.operate(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_paused_queue_sends_nothing_and_goes_on_where_it_was(driver: Driver) -> None:
    made = driver.tasks()
    lever(driver, "pause")
    driver.drop_pair("paused")
    arn = driver.wait_for_state("paused", "Wait for a slot")
    driver.sweep()
    assert driver.job(arn)["state"] == "QUEUED"
    assert driver.tasks() == made
    lever(driver, "resume")
    driver.sweep()
    assert driver.wait_for_execution("paused")["status"] == "SUCCEEDED"


def test_a_month_is_told_job_by_job_the_gallery_opens_and_a_job_is_forgotten(driver: Driver) -> None:
    driver.drop_pair("looked-after")
    job = driver.job(driver.wait_for_execution("looked-after")["executionArn"])
    line = next(line for line in lever(driver, "spend").splitlines() if f",{job['job_id']}," in line)
    assert f",wan-std,2,0.240000,{job['task']['id']},," in line
    gallery = lever(driver, "gallery-link").strip()
    assert job["job_id"] in requests.get(gallery, timeout=30).text
    assert f"deleted from the results bucket: videos/{job['job_id']}.mp4" in lever(driver, "forget", job["job_id"])
    assert job["job_id"] not in requests.get(gallery, timeout=30).text
    assert "may be dropped again" in lever(driver, "forget", job["job_id"], "--allow-again")


def test_sqs_own_redrive_puts_the_dead_letters_back_and_they_are_handled(driver: Driver) -> None:
    driver.drop("letters/face.png", image())
    driver.wait_for_receipt("letters/face.png", "waiting")
    dead = driver.stack.outputs["EventDeadLettersUrl"]
    source_arn = driver.stack.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    queue_arn = driver.stack.sqs.get_queue_attributes(
        QueueUrl=driver.stack.event_queue_url, AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    # As if its event had never been handled.
    driver.stack.s3.delete_object_tagging(Bucket=driver.stack.inbox_bucket, Key="letters/face.png")
    pk, sk = record_key("letters/face.png")
    driver.stack.dynamodb.delete_item(TableName=driver.stack.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    event = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "letters/face.png"}}}
    driver.stack.sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"Records": [event]}))
    driver.stack.sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=queue_arn)
    driver.wait_for_receipt("letters/face.png", "waiting")


def test_a_new_key_is_used_by_the_next_call_while_a_job_is_at_the_provider(driver: Driver) -> None:
    secret = driver.stack.provider_key_secret
    driver.control("settings", task_seconds=300, api_keys=["sk-local-demo", "sk-the-new-key"])
    try:
        driver.drop_pair("old-key")
        driver.wait_for_receipt("old-key.mp4", "animating")
        driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-the-new-key")
        queries = driver.queries()
        driver.cloud.wait_for(lambda: driver.queries() > queries + 1, "a poll that began after the change")
        driver.control("settings", api_keys=["sk-the-new-key"])
        driver.drop_pair("new-key")
        driver.wait_for_receipt("new-key.mp4", "animating")
        driver.control("clock", advance_seconds=600)
        for stem in ("old-key", "new-key"):
            assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    finally:
        driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-local-demo")
        driver.control("settings", api_keys=["sk-local-demo"])


def changed(folder: Path) -> Path:
    """The project as a later version may be, whose executions enter a state that today's have not: its template."""
    for part in ("functions", "layers"):
        (folder / part).symlink_to(PROJECT / part)
    machine = (PROJECT / "statemachine" / "animation.asl.yaml").read_text()
    first, states = "StartAt: Claim the job\n", "States:\n"
    assert machine.count(first) == 1
    assert machine.count(states) == 1
    machine = machine.replace(first, "StartAt: New in this version\n")
    machine = machine.replace(states, f"{states}  New in this version: {{Type: Pass, Next: Claim the job}}\n")
    (folder / "statemachine").mkdir()
    (folder / "statemachine" / "animation.asl.yaml").write_text(machine)
    return folder / shutil.copy(PROJECT / "template.yaml", folder)


def deploy(driver: Driver, *options: str) -> None:
    """Deploy to the running cloud, with the parameters that the tests' cloud has and those given."""
    command("up", driver.cloud.state_dir, *SPEED, *options)
    driver.scale_waits(WAIT_SCALE)
    driver.stop_rounds()


def test_a_stack_is_upgraded_and_given_more_slots_while_a_job_is_at_the_provider(
    driver: Driver, tmp_path: Path
) -> None:
    driver.control("settings", task_seconds=5)
    driver.drop_pair("in-flight")
    driver.wait_for_receipt("in-flight.mp4", "animating")
    try:
        deploy(driver, "--template", str(changed(tmp_path)), "--parameter", "MaxInFlight=3", *OF_ALL_TESTS)
        driver.drop_pair("newer")
        executions = [driver.wait_for_execution(stem) for stem in ("in-flight", "newer")]
    finally:
        deploy(driver, *OF_ALL_TESTS)
    assert [execution["status"] for execution in executions] == ["SUCCEEDED", "SUCCEEDED"]
    entered = ["New in this version" in driver.states(execution["executionArn"]) for execution in executions]
    assert entered == [False, True]
    assert [len(driver.emails(stem)) for stem in ("in-flight", "newer")] == [1, 1]


def test_while_lambda_has_no_room_for_a_step_its_job_waits_and_does_not_fail(driver: Driver) -> None:
    """For a quarter of an hour of the state machine's time, as where an account's 10 executions are taken by others."""
    name = driver.stack.functions["CreateFunction"]
    driver.stack.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        driver.drop_pair("no-room")
        arn = driver.wait_for_state("no-room", "Create task")
        time.sleep(15 * 60 * WAIT_SCALE)
        assert driver.status(arn)["status"] == "RUNNING"
        assert driver.job(arn)["state"] == "ADMITTED"
    finally:
        driver.stack.lambda_.delete_function_concurrency(FunctionName=name)
    done = driver.wait_for_execution("no-room")
    assert done["status"] == "SUCCEEDED"
    assert len(driver.emails("no-room")) == 1


FAULTS = {
    "the table throttles": {"service": "dynamodb", "status": 400, "code": "ThrottlingException"},
    "topics refuse": {"service": "sns", "status": 500, "code": "InternalError"},
    "the buckets are slow": {"service": "s3", "seconds": 1.5},
    "the secrets are away": {"service": "secretsmanager", "status": 500, "code": "InternalServiceError"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_while_a_part_of_aws_fails_jobs_wait_and_then_go_on_paid_once(driver: Driver, name: str) -> None:
    """One job is at the provider when it begins, and ends there meanwhile; another waits in the queue."""
    made = driver.tasks()
    slugs = [f"{name} {which}".replace(" ", "-") for which in ("first", "second", "third")]
    driver.control("settings", task_seconds=3)
    for slug in slugs:
        driver.drop_pair(slug)
        driver.wait_for_receipt(f"{slug}.mp4", "a")
    with driver.failing(FAULTS[name]):
        time.sleep(4)  # the first task ends meanwhile

    def done() -> bool:
        driver.sweep()
        return all(any("is ready" in email for email in driver.emails(slug)) for slug in slugs)

    driver.cloud.wait_for(done, f"the jobs to end after {name}", seconds=150, every=0.5)
    assert driver.tasks() == made + 3
    assert all(driver.wait_for_receipt(f"{slug}.mp4", "done") for slug in slugs)
