"""Whatever breaks off at the provider or at us, a job is paid for at most once and its paid video is saved."""

from typing import Any

import pytest

from tests.integration.way.support import Way, image


def succeeded(way: Way, slug: str) -> list[dict[str, Any]]:
    """The tasks of the job that will be billed."""
    job = way.job(way.wait_for_run(slug)["executionArn"])
    copy = job["image"]["copy"]["S"]
    tasks = [task for task in way.control("tasks") if copy in task["input"]["image_url"]]
    return [task for task in tasks if task["status"] == "SUCCEEDED"]


@pytest.mark.parametrize(
    ("fault", "tasks"),
    [
        ({"kind": "accepted_then_lost"}, 1),
        ({"kind": "garbage"}, 1),
        ({"kind": "error", "status": 500}, 1),
        ({"kind": "error", "status": 429, "code": "Throttling.RateQuota", "times": 3}, 1),
        ({"kind": "task_failed", "code": "InternalError.Algo", "times": 2}, 3),
        ({"kind": "task_failed", "code": "InvalidURL.Timeout"}, 2),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else str(value),
)
def test_a_create_call_that_breaks_off_is_found_out_about_and_paid_once(
    way: Way, fault: dict[str, Any], tasks: int
) -> None:
    slug = "c" + "".join(char for char in str(fault) if char.isalnum())[:30].lower()
    made = way.tasks()
    way.control("faults", **({"on": "create", "times": 1} | fault))
    way.drop_pair(slug)
    assert way.wait_for_run(slug)["status"] == "SUCCEEDED"
    assert len(succeeded(way, slug)) == 1
    assert way.tasks() == made + tasks
    assert len(way.mails(slug)) == 1


def test_an_answer_that_comes_too_late_is_a_lost_one(way: Way) -> None:
    way.control("faults", on="create", times=1, kind="hang", seconds=12)
    way.drop_pair("slow")
    assert (
        way.cloud.wait_for(lambda: way.runs("slow") and way.wait_for_run("slow"), "the run", 60)["status"]
        == "SUCCEEDED"
    )
    assert len(succeeded(way, "slow")) == 1


def test_polls_that_get_no_answer_change_nothing(way: Way) -> None:
    for fault in ({"kind": "error", "status": 500, "times": 3}, {"kind": "garbage", "times": 3}):
        way.control("faults", on="query", **fault)
    way.drop_pair("deaf")
    assert way.wait_for_run("deaf")["status"] == "SUCCEEDED"
    assert len(way.mails("deaf")) == 1


def test_a_canceled_job_runs_when_its_run_is_redriven_wherever_that_ended(way: Way) -> None:
    way.control("settings", task_seconds=3)
    for stem in ("one-ahead", "two-ahead", "later"):
        way.drop_pair(stem)
        way.wait_for_receipt(f"{stem}.mp4", "a")
    arn = way.wait_for_state("later", "Wait for a slot")
    way.stack.stepfunctions.stop_execution(executionArn=arn)
    assert "canceled" in way.wait_for_mail("later")
    again = way.stack.stepfunctions.start_execution(
        stateMachineArn=way.stack.state_machine_arn, input=way.status(arn)["input"], name=f"{way.job(arn)['job_id']}-9"
    )["executionArn"]
    way.cloud.wait_for(lambda: way.status(again)["status"] == "FAILED", "the run to find its job canceled")
    assert way.status(again)["error"] == "JobCanceled"
    way.stack.stepfunctions.redrive_execution(executionArn=again)
    way.cloud.wait_for(lambda: way.status(again)["status"] == "SUCCEEDED", "the redriven run to succeed")
    for stem in ("one-ahead", "two-ahead"):
        way.wait_for_run(stem)


def test_a_secret_without_a_value_holds_the_line_and_fails_nobody(way: Way) -> None:
    mails = len(way.mails("MotionDrop"))
    way.stack.secretsmanager.put_secret_value(SecretId=way.stack.provider_key_secret, SecretString=" ")
    try:
        way.drop_pair("keyless", image())
        way.wait_for_mail("MotionDrop", mails + 1)
        arn = way.wait_for_state("keyless", "Wait for a slot")
        assert way.job(arn)["state"] == "QUEUED"
    finally:
        way.stack.secretsmanager.put_secret_value(SecretId=way.stack.provider_key_secret, SecretString="sk-local-demo")
        way.stack.dynamodb.update_item(
            TableName=way.stack.table,
            Key={"pk": {"S": "LINE"}, "sk": {"S": "BREAKER"}},
            UpdateExpression="SET #until = #since",
            ExpressionAttributeNames={"#until": "until", "#since": "since"},
        )
    way.sweep()
    assert way.wait_for_run("keyless")["status"] == "SUCCEEDED"
