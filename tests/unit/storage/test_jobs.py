"""The jobs' records: ownership, legal transitions, and opening again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from motiondrop.domain.job import Call, End, State, Verdict
from motiondrop.errors import Contended, JobClosed, NoSuchJob, NotOwner
from tests.support.bench import Bench
from tests.support.builders import execution_of, make_job


def dead(_: str) -> bool:
    return False


def living(_: str) -> bool:
    return True


def test_a_job_is_read_as_it_was_recorded(bench: Bench) -> None:
    job = make_job("hero", bench.clock(), advice=("Use a longer video",))
    assert bench.jobs.record(job)
    read = bench.jobs.get(job.job_id)
    assert read.seen_at is not None
    assert read == make_job("hero", job.recorded_at, advice=job.advice, seen_at=read.seen_at)


def test_the_same_content_is_recorded_once(bench: Bench) -> None:
    job = bench.job()
    assert not bench.jobs.record(make_job("hero", bench.clock()))
    assert bench.read(job).recorded_at == job.recorded_at


def test_an_unknown_job_is_said_to_be_unknown(bench: Bench) -> None:
    for job_id in ("x", "hero-" + "0" * 20, ""):
        with pytest.raises(NoSuchJob):
            bench.jobs.get(job_id)


def test_the_first_run_takes_the_job_and_a_second_one_leaves_it_while_the_first_lives(bench: Bench) -> None:
    job = bench.job()
    assert bench.jobs.take_over(execution_of(job), dead).owner == job.execution_name
    with pytest.raises(NotOwner):
        bench.jobs.take_over(execution_of(job, "other"), living)
    assert bench.jobs.take_over(execution_of(job, "other"), dead).owner == "other"


def test_a_run_that_lost_the_job_can_write_nothing(bench: Bench) -> None:
    job, execution = bench.queued()
    bench.jobs.take_over(execution_of(job, "other"), dead)
    with pytest.raises(NotOwner):
        bench.jobs.owned(execution)
    with pytest.raises(NotOwner):
        bench.jobs.transition(job, execution.owner, State.ADMITTED)
    assert bench.read(job).state == State.QUEUED


def test_a_closed_job_is_closed_to_its_own_run(bench: Bench) -> None:
    job, execution = bench.queued()
    bench.jobs.transition(job, execution.owner, State.FAILED)
    with pytest.raises(JobClosed):
        bench.jobs.owned(execution)
    with pytest.raises(JobClosed):
        bench.jobs.transition(job, execution.owner, State.ADMITTED)


def test_a_write_on_what_was_read_before_a_change_is_refused(bench: Bench) -> None:
    job, execution = bench.queued()
    bench.jobs.transition(job, execution.owner, State.ADMITTED)
    with pytest.raises(Contended):
        bench.jobs.transition(job, execution.owner, State.FAILED)


def test_a_write_on_what_was_read_before_another_call_is_refused(bench: Bench) -> None:
    stale, execution = bench.submitting()
    job = bench.lock.release(stale, execution, stale.call)
    job = bench.lock.acquire(job, execution, bench.clock(), "another key")
    assert (job.state, job.owner) == (stale.state, stale.owner)
    with pytest.raises(Contended):
        bench.jobs.transition(stale, execution.owner, None, call=replace(stale.call, unknown=True))
    assert bench.read(job).call == job.call


def test_an_illegal_transition_is_a_fault_of_ours(bench: Bench) -> None:
    job, execution = bench.queued()
    with pytest.raises(ValueError, match="QUEUED to SUCCEEDED"):
        bench.jobs.transition(job, execution.owner, State.SUCCEEDED)


def test_a_run_that_a_person_asked_for_opens_a_failed_job_and_a_numbered_one_does_not(bench: Bench) -> None:
    job, execution = bench.queued()
    over = {"closing": End("x", notified=True), "verdict": Verdict("MediaUnfit"), "call": Call(3), "stopped": True}
    bench.jobs.transition(job, execution.owner, State.FAILED, **over)
    assert bench.jobs.take_over(execution_of(job, f"{job.job_id}-2"), dead).state == State.FAILED
    opened = bench.jobs.take_over(execution_of(job, "by-hand"), dead)
    assert (opened.state, opened.owner) == (State.QUEUED, "by-hand")
    assert (opened.closing, opened.verdict, opened.call, opened.stopped) == (End(), Verdict(), Call(), False)
    assert opened.recorded_at > job.recorded_at


def test_a_redrive_opens_a_failed_job_and_the_same_run_does_not(bench: Bench) -> None:
    job, execution = bench.queued()
    bench.jobs.transition(job, execution.owner, State.FAILED, closing=End(notified=True))
    assert bench.jobs.take_over(execution, dead).state == State.FAILED
    assert bench.jobs.take_over(execution_of(job, redrive=1), dead).state == State.QUEUED


def test_no_job_is_opened_before_people_were_notified_of_its_end(bench: Bench) -> None:
    job, execution = bench.queued()
    failed = bench.jobs.transition(job, execution.owner, State.FAILED, closing=End("a reason"))
    notifying = bench.jobs.begin_notifying(failed, bench.clock() + timedelta(seconds=30))
    assert notifying
    with pytest.raises(Contended):
        bench.jobs.take_over(execution_of(job, redrive=1), dead)
    bench.jobs.end_notifying(notifying)
    assert bench.jobs.take_over(execution_of(job, redrive=1), dead).state == State.QUEUED


def test_nothing_opens_a_job_that_succeeded(bench: Bench) -> None:
    job, execution = bench.queued()
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING, State.SAVING, State.SUCCEEDED):
        job = bench.jobs.transition(job, execution.owner, state)
    assert bench.jobs.take_over(execution_of(job, "by-hand"), dead).state == State.SUCCEEDED


def test_open_jobs_are_found_least_seen_first_until_they_are_told_of(bench: Bench) -> None:
    first, execution = bench.queued("first")
    second, _ = bench.queued("second")
    bench.jobs.transition(first, execution.owner)
    assert [job.job_id for job in bench.jobs.least_seen(10)] == [second.job_id, first.job_id]
    closed = bench.jobs.transition(bench.read(first), execution.owner, State.CANCELED)
    assert len(bench.jobs.least_seen(10)) == 2
    bench.jobs.transition(closed, execution.owner, None, closing=End(notified=True))
    assert [job.job_id for job in bench.jobs.least_seen(10)] == [second.job_id]
