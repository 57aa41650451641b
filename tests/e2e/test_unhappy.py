"""Every unhappy end goes through conclude: the slot is free again, and one email tells the truth."""

import json

import pytest

from tests.support.driver import Driver, image, video

TASK_FAILED = {"on": "create", "times": 1, "kind": "task_failed", "after_seconds": 0}


def test_a_task_that_failed_makes_a_failed_run_named_after_its_family_and_the_next_job_runs(driver: Driver) -> None:
    driver.control("faults", **TASK_FAILED, code="InvalidImage.NoHuman", message="No human in the image.")
    driver.drop_pair("nobody")
    execution = driver.wait_for_execution("nobody")
    assert execution["status"] == "FAILED"
    assert driver.status(execution["executionArn"])["error"] == "MediaUnfit"
    email = driver.wait_for_email("nobody")
    assert email.startswith("Subject: nobody: no person found in the image\n")
    assert "InvalidImage.NoHuman" in email
    assert "Nothing was charged" in email
    assert driver.wait_for_receipt("nobody.png", "failed") == (
        "failed: no person found in the image"
        " - Use an image that shows one person from the front with the whole face visible"
    )
    driver.drop_pair("somebody")
    assert driver.wait_for_execution("somebody")["status"] == "SUCCEEDED"
    assert len(driver.emails("nobody")) == 1


def test_a_fault_of_the_provider_gets_a_new_task_and_the_job_succeeds(driver: Driver) -> None:
    made = driver.tasks()
    driver.control("faults", **TASK_FAILED, code="InternalError", message="oops")
    driver.drop_pair("retried")
    assert driver.wait_for_execution("retried")["status"] == "SUCCEEDED"
    assert driver.tasks() == made + 2


def test_a_bad_file_is_rejected_with_an_email_and_no_run(driver: Driver) -> None:
    # In a folder of its own: of several rejections in one folder and minute all but one become a digest.
    driver.drop("rejected-alone/small.png", image((180, 300)))
    receipt = driver.wait_for_receipt("rejected-alone/small.png", "rejected")
    assert receipt == (
        "rejected: image is 180 px wide - needs at least 200 px on each side"
        " - export it again as JPG or PNG at a higher resolution"
    )
    assert "180 px wide" in driver.wait_for_email("small.png")
    assert not driver.executions("small")


def test_stop_while_in_the_queue_cancels_and_costs_nothing(driver: Driver) -> None:
    with driver.paused():
        for stem in ("stop-first", "stop-second", "queued"):
            driver.drop_pair(stem)
        arn = driver.wait_for_state("queued", "Wait for a slot")
        driver.stack.stepfunctions.stop_execution(executionArn=arn)
        email = driver.wait_for_email("queued")
    assert "canceled" in email
    assert "Nothing was charged" in email
    for stem in ("stop-first", "stop-second"):
        assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    assert driver.job(arn)["state"] == "CANCELED"


def test_stop_while_the_task_waits_at_the_provider_cancels_it_there(driver: Driver) -> None:
    driver.control("settings", task_seconds=600)
    driver.drop_pair("ahead")
    driver.wait_for_receipt("ahead.mp4", "animating")
    driver.drop_pair("behind")
    arn = driver.wait_for_execution("behind", statuses=["RUNNING"])["executionArn"]
    driver.cloud.wait_for(lambda: driver.job(arn)["state"] == "PENDING", "the task to wait")
    driver.stack.stepfunctions.stop_execution(executionArn=arn)
    assert "Nothing was charged" in driver.wait_for_email("behind")
    task = next(task for task in driver.control("tasks") if task["task_id"] == driver.job(arn)["task"]["id"])
    assert task["status"] == "CANCELED"
    driver.control("clock", advance_seconds=600)
    assert driver.wait_for_execution("ahead")["status"] == "SUCCEEDED"


