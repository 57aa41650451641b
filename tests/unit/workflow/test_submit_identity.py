"""The same files are the same job, whatever put them there; and no drop stops another."""

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from motiondrop.aws.inbox import Inbox
from motiondrop.domain.job import State
from motiondrop.storage import jobs
from motiondrop.workflow import pairs
from motiondrop.workflow.folders import PAGES, Folders
from tests.support.bench import Bench, client
from tests.support.intake_bench import MAX_FAN_OUT, QUEUED, IntakeBench

MIB = 1024 * 1024


def upload(intake: IntakeBench, key: str, body: bytes, how: str) -> None:
    """Put an object as another tool does, and let its event come."""
    s3 = client("s3")
    match how:
        case "CRC32" | "CRC64NVME":
            s3.put_object(Bucket="inbox", Key=key, Body=body, ChecksumAlgorithm=how)
        case "parts of 5 MiB" | "parts of 6 MiB":
            size = int(how.split()[2]) * MIB
            config = TransferConfig(multipart_threshold=size, multipart_chunksize=size, use_threads=False)
            s3.upload_fileobj(io.BytesIO(body), "inbox", key, Config=config)
        case "SSE-KMS":
            s3.put_object(Bucket="inbox", Key=key, Body=body, ServerSideEncryption="aws:kms")
    intake.submit.created(key, f"{len(key):016X}")


def test_the_same_video_is_paid_for_once_whatever_uploaded_it(intake: IntakeBench) -> None:
    body = b"a video" * (1024 * 1024)  # 7 MiB: two parts
    for number, how in enumerate(("CRC32", "CRC64NVME", "parts of 5 MiB", "parts of 6 MiB", "SSE-KMS")):
        intake.drop(f"{number}/hero.png", b"the image")
        upload(intake, f"{number}/hero.mp4", body, how)
    (job,) = intake.jobs()
    assert len(job.drops) == 10
    assert {intake.receipt(key) for key in job.drops} == {QUEUED}


