"""The function that opens files: what it reads, what it writes, and what it says."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from PIL import Image

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.workflow.media import PrepareMedia
from tests.support.bench import client
from tests.support.media import clip, picture


@dataclass
class Buckets:
    """The function, with an inbox and a results bucket."""

    media: PrepareMedia
    s3: Any

    def put(self, key: str, body: bytes) -> str:
        return str(self.s3.put_object(Bucket="inbox", Key=key, Body=body)["ETag"])

    def check(self, key: str, body: bytes, trim: str | None = None) -> dict[str, Any]:
        return self.media.run({"action": "check", "key": key, "etag": self.put(key, body), "trim": trim})

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket="results", Key=key)["Body"].read())

    def kept(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="results").get("Contents", [])]


@pytest.fixture
def buckets() -> Iterator[Buckets]:
    with mock_aws():
        s3 = client("s3")
        for name in ("inbox", "results"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
        yield Buckets(PrepareMedia(inbox=Inbox(s3, "inbox", "results"), results=Results(s3, "results")), s3)


def test_a_copy_and_a_poster_lie_under_the_sha256_of_their_bytes(buckets: Buckets) -> None:
    body = picture("png")
    answer = buckets.check("hero.png", body)
    assert answer["digest"] == hashlib.sha256(body).hexdigest()
    for key, extension in ((answer["copy"], "png"), (answer["poster"], "jpg")):
        assert key == f"inputs/{hashlib.sha256(buckets.read(key)).hexdigest()}.{extension}"
    assert answer["copy"] == f"inputs/{answer['report']['sha256']}.png"
    Image.open(io.BytesIO(buckets.read(answer["poster"]))).verify()


def test_a_copy_is_never_overwritten(buckets: Buckets) -> None:
    answer = buckets.check("hero.png", picture("png"))
    buckets.s3.put_object(Bucket="results", Key=answer["copy"], Body=b"what lay there")
    assert buckets.check("again.png", picture("png"))["copy"] == answer["copy"]
    assert buckets.read(answer["copy"]) == b"what lay there"


def test_a_write_that_meets_another_one_is_done_again(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    put, refusals = buckets.s3.put_object, 2

    def refused(**asked: Any) -> Any:
        nonlocal refusals
        if asked["Bucket"] == "results" and refusals:
            refusals -= 1
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "x"}}, "PutObject")
        return put(**asked)

    monkeypatch.setattr(buckets.s3, "put_object", refused)
    answer = buckets.check("hero.png", picture("png"))
    assert set(buckets.kept()) == {answer["copy"], answer["poster"]}


def test_a_file_that_cannot_be_used_is_rejected_in_words_and_nothing_is_kept(buckets: Buckets) -> None:
    answer = buckets.check("hero.png", b"no picture at all")
    assert set(answer) == {"rejected"}
    assert "image" in answer["rejected"]
    assert buckets.kept() == []


@pytest.mark.parametrize("action", ["check", "convert"])
def test_a_drop_that_was_replaced_is_not_opened(buckets: Buckets, action: str) -> None:
    etag = buckets.put("hero.mp4", clip())
    buckets.put("hero.mp4", b"something else")
    asked: dict[str, Any] = {"action": action, "key": "hero.mp4", "etag": etag, "trim": None, "digest": "0", "plan": {}}
    assert buckets.media.run(asked) == {"gone": True}


def test_a_video_to_be_cut_is_planned_first_and_converted_by_that_plan(buckets: Buckets) -> None:
    body = clip(frames=40)
    planned = buckets.check("hero.mp4", body, "0-2")
    assert "copy" not in planned
    order: dict[str, Any] = {
        "action": "convert",
        "key": "hero.mp4",
        "etag": buckets.put("hero.mp4", body),
        "trim": "0-2",
    }
    made = buckets.media.run(order | {"digest": planned["digest"], "plan": planned["plan"]})
    assert made["report"]["duration"] == pytest.approx(2, abs=0.2)
    assert made["copy"] in buckets.kept()
    assert buckets.media.run(order | {"digest": "another", "plan": planned["plan"]}) == {"gone": True}


def test_a_result_is_looked_at_and_its_still_kept_beside_it(buckets: Buckets) -> None:
    buckets.s3.put_object(Bucket="results", Key="videos/hero-1.mp4", Body=clip())
    answer = buckets.media.run({"action": "look", "job_id": "hero-1"})
    assert answer["still"] == "videos/hero-1.jpg"
    assert answer["look"]["codec"] == "h264"
    assert buckets.read("videos/hero-1.jpg")[:2] == b"\xff\xd8"


def test_an_object_under_a_foreign_kms_key_is_rejected_in_words(
    buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "User is not authorized to perform: kms:Decrypt on resource arn:aws:kms:eu-west-1:1:key/x"
    _refuse(buckets, monkeypatch, message)
    assert "KMS key" in buckets.check("hero.png", picture("png"))["rejected"]


def test_a_missing_right_of_our_own_is_no_rejection(buckets: Buckets, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(buckets, monkeypatch, "Access Denied")
    with pytest.raises(ClientError):
        buckets.check("hero.png", picture("png"))


def _refuse(buckets: Buckets, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    def refused(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "GetObject")

    monkeypatch.setattr(buckets.s3, "get_object", refused)