def test_stop_while_the_provider_works_is_too_late_so_the_next_run_saves_the_video(driver: Driver) -> None:
    driver.control("settings", task_seconds=600)
    driver.drop_pair("late")
    driver.wait_for_receipt("late.mp4", "animating")
    arn = driver.wait_for_execution("late", statuses=["RUNNING"])["executionArn"]
    driver.cloud.wait_for(lambda: driver.job(arn)["state"] == "RUNNING", "the task to run")
    driver.stack.stepfunctions.stop_execution(executionArn=arn)
    driver.wait_for_execution("late", 2, statuses=["RUNNING"])
    driver.control("clock", advance_seconds=600)
    assert driver.wait_for_execution("late", 2)["status"] == "SUCCEEDED"
    email = driver.wait_for_email("late")
    assert "but the animation had already started" in email
    assert len(driver.emails("late")) == 1


@pytest.mark.parametrize("how", ["new execution", "redrive", "drop again"])
def test_a_failed_job_runs_again_by_every_way_of_trying_again(driver: Driver, how: str) -> None:
    stem = how.replace(" ", "-")
    driver.control("faults", **TASK_FAILED, code="DataInspectionFailed", message="no")
    picture = image()
    driver.drop_pair(stem, picture)
    arn = driver.wait_for_execution(stem)["executionArn"]
    driver.wait_for_email(stem)
    if how == "new execution":
        started = driver.stack.stepfunctions.start_execution(
            stateMachineArn=driver.stack.state_machine_arn, input=driver.status(arn)["input"]
        )
        arn = started["executionArn"]
    elif how == "redrive":
        driver.stack.stepfunctions.redrive_execution(executionArn=arn)
    else:
        driver.drop(f"{stem}.png", picture)
        arn = driver.wait_for_execution(stem, 2)["executionArn"]
    driver.cloud.wait_for(lambda: driver.status(arn)["status"] == "SUCCEEDED", f"{how} to succeed")
    assert "ready" in driver.wait_for_email(stem, 2)


def test_two_runs_at_once_for_one_job_make_one_task(driver: Driver) -> None:
    driver.control("settings", task_seconds=600)
    made = driver.tasks()
    driver.drop_pair("twice")
    first = driver.wait_for_execution("twice", statuses=["RUNNING"])["executionArn"]
    driver.cloud.wait_for(lambda: driver.job(first)["state"] == "RUNNING", "the task to run")
    second = driver.stack.stepfunctions.start_execution(
        stateMachineArn=driver.stack.state_machine_arn, input=driver.status(first)["input"], name="another"
    )["executionArn"]
    assert driver.cloud.wait_for(lambda: driver.status(second)["status"] != "RUNNING" and "over", "the other execution")
    assert "Already running elsewhere" in driver.states(second)
    driver.control("clock", advance_seconds=600)
    assert driver.wait_for_execution("twice")["status"] == "SUCCEEDED"
    assert driver.tasks() == made + 1
    assert len(driver.emails("twice")) == 1


def test_a_run_without_a_job_fails_and_harms_nothing(driver: Driver) -> None:
    arn = driver.stack.stepfunctions.start_execution(
        stateMachineArn=driver.stack.state_machine_arn, input=json.dumps({"job_id": "no-such-job"})
    )["executionArn"]
    driver.cloud.wait_for(lambda: driver.status(arn)["status"] == "FAILED", "the execution to fail")
    assert driver.status(arn)["error"] == "NoSuchJob"


def test_a_wrong_key_holds_the_queue_fails_nobody_and_one_email_tells_the_operator(driver: Driver) -> None:
    emails = len(driver.emails("MotionDrop"))
    driver.control("settings", api_keys=["another-key"])
    try:
        driver.drop_pair("held")
        driver.wait_for_email("MotionDrop", emails + 1)
        arn = driver.wait_for_state("held", "Wait for a slot")
        assert driver.job(arn)["state"] == "QUEUED"
        assert "BREAKER" in driver.queue()
    finally:
        driver.control("settings", api_keys=["sk-local-demo"])
    driver.probe_is_due()
    driver.sweep()
    assert driver.wait_for_execution("held")["status"] == "SUCCEEDED"
    assert "no longer on hold" in driver.wait_for_email("MotionDrop", emails + 2)


def test_a_video_alone_waits_for_an_image(driver: Driver) -> None:
    driver.drop("alone/clip.mp4", video())
    assert driver.wait_for_receipt("alone/clip.mp4", "waiting for an image")
