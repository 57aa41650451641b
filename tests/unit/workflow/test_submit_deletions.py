"""What deleting a drop does to its jobs."""

import pytest

from motiondrop.domain.job import State
from motiondrop.storage.drops import Drops
from motiondrop.workflow.closing import Closing
from tests.support.builders import execution_of
from tests.support.intake_bench import IntakeBench


def test_deleting_a_drop_cancels_its_job_and_stops_its_run_unless_it_is_submitted(intake: IntakeBench) -> None:
    for name in ("waits", "works"):
        intake.drop(f"{name}.png")
        intake.drop(f"{name}.mp4")
    waits, works = sorted(intake.jobs(), key=lambda job: job.job_id)
    waits = intake.bench.jobs.take_over(execution_of(waits), lambda _: False)
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING):
        works = intake.bench.jobs.transition(works, None, state)
    intake.delete("waits.png")
    intake.delete("works.mp4")
    assert intake.bench.read(waits).state == State.CANCELED
    assert intake.bench.read(works).state == State.PENDING
    assert intake.executions.stopped == [waits.owner_arn]
    assert "deleted" in intake.publisher.emails[0].body


def test_a_deletion_whose_handling_died_is_handled_by_its_next_try(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(Closing, "close", _dies)
        with pytest.raises(Died):
            intake.delete("hero.png")
    intake.submit.removed("hero.png")
    assert intake.bench.read(job).state == State.CANCELED
    assert intake.bench.drops.get("hero.png") is None


def test_of_two_equal_drops_deleted_at_once_the_second_cancels(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("", "team/"):
        intake.drop(f"{folder}hero.png", b"image")
        intake.drop(f"{folder}hero.mp4", b"video")
    (job,) = intake.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(Drops, "forget_deleted", _dies)
        with pytest.raises(Died):
            intake.delete("team/hero.png")
    assert intake.bench.read(job).state == State.QUEUED
    intake.delete("hero.png")
    assert intake.bench.read(job).state == State.CANCELED


def test_a_drop_that_comes_back_while_its_deletion_is_handled_keeps_its_record(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png")
    with monkeypatch.context() as patch:
        patch.setattr(Drops, "forget_deleted", _dies)
        with pytest.raises(Died):
            intake.delete("hero.png")
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    drop = intake.bench.drops.get("hero.png")
    assert drop is not None
    assert not drop.deleted
    intake.bench.drops.forget_deleted(drop)
    assert intake.bench.drops.get("hero.png") is not None
    assert [job.state for job in intake.jobs()] == [State.QUEUED]


class Died(Exception):
    """The function ended there."""


def _dies(*_: object, **__: object) -> None:
    raise Died


def test_a_late_event_of_a_deletion_does_not_harm_what_lies_there_again(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    intake.submit.removed("hero.png")
    assert [job.state for job in intake.jobs()] == [State.QUEUED]
