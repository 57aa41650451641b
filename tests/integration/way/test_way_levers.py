"""The operator's levers of docs/operating.md, each tried; and what happens while a part of AWS fails."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from local.stack import PROJECT
from tests.integration.conftest import OF_ALL_TESTS, SPEED, command
from tests.integration.way.support import Way, image


def lever(way: Way, name: str, *words: str) -> str:
    """Run an operator's command as its make target does; return what it prints."""
    line = [sys.executable, "-m", f"tools.{name}", *words, "--state-dir", str(way.cloud.state_dir)]
    done = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_paused_queue_sends_nothing_and_goes_on_where_it_was(way: Way) -> None:
    made = way.tasks()
    lever(way, "pause")
    way.drop_pair("paused")
    arn = way.wait_for_state("paused", "Wait for a slot")
    way.sweep()
    assert way.job(arn)["state"] == "QUEUED"
    assert way.tasks() == made
    lever(way, "pause", "--resume")
    way.sweep()
    assert way.wait_for_run("paused")["status"] == "SUCCEEDED"


def test_a_month_is_told_job_by_job_the_gallery_opens_and_a_job_is_forgotten(way: Way) -> None:
    way.drop_pair("looked-after")
    job = way.job(way.wait_for_run("looked-after")["executionArn"])
    line = next(line for line in lever(way, "spend").splitlines() if f",{job['job_id']}," in line)
    assert line.endswith(f",wan-std,2,0.240000,{job['task_id']}")
    gallery = lever(way, "gallery_link").strip()
    assert job["job_id"] in requests.get(gallery, timeout=30).text
    assert f"deleted from the results bucket: videos/{job['job_id']}.mp4" in lever(way, "forget_job", job["job_id"])
    assert job["job_id"] not in requests.get(gallery, timeout=30).text
    assert "may be dropped again" in lever(way, "forget_job", job["job_id"], "--allow-again")


def test_sqs_own_redrive_puts_the_dead_letters_back_and_they_are_handled(way: Way) -> None:
    way.drop("letters/face.png", image())
    way.wait_for_receipt("letters/face.png", "waiting")
    dead = way.stack.outputs["DropsDeadLettersUrl"]
    source_arn = way.stack.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    queue_arn = way.stack.sqs.get_queue_attributes(QueueUrl=way.stack.drops_queue_url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    way.stack.s3.delete_object_tagging(Bucket=way.stack.inbox_bucket, Key="letters/face.png")
    event = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "letters/face.png"}}}
    way.stack.sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"Records": [event]}))
    way.stack.sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=queue_arn)
    way.wait_for_receipt("letters/face.png", "waiting")


def test_a_new_key_is_used_by_the_next_call_while_a_job_is_at_the_provider(way: Way) -> None:
    secret = way.stack.provider_key_secret
    way.control("settings", task_seconds=3, api_keys=["sk-local-demo", "sk-the-new-key"])
    try:
        way.drop_pair("old-key")
        way.wait_for_receipt("old-key.mp4", "animating")
        way.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-the-new-key")
        way.drop_pair("new-key")
        for stem in ("old-key", "new-key"):
            assert way.wait_for_run(stem)["status"] == "SUCCEEDED"
    finally:
        way.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-local-demo")
        way.control("settings", api_keys=["sk-local-demo"])


def changed(folder: Path) -> Path:
    """The project as a later version may be: its runs enter a state that today's have not. Returns its template."""
    for part in ("functions", "layers"):
        (folder / part).symlink_to(PROJECT / part)
    machine = (PROJECT / "statemachine" / "animation.asl.yaml").read_text()
    first, states = "StartAt: Pick up the job\n", "States:\n"
    assert machine.count(first) == 1
    assert machine.count(states) == 1
    machine = machine.replace(first, "StartAt: New in this version\n")
    machine = machine.replace(states, f"{states}  New in this version: {{Type: Pass, Next: Pick up the job}}\n")
    (folder / "statemachine").mkdir()
    (folder / "statemachine" / "animation.asl.yaml").write_text(machine)
    return folder / shutil.copy(PROJECT / "template.yaml", folder)


def deploy(way: Way, *options: str) -> None:
    """Deploy to the running cloud, with the parameters that the tests' cloud has and those given."""
    command("up", way.cloud.state_dir, *SPEED, *options)


def test_a_stack_is_upgraded_and_given_more_slots_while_a_job_is_at_the_provider(way: Way, tmp_path: Path) -> None:
    way.control("settings", task_seconds=5)
    way.drop_pair("in-flight")
    way.wait_for_receipt("in-flight.mp4", "animating")
    try:
        deploy(way, "--template", str(changed(tmp_path)), "--parameter", "MaxInFlight=3", *OF_ALL_TESTS)
        way.drop_pair("newer")
        runs = [way.wait_for_run(stem) for stem in ("in-flight", "newer")]
    finally:
        deploy(way, *OF_ALL_TESTS)
    assert [run["status"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    entered = ["New in this version" in way.states(run["executionArn"]) for run in runs]
    assert entered == [False, True]
    assert [len(way.mails(stem)) for stem in ("in-flight", "newer")] == [1, 1]


FAULTS = {
    "the table throttles": {"service": "dynamodb", "status": 400, "code": "ThrottlingException"},
    "topics refuse": {"service": "sns", "status": 500, "code": "InternalError"},
    "the buckets are slow": {"service": "s3", "seconds": 1.5},
    "the secrets are away": {"service": "secretsmanager", "status": 500, "code": "InternalServiceError"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_while_a_part_of_aws_fails_jobs_wait_and_then_go_on_paid_once(way: Way, name: str) -> None:
    """One job is at the provider when it begins, and ends there meanwhile; another waits in the line."""
    made = way.tasks()
    slugs = [f"{name} {which}".replace(" ", "-") for which in ("first", "second", "third")]
    way.control("settings", task_seconds=4)
    for slug in slugs:
        way.drop_pair(slug)
        way.wait_for_receipt(f"{slug}.mp4", "a")
    with way.failing(FAULTS[name]):
        time.sleep(8)

    def done() -> bool:
        way.sweep()
        return all(any("is ready" in mail for mail in way.mails(slug)) for slug in slugs)

    way.cloud.wait_for(done, f"the jobs to end after {name}", seconds=150, every=2)
    assert way.tasks() == made + 3
    assert all(way.wait_for_receipt(f"{slug}.mp4", "done") for slug in slugs)
