"""A dropped image and video become a saved animation."""

import io
import json

import av
import requests

from tests.support.driver import Driver, image, video


def test_namesakes_become_a_video_of_the_clips_length_one_email_and_a_succeeded_run(driver: Driver) -> None:
    driver.drop_pair("plain", clip=video(3))
    execution = driver.wait_for_execution("plain")
    assert execution["status"] == "SUCCEEDED"
    email = driver.wait_for_email("plain")
    job_id = json.loads(driver.status(execution["executionArn"])["input"])["job_id"]
    body = driver.stack.s3.get_object(Bucket=driver.stack.results_bucket, Key=f"videos/{job_id}.mp4")["Body"].read()
    with av.open(io.BytesIO(body), "r") as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 3) <= 0.2
    assert f"videos/{job_id}.mp4" in email
    assert "$0.36" in email
    assert len(driver.emails("plain")) == 1
    assert driver.wait_for_receipt("plain.png", "done") == f"done: videos/{job_id}.mp4"
    result = json.loads(
        driver.stack.s3.get_object(Bucket=driver.stack.results_bucket, Key=f"videos/{job_id}.json")["Body"].read()
    )
    assert result["provider"]["billed_seconds"] == 3
    assert result["result"]["size"] == len(body)


def test_the_same_files_again_make_no_second_task_and_the_receipt_says_where_the_result_is(driver: Driver) -> None:
    picture, clip = image(), video()
    driver.drop_pair("again", picture, clip)
    driver.wait_for_execution("again")
    driver.wait_for_receipt("again.png", "done")
    made = driver.tasks()
    driver.drop_pair("again", picture, clip)
    driver.drop_pair("other/name", picture, clip)
    assert driver.wait_for_receipt("again.png", "done") == driver.wait_for_receipt("other/name.mp4", "done")
    assert driver.tasks() == made
    assert len(driver.executions("again")) == 1
    assert not driver.executions("name")


def test_the_images_metadata_and_path_choose_the_mode(driver: Driver) -> None:
    driver.drop("modes/wan-pro/mode-a.mp4", video())
    driver.drop("modes/wan-pro/mode-a.png", image())
    driver.drop("modes/wan-pro/mode-b.mp4", video())
    driver.drop("modes/wan-pro/mode-b.png", image(), mode="wan-std")
    for slug in ("mode-a", "mode-b"):
        assert driver.wait_for_execution(slug)["status"] == "SUCCEEDED"
    assert "Mode: pro." in driver.wait_for_email("mode-a")
    assert "Mode: standard." in driver.wait_for_email("mode-b")


def test_one_video_animates_every_image_of_its_folder_once_the_folder_has_settled(driver: Driver) -> None:
    for name in ("one.png", "another.png", "third.png"):
        driver.drop(f"class/{name}", image())
    driver.drop("class/lesson.mp4", video())
    for slug in ("one-lesson", "another-lesson", "third-lesson"):
        assert driver.wait_for_execution(slug)["status"] == "SUCCEEDED"
    assert driver.wait_for_receipt("class/lesson.mp4", "3 of 3 done")


def test_keys_in_any_script_and_with_any_characters_work(driver: Driver) -> None:
    folder = "Ordner & mehr/日本語 +%20#?/"
    driver.drop(f"{folder}Ünïcode 名前.png", image())
    driver.drop(f"{folder}Ünïcode 名前.mp4", video())
    assert driver.wait_for_execution("unicode")["status"] == "SUCCEEDED"
    assert folder in driver.wait_for_email("Unicode")


def test_the_permanent_link_shows_the_page_and_plays_the_video(driver: Driver) -> None:
    driver.drop_pair("linked")
    driver.wait_for_execution("linked")
    email = driver.wait_for_email("linked")
    link = next(line.split()[-1] for line in email.splitlines() if line.startswith("Watch or download:"))
    page = requests.get(link, timeout=20)
    assert page.status_code == 200
    assert "linked" in page.text
    facts = requests.get(link, headers={"Accept": "application/json"}, timeout=20).json()
    assert facts["state"] == "SUCCEEDED"
    media = requests.get(link.replace("?", "/video?"), timeout=20)
    assert media.content[4:8] == b"ftyp"
    assert requests.get(link[:-1] + ("0" if link[-1] != "0" else "1"), timeout=20).status_code == 404
