"""The queue before `submit`: what fails comes back soon, and later and later."""

import json

import boto3
import pytest

from motiondrop.aws.event_queue import DropEvent, EventQueue, FolderEvent, events_in
from tests.support.builders import REGION


@pytest.mark.parametrize(("received", "pause"), [(1, 5), (2, 20), (3, 80), (4, 320), (5, 720), (8, 720)])
@pytest.mark.usefixtures("bench")
def test_a_message_that_failed_comes_back_after_a_pause_that_grows(received: int, pause: int) -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="drops", Attributes={"VisibilityTimeout": "720"})["QueueUrl"]
    queue = EventQueue(sqs, url, 720)
    queue.resend("a b.png", '"e-tag"')
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    asked = []
    sqs.meta.events.register(
        "provide-client-params.sqs.ChangeMessageVisibility", lambda params, **_: asked.append(params)
    )
    queue.try_again_soon(message["ReceiptHandle"], received)
    assert [params["VisibilityTimeout"] for params in asked] == [pause]
    assert json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"] == "a+b.png"
    (event,) = events_in(message["Body"])
    assert event == DropEvent("a b.png", removed=False, sequencer=None, etag='"e-tag"')
    assert queue.holds_messages()


@pytest.mark.usefixtures("bench")
def test_the_message_that_lets_a_folder_settle_comes_after_its_delay() -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="drops")["QueueUrl"]
    sent: list[dict[str, object]] = []
    sqs.meta.events.register("provide-client-params.sqs.SendMessage", lambda params, **_: sent.append(params))
    queue = EventQueue(sqs, url, 720)
    queue.settle("a folder/", "the change", 30)
    assert sent[0]["DelaySeconds"] == 30
    assert list(events_in(str(sent[0]["MessageBody"]))) == [FolderEvent("a folder/", "the change")]


SOMEBODY = {"userIdentity": {"principalId": "AWS:AIDA1"}, "requestParameters": {"sourceIPAddress": "203.0.113.7"}}


@pytest.mark.parametrize(
    ("record", "dropped_by"),
    [
        (SOMEBODY, "AWS:AIDA1, 203.0.113.7"),
        ({"userIdentity": {"principalId": "AWS:AROA1:\nada"}}, "AWS:AROA1: ada"),
        ({}, None),
    ],
)
def test_an_event_says_who_dropped_the_file_as_far_as_s3_does(
    record: dict[str, object], dropped_by: str | None
) -> None:
    body = {"Records": [record | {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "hero.png"}}}]}
    (event,) = events_in(json.dumps(body))
    assert isinstance(event, DropEvent)
    assert event.dropped_by == dropped_by
