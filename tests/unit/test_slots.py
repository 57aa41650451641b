"""Slots, lock, breaker and line."""

import pytest

from motiondrop.errors import JobClosed, NotOwner
from motiondrop.job import State
from motiondrop.slots import PROBE_EVERY, LockBusy
from tests.unit.conftest import Bench, run_of


def test_the_line_is_served_in_the_order_of_recording_and_never_beyond_the_slots(bench: Bench) -> None:
    waiting = [bench.queued(name) for name in "abcd"]
    for job, run in reversed(waiting):
        bench.slots.wait(run, f"token of {job.job_id}")
    states = [bench.read(job).state for job, _ in waiting]
    assert states == [State.ADMITTED, State.ADMITTED, State.QUEUED, State.QUEUED]
    bench.slots.leave(bench.read(waiting[1][0]), waiting[1][1].owner, State.FAILED)
    assert bench.woken.tokens[-1] == f"token of {waiting[2][0].job_id}"
    assert len(bench.slots.board().slots) == 2


def test_a_job_whose_run_is_late_keeps_its_turn_and_its_grant(bench: Bench) -> None:
    early = bench.job("early")
    _, run = bench.queued("late")
    bench.slots.wait(run, "token of late")
    assert bench.read(early).state == State.ADMITTED
    assert bench.woken.tokens == ["token of late"]
    bench.jobs.take_over(run_of(early), lambda _: False)
    bench.slots.wait(run_of(early), "token of early")
    assert bench.woken.tokens[-1] == "token of early"


def test_a_new_token_replaces_the_old_one(bench: Bench) -> None:
    for name in "ab":
        bench.in_line(name)
    job, run = bench.in_line("c")
    bench.slots.wait(run, "second token")
    assert [place.token for place in bench.slots.board().line] == ["second token"]
    first = bench.slots.board().slots[0].job_id
    holder = bench.jobs.get(first)
    bench.slots.leave(holder, holder.owner, State.CANCELED)
    assert bench.woken.tokens[-1] == "second token"
    assert bench.read(job).state == State.ADMITTED


def test_a_job_that_has_its_slot_is_woken_at_once_and_keeps_it(bench: Bench) -> None:
    job, run = bench.in_line()
    assert job.state == State.ADMITTED
    bench.slots.wait(run, "after a timeout")
    assert bench.woken.tokens[-1] == "after a timeout"
    assert bench.read(job).slot == job.slot
    assert len(bench.slots.board().slots) == 1


def test_a_place_whose_job_moved_on_is_removed_and_the_next_is_served(bench: Bench) -> None:
    for name in "ab":
        bench.in_line(name)
    gone, gone_run = bench.in_line("gone")
    after, _ = bench.in_line("after")
    bench.jobs.write(gone, gone_run.owner, State.CANCELED)  # without leaving the line, as a crash would have it
    holder = bench.jobs.get(bench.slots.board().slots[1].job_id)
    bench.slots.leave(holder, holder.owner, State.CANCELED)
    assert bench.read(after).state == State.ADMITTED
    assert bench.slots.board().line == []


def test_only_one_job_at_a_time_submits(bench: Bench) -> None:
    first, first_run = bench.in_line("first")
    second, second_run = bench.in_line("second")
    until = bench.clock()
    begun = bench.slots.begin(first, first_run, until, "key")
    with pytest.raises(LockBusy):
        bench.slots.begin(second, second_run, until, "key")
    bench.slots.claim(begun, first_run, "task", None)
    assert bench.slots.begin(second, second_run, until, "key").state == State.SUBMITTING


def test_a_task_belongs_to_one_job_for_good(bench: Bench) -> None:
    bench.pending("first")
    second, run = bench.submitting("second")
    with pytest.raises(Exception, match="changed at the same moment"):
        bench.slots.claim(second, run, "task-of-first", None)
    assert bench.read(second).state == State.SUBMITTING
    assert bench.slots.board().lock is not None


def test_a_claim_by_a_run_that_lost_the_job_is_refused(bench: Bench) -> None:
    job, run = bench.submitting()
    bench.jobs.take_over(run_of(job, "other"), lambda _: False)
    with pytest.raises(NotOwner):
        bench.slots.claim(job, run, "task", None)
    assert bench.jobs.claimed(["task"]) == {}


def test_leaving_gives_up_slot_lock_and_place(bench: Bench) -> None:
    job, run = bench.submitting()
    bench.slots.leave(job, run.owner, State.FAILED)
    board = bench.slots.board()
    assert (board.slots, board.lock, board.line) == ({}, None, [])
    with pytest.raises(JobClosed):
        bench.slots.leave(job, run.owner, State.CANCELED)


def test_a_slot_that_is_another_jobs_by_now_is_not_given_up(bench: Bench) -> None:
    job, run = bench.in_line()
    other, _ = bench.in_line("other")
    stale = bench.read(job)
    bench.slots.leave(stale, run.owner, State.FAILED)
    third, _ = bench.in_line("third")
    assert third.slot == stale.slot
    with pytest.raises(JobClosed):
        bench.slots.leave(stale, run.owner, State.FAILED)
    assert {slot.job_id for slot in bench.slots.board().slots.values()} == {other.job_id, third.job_id}


def test_while_the_breaker_is_open_one_job_at_a_time_probes_when_it_is_due(bench: Bench) -> None:
    assert bench.slots.hold("KeyRefused", "InvalidApiKey")
    assert not bench.slots.hold("KeyRefused", "InvalidApiKey")
    first, run = bench.in_line("first")
    second, _ = bench.in_line("second")
    assert first.state == second.state == State.QUEUED
    bench.clock.pass_(seconds=PROBE_EVERY.total_seconds() + 1)
    assert bench.slots.give() == 1
    assert bench.read(first).state == State.ADMITTED
    assert bench.read(second).state == State.QUEUED
    begun = bench.slots.begin(bench.read(first), run, bench.clock(), "key")
    claimed = bench.slots.claim(begun, run, "task", None)
    assert bench.slots.resume(claimed)
    assert bench.read(second).state == State.ADMITTED
    assert not bench.slots.resume(claimed)


def test_a_job_that_was_held_keeps_its_old_place(bench: Bench) -> None:
    first, run = bench.in_line("first")
    bench.in_line("second")
    third, _ = bench.in_line("third")
    bench.slots.hold("BillingTrouble", "Arrearage")
    bench.slots.leave(first, run.owner, State.QUEUED)
    bench.slots.wait(run, "again")
    assert [place.job_id for place in bench.slots.board().line] == [first.job_id, third.job_id]
