"""The result: saved whole whatever the provider's host does, told to programs, by link, forgotten on request."""

import io
import json
from typing import Any

import av
import jsonschema
import pytest
import requests
from PIL import Image

from local.stack import PROJECT
from tests.support.driver import Driver, image, video

SCHEMAS = {name: json.loads((PROJECT / f"docs/{name}.schema.json").read_text()) for name in ("result", "message")}


def link_of(email: str) -> str:
    return next(line.split()[-1] for line in email.splitlines() if line.startswith(("Watch or download:", "Details:")))


def job_id_of(driver: Driver, slug: str) -> str:
    return str(json.loads(driver.status(driver.wait_for_execution(slug)["executionArn"])["input"])["job_id"])


def body_of(driver: Driver, key: str) -> bytes:
    return driver.stack.s3.get_object(Bucket=driver.stack.results_bucket, Key=key)["Body"].read()


def versions(driver: Driver, beginning: str) -> list[str]:
    listed: Any = driver.stack.s3.list_object_versions(Bucket=driver.stack.results_bucket, Prefix=beginning)
    return [item["Key"] for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]]


def uploads(driver: Driver) -> list[Any]:
    return list(driver.stack.s3.list_multipart_uploads(Bucket=driver.stack.results_bucket).get("Uploads", []))


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        ({"on": "result", "kind": "truncated", "times": 1}, 1),  # resumed where it broke
        ({"on": "result", "kind": "truncated", "times": 8}, 2),  # until that is too often, then copied anew
        ({"on": "result", "kind": "reset_midway", "times": 1}, 1),
        ({"on": "result", "kind": "reset_midway", "times": 8}, 2),
        ({"on": "result", "kind": "wrong_crc", "times": 2}, 3),
        ({"on": "result", "kind": "redirect", "times": 2, "location": "http://127.0.0.1:1/elsewhere"}, 3),
        ({"on": "result", "kind": "expired", "times": 2}, 3),
        ({"on": "result", "kind": "not_a_video", "times": 2}, 3),
        ({"on": "result", "kind": "error", "times": 2, "status": 503}, 3),
        ({"on": "query", "kind": "success_without_url", "times": 3}, None),  # the first is poll's
    ],
    ids=lambda value: "-".join(str(value[part]) for part in ("kind", "times")) if isinstance(value, dict) else "",
)
def test_whatever_the_results_host_does_the_video_is_saved_whole_and_once(
    driver: Driver, fault: dict[str, Any], tries: int | None
) -> None:
    slug = f"fault-{fault['kind']}-{fault['times']}".replace("_", "-")
    driver.control("faults", **fault)
    made = driver.tasks()
    driver.drop_pair(slug)
    execution = driver.wait_for_execution(slug)
    assert execution["status"] == "SUCCEEDED"
    assert driver.tasks() == made + 1
    job_id = job_id_of(driver, slug)
    record = json.loads(body_of(driver, f"videos/{job_id}.json"))
    saved = body_of(driver, f"videos/{job_id}.mp4")
    assert len(saved) == record["result"]["size"]
    with av.open(io.BytesIO(saved), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) > 0
    assert versions(driver, f"videos/{job_id}.mp4") == [f"videos/{job_id}.mp4"]  # no half one was ever there
    assert uploads(driver) == []
    if tries is not None:
        assert driver.states(execution["executionArn"]).count("Finalize") == 1  # tried again within the state
        assert retries(driver, execution["executionArn"]) == tries - 1
    driver.wait_for_email(slug)
    assert len(driver.emails(slug)) == 1


def retries(driver: Driver, arn: str) -> int:
    """How often finalize failed in the execution."""
    history = driver.stack.stepfunctions.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    failed = [event for event in history if event["type"] == "TaskFailed"]
    return sum(1 for event in failed if event["taskFailedEventDetails"].get("error") == "CopyFailed")


def test_the_record_and_the_still_lie_beside_the_video(driver: Driver) -> None:
    driver.drop_pair("beside", clip=video(3))
    job_id = job_id_of(driver, "beside")
    document = json.loads(body_of(driver, f"videos/{job_id}.json"))
    jsonschema.Draft202012Validator(SCHEMAS["result"]).validate(document)
    assert document["result"]["codec"] == "h264"
    assert document["result"]["duration"] == pytest.approx(3, abs=0.2)
    assert document["provider"]["billed_seconds"] == 3
    assert document["provider"]["cost_usd"] == pytest.approx(0.36)
    with Image.open(io.BytesIO(body_of(driver, document["result"]["still"]))) as still:
        assert still.format == "JPEG"


