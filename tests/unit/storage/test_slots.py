"""Slots, lock, breaker and line."""

import pytest

from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import State
from motiondrop.domain.provider_errors import BillingTrouble, KeyRefused
from motiondrop.errors import JobClosed, NotOwner
from motiondrop.storage.circuit_breaker import PROBE_EVERY, Stage
from motiondrop.storage.items import JobItem
from motiondrop.storage.submission_lock import LockBusy
from tests.support.bench import Bench
from tests.support.builders import execution_of, make_job


def test_the_queue_is_served_in_the_order_of_recording_and_never_beyond_the_slots(bench: Bench) -> None:
    waiting = [bench.queued(name) for name in "abcd"]
    for job, execution in reversed(waiting):
        bench.slots.wait(execution, f"token of {job.job_id}")
    states = [bench.read(job).state for job, _ in waiting]
    assert states == [State.ADMITTED, State.ADMITTED, State.QUEUED, State.QUEUED]
    bench.slots.release(bench.read(waiting[1][0]), waiting[1][1].owner, State.FAILED)
    assert bench.woken.tokens[-1] == f"token of {waiting[2][0].job_id}"
    assert len(bench.slots.snapshot().slots) == 2


def test_a_job_whose_run_is_late_keeps_its_turn_and_its_grant(bench: Bench) -> None:
    early = bench.job("early")
    _, execution = bench.queued("late")
    bench.slots.wait(execution, "token of late")
    assert bench.read(early).state == State.ADMITTED
    assert bench.woken.tokens == ["token of late"]
    bench.jobs.take_over(execution_of(early), lambda _: False)
    bench.slots.wait(execution_of(early), "token of early")
    assert bench.woken.tokens[-1] == "token of early"


def test_a_new_token_replaces_the_old_one(bench: Bench) -> None:
    for name in "ab":
        bench.in_queue(name)
    job, execution = bench.in_queue("c")
    bench.slots.wait(execution, "second token")
    assert [place.token for place in bench.slots.snapshot().queue] == ["second token"]
    first = bench.slots.snapshot().slots[0].job_id
    holder = bench.jobs.get(first)
    bench.slots.release(holder, holder.owner, State.CANCELED)
    assert bench.woken.tokens[-1] == "second token"
    assert bench.read(job).state == State.ADMITTED


def test_a_job_that_has_its_slot_is_woken_at_once_and_keeps_it(bench: Bench) -> None:
    job, execution = bench.in_queue()
    assert job.state == State.ADMITTED
    bench.slots.wait(execution, "after a timeout")
    assert bench.woken.tokens[-1] == "after a timeout"
    assert bench.read(job).turn.slot == job.turn.slot
    assert len(bench.slots.snapshot().slots) == 1


def test_a_place_whose_job_moved_on_is_removed_and_the_next_is_served(bench: Bench) -> None:
    for name in "ab":
        bench.in_queue(name)
    gone, gone_run = bench.in_queue("gone")
    after, _ = bench.in_queue("after")
    bench.jobs.transition(gone, gone_run.owner, State.CANCELED)  # without leaving the queue, as a crash would have it
    holder = bench.jobs.get(bench.slots.snapshot().slots[1].job_id)
    bench.slots.release(holder, holder.owner, State.CANCELED)
    assert bench.read(after).state == State.ADMITTED
    assert bench.slots.snapshot().queue == []


def test_only_one_job_at_a_time_submits(bench: Bench) -> None:
    first, first_run = bench.in_queue("first")
    second, second_run = bench.in_queue("second")
    until = bench.clock()
    begun = bench.lock.acquire(first, first_run, until, "key")
    with pytest.raises(LockBusy):
        bench.lock.acquire(second, second_run, until, "key")
    bench.lock.claim_task(begun, first_run, "task", None)
    assert bench.lock.acquire(second, second_run, until, "key").state == State.SUBMITTING


def test_a_task_belongs_to_one_job_for_good(bench: Bench) -> None:
    bench.pending("first")
    second, execution = bench.submitting("second")
    with pytest.raises(Exception, match="not to be had"):
        bench.lock.claim_task(second, execution, "task-of-first", None)
    assert bench.read(second).state == State.SUBMITTING
    assert bench.slots.snapshot().lock is not None


