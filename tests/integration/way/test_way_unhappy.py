"""Every unhappy end goes through conclude: the slot is free again, and one mail tells the truth."""

import json

import pytest

from tests.integration.way.support import Way, image, video

TASK_FAILED = {"on": "create", "times": 1, "kind": "task_failed", "after_seconds": 0}


def test_a_task_that_failed_makes_a_failed_run_named_after_its_family_and_the_next_job_runs(way: Way) -> None:
    way.control("faults", **TASK_FAILED, code="InvalidImage.NoHuman", message="No human in the image.")
    way.drop_pair("nobody")
    run = way.wait_for_run("nobody")
    assert run["status"] == "FAILED"
    assert way.status(run["executionArn"])["error"] == "MediaUnfit"
    mail = way.wait_for_mail("nobody")
    assert "No person was found" in mail
    assert "InvalidImage.NoHuman" in mail
    assert "Nothing was charged" in mail
    assert way.wait_for_receipt("nobody.png", "failed") == "failed: InvalidImage.NoHuman"
    way.drop_pair("somebody")
    assert way.wait_for_run("somebody")["status"] == "SUCCEEDED"
    assert len(way.mails("nobody")) == 1


def test_a_fault_of_the_provider_gets_a_new_task_and_the_job_succeeds(way: Way) -> None:
    made = way.tasks()
    way.control("faults", **TASK_FAILED, code="InternalError", message="oops")
    way.drop_pair("retried")
    assert way.wait_for_run("retried")["status"] == "SUCCEEDED"
    assert way.tasks() == made + 2


def test_a_bad_file_is_rejected_at_the_door_with_a_mail_and_no_run(way: Way) -> None:
    way.drop("small.png", image((180, 300)))
    receipt = way.wait_for_receipt("small.png", "rejected")
    assert receipt == "rejected: image is 180 px wide - needs 200 to 4096"
    assert "180 px wide" in way.wait_for_mail("small")
    assert not way.runs("small")


def test_stop_while_in_the_line_cancels_and_costs_nothing(way: Way) -> None:
    way.control("settings", task_seconds=3)
    for stem in ("stop-first", "stop-second", "queued"):
        way.drop_pair(stem)
        way.wait_for_receipt(f"{stem}.mp4", "a")
    arn = way.wait_for_state("queued", "Wait for a slot")
    way.stack.stepfunctions.stop_execution(executionArn=arn)
    mail = way.wait_for_mail("queued")
    assert "canceled" in mail
    assert "Nothing was charged" in mail
    for stem in ("stop-first", "stop-second"):
        assert way.wait_for_run(stem)["status"] == "SUCCEEDED"
    assert way.job(arn)["state"] == "CANCELED"


def test_stop_while_the_task_waits_at_the_provider_cancels_it_there(way: Way) -> None:
    way.control("settings", task_seconds=4)
    way.drop_pair("ahead")
    way.wait_for_receipt("ahead.mp4", "animating")
    way.drop_pair("behind")
    way.wait_for_receipt("behind.mp4", "animating")
    arn = way.wait_for_run("behind", statuses=["RUNNING"])["executionArn"]
    way.stack.stepfunctions.stop_execution(executionArn=arn)
    assert "Nothing was charged" in way.wait_for_mail("behind")
    task = next(task for task in way.control("tasks") if task["task_id"] == way.job(arn)["task_id"])
    assert task["status"] == "CANCELED"
    assert way.wait_for_run("ahead")["status"] == "SUCCEEDED"


def test_stop_while_the_provider_works_is_too_late_so_the_next_run_saves_the_video(way: Way) -> None:
    way.control("settings", task_seconds=3)
    way.drop_pair("late")
    way.wait_for_receipt("late.mp4", "animating")
    arn = way.wait_for_run("late", statuses=["RUNNING"])["executionArn"]
    way.cloud.wait_for(lambda: way.job(arn)["state"] == "RUNNING", "the task to run")
    way.stack.stepfunctions.stop_execution(executionArn=arn)
    assert way.wait_for_run("late", 2)["status"] == "SUCCEEDED"
    mail = way.wait_for_mail("late")
    assert "stopped when the animation had already begun" in mail
    assert len(way.mails("late")) == 1


