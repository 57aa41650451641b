"""Saving and notifying, broken off at each step: nothing is done twice that was done, nothing is lost."""

import hashlib
import io
import json
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import boto3
import jsonschema
import pytest

from local.stack import PROJECT
from motiondrop.aws.media import MediaDied
from motiondrop.aws.results import Results
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, Job, Result, State
from motiondrop.domain.reasons import EXPIRED
from motiondrop.errors import CopyFailed, HostRefused, ResultExpired, Saturated
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Look
from motiondrop.provider.download import Video
from motiondrop.provider.responses import Task, TaskStatus
from motiondrop.storage.ledger import Ledger
from motiondrop.workflow import finalize as module
from motiondrop.workflow.finalize import FinalizeJob
from motiondrop.workflow.opening import Opening
from tests.support.bench import Bench
from tests.support.builders import PRICES, REGION

BODY = b"\x00\x00\x00\x18ftypmp42" + bytes(20_000_000)
SCHEMA = json.loads((PROJECT / "docs" / "result.schema.json").read_text())
FOUND = Look("h264", 720, 1280, 5.2, 30.0, sound=True)


class Download:
    """A video that arrives, or breaks off after `until` bytes."""

    def __init__(self, until: int | None = None) -> None:
        self._body = io.BytesIO(BODY)
        self._until = until
        self.size = 0

    @property
    def sha256(self) -> str:
        return hashlib.sha256(BODY).hexdigest()

    def read(self, amount: int = -1) -> bytes:
        if self._until is not None and self.size >= self._until:
            raise CopyFailed("it broke off")
        piece = self._body.read(amount)
        self.size += len(piece)
        return piece

    def close(self) -> None:
        self._body.close()


@dataclass
class World:
    """What finalize meets, and what it was notified."""

    finalize: FinalizeJob
    bench: Bench
    s3: Any
    notified: list[Job] = field(default_factory=list)
    status: TaskStatus = TaskStatus.SUCCEEDED
    url: str | None = "https://example.com/v.mp4"
    copies: int = 0
    break_at: int | None = None
    refuses: Exception | None = None

    def query(self, task_id: str) -> Task:
        return cast("Task", type("Answer", (), {"status": self.status, "video_url": self.url})())

    def notify(self, job: Job) -> Job:
        self.notified.append(job)
        return job

    def video(self, *_: object) -> Download:
        self.copies += 1
        return Download(self.break_at)

    def saving(self) -> tuple[Job, Execution]:
        job, execution = self.bench.pending()
        job = self.bench.jobs.transition(
            job,
            execution.owner,
            State.SAVING,
            billing=Billing(5.2, "wan-std", 624_000),
            call=replace(job.call, asked_at=self.bench.clock()),
        )
        return job, execution

    def look(self, job_id: str) -> tuple[Look, str]:
        """What the function `media` does."""
        if self.refuses:
            raise self.refuses
        still = f"videos/{job_id}.jpg"
        self.s3.put_object(Bucket="results", Key=still, Body=b"a still")
        return FOUND, still

    def keys(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket="results").get("Contents", [])}

    def uploads(self) -> list[Any]:
        return list(self.s3.list_multipart_uploads(Bucket="results").get("Uploads", []))


@pytest.fixture
def world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> World:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    world = World(cast("FinalizeJob", None), bench, s3)
    world.finalize = FinalizeJob(
        jobs=bench.jobs,
        slots=bench.slots,
        wan=cast("Any", world),
        session=cast("Any", None),
        results=Results(s3, "results"),
        ledger=Ledger(bench.tables, bench.jobs),
        closing=cast("Any", type("Closing", (), {"notify": world.notify, "bucket": "results"})()),
        origins=re.compile(".*"),
        opening=Opening(media=cast("Any", world), results=Results(s3, "results"), prices=PRICES, clock=bench.clock),
        clock=bench.clock,
    )
    monkeypatch.setattr(module, "Video", world.video)
    return world


def test_the_video_its_still_and_its_record_are_saved_and_then_it_is_told(world: World) -> None:
    job, execution = world.saving()
    world.bench.clock.pass_(minutes=4)
    assert world.finalize.run(execution) == {
        "result": f"s3://results/videos/{job.job_id}.mp4",
        "seconds": 5.2,
        "width": 720,
        "height": 1280,
        "frame_rate": 30.0,
        "cost_usd": 0.624,
        "took_seconds": {"in_queue": 0.0, "total": 240.0},
    }
    ended = world.bench.read(job)
    assert ended.state == State.SUCCEEDED
    assert (ended.result.codec, ended.result.width, ended.result.frame_rate, ended.result.sound) == (
        "h264",
        720,
        30,
        True,
    )
    names = {f"videos/{job.job_id}.{end}" for end in ("mp4", "json", "jpg")}
    assert world.keys() == names
    assert [notified.state for notified in world.notified] == ["SUCCEEDED"]
    head = world.s3.head_object(Bucket="results", Key=ended.result.key, ChecksumMode="ENABLED")
    assert head["ContentType"] == "video/mp4"
    assert head["ContentLength"] == len(BODY)
    assert head["ChecksumCRC32"]


