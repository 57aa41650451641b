"""The day's budget: reserved with the slot, settled when it is given up, never exceeded, never leaking."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from cli.pause import end_pause, set_pause
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, End, Job, State, Verdict
from motiondrop.storage.budget import Budget, reserve_of
from motiondrop.storage.slots import Slots
from tests.support.bench import Bench, make_bench
from tests.support.builders import execution_of

QUOTE = 624_000  # of the jobs that the bench makes
RESERVED = 686_400


def with_budget(bench: Bench, daily: int, size: int = 5) -> tuple[Slots, Budget]:
    budget = Budget(bench.tables, daily, bench.clock)
    slots = Slots(
        bench.tables,
        bench.jobs,
        waker=bench.woken,
        budget=budget,
        breaker=bench.breaker,
        set_aside=lambda: None,
        size=size,
        clock=bench.clock,
    )
    return slots, budget


def line_up(bench: Bench, slots: Slots, name: str) -> tuple[Job, Execution]:
    job, execution = bench.queued(name)
    slots.wait(execution, f"token of {name}")
    return bench.read(job), execution


def test_a_tenth_more_than_the_quote_is_reserved_in_whole_micro_usd() -> None:
    assert reserve_of(QUOTE) == RESERVED
    assert reserve_of(1) == 2
    assert reserve_of(0) == 0


def test_a_slot_comes_with_its_reservation(bench: Bench) -> None:
    slots, budget = with_budget(bench, 2 * RESERVED)
    job, _ = line_up(bench, slots, "hero")
    assert (job.state, job.turn.reserved, job.turn.reserved_on) == (State.ADMITTED, RESERVED, "2026-01-02")
    assert budget.today().committed == RESERVED
    assert budget.used() == pytest.approx(50)


def test_over_budget_the_queue_waits_until_the_next_utc_day(bench: Bench) -> None:
    slots, budget = with_budget(bench, 2 * RESERVED - 1)
    first, _ = line_up(bench, slots, "first")
    second, _ = line_up(bench, slots, "second")
    assert (first.state, second.state) == (State.ADMITTED, State.QUEUED)
    assert not budget.has_room(second)
    assert slots.grant() == 0
    bench.clock.pass_(hours=21)
    assert slots.grant() == 1
    assert bench.read(second).turn.reserved_on == "2026-01-03"


def test_what_was_billed_takes_the_place_of_what_was_reserved(bench: Bench) -> None:
    slots, budget = with_budget(bench, 2 * RESERVED)
    job, execution = line_up(bench, slots, "hero")
    job = bench.lock.acquire(job, execution, bench.clock() + timedelta(seconds=30), "key")
    job = bench.lock.claim_task(job, execution, "task", None)
    job = slots.release(job, execution.owner, State.SAVING, billing=Billing(cost=600_000))
    assert budget.today().committed == 600_000
    assert (bench.read(job).turn.reserved, bench.read(job).turn.reserved_on) == (None, None)


def test_a_reservation_is_settled_on_the_day_it_was_made(bench: Bench) -> None:
    slots, budget = with_budget(bench, 2 * RESERVED)
    job, execution = line_up(bench, slots, "hero")
    job = bench.lock.acquire(job, execution, bench.clock() + timedelta(seconds=30), "key")
    job = bench.lock.claim_task(job, execution, "task", None)
    bench.clock.pass_(hours=23)
    slots.release(job, execution.owner, State.SAVING, billing=Billing(cost=QUOTE))
    assert budget.today().committed == 0
    bench.clock.pass_(hours=-23)
    assert budget.today().committed == QUOTE


@pytest.mark.parametrize("to", [State.QUEUED, State.CANCELED, State.FAILED])
def test_a_job_that_was_charged_nothing_gives_its_reservation_back(bench: Bench, to: State) -> None:
    slots, budget = with_budget(bench, 2 * RESERVED, size=1)
    job, execution = line_up(bench, slots, "hero")
    set_pause(bench.tables)
    slots.release(job, execution.owner, to)
    assert budget.today().committed == 0


def test_a_verdict_of_the_provider_costs_nothing_and_a_lost_outcome_stays_reserved(bench: Bench) -> None:
    slots, budget = with_budget(bench, 4 * RESERVED)
    known, execution = line_up(bench, slots, "known")
    known = bench.lock.acquire(known, execution, bench.clock(), "key")
    slots.release(known, execution.owner, State.FAILED, verdict=Verdict("MediaUnfit"))
    assert budget.today().committed == 0
    lost, execution = line_up(bench, slots, "lost")
    lost = bench.lock.acquire(lost, execution, bench.clock(), "key")
    slots.release(lost, execution.owner, State.FAILED, closing=End("nobody knows"))
    assert budget.today().committed == RESERVED


def test_a_job_dearer_than_a_days_budget_gets_no_slot_on_any_day(bench: Bench) -> None:
    slots, budget = with_budget(bench, RESERVED - 1)
    job, _ = line_up(bench, slots, "hero")
    assert job.state == State.QUEUED
    assert budget.today().committed == 0


def test_a_job_dearer_than_a_days_budget_does_not_hold_the_others(bench: Bench) -> None:
    dear, cheap = bench.job("dear", quote=QUOTE + 1), bench.job("cheap")
    slots, _ = with_budget(bench, RESERVED)
    assert slots.grant() == 1
    assert (bench.read(dear).state, bench.read(cheap).state) == (State.QUEUED, State.ADMITTED)
    slots.requeue(dear)  # as the sweep does, until the operator has raised the budget
    slots, _ = with_budget(bench, 2 * RESERVED + 2)
    assert slots.grant() == 1
    assert bench.read(dear).state == State.ADMITTED


def test_the_operator_is_told_once_a_day(bench: Bench) -> None:
    slots, budget = with_budget(bench, RESERVED)
    assert not budget.today().notified
    budget.note_notified()
    assert budget.today().notified
    job, _ = line_up(bench, slots, "hero")
    assert job.state == State.ADMITTED
    bench.clock.pass_(days=1)
    assert not budget.today().notified


def test_what_is_reserved_at_midnight_is_settled_on_the_day_on_which_it_was_counted(bench: Bench) -> None:
    noon, midnight = datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    for moment in (midnight - timedelta(microseconds=before) for before in range(12)):
        bench.clock.moment = moment
        job, execution = bench.in_queue(f"granted {moment}")
        bench.slots.release(job, execution.owner, State.FAILED)
        bench.clock.moment = noon
        job, execution = bench.in_queue(f"sent {moment}")
        bench.clock.moment = moment
        job = bench.lock.acquire(job, execution, midnight, "key")
        bench.slots.release(bench.lock.release(job, execution, job.call), execution.owner, State.FAILED)
    for bench.clock.moment in (noon, midnight):
        assert bench.budget.today().committed == 0


def test_a_paused_queue_gives_nothing_until_it_goes_on(bench: Bench) -> None:
    slots, _ = with_budget(bench, 9 * RESERVED)
    set_pause(bench.tables)
    set_pause(bench.tables)
    job, _ = line_up(bench, slots, "hero")
    assert job.state == State.QUEUED
    assert slots.snapshot().paused
    end_pause(bench.tables)
    slots.grant()
    assert bench.read(job).state == State.ADMITTED


STEPS = st.lists(st.tuples(st.sampled_from(["drop", "done", "fail", "cancel", "hold"]), st.integers(0, 5)), max_size=12)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_committed_sum_is_that_of_the_jobs_and_within_the_budget(
    steps: list[tuple[str, int]],
) -> None:
    with mock_aws():
        bench = make_bench()
        slots, budget = with_budget(bench, 3 * RESERVED, size=4)
        names, spent = 0, 0
        for what, which in steps:
            if what == "drop":
                line_up(bench, slots, f"job-{names}")
                names += 1
                continue
            jobs = [job for job in bench.jobs.least_seen(50) if job.state == State.ADMITTED]
            if not jobs:
                continue
            job = bench.read(jobs[which % len(jobs)])
            execution = execution_of(job)
            if what == "done":
                job = bench.lock.acquire(job, execution, bench.clock() + timedelta(seconds=30), "key")
                job = bench.lock.claim_task(job, execution, f"task of {job.job_id}", None)
                slots.release(job, execution.owner, State.SAVING, billing=Billing(cost=QUOTE))
                spent += QUOTE
            else:
                to = {"fail": State.FAILED, "cancel": State.CANCELED, "hold": State.QUEUED}[what]
                slots.release(job, execution.owner, to)
            held = sum(job.turn.reserved or 0 for job in bench.jobs.least_seen(50))
            assert budget.today().committed == spent + held
            assert budget.today().committed <= 3 * RESERVED
