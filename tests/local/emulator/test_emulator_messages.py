"""Queues, mails and objects on the local cloud, against what AWS documents."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.emulator.conftest import Emulator

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def send(emulator: Emulator, verb: str, label: str) -> None:
    emulator.stack.sqs.send_message(QueueUrl=emulator.stack.outputs["WorkQueueUrl"], MessageBody=f"{verb} {label}")


def dead_letter(emulator: Emulator, label: str) -> str:
    queue = emulator.stack.outputs["DeadLettersUrl"]

    def look() -> str | None:
        received = emulator.stack.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=2)
        return next((m["Body"] for m in received.get("Messages", []) if label in m["Body"]), None)

    return emulator.cloud.wait_for(look, f"the dead letter of {label}")


@contextmanager
def hidden_for(emulator: Emulator, seconds: int) -> Iterator[None]:
    """Let a message of the work queue come back that soon after it was received."""
    queue = emulator.stack.outputs["WorkQueueUrl"]
    sqs = emulator.stack.sqs
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)


def test_a_message_is_worked_on_once_and_deleted(emulator: Emulator) -> None:
    label = uuid.uuid4().hex
    send(emulator, "do", label)
    emulator.cloud.wait_for(lambda: len(emulator.keys(f"work/{label}/")) == 2, "the work")


def test_a_message_that_fails_twice_becomes_a_dead_letter_however_it_fails(emulator: Emulator) -> None:
    labels = {verb: uuid.uuid4().hex for verb in ("fail", "crash", "malformed")}
    with hidden_for(emulator, seconds=1):
        for verb, label in labels.items():
            send(emulator, verb, label)
        for verb, label in labels.items():
            assert dead_letter(emulator, label) == f"{verb} {label}"
            began = [key for key in emulator.keys(f"work/{label}/") if key.endswith(".began")]
            assert len(began) == 2


def test_no_more_batches_run_at_once_than_the_mapping_allows(emulator: Emulator) -> None:
    label = uuid.uuid4().hex
    for _ in range(6):
        send(emulator, "slow", label)
    most = 0

    def look() -> bool:
        nonlocal most
        keys = emulator.keys(f"work/{label}/")
        ended = sum(key.endswith(".ended") for key in keys)
        most = max(most, len(keys) - 2 * ended)
        return ended == 6

    emulator.cloud.wait_for(look, "all messages")
    assert most == 2


def test_a_message_without_room_is_tried_again_while_it_is_hidden(emulator: Emulator) -> None:
    """The one execution that the function may have is taken by somebody else when the message comes."""
    name = emulator.stack.functions["Worker"]
    taken, label = uuid.uuid4().hex, uuid.uuid4().hex
    emulator.stack.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    try:
        with hidden_for(emulator, seconds=600):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(emulator.invoke, "Worker", {"Records": [{"messageId": "1", "body": f"slow {taken}"}]})
                emulator.cloud.wait_for(lambda: emulator.keys(f"work/{taken}/"), "the other's invocation")
                send(emulator, "do", label)
            emulator.cloud.wait_for(lambda: len(emulator.keys(f"work/{label}/")) == 2, "the work", seconds=20)
    finally:
        emulator.stack.lambda_.delete_function_concurrency(FunctionName=name)


def test_a_message_of_a_topic_becomes_one_file_with_the_subject_first(emulator: Emulator) -> None:
    before = len(emulator.stack.emails())
    topic = emulator.stack.notifications_topic_arn
    emulator.stack.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="second@example.com")
    emulator.stack.sns.publish(TopicArn=topic, Subject="It is done", Message="Line one\nline two")
    emulator.stack.sns.publish(TopicArn=topic, Message="no subject")
    first, second = emulator.stack.emails()[before:]
    lines = first.read_text().splitlines()
    assert lines[0] == "Subject: It is done"
    assert lines[1] == "To: you@example.com, second@example.com"
    assert lines[2] == f"Topic: {topic}"
    assert lines[3].startswith("Date: ")
    assert lines[4:] == ["", "Line one", "line two"]
    assert second.read_text().startswith("Subject: AWS Notification Message\n")


@pytest.mark.parametrize("subject", ["x" * 100, "two\nlines", "bell\x07", "größer", " begins with a space"])
def test_a_subject_that_aws_refuses_is_refused(emulator: Emulator, subject: str) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.stack.sns.publish(TopicArn=emulator.stack.notifications_topic_arn, Subject=subject, Message="m")
    assert refused.value.response["Error"].get("Code") == "InvalidParameter"


def test_a_subject_of_99_characters_is_taken(emulator: Emulator) -> None:
    topic = emulator.stack.notifications_topic_arn
    assert emulator.stack.sns.publish(TopicArn=topic, Subject="x" * 99, Message="m")["MessageId"]


def tags(emulator: Emulator, key: str) -> dict[str, str]:
    found = emulator.stack.s3.get_object_tagging(Bucket=emulator.stack.inbox_bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def tag(emulator: Emulator, key: str, **values: str) -> None:
    tag_set: Any = [{"Key": name, "Value": value} for name, value in values.items()]
    emulator.stack.s3.put_object_tagging(Bucket=emulator.stack.inbox_bucket, Key=key, Tagging={"TagSet": tag_set})


def test_an_overwrite_clears_the_tags(emulator: Emulator) -> None:
    put: Any = {"Bucket": emulator.stack.inbox_bucket, "Key": "tagged"}
    emulator.stack.s3.put_object(**put, Body=b"1")
    tag(emulator, "tagged", receipt="rejected: image is 180 px wide - needs 200 to 4096 px on each side")
    assert tags(emulator, "tagged")["receipt"].startswith("rejected")
    emulator.stack.s3.put_object(**put, Body=b"2")
    assert tags(emulator, "tagged") == {}


@pytest.mark.parametrize("value", ["a, b", "x" * 257, "percent %", "(brackets)"])
def test_a_tag_that_aws_refuses_is_refused(emulator: Emulator, value: str) -> None:
    emulator.stack.s3.put_object(Bucket=emulator.stack.inbox_bucket, Key="untagged")
    with pytest.raises(ClientError) as refused:
        tag(emulator, "untagged", receipt=value)
    assert refused.value.response["Error"].get("Code") == "InvalidTag"


def test_letters_of_any_script_are_in_the_alphabet_of_tags(emulator: Emulator) -> None:
    emulator.stack.s3.put_object(Bucket=emulator.stack.inbox_bucket, Key="script")
    tag(emulator, "script", receipt="größe 图像 + - = . _ : / @")
    assert tags(emulator, "script")["receipt"] == "größe 图像 + - = . _ : / @"


def test_an_object_without_a_checksum_gets_a_crc64nvme_of_all_of_it(emulator: Emulator) -> None:
    unasked = Config(request_checksum_calculation="when_required")
    client: S3Client = emulator.stack.session.client("s3", endpoint_url=emulator.stack.endpoint_url, config=unasked)
    bucket = emulator.stack.inbox_bucket
    client.put_object(Bucket=bucket, Key="plain", Body=b"123456789")
    client.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "plain"})
    for key in ("plain", "copy"):
        head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == ("rosUhgp5mIg=", "FULL_OBJECT")


def test_a_multipart_upload_with_crc64nvme_has_the_checksum_of_all_of_it(emulator: Emulator) -> None:
    s3 = emulator.stack.s3
    where: Any = {"Bucket": emulator.stack.inbox_bucket, "Key": "multipart"}
    upload = s3.create_multipart_upload(**where, ChecksumAlgorithm="CRC64NVME")["UploadId"]
    bodies = (b"a" * 5 * 1024 * 1024, b"tail")
    parts: list[Any] = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]})
    done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    s3.put_object(**where, Body=b"".join(bodies), ChecksumAlgorithm="CRC64NVME")
    whole = s3.head_object(**where, ChecksumMode="ENABLED")
    assert (done["ChecksumCRC64NVME"], done["ChecksumType"]) == (whole["ChecksumCRC64NVME"], "FULL_OBJECT")


def test_a_part_below_5_mib_that_is_not_the_last_is_refused(emulator: Emulator) -> None:
    s3 = emulator.stack.s3
    where: Any = {"Bucket": emulator.stack.inbox_bucket, "Key": "small"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    etags = [s3.upload_part(**where, UploadId=upload, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    parts: list[Any] = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    assert refused.value.response["Error"].get("Code") == "EntityTooSmall"
