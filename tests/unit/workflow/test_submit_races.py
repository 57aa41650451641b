"""Drops that change while they are checked, paired or withdrawn, and names that are hard to find."""

from collections.abc import Callable
from typing import Any

import pytest

from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import Job, Result, State
from motiondrop.errors import Contended
from motiondrop.storage import jobs
from motiondrop.storage.items import JobItem
from motiondrop.workflow import pairs
from motiondrop.workflow.withdrawal import Withdrawal
from tests.support.bench import client
from tests.support.intake_bench import IntakeBench


def during_check(intake: IntakeBench, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen while the next drop is checked."""
    check = intake.submit.media.check

    def slow(key: str, etag: str, trim: str | None) -> Any:
        monkeypatch.setattr(intake.submit.media, "check", check)
        checked = check(key, etag, trim)
        happens()
        return checked

    monkeypatch.setattr(intake.submit.media, "check", slow)


def succeeded(intake: IntakeBench, job: Job) -> None:
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING, State.SAVING, State.SUCCEEDED):
        job = intake.bench.jobs.transition(job, job.owner, state, result=Result("videos/x.mp4", 1, "0"))


def test_a_file_that_is_put_back_while_the_wrong_one_is_checked_is_paid_for(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png", b"right")
    intake.drop("hero.mp4")
    intake.bench.clock.pass_(seconds=5)
    wrong = intake.put("hero.png", b"wrong")
    again: list[str] = []
    during_check(intake, monkeypatch, lambda: again.append(intake.put("hero.png", b"right")))
    intake.submit.created("hero.png", wrong)
    intake.submit.created("hero.png", again[0])
    assert intake.paid() == {("hero.png", "hero.mp4")}


def test_a_drop_that_is_deleted_while_it_is_checked_leaves_no_record(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    during_check(intake, monkeypatch, lambda: intake.delete("f/hero.png"))
    intake.drop("f/hero.png")
    assert intake.bench.drops.get("f/hero.png") is None


def test_a_drop_that_comes_again_while_its_job_is_withdrawn_is_paid_for(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    asked_for = Withdrawal.asked_for

    def slow(self: Withdrawal, job: Job, **more: Any) -> bool:
        monkeypatch.undo()
        asked = asked_for(self, job, **more)
        intake.drop("hero.png")
        return asked

    monkeypatch.setattr(Withdrawal, "asked_for", slow)
    intake.delete("hero.png")
    assert intake.paid() == {("hero.png", "hero.mp4")}


@pytest.mark.parametrize("folders", [("a/", "b/"), ("", "b/")])
def test_halves_of_two_pairs_with_the_same_content_are_no_pair(intake: IntakeBench, folders: tuple[str, str]) -> None:
    for folder in folders:
        intake.drop(f"{folder}hero.png", b"image")
        intake.drop(f"{folder}hero.mp4", b"video")
    intake.delete(f"{folders[0]}hero.png")
    assert len(intake.paid()) == 1
    intake.delete(f"{folders[1]}hero.mp4")
    assert intake.paid() == set()


@pytest.mark.parametrize("folder", ["", "f/"])
@pytest.mark.parametrize("stem", ["\ufa1b", "\u212b", "\u00e9e\u0301"], ids=["福", "Å", "é in two forms"])
def test_names_in_no_form_of_unicode_pair(intake: IntakeBench, folder: str, stem: str) -> None:
    intake.drop(f"{folder}{stem}.png")
    assert intake.receipt(f"{folder}{stem}.png") == "waiting for a video"
    intake.drop(f"{folder}{stem}.mp4")
    assert len(intake.paid()) == 1


def test_a_thousand_longer_names_do_not_hide_a_namesake_at_the_root(intake: IntakeBench) -> None:
    for number in range(1000):
        client("s3").put_object(Bucket="inbox", Key=f"hero-{number:04}.png", Body=b"x")
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    assert intake.paid() == {("hero.png", "hero.mp4")}


def test_beyond_the_most_names_of_a_job_nobody_is_told_again_and_again(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (jobs, pairs):
        monkeypatch.setattr(module, "MAX_DROPS", 2)
    intake.drop("a/hero.png", b"image")
    intake.drop("a/hero.mp4", b"video")
    (job,) = intake.jobs()
    succeeded(intake, job)
    intake.drop("b/hero.png", b"image")
    intake.drop("b/hero.mp4", b"video")
    intake.submit.created("b/hero.mp4", None)
    assert [email.event for email in intake.publisher.emails] == ["rejected"]


def test_a_job_that_cannot_be_read_does_not_stop_the_other_pairs_of_its_file(intake: IntakeBench) -> None:
    intake.drop("f/a.png")
    intake.drop("f/dance.mp4")
    intake.settle()
    (job,) = intake.jobs()
    record = intake.bench.tables.job(f"JOB#{identity_of(job.job_id)}", "JOB")
    record.update(actions=[JobItem.state.set("OF ANOTHER VERSION")])
    intake.drop("f/b.png")
    with pytest.raises(ValueError, match="OF ANOTHER VERSION"):
        intake.settle()
    assert [job.image.key for job in intake.jobs()] == ["f/b.png"]


def test_an_end_that_nobody_was_told_of_is_not_forgotten_by_a_new_drop(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")

    def dies(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(type(intake.publisher), "notify", dies)
        with pytest.raises(MemoryError):
            intake.drop("hero.png", b"two")
    with pytest.raises(Contended):  # so the event comes again, after a while
        intake.drop("hero.png", b"one")
    intake.bench.clock.pass_(minutes=1)
    intake.drop("hero.png", b"one")
    assert "canceled" in [email.event for email in intake.publisher.emails]
    assert intake.paid() == {("hero.png", "hero.mp4")}


@pytest.mark.parametrize("stem", ["hero (1)", "x" * 61, "\uff48ero"])
def test_a_name_that_a_receipt_cannot_spell_is_not_advised(intake: IntakeBench, stem: str) -> None:
    for name in (f"f/{stem}.png", "f/other.png", "f/x.mp4", "f/y.mp4"):
        intake.drop(name)
    intake.settle()
    assert intake.receipt(f"f/{stem}.png").endswith("give the video for this image the same name")
    assert intake.receipt("f/other.png").endswith("rename the video for this image to other.mp4")
