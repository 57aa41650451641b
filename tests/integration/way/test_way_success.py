"""A dropped image and video become a saved animation."""

import io
import json

import av
import requests

from tests.integration.way.support import Way, image, video


def test_namesakes_become_a_video_of_the_clips_length_one_mail_and_a_succeeded_run(way: Way) -> None:
    way.drop_pair("plain", clip=video(3))
    run = way.wait_for_run("plain")
    assert run["status"] == "SUCCEEDED"
    mail = way.wait_for_mail("plain")
    job_id = json.loads(way.status(run["executionArn"])["input"])["job_id"]
    body = way.stack.s3.get_object(Bucket=way.stack.results_bucket, Key=f"videos/{job_id}.mp4")["Body"].read()
    with av.open(io.BytesIO(body), "r") as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 3) <= 0.2
    assert f"videos/{job_id}.mp4" in mail
    assert "$0.36" in mail
    assert len(way.mails("plain")) == 1
    assert way.wait_for_receipt("plain.png", "done") == f"done: videos/{job_id}.mp4"
    result = json.loads(
        way.stack.s3.get_object(Bucket=way.stack.results_bucket, Key=f"videos/{job_id}.json")["Body"].read()
    )
    assert result["provider"]["billed_seconds"] == 3
    assert result["result"]["size"] == len(body)


def test_the_same_files_again_make_no_second_task_and_the_receipt_says_where_the_result_is(way: Way) -> None:
    picture, clip = image(), video()
    way.drop_pair("again", picture, clip)
    way.wait_for_run("again")
    way.wait_for_receipt("again.png", "done")
    made = way.tasks()
    way.drop_pair("again", picture, clip)
    way.drop_pair("other/name", picture, clip)
    assert way.wait_for_receipt("again.png", "done") == way.wait_for_receipt("other/name.mp4", "done")
    assert way.tasks() == made
    assert len(way.runs("again")) == 1
    assert not way.runs("name")


def test_the_images_metadata_and_path_choose_the_mode(way: Way) -> None:
    way.drop("modes/wan-pro/mode-a.mp4", video())
    way.drop("modes/wan-pro/mode-a.png", image())
    way.drop("modes/wan-pro/mode-b.mp4", video())
    way.drop("modes/wan-pro/mode-b.png", image(), mode="wan-std")
    for slug in ("mode-a", "mode-b"):
        assert way.wait_for_run(slug)["status"] == "SUCCEEDED"
    assert "wan-pro" in way.wait_for_mail("mode-a")
    assert "wan-std" in way.wait_for_mail("mode-b")


def test_one_video_animates_every_image_of_its_folder_once_the_folder_has_settled(way: Way) -> None:
    for name in ("one.png", "another.png", "third.png"):
        way.drop(f"class/{name}", image())
    way.drop("class/lesson.mp4", video())
    for slug in ("one-lesson", "another-lesson", "third-lesson"):
        run = way.wait_for_run(slug)
        assert run["status"] == "SUCCEEDED"
        assert "Let the folder settle" in way.states(run["executionArn"])
    assert way.wait_for_receipt("class/lesson.mp4", "3 of 3 done")


def test_keys_in_any_script_and_with_any_characters_work(way: Way) -> None:
    folder = "Ordner & mehr/日本語 +%20#?/"
    way.drop(f"{folder}Ünïcode 名前.png", image())
    way.drop(f"{folder}Ünïcode 名前.mp4", video())
    assert way.wait_for_run("unicode")["status"] == "SUCCEEDED"
    assert folder in way.wait_for_mail("Unicode")


def test_the_permanent_link_shows_the_page_and_plays_the_video(way: Way) -> None:
    way.drop_pair("linked")
    way.wait_for_run("linked")
    mail = way.wait_for_mail("linked")
    link = next(line.split()[-1] for line in mail.splitlines() if line.startswith("Watch it:"))
    page = requests.get(link, timeout=20)
    assert page.status_code == 200
    assert "linked" in page.text
    facts = requests.get(link, headers={"Accept": "application/json"}, timeout=20).json()
    assert facts["state"] == "SUCCEEDED"
    media = requests.get(link.replace("?", "/video?"), timeout=20)
    assert media.content[4:8] == b"ftyp"
    assert requests.get(link[:-1] + ("0" if link[-1] != "0" else "1"), timeout=20).status_code == 404