@pytest.mark.parametrize("how", ["new execution", "redrive", "drop again"])
def test_a_failed_job_runs_again_by_every_way_of_trying_again(way: Way, how: str) -> None:
    stem = how.replace(" ", "-")
    way.control("faults", **TASK_FAILED, code="DataInspectionFailed", message="no")
    picture = image()
    way.drop_pair(stem, picture)
    arn = way.wait_for_run(stem)["executionArn"]
    way.wait_for_mail(stem)
    if how == "new execution":
        started = way.stack.stepfunctions.start_execution(
            stateMachineArn=way.stack.state_machine_arn, input=way.status(arn)["input"]
        )
        arn = started["executionArn"]
    elif how == "redrive":
        way.stack.stepfunctions.redrive_execution(executionArn=arn)
    else:
        way.drop(f"{stem}.png", picture)
        arn = way.wait_for_run(stem, 2)["executionArn"]
    way.cloud.wait_for(lambda: way.status(arn)["status"] == "SUCCEEDED", f"{how} to succeed")
    assert "ready" in way.wait_for_mail(stem, 2)


def test_two_runs_at_once_for_one_job_make_one_task(way: Way) -> None:
    way.control("settings", task_seconds=2)
    made = way.tasks()
    way.drop_pair("twice")
    first = way.wait_for_run("twice", statuses=["RUNNING"])["executionArn"]
    second = way.stack.stepfunctions.start_execution(
        stateMachineArn=way.stack.state_machine_arn, input=way.status(first)["input"], name="another"
    )["executionArn"]
    assert way.cloud.wait_for(lambda: way.status(second)["status"] != "RUNNING" and "over", "the other run")
    assert "Another run works on it" in way.states(second)
    assert way.wait_for_run("twice")["status"] == "SUCCEEDED"
    assert way.tasks() == made + 1
    assert len(way.mails("twice")) == 1


def test_a_run_without_a_job_fails_and_harms_nothing(way: Way) -> None:
    arn = way.stack.stepfunctions.start_execution(
        stateMachineArn=way.stack.state_machine_arn, input=json.dumps({"job_id": "no-such-job"})
    )["executionArn"]
    way.cloud.wait_for(lambda: way.status(arn)["status"] == "FAILED", "the run to fail")
    assert way.status(arn)["error"] == "NoSuchJob"


def test_a_wrong_key_holds_the_line_fails_nobody_and_one_mail_tells_the_operator(way: Way) -> None:
    mails = len(way.mails("MotionDrop"))
    way.control("settings", api_keys=["another-key"])
    try:
        way.drop_pair("held")
        way.wait_for_mail("MotionDrop", mails + 1)
        arn = way.wait_for_state("held", "Wait for a slot")
        assert way.job(arn)["state"] == "QUEUED"
        assert "BREAKER" in way.line()
    finally:
        way.control("settings", api_keys=["sk-local-demo"])
    way.stack.dynamodb.update_item(
        TableName=way.stack.table,
        Key={"pk": {"S": "LINE"}, "sk": {"S": "BREAKER"}},
        UpdateExpression="SET #until = #since",
        ExpressionAttributeNames={"#until": "until", "#since": "since"},
    )  # the next probe is due
    way.sweep()
    assert way.wait_for_run("held")["status"] == "SUCCEEDED"
    assert "goes on" in way.wait_for_mail("MotionDrop", mails + 2)


def test_a_video_alone_waits_for_an_image(way: Way) -> None:
    way.drop("alone/clip.mp4", video())
    assert way.wait_for_receipt("alone/clip.mp4", "waiting for an image")
