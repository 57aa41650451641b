"""Only what lies in the folder at the end is paid for: a job that no drop asks for any more is withdrawn."""

from typing import Any

import pytest

from motiondrop.domain.job import Job, State
from motiondrop.storage.drops import Drops
from motiondrop.workflow.withdrawal import CHARGED
from tests.support.intake_bench import QUEUED, IntakeBench


def states(intake: IntakeBench) -> dict[str, State]:
    """The states of all jobs, ended ones too, by their ids."""
    return {job.job_id: job.state for job in intake.bench.jobs.newest(100)[0]}


def sent(intake: IntakeBench, job: Job) -> Job:
    """The job, whose create call is under way."""
    for state in (State.ADMITTED, State.SUBMITTING):
        job = intake.bench.jobs.transition(job, job.owner, state)
    return job


@pytest.mark.parametrize("state", [State.QUEUED, State.ADMITTED])
def test_overwriting_a_drop_withdraws_its_job_and_only_what_is_there_at_the_end_is_paid(
    intake: IntakeBench, state: State
) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    (old,) = intake.jobs()
    if state == State.ADMITTED:
        intake.bench.jobs.transition(old, old.owner, state)
    intake.drop("hero.png", b"two")
    assert intake.bench.read(old).state == State.CANCELED
    assert intake.paid() == {("hero.png", "hero.mp4")}
    assert intake.receipt("hero.png") == intake.receipt("hero.mp4") == QUEUED
    assert [email.event for email in intake.publisher.emails] == ["canceled"]


def test_an_image_that_is_overwritten_and_then_deleted_is_not_paid(intake: IntakeBench) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    intake.drop("hero.png", b"two")
    intake.delete("hero.png")
    assert set(states(intake).values()) == {State.CANCELED}


def test_an_image_that_is_overwritten_by_rubbish_withdraws_its_job_and_the_rubbish_is_rejected(
    intake: IntakeBench,
) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    intake.drop("hero.png", b"bad")
    assert set(states(intake).values()) == {State.CANCELED}
    assert intake.receipt("hero.png") == "rejected: file is bad"
    assert intake.receipt("hero.mp4") == "canceled"


def test_other_options_are_other_jobs_and_the_first_one_is_withdrawn(intake: IntakeBench) -> None:
    intake.drop("hero.png", mode="wan-std")
    intake.drop("hero.mp4")
    intake.drop("hero.png", mode="wan-pro")
    jobs = intake.bench.jobs.newest(100)[0]
    assert {job.options.mode: job.state for job in jobs} == {"wan-std": State.CANCELED, "wan-pro": State.QUEUED}


def test_a_job_that_another_drop_asks_for_goes_on(intake: IntakeBench) -> None:
    for folder in ("a", "b"):
        intake.drop(f"{folder}/hero.png", b"one")
        intake.drop(f"{folder}/hero.mp4", b"clip")
    (job,) = intake.jobs()
    intake.drop("a/hero.png", b"two")
    assert intake.bench.read(job).state == State.QUEUED
    intake.drop("b/hero.png", b"two")
    assert intake.bench.read(job).state == State.CANCELED


def test_what_was_sent_already_is_charged_and_the_receipt_says_so(intake: IntakeBench) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    (old,) = intake.jobs()
    sent(intake, old)
    intake.drop("hero.png", b"two")
    assert intake.bench.read(old).state == State.SUBMITTING
    assert intake.receipt("hero.png") == QUEUED.replace("0.30 USD", f"0.30 USD - {CHARGED}")
    assert len(intake.paid()) == 1


def test_a_job_that_is_sent_at_the_same_moment_wins(intake: IntakeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    (old,) = intake.jobs()
    close = intake.submit.withdrawal.closing.close

    def late(job: Job, *rest: Any) -> Job:
        monkeypatch.undo()
        sent(intake, job)
        return close(job, *rest)

    monkeypatch.setattr(type(intake.submit.withdrawal.closing), "close", lambda _, job, *rest: late(job, *rest))
    intake.drop("hero.png", b"two")
    assert intake.bench.read(old).state == State.SUBMITTING
    assert CHARGED in intake.receipt("hero.png")


def test_a_partner_that_pairs_with_content_that_is_being_replaced_makes_no_job_of_it(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png", b"one")
    record = Drops.record

    def late(drops: Drops, drop: Any, **more: Any) -> bool:
        if drop.media and drop.key == "hero.png":
            monkeypatch.undo()
            intake.drop("hero.mp4")  # its event still sees the old image
        return record(drops, drop, **more)

    monkeypatch.setattr(Drops, "record", late)
    intake.drop("hero.png", b"two")
    assert sorted(states(intake).values()) == [State.CANCELED, State.QUEUED]
    assert len(intake.paid()) == 1


def test_an_event_that_dies_while_it_withdraws_is_done_by_its_next_try(
    intake: IntakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.drop("hero.png", b"one")
    intake.drop("hero.mp4")
    (old,) = intake.jobs()
    sequencer = intake.put("hero.png", b"two")

    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(Drops, "remove_job", dies)
    with pytest.raises(SystemExit):
        intake.submit.created("hero.png", sequencer)
    monkeypatch.undo()
    intake.submit.created("hero.png", sequencer)
    assert intake.bench.read(old).state == State.CANCELED
    assert len(intake.paid()) == 1
