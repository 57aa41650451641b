"""Forgetting a job: what is gone, what others still need, and what stays said."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Input, Job, State
from motiondrop.domain.messages import outcome, rejected
from motiondrop.errors import Forgotten, NoSuchJob
from motiondrop.storage.drops import Drop
from motiondrop.storage.items import TaskItem
from motiondrop.storage.outbox import Outbox
from motiondrop.workflow.forget import Content, ForgetJob, Gone, StillRunning
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


def claim(house: House, task_id: str, job_id: str, age: timedelta) -> TaskItem:
    item = house.bench.tables.task(f"TASK#{task_id}", "TASK", job_id=job_id, attempt=1, expires=0, open="CLAIMED")
    item.seen_at = house.bench.clock() - age
    item.save()
    return item


def test_a_claim_that_the_provider_may_still_list_stays_without_the_jobs_name(house: House) -> None:
    job = house.job("anna")
    claim(house, "young", job.job_id, timedelta(hours=23))
    claim(house, "old", job.job_id, timedelta(days=3))
    claim(house, "other", house.job("ben").job_id, timedelta(days=3))
    house.forget.run(job.job_id)
    claims = house.bench.jobs.claimed(["young", "old", "other"])
    assert set(claims) == {"young", "other"}
    assert claims["young"].job_id == f"forgotten-{job.job_id[-20:]}"


def test_lines_about_the_job_and_its_drops_wait_for_no_digest_any_more(house: House) -> None:
    outbox = Outbox(house.bench.tables, 20, house.bench.clock)
    job, other = house.job("anna"), house.job("ben")
    house.drop(job.image, Kind.IMAGE, job.job_id)
    for one in (job, other):
        outbox.postpone(outcome(one, "results", "https://page.example"))
    for key in ("anna.png", "anna.png.png"):
        outbox.postpone(rejected(key, "image is too small"))
    house.forget.run(job.job_id)
    lines = [line for digest in outbox.digests() for line in digest.lines]
    assert len(lines) == 2
    assert any("ben" in line for line in lines)
    assert any("anna.png.png" in line for line in lines)


def test_jobs_and_drops_are_found_by_their_content_whatever_their_names(house: House) -> None:
    face = make_input("anna.png", "i-face")
    first, second = house.job("a", image=face), house.job("b", image=replace(face, key="copy.png"))
    house.job("other")
    house.drop(replace(face, key="alone.png"), Kind.IMAGE)
    house.bench.drops.record(Drop("small.png", Kind.IMAGE, '"md5"', rejected="image is too small"))
    found = house.forget.find(Content("i-face", '"md5"'))
    assert found.jobs == sorted([first.job_id, second.job_id])
    assert found.drops == ["alone.png", "small.png"]
    assert house.forget.find(Content("v-other", '"none"')).jobs == [house.bench.job_named("other").job_id]


def test_a_drop_without_a_job_is_deleted_with_its_record_and_its_copy(house: House) -> None:
    face = make_input("alone.png", "i-face")
    house.drop(face, Kind.IMAGE)
    house.put("results", face.copy or "", face.poster)
    gone = house.forget.run_drop("alone.png")
    assert gone.drops == ["alone.png"]
    assert (house.inbox(), house.versions()) == (set(), set())
    assert house.bench.drops.get("alone.png") is None
    assert house.forget.run_drop("alone.png") == Gone()


def test_a_drop_that_a_job_uses_is_not_deleted_as_one_without(house: House) -> None:
    job = house.job("hero", State.RUNNING)
    house.drop(job.image, Kind.IMAGE, job.job_id)
    assert house.forget.run_drop("hero.png").kept == ["hero.png"]
    assert house.inbox() == {"hero.png"}


def test_a_copy_that_no_record_refers_to_goes_once_it_is_a_day_old(house: House) -> None:
    job = house.job("hero")
    waiting = make_input("later.png", "i-later")
    house.drop(waiting, Kind.IMAGE)
    house.put("results", waiting.copy or "", "inputs/orphan.png")
    house.bench.clock.moment = datetime.now(UTC) + timedelta(hours=23)
    assert house.forget.erase_orphans() == []
    house.bench.clock.pass_(hours=2)
    kept = house.versions() - {"inputs/orphan.png"}
    assert house.forget.erase_orphans() == ["inputs/orphan.png"]
    assert house.versions() == kept
    assert {*job.copies, waiting.copy} < kept