def test_a_claim_by_a_run_that_lost_the_job_is_refused(bench: Bench) -> None:
    job, execution = bench.submitting()
    bench.jobs.take_over(execution_of(job, "other"), lambda _: False)
    with pytest.raises(NotOwner):
        bench.lock.claim_task(job, execution, "task", None)
    assert bench.jobs.claimed(["task"]) == {}


def test_leaving_gives_up_slot_lock_and_place(bench: Bench) -> None:
    job, execution = bench.submitting()
    bench.slots.release(job, execution.owner, State.FAILED)
    snapshot = bench.slots.snapshot()
    assert (snapshot.slots, snapshot.lock, snapshot.queue) == ({}, None, [])
    with pytest.raises(JobClosed):
        bench.slots.release(job, execution.owner, State.CANCELED)


def test_a_slot_that_is_another_jobs_by_now_is_not_given_up(bench: Bench) -> None:
    job, execution = bench.in_queue()
    other, _ = bench.in_queue("other")
    stale = bench.read(job)
    bench.slots.release(stale, execution.owner, State.FAILED)
    third, _ = bench.in_queue("third")
    assert third.turn.slot == stale.turn.slot
    with pytest.raises(JobClosed):
        bench.slots.release(stale, execution.owner, State.FAILED)
    assert {slot.job_id for slot in bench.slots.snapshot().slots.values()} == {other.job_id, third.job_id}


def test_while_the_breaker_is_open_one_job_at_a_time_probes_when_it_is_due(bench: Bench) -> None:
    opener = make_job("opener", bench.clock())
    assert bench.breaker.open(opener, KeyRefused("InvalidApiKey"), Stage.CREATE)
    assert not bench.breaker.open(opener, KeyRefused("InvalidApiKey"), Stage.CREATE)
    first, execution = bench.in_queue("first")
    second, _ = bench.in_queue("second")
    assert first.state == second.state == State.QUEUED
    bench.clock.pass_(seconds=PROBE_EVERY.total_seconds() + 1)
    assert bench.slots.grant() == 1
    assert bench.read(first).state == State.ADMITTED
    assert bench.read(second).state == State.QUEUED
    begun = bench.lock.acquire(bench.read(first), execution, bench.clock(), "key")
    claimed = bench.lock.claim_task(begun, execution, "task", None)
    assert bench.breaker.close(claimed, Stage.CREATE) == {"BREAKER"}
    assert bench.slots.grant() == 1
    assert bench.read(second).state == State.ADMITTED
    assert not bench.breaker.close(claimed, Stage.CREATE)


def test_a_job_that_was_held_keeps_its_old_place(bench: Bench) -> None:
    first, execution = bench.in_queue("first")
    bench.in_queue("second")
    third, _ = bench.in_queue("third")
    bench.breaker.open(first, BillingTrouble("Arrearage"), Stage.CREATE)
    bench.slots.release(first, execution.owner, State.QUEUED)
    bench.slots.wait(execution, "again")
    assert [place.job_id for place in bench.slots.snapshot().queue] == [first.job_id, third.job_id]


def test_an_unreadable_record_gives_its_lock_back_after_an_hour_and_keeps_its_slot_and_a_note(bench: Bench) -> None:
    job, _ = bench.submitting("unreadable")
    other, execution = bench.in_queue("other")
    record = bench.tables.job(f"JOB#{identity_of(job.job_id)}", "JOB")
    record.update(actions=[JobItem.state.set("A STATE OF ANOTHER VERSION")])
    assert bench.slots.free_orphans(bench.slots.snapshot()) == 0
    with pytest.raises(LockBusy):
        bench.lock.acquire(other, execution, bench.clock(), "key")
    bench.clock.pass_(hours=1, seconds=31)
    assert bench.slots.free_orphans(bench.slots.snapshot()) == 1
    assert [note.identity for note in bench.lock.all_undecided()] == [identity_of(job.job_id)]
    assert job.job_id in {slot.job_id for slot in bench.slots.snapshot().slots.values()}
    bench.lock.acquire(other, execution, bench.clock(), "key")
