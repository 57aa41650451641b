"""Forgetting a job: what is gone, what others still need, and what stays said."""

from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Input, Job, State
from motiondrop.errors import Forgotten, NoSuchJob
from motiondrop.storage.drops import Drop
from motiondrop.workflow.forget import ForgetJob, StillRunning
from tests.support.bench import Bench
from tests.support.builders import REGION, make_input, make_job


@dataclass(frozen=True)
class House:
    """A stack with files."""

    bench: Bench
    s3: Any
    forget: ForgetJob

    def put(self, bucket: str, *keys: str) -> None:
        for key in keys:
            self.s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def versions(self) -> set[str]:
        listed = self.s3.list_object_versions(Bucket="results")
        return {item["Key"] for kind in ("Versions", "DeleteMarkers") for item in listed.get(kind, [])}

    def inbox(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket="inbox").get("Contents", [])}

    def drop(self, one: Input, kind: Kind, *job_ids: str) -> None:
        self.put("inbox", one.key)
        etag = self.s3.head_object(Bucket="inbox", Key=one.key)["ETag"]
        self.bench.drops.record(Drop(one.key, kind, etag, media=one))
        for job_id in job_ids:
            self.bench.drops.add_job(one.key, job_id, one.digest)

    def job(self, name: str, state: State = State.SUCCEEDED, **changes: Any) -> Job:
        job = make_job(name, self.bench.clock(), state=state, **changes)
        job = replace(job, drops=frozenset({job.image.key, job.video.key}))
        assert self.bench.jobs.record(job)
        self.put("results", *job.copies)
        self.put("results", *(f"videos/{job.job_id}.{end}" for end in ("mp4", "jpg", "json")))
        return job


@pytest.fixture
def house(bench: Bench) -> House:
    s3 = boto3.client("s3", region_name=REGION)
    for bucket in ("inbox", "results"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    s3.put_bucket_versioning(Bucket="results", VersioningConfiguration={"Status": "Enabled"})
    forget = ForgetJob(
        tables=bench.tables,
        drops=bench.drops,
        inbox=Inbox(s3, "inbox", "results"),
        results=Results(s3, "results"),
        clock=bench.clock,
    )
    return House(bench, s3, forget)


def test_all_that_is_kept_of_the_job_is_gone_with_every_version(house: House) -> None:
    job = house.job("hero")
    house.put("results", f"videos/{job.job_id}.mp4")
    house.s3.delete_object(Bucket="results", Key=f"videos/{job.job_id}.jpg")
    house.drop(job.image, Kind.IMAGE, job.job_id)
    house.drop(job.video, Kind.VIDEO, job.job_id)
    gone = house.forget.run(job.job_id)
    assert house.versions() == set()
    assert house.inbox() == set()
    assert house.bench.drops.find(["hero.png", "hero.mp4"]) == {}
    assert len(gone.results) == 5
    with pytest.raises(Forgotten):
        house.bench.jobs.get(job.job_id)
    assert house.bench.jobs.find([job.job_id]) == []
    assert house.bench.jobs.newest(5) == ([], None)


def test_nothing_but_that_it_was_and_when_is_left_in_the_table(house: House) -> None:
    job = house.job("anna")
    house.forget.run(job.job_id)
    items = boto3.client("dynamodb", region_name=REGION).scan(TableName="jobs")["Items"]
    left = [item for item in items if item["pk"]["S"] not in {"QUEUE", "ORDER"}]  # no job's own
    assert [set(item) for item in left] == [{"pk", "sk", "forgotten_at"}]
    assert "anna" not in str(left)


def test_what_another_job_uses_stays(house: House) -> None:
    dance = make_input("dance.mp4", "v-dance", seconds=5.2)
    first, second = house.job("a", video=dance), house.job("b", video=dance)
    house.drop(first.image, Kind.IMAGE, first.job_id)
    house.drop(dance, Kind.VIDEO, first.job_id, second.job_id)
    house.forget.run(first.job_id)
    assert dance.copy in house.versions()
    assert first.image.copy not in house.versions()
    assert house.inbox() == {"dance.mp4"}
    drop = house.bench.drops.get("dance.mp4")
    assert drop
    assert drop.jobs == {second.job_id}
    house.forget.run(second.job_id)
    assert dance.copy not in house.versions()


def test_a_copy_that_a_waiting_drop_has_stays(house: House) -> None:
    job = house.job("hero")
    house.drop(replace(job.video, key="later.mp4"), Kind.VIDEO)
    house.forget.run(job.job_id)
    assert house.versions() == {job.video.copy}


def test_what_was_dropped_in_its_place_stays(house: House) -> None:
    job = house.job("hero")
    house.drop(job.image, Kind.IMAGE, job.job_id)
    house.s3.put_object(Bucket="inbox", Key="hero.png", Body=b"another")
    house.forget.run(job.job_id)
    assert house.inbox() == {"hero.png"}


def test_the_same_files_are_not_recorded_again_until_that_is_allowed(house: House) -> None:
    job = house.job("hero")
    house.forget.run(job.job_id)
    assert not house.bench.jobs.record(job)
    assert house.forget.allow_again(job.job_id)
    assert house.bench.jobs.record(job)
    assert not house.forget.allow_again(job.job_id)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.RUNNING, State.SAVING])
def test_a_job_that_has_not_ended_is_not_forgotten(house: House, state: State) -> None:
    job = house.job("hero", state)
    with pytest.raises(StillRunning):
        house.forget.run(job.job_id)
    assert house.bench.read(job).state == state


def test_a_forgetting_that_broke_off_is_gone_on_with(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job = house.job("hero")
    with monkeypatch.context() as patch:
        patch.setattr(Results, "erase", lambda *_: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            house.forget.run(job.job_id)
    with pytest.raises(Forgotten):
        house.bench.jobs.get(job.job_id)
    house.forget.run(job.job_id)
    assert house.versions() == set()


def test_a_job_that_never_was_or_is_forgotten_is_said_so(house: House) -> None:
    job = house.job("hero")
    house.forget.run(job.job_id)
    for job_id in (job.job_id, "hero-0123456789abcdef0123", "nonsense"):
        with pytest.raises(NoSuchJob):
            house.forget.run(job_id)
