"""Every unhappy end of a run: what is closed, what is canceled, what goes on, and what the mail says."""

from datetime import timedelta
from itertools import pairwise

import pytest

from motiondrop.ending import FREE_RESTARTS, LONGEST_PAUSE
from motiondrop.errors import JobCanceled, JobFailed, NotOwner
from motiondrop.job import Job, Run, State
from motiondrop.wan import TaskStatus
from tests.unit.conftest import Bench, run_of
from tests.unit.way_bench import WayBench

UNHAPPY = ["FAILED", "TIMED_OUT"]


@pytest.fixture
def way(bench: Bench) -> WayBench:
    return WayBench(bench)


def in_state(way: WayBench, state: State) -> tuple[Job, Run]:
    """A job in that state, and its run."""
    if state == State.QUEUED:
        for name in "ab":
            way.bench.in_line(name)
        return way.bench.in_line()
    if state == State.ADMITTED:
        return way.bench.in_line()
    if state == State.SUBMITTING:
        return way.bench.submitting()
    job, run = way.pending()
    if state in {State.RUNNING, State.SAVING}:
        way.becomes(job, TaskStatus.RUNNING if state == State.RUNNING else TaskStatus.SUCCEEDED, video_url="http://x/1")
        way.poll(run)
    assert way.state(job) == state
    return way.bench.read(job), run


@pytest.mark.parametrize("status", UNHAPPY)
@pytest.mark.parametrize("state", [State.SUBMITTING, State.PENDING, State.RUNNING, State.SAVING])
def test_a_job_whose_money_is_in_flight_is_never_closed_but_goes_on(way: WayBench, state: State, status: str) -> None:
    job, run = in_state(way, state)
    assert way.ends(run, status) == "next run"
    assert way.state(job) == state
    assert way.runs.started == [f"{job.job_id}-2"]
    assert way.next_run(job).owner == way.bench.read(job).owner
    assert way.messenger.mails == []


@pytest.mark.parametrize("state", [State.QUEUED, State.ADMITTED])
def test_a_job_that_has_cost_nothing_gets_a_few_new_runs_and_then_has_failed(way: WayBench, state: State) -> None:
    job, run = in_state(way, state)
    for _ in range(FREE_RESTARTS):
        assert way.ends(run, "FAILED", "Runtime.ExitError") == "next run"
        assert way.state(job) == state
        run = way.next_run(job)
        way.clock.pass_(hours=2)
    assert way.ends(run, "FAILED", "Runtime.ExitError") == "failed"
    assert way.state(job) == State.FAILED
    assert "Nothing was charged" in way.messenger.mails[0].body
    assert job.job_id not in [lease.job_id for lease in way.slots.board().slots.values()]


@pytest.mark.parametrize("state", [State.QUEUED, State.ADMITTED])
def test_a_stop_before_anything_was_submitted_cancels(way: WayBench, state: State) -> None:
    job, run = in_state(way, state)
    assert way.ends(run, "ABORTED") == "canceled"
    assert way.state(job) == State.CANCELED
    assert "Nothing was charged" in way.messenger.mails[0].body