def test_a_queue_that_subscribes_gets_what_the_schema_says(driver: Driver) -> None:
    sqs = driver.stack.sqs
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sender = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [sender | {"Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    subscription = driver.stack.sns.subscribe(
        TopicArn=driver.stack.outputs["EventsTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"folder": ["team/"]}), "RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    try:
        driver.drop_pair("elsewhere")
        driver.drop_pair("team/member")
        driver.wait_for_email("elsewhere")
        driver.wait_for_email("member")
        found = driver.cloud.wait_for(
            lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "an event in the queue"
        )
        document = json.loads(found[0]["Body"])
        jsonschema.Draft202012Validator(SCHEMAS["message"]).validate(document)
        assert (document["event"], document["folder"], document["mode"]) == ("succeeded", "team/", "wan-std")
        assert document["result"]["key"] == f"videos/{document['job_id']}.mp4"
    finally:
        driver.stack.sns.unsubscribe(SubscriptionArn=subscription)


def test_many_rejections_of_a_folder_become_one_digest_by_the_sweep(driver: Driver) -> None:
    for number in range(6):
        driver.drop(f"bad/r{number}.png", image((180, 300)))
    for number in range(6):
        driver.wait_for_receipt(f"bad/r{number}.png", "rejected")

    def told() -> list[str]:
        driver.sweep()
        emails = [email for number in range(6) for email in driver.emails(f"r{number}.png")]
        emails += driver.emails("bad")
        return emails if sum(email.count("180 px wide") for email in bodies(emails)) == 6 else []

    emails = driver.cloud.wait_for(told, "all six to be told of")
    assert len(emails) < 6


def bodies(emails: list[str]) -> list[str]:
    return [email.partition("\n\n")[2] for email in emails]


def test_the_links_answer_alike_whatever_is_wrong_and_no_log_has_their_signature(driver: Driver) -> None:
    driver.drop_pair("secret")
    link = link_of(driver.wait_for_email("secret"))
    page, _, signature = link.partition("?k=")
    assert requests.get(link, timeout=20).status_code == 200
    wrong = [f"{page}?k={signature[:-1]}", f"{page}x?k={signature}", page, page.rpartition("/")[0] + f"/?k={signature}"]
    answers = [requests.get(url, timeout=20) for url in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert requests.post(link, timeout=20).status_code == 405
    logs = {path.stem: path.read_text() for path in driver.stack.log_dir.glob(f"{driver.stack.stack_name}-*.log")}
    assert driver.stack.functions["ResultPageFunction"] in logs
    assert [name for name, text in logs.items() if signature in text] == []


def test_the_operators_link_opens_the_gallery(driver: Driver) -> None:
    driver.drop_pair("shown")
    driver.wait_for_email("shown")
    link = driver.operate("gallery-link").stdout.strip()
    gallery = requests.get(link, timeout=20)
    assert gallery.status_code == 200
    assert ">shown</b>" in gallery.text
    totals = requests.get(link, headers={"Accept": "application/json"}, timeout=20).json()
    assert totals["results"] >= 1
    assert totals["cost_usd"] > 0


def test_a_forgotten_job_is_gone_and_stays_gone_until_that_is_allowed(driver: Driver) -> None:
    picture, clip = image(), video(2, 77)
    driver.drop_pair("gone", picture, clip)
    link = link_of(driver.wait_for_email("gone"))
    job_id = job_id_of(driver, "gone")
    driver.wait_for_receipt("gone.png", "done")
    said = driver.operate("forget", job_id)
    assert said.returncode == 0, said.stderr
    assert requests.get(link, timeout=20).status_code == 404
    assert versions(driver, f"videos/{job_id}") == []
    listed = driver.stack.s3.list_objects_v2(Bucket=driver.stack.inbox_bucket, Prefix="gone.").get("Contents", [])
    assert listed == []
    made = driver.tasks()
    driver.drop_pair("gone", picture, clip)
    assert "deleted for good on request" in driver.wait_for_receipt("gone.png", "rejected")
    assert driver.tasks() == made
    assert requests.get(link, timeout=20).status_code == 404
    assert driver.operate("forget", job_id).returncode == 1
    assert driver.operate("forget", job_id, "--allow-again").returncode == 0
    driver.drop("gone.png", picture)

    def animated() -> bool:
        driver.sweep()  # the name of the job's first execution is taken, so the sweep starts the next
        return driver.tasks() == made + 1

    driver.cloud.wait_for(animated, "the allowed job to be animated", every=0.5)