def test_a_pair_under_more_names_than_a_job_may_have_is_refused_in_words_and_the_job_goes_on(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (jobs, pairs):
        monkeypatch.setattr(module, "MAX_DROPS", 6)
    for number in range(4):
        intake.drop(f"{number}/hero.png", b"the image")
        intake.drop(f"{number}/hero.mp4", b"the video")
    (job,) = intake.jobs()
    assert len(job.drops) == 6
    assert intake.receipt("2/hero.mp4") == QUEUED
    refusal = (
        "rejected: these two files were already dropped under 3 other names"
        " - this is the limit - use one of those names"
    )
    assert intake.receipt("3/hero.png") == intake.receipt("3/hero.mp4") == refusal


def test_a_file_whose_partners_come_and_go_has_a_hundred_jobs_at_the_most(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "MAX_JOBS", 3)
    intake.drop("f/hero.png")
    for number in range(4):
        intake.drop("f/dance.mp4", f"{number}".encode())
        intake.settle()
        if number < 3:
            (job,) = [job for job in intake.jobs() if job.state == State.QUEUED]
            intake.bench.jobs.transition(job, None, State.FAILED)
            intake.delete("f/dance.mp4")
    refusal = (
        "rejected: image already has 3 animations - this is the limit - drop a copy of the image under another name"
    )
    assert intake.receipt("f/dance.mp4") == refusal
    assert len(intake.jobs()) == 3


def test_a_job_of_a_recovered_drop_runs_again_when_it_is_dropped_again_and_by_no_event_without_order(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.put("hero.png")
    intake.submit.created("hero.png", None)  # what the sweep announces
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    intake.bench.clock.pass_(seconds=1)
    intake.bench.jobs.transition(job, None, State.FAILED)
    intake.bench.clock.pass_(seconds=1)
    intake.submit.created("hero.png", None)
    intake.submit.created("hero.png", "0055")  # the lost event, late
    assert intake.bench.read(job).state == State.FAILED
    look, seconds = intake.submit.inbox.look, 5

    def later(key: str, etag: str = "") -> Any:
        arrived = look(key, etag)
        return replace(arrived, modified_at=arrived.modified_at and arrived.modified_at + timedelta(seconds=seconds))

    monkeypatch.setattr(intake.submit.inbox, "look", later)
    intake.submit.created("hero.png", None)
    assert intake.bench.read(job).state == State.FAILED
    seconds = 10
    intake.drop("hero.png")
    assert intake.bench.read(job).state == State.QUEUED


@pytest.mark.parametrize("length", [1017, 1020, 1024])
@pytest.mark.parametrize("folder", ["", "f/"])
def test_a_name_of_any_length_is_handled_like_any_other(intake: IntakeBench, length: int, folder: str) -> None:
    name = "n" * (length - len(folder) - 4)
    intake.drop(f"{folder}{name}.png")
    intake.drop(f"{folder}{name}.mp4")
    assert len(intake.jobs()) == 1
    intake.drop(f"{folder}{'x' * len(name)}.png", b"bad")
    assert intake.receipt(f"{folder}{'x' * len(name)}.png").startswith("rejected")


@pytest.mark.parametrize("mode", ["33188", "100644"])
def test_a_mode_of_digits_is_a_file_systems_and_is_ignored(intake: IntakeBench, mode: str) -> None:
    intake.drop("hero.png", mode=mode)
    intake.drop("hero.mp4")
    assert [job.options.mode for job in intake.jobs()] == ["wan-std"]


@pytest.mark.parametrize("folder", ["", "f/"])
def test_a_name_in_two_forms_of_unicode_is_one_name(intake: IntakeBench, folder: str) -> None:
    intake.drop(f"{folder}Jos\u00e9.png")
    intake.drop(f"{folder}Jose\u0301.mp4")
    assert len(intake.jobs()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "hero.mp4.part",
        "hero.mp4.crdownload",
        "hero.mp4:Zone.Identifier",
        ".hero.mp4.Xy12Zk",
        "Icon\r",
        ".localized",
        "~$hero.docx",
        "IMG_1.AAE",
        "@eaDir/hero.png",
        "a/@eaDir/hero.png/SYNOPHOTO_THUMB_M.jpg",
    ],
)
def test_what_desktops_and_downloads_leave_behind_gets_silence(intake: IntakeBench, name: str) -> None:
    intake.drop(name)
    assert (intake.receipt(name), intake.publisher.emails, intake.bench.drops.get(name)) == ("", [], None)


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_rejected_once_in_words(intake: IntakeBench, storage_class: str) -> None:
    client("s3").put_object(Bucket="inbox", Key="hero.png", Body=b"x", StorageClass=storage_class)
    for _ in range(2):
        intake.submit.created("hero.png", "01")
    drop = intake.bench.drops.get("hero.png")
    assert drop is not None
    assert drop.rejected == "file is archived - restore it and drop it again"
    assert len(intake.publisher.emails) == 1


def refuse(intake: IntakeBench, monkeypatch: pytest.MonkeyPatch, operation: str, code: str, message: str) -> None:
    def refused(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    monkeypatch.setattr(intake.submit.inbox._s3, operation, refused)


def test_an_object_with_a_key_of_its_own_is_rejected_once_in_words(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.put("hero.png")
    refuse(intake, monkeypatch, "head_object", "400", "Bad Request")
    for _ in range(2):
        intake.submit.created("hero.png", "01", '"etag"')
    assert "SSE-C" in intake.receipt("hero.png")
    assert len(intake.publisher.emails) == 1
    drop = intake.bench.drops.get("hero.png")
    assert drop is not None
    assert drop.etag == '"etag"'  # as the inbox lists it, so that the sweep does not find it again


class _Endless:
    """A bucket with a million subfolders, as far as listing goes; `calls` counts the lists."""

    def __init__(self) -> None:
        self.calls = 0

    def list_objects_v2(self, **_: object) -> dict[str, Any]:
        self.calls += 1
        prefixes = [{"Prefix": "f/x/"}] * 1000
        return {"IsTruncated": True, "NextContinuationToken": str(self.calls), "CommonPrefixes": prefixes}


@pytest.mark.parametrize("key", ["f/hero.png", "f/Jos\u00e9.png", "hero.png"])
def test_a_folder_of_any_size_takes_eleven_lists_at_the_most(bench: Bench, key: str) -> None:
    s3: Any = _Endless()
    Folders(inbox=Inbox(s3, "inbox", "results"), drops=bench.drops, max_fan_out=MAX_FAN_OUT).of(key)
    assert s3.calls <= PAGES + 2 <= 11


def test_a_slow_check_of_an_older_object_does_not_outlast_a_newer_one(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.mp4")
    older = intake.put("hero.png", b"bad")
    check = intake.submit.media.check

    def slow(key: str, etag: str, trim: str | None) -> Any:
        monkeypatch.setattr(intake.submit.media, "check", check)
        try:
            return check(key, etag, trim)
        finally:
            intake.drop("hero.png", b"good")  # its event is handled first

    monkeypatch.setattr(intake.submit.media, "check", slow)
    intake.submit.created("hero.png", older)
    drop = intake.bench.drops.get("hero.png")
    assert drop is not None
    assert drop.rejected is None
    assert intake.receipt("hero.png").startswith("accepted")