def test_a_stop_while_the_task_waits_cancels_it_at_the_provider(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    assert way.ends(run, "ABORTED") == "canceled"
    assert way.wan.tasks["task-1"].status == TaskStatus.CANCELED
    assert way.state(job) == State.CANCELED
    assert way.slots.board().slots == {}


@pytest.mark.parametrize("state", [State.RUNNING, State.SAVING])
def test_a_stop_that_comes_too_late_saves_the_video_and_the_job_remembers(way: WayBench, state: State) -> None:
    job, run = in_state(way, state)
    assert way.ends(run, "ABORTED") == "next run"
    assert way.bench.read(job).stopped
    assert way.state(job) == state


def test_a_stop_while_submitting_is_decided_by_the_next_run(way: WayBench) -> None:
    job, run = in_state(way, State.SUBMITTING)
    assert way.ends(run, "ABORTED") == "next run"
    assert way.state(job) == State.CANCELING
    assert way.slots.board().lock is not None


def test_a_stop_between_two_attempts_cancels_since_the_first_one_failed(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    way.becomes(job, TaskStatus.FAILED, code="InternalError")
    way.poll(run)
    assert way.ends(run, "ABORTED") == "canceled"
    assert way.state(job) == State.CANCELED


def test_a_stop_before_the_run_picked_its_job_up_cancels_it(way: WayBench) -> None:
    job = way.bench.job()
    assert way.ends(run_of(job), "ABORTED") == "canceled"
    assert way.slots.board().line == []


def test_the_end_of_a_run_that_does_not_own_the_job_changes_nothing(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    assert way.ends(run_of(job, "stranger"), "ABORTED") == "stale"
    way.jobs.take_over(run_of(job, "other"), lambda _: False)
    assert way.ends(run, "ABORTED") == "stale"
    assert way.state(job) == State.PENDING


def test_a_run_that_was_redriven_meanwhile_is_left_alone(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    assert way.ends(run, "RUNNING") == "running"
    assert way.state(job) == State.PENDING


def test_a_verdict_is_told_once_however_often_the_end_is_announced(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    way.slots.leave(job, run.owner, State.FAILED, verdict="MediaUnfit", verdict_code="InvalidImage.NoHuman")
    for _ in range(3):
        assert way.ends(run, "FAILED") == "told"
    way.quiet()
    way.sweep()
    assert len(way.messenger.mails) == 1


def test_who_dies_between_publishing_and_noting_it_is_told_after_once_more(way: WayBench) -> None:
    job, run = in_state(way, State.ADMITTED)
    way.messenger.dies = True
    with pytest.raises(ConnectionError):
        way.ends(run, "ABORTED")
    assert way.ends(run, "ABORTED") == "told"  # the dead one may still be at it
    assert len(way.messenger.mails) == 1
    way.quiet()
    assert way.sweep() == {"told": 1}
    assert len(way.messenger.mails) == 2
    assert way.bench.read(job).told


def test_the_end_before_a_job_was_opened_again_is_told_too(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    way.slots.leave(job, run.owner, State.FAILED, verdict="MediaUnfit")
    way.runs.statuses[run.name] = "FAILED"
    way.admit.pick_up(run_of(job, "by-hand"))
    assert way.state(job) in {State.QUEUED, State.ADMITTED}
    assert len(way.messenger.mails) == 1
    assert not way.bench.read(job).told


def test_runs_are_spaced_further_each_time_and_the_sweep_goes_on_with_them(way: WayBench) -> None:
    job, run = in_state(way, State.PENDING)
    moments = []
    for _ in range(30 * 60):
        if run.name not in way.runs.statuses:
            way.ends(run, "FAILED")
        if way.runs.started and way.runs.started[-1] != run.name:
            moments.append(way.clock())
            run = way.next_run(job)
        way.clock.pass_(minutes=1)
        way.sweep()
        if way.bench.read(job).closed:
            break
    pauses = [(later - earlier) for earlier, later in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= LONGEST_PAUSE + timedelta(minutes=5)
    assert way.state(job) == State.FAILED
    assert len(moments) < 50
    assert "may have been charged" in way.messenger.mails[0].body


def test_a_job_that_is_being_submitted_is_never_given_up_as_unpaid(way: WayBench) -> None:
    job, run = in_state(way, State.SUBMITTING)
    way.clock.pass_(hours=30)
    assert way.ends(run, "FAILED") == "next run"
    assert way.state(job) == State.SUBMITTING


def test_a_run_whose_job_has_ended_fails_where_it_can_be_redriven(way: WayBench) -> None:
    job, run = in_state(way, State.ADMITTED)
    way.ends(run, "ABORTED")
    with pytest.raises(JobCanceled):
        way.admit.pick_up(run)
    assert way.admit.pick_up(run_of(job, run.name, redrive=1))["next"] in {"slot", "create"}
    other, other_run = way.pending("other")
    way.slots.leave(other, other_run.owner, State.FAILED, verdict="MediaUnfit", verdict_code="InvalidImage.NoHuman")
    with pytest.raises(JobFailed, match="NoHuman"):
        way.admit.pick_up(other_run)


def test_a_second_run_leaves_a_job_alone_whose_run_lives(way: WayBench) -> None:
    job, _ = in_state(way, State.RUNNING)
    with pytest.raises(NotOwner):
        way.admit.pick_up(run_of(job, "second"))


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.QUEUED, "slot"),
        (State.ADMITTED, "create"),
        (State.SUBMITTING, "create"),
        (State.PENDING, "poll"),
        (State.RUNNING, "poll"),
        (State.SAVING, "finalize"),
    ],
)
def test_the_next_run_goes_on_where_the_record_says(way: WayBench, state: State, step: str) -> None:
    job, run = in_state(way, state)
    way.runs.statuses[run.name] = "FAILED"
    assert way.admit.pick_up(run_of(job, "next"))["next"] == step
