"""Whatever breaks off at the provider or at us, a job is paid for at most once and its paid video is saved."""

from typing import Any

import pytest

from tests.support.driver import Driver, image


def succeeded(driver: Driver, slug: str) -> list[dict[str, Any]]:
    """The tasks of the job that will be billed."""
    job = driver.job(driver.wait_for_execution(slug)["executionArn"])
    copy = job["image"]["copy"]
    tasks = [task for task in driver.control("tasks") if copy in task["input"]["image_url"]]
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
    driver: Driver, fault: dict[str, Any], tasks: int
) -> None:
    slug = "c" + "".join(char for char in str(fault) if char.isalnum())[:30].lower()
    made = driver.tasks()
    driver.control("faults", **({"on": "create", "times": 1} | fault))
    driver.drop_pair(slug)
    assert driver.wait_for_execution(slug)["status"] == "SUCCEEDED"
    assert len(succeeded(driver, slug)) == 1
    assert driver.tasks() == made + tasks
    assert len(driver.emails(slug)) == 1


def test_an_answer_that_comes_too_late_is_a_lost_one(driver: Driver) -> None:
    driver.control("faults", on="create", times=1, kind="hang", seconds=12)
    driver.drop_pair("slow")
    assert (
        driver.cloud.wait_for(
            lambda: driver.executions("slow") and driver.wait_for_execution("slow"), "the execution", 60
        )["status"]
        == "SUCCEEDED"
    )
    assert len(succeeded(driver, "slow")) == 1


def test_polls_that_get_no_answer_change_nothing(driver: Driver) -> None:
    for fault in ({"kind": "error", "status": 500, "times": 3}, {"kind": "garbage", "times": 3}):
        driver.control("faults", on="query", **fault)
    driver.drop_pair("deaf")
    assert driver.wait_for_execution("deaf")["status"] == "SUCCEEDED"
    assert len(driver.emails("deaf")) == 1


def test_a_canceled_job_runs_when_its_run_is_redriven_wherever_that_ended(driver: Driver) -> None:
    with driver.paused():
        driver.drop_pair("later")
        arn = driver.wait_for_state("later", "Wait for a slot")
        driver.stack.stepfunctions.stop_execution(executionArn=arn)
        assert "canceled" in driver.wait_for_email("later")
    again = driver.stack.stepfunctions.start_execution(
        stateMachineArn=driver.stack.state_machine_arn,
        input=driver.status(arn)["input"],
        name=f"{driver.job(arn)['job_id']}-9",
    )["executionArn"]
    driver.cloud.wait_for(lambda: driver.status(again)["status"] == "FAILED", "the execution to find its job canceled")
    assert driver.status(again)["error"] == "JobCanceled"
    driver.stack.stepfunctions.redrive_execution(executionArn=again)
    driver.cloud.wait_for(lambda: driver.status(again)["status"] == "SUCCEEDED", "the redriven execution to succeed")


def test_a_secret_without_a_value_holds_the_queue_and_fails_nobody(driver: Driver) -> None:
    emails = len(driver.emails("MotionDrop"))
    driver.stack.secretsmanager.put_secret_value(SecretId=driver.stack.provider_key_secret, SecretString=" ")
    try:
        driver.drop_pair("keyless", image())
        driver.wait_for_email("MotionDrop", emails + 1)
        arn = driver.wait_for_state("keyless", "Wait for a slot")
        assert driver.job(arn)["state"] == "QUEUED"
    finally:
        driver.stack.secretsmanager.put_secret_value(
            SecretId=driver.stack.provider_key_secret, SecretString="sk-local-demo"
        )
        driver.stack.dynamodb.update_item(
            TableName=driver.stack.table,
            Key={"pk": {"S": "QUEUE"}, "sk": {"S": "BREAKER"}},
            UpdateExpression="SET #until = #since",
            ExpressionAttributeNames={"#until": "until", "#since": "since"},
        )
    driver.sweep()
    assert driver.wait_for_execution("keyless")["status"] == "SUCCEEDED"