def test_the_record_beside_the_video_keeps_its_schema(world: World) -> None:
    job, execution = world.saving()
    world.finalize.run(execution)
    document = json.loads(world.s3.get_object(Bucket="results", Key=f"videos/{job.job_id}.json")["Body"].read())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert document["ai_generated"] is True
    assert document["provider"]["usd_per_second"] == 0.12
    assert document["provider"]["cost_usd"] == 0.624
    assert (document["video"]["sound"], document["result"]["sound"]) == (True, True)
    assert document["result"]["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert document["software"]["motiondrop"]


@pytest.mark.parametrize("until", [0, 6_000_000, 19_000_000])
def test_a_copy_that_breaks_off_leaves_nothing_at_all(world: World, until: int) -> None:
    job, execution = world.saving()
    world.break_at = until
    with pytest.raises(CopyFailed):
        world.finalize.run(execution)
    assert world.keys() == set()
    assert world.uploads() == []
    assert world.bench.read(job).state == State.SAVING
    world.break_at = None
    world.finalize.run(execution)
    assert world.bench.read(job).state == State.SUCCEEDED


@pytest.mark.parametrize("step", ["look", "write"])
def test_what_was_copied_is_not_copied_again(world: World, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job, execution = world.saving()
    with monkeypatch.context() as patch:
        patch.setattr(Opening, step, dying)
        with pytest.raises(RuntimeError):
            world.finalize.run(execution)
    assert world.notified == []
    world.finalize.run(execution)
    assert world.copies == 1
    assert world.bench.read(job).state == State.SUCCEEDED


def test_a_death_before_telling_is_told_by_the_next_try(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, execution = world.saving()
    with monkeypatch.context() as patch:
        patch.setattr(type(world.finalize.closing), "notify", dying)
        with pytest.raises(RuntimeError):
            world.finalize.run(execution)
    assert "result" in world.finalize.run(execution)
    assert len(world.notified) == 1
    assert world.finalize.ledger.totals().results == 1


@pytest.mark.parametrize(
    ("error", "final"), [(Rejected("video cannot be opened"), True), (MediaDied("no"), False), (Saturated("no"), False)]
)
def test_a_result_that_cannot_be_opened_is_kept_all_the_same(world: World, error: Exception, *, final: bool) -> None:
    world.refuses = error
    job, execution = world.saving()
    world.finalize.run(execution)
    ended = world.bench.read(job)
    assert ended.state == State.SUCCEEDED
    assert (ended.result.codec, ended.result.opened) == (None, final)
    assert world.keys() == {f"videos/{job.job_id}.mp4", f"videos/{job.job_id}.json"}
    document = json.loads(world.s3.get_object(Bucket="results", Key=f"videos/{job.job_id}.json")["Body"].read())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


@pytest.mark.parametrize(("status", "url"), [(TaskStatus.SUCCEEDED, None), (TaskStatus.UNKNOWN, None)])
def test_no_link_is_tried_again_until_the_24_hours_are_over(world: World, status: TaskStatus, url: str | None) -> None:
    job, execution = world.saving()
    world.status, world.url = status, url
    with pytest.raises(CopyFailed):
        world.finalize.run(execution)
    assert world.bench.read(job).state == State.SAVING
    world.bench.clock.moment += timedelta(hours=25)
    with pytest.raises(ResultExpired):
        world.finalize.run(execution)
    ended = world.bench.read(job)
    assert (ended.state, ended.closing.reason) == (State.FAILED, EXPIRED)


def test_a_host_that_is_not_allowed_is_noted_and_the_video_is_saved_once_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, execution = world.saving()
    world.url = "https://dashscope-b1.oss-cn-x.aliyuncs.com/v.mp4?Signature=secret"
    world.finalize = replace(world.finalize, origins=re.compile("https://example.com"))
    with monkeypatch.context() as patch:
        patch.setattr(module, "Video", Video)
        for _ in range(2):
            with pytest.raises(HostRefused, match=r"at dashscope-b1\.oss-cn-x\.aliyuncs\.com, which"):
                world.finalize.run(execution)
    refused = world.bench.read(job)
    assert (refused.state, refused.result) == (
        State.SAVING,
        Result(refused_host="dashscope-b1.oss-cn-x.aliyuncs.com"),
    )
    world.finalize.run(execution)
    saved = world.bench.read(job)
    assert (saved.state, saved.result.refused_host) == (State.SUCCEEDED, None)


def dying(*_: object, **__: object) -> None:
    raise RuntimeError
