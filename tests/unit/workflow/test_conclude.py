"""Every unhappy end of an execution: what is closed, what is canceled, what goes on, and what the email says."""

from datetime import timedelta
from itertools import pairwise

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, Result, State, Verdict
from motiondrop.errors import JobCanceled, JobFailed, NotOwner
from motiondrop.provider.responses import TaskStatus
from motiondrop.workflow.closing import FREE_RESTARTS, LONGEST_PAUSE
from tests.support.builders import execution_of
from tests.support.workflow_bench import WorkflowBench

UNHAPPY = ["FAILED", "TIMED_OUT"]


def in_state(workflow: WorkflowBench, state: State) -> tuple[Job, Execution]:
    """A job in that state, and its execution."""
    if state == State.QUEUED:
        for name in "ab":
            workflow.bench.in_queue(name)
        return workflow.bench.in_queue()
    if state == State.ADMITTED:
        return workflow.bench.in_queue()
    if state == State.SUBMITTING:
        return workflow.bench.submitting()
    job, execution = workflow.pending()
    if state in {State.RUNNING, State.SAVING}:
        workflow.becomes(
            job, TaskStatus.RUNNING if state == State.RUNNING else TaskStatus.SUCCEEDED, video_url="http://x/1"
        )
        workflow.poll(execution)
    assert workflow.state(job) == state
    return workflow.bench.read(job), execution


@pytest.mark.parametrize("status", UNHAPPY)
@pytest.mark.parametrize("state", [State.SUBMITTING, State.PENDING, State.RUNNING, State.SAVING])
def test_a_job_whose_money_is_in_flight_is_never_closed_but_goes_on(
    workflow: WorkflowBench, state: State, status: str
) -> None:
    job, execution = in_state(workflow, state)
    assert workflow.ends(execution, status) == "next execution"
    assert workflow.state(job) == state
    assert workflow.executions.started == [f"{job.job_id}-2"]
    assert workflow.start_next(job).owner == workflow.bench.read(job).owner
    assert workflow.publisher.emails == []


@pytest.mark.parametrize("state", [State.QUEUED, State.ADMITTED])
def test_a_job_that_has_cost_nothing_gets_a_few_new_runs_and_then_has_failed(
    workflow: WorkflowBench, state: State
) -> None:
    job, execution = in_state(workflow, state)
    for _ in range(FREE_RESTARTS):
        assert workflow.ends(execution, "FAILED", "Runtime.ExitError") == "next execution"
        assert workflow.state(job) == state
        execution = workflow.start_next(job)
        workflow.clock.pass_(hours=2)
    assert workflow.ends(execution, "FAILED", "Runtime.ExitError") == "failed"
    assert workflow.state(job) == State.FAILED
    assert "Nothing was charged" in workflow.publisher.emails[0].body
    assert job.job_id not in [lease.job_id for lease in workflow.slots.snapshot().slots.values()]


@pytest.mark.parametrize("state", [State.QUEUED, State.ADMITTED])
def test_a_stop_before_anything_was_submitted_cancels(workflow: WorkflowBench, state: State) -> None:
    job, execution = in_state(workflow, state)
    assert workflow.ends(execution, "ABORTED") == "canceled"
    assert workflow.state(job) == State.CANCELED
    assert "Nothing was charged" in workflow.publisher.emails[0].body


def test_a_stop_while_the_task_waits_cancels_it_at_the_provider(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    assert workflow.ends(execution, "ABORTED") == "canceled"
    assert workflow.wan.tasks["task-1"].status == TaskStatus.CANCELED
    assert workflow.state(job) == State.CANCELED
    assert workflow.slots.snapshot().slots == {}


@pytest.mark.parametrize("state", [State.RUNNING, State.SAVING])
def test_a_stop_that_comes_too_late_saves_the_video_and_the_job_remembers(
    workflow: WorkflowBench, state: State
) -> None:
    job, execution = in_state(workflow, state)
    assert workflow.ends(execution, "ABORTED") == "next execution"
    assert workflow.bench.read(job).stopped
    assert workflow.state(job) == state


def test_a_stop_while_submitting_is_decided_by_the_next_run(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.SUBMITTING)
    assert workflow.ends(execution, "ABORTED") == "next execution"
    assert (workflow.state(job), workflow.bench.read(job).stopped) == (State.SUBMITTING, True)
    assert workflow.slots.snapshot().lock is not None


def test_a_stop_between_two_attempts_cancels_since_the_first_one_failed(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError")
    workflow.poll(execution)
    assert workflow.ends(execution, "ABORTED") == "canceled"
    assert workflow.state(job) == State.CANCELED


def test_a_stop_before_the_run_picked_its_job_up_cancels_it(workflow: WorkflowBench) -> None:
    job = workflow.bench.job()
    assert workflow.ends(execution_of(job), "ABORTED") == "canceled"
    assert workflow.slots.snapshot().queue == []


def test_the_end_of_a_run_that_does_not_own_the_job_changes_nothing(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    assert workflow.ends(execution_of(job, "stranger"), "ABORTED") == "stale"
    workflow.jobs.take_over(execution_of(job, "other"), lambda _: False)
    assert workflow.ends(execution, "ABORTED") == "stale"
    assert workflow.state(job) == State.PENDING


def test_a_run_that_was_redriven_meanwhile_is_left_alone(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    assert workflow.ends(execution, "RUNNING") == "running"
    assert workflow.state(job) == State.PENDING


def test_a_verdict_is_told_once_however_often_the_end_is_announced(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    workflow.slots.release(job, execution.owner, State.FAILED, verdict=Verdict("MediaUnfit", "InvalidImage.NoHuman"))
    for _ in range(3):
        assert workflow.ends(execution, "FAILED") == "notified"
    workflow.quiet()
    workflow.sweep()
    assert len(workflow.publisher.emails) == 1


def test_who_dies_between_publishing_and_noting_it_is_told_after_once_more(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.ADMITTED)
    workflow.publisher.dies = True
    with pytest.raises(ConnectionError):
        workflow.ends(execution, "ABORTED")
    assert workflow.ends(execution, "ABORTED") == "notified"  # the dead one may still be at it
    assert len(workflow.publisher.emails) == 1
    workflow.quiet()
    assert workflow.sweep() == {"notified": 1}
    assert len(workflow.publisher.emails) == 2
    assert workflow.bench.read(job).closing.notified


def test_the_end_before_a_job_was_opened_again_is_told_too(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    workflow.slots.release(job, execution.owner, State.FAILED, verdict=Verdict("MediaUnfit"))
    workflow.executions.statuses[execution.name] = "FAILED"
    workflow.admit.claim(execution_of(job, "by-hand"))
    assert workflow.state(job) in {State.QUEUED, State.ADMITTED}
    assert len(workflow.publisher.emails) == 1
    assert not workflow.bench.read(job).closing.notified


def test_runs_are_spaced_further_each_time_and_the_sweep_goes_on_with_them(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.PENDING)
    moments = []
    for _ in range(30 * 6):
        if execution.name not in workflow.executions.statuses:
            workflow.ends(execution, "FAILED")
        if workflow.executions.started and workflow.executions.started[-1] != execution.name:
            moments.append(workflow.clock())
            execution = workflow.start_next(job)
        workflow.clock.pass_(minutes=10)  # a round a minute would be 30 hours of rounds
        workflow.sweep()
        if workflow.bench.read(job).closed:
            break
    pauses = [(later - earlier) for earlier, later in pairwise(moments)]
    assert pauses == sorted(pauses)
    assert max(pauses) <= LONGEST_PAUSE + timedelta(minutes=10)
    assert workflow.state(job) == State.FAILED
    assert len(moments) < 50
    assert "may have been charged" in workflow.publisher.emails[0].body


def test_a_job_that_is_being_submitted_is_never_given_up_as_unpaid(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.SUBMITTING)
    workflow.clock.pass_(hours=30)
    assert workflow.ends(execution, "FAILED") == "next execution"
    assert workflow.state(job) == State.SUBMITTING


def test_a_run_whose_job_has_ended_fails_where_it_can_be_redriven(workflow: WorkflowBench) -> None:
    job, execution = in_state(workflow, State.ADMITTED)
    workflow.ends(execution, "ABORTED")
    with pytest.raises(JobCanceled):
        workflow.admit.claim(execution)
    step = workflow.admit.claim(execution_of(job, execution.name, redrive=1))
    assert step["next"] in {"Wait for a slot", "Create task"}
    other, other_run = workflow.pending("other")
    workflow.slots.release(other, other_run.owner, State.FAILED, verdict=Verdict("MediaUnfit", "InvalidImage.NoHuman"))
    with pytest.raises(JobFailed, match="no person"):
        workflow.admit.claim(other_run)


def test_a_second_run_leaves_a_job_alone_whose_run_lives(workflow: WorkflowBench) -> None:
    job, _ = in_state(workflow, State.RUNNING)
    with pytest.raises(NotOwner):
        workflow.admit.claim(execution_of(job, "second"))


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (State.QUEUED, "Wait for a slot"),
        (State.ADMITTED, "Create task"),
        (State.SUBMITTING, "Create task"),
        (State.PENDING, "Poll"),
        (State.RUNNING, "Poll"),
        (State.SAVING, "Finalize"),
    ],
)
def test_the_next_execution_continues_where_the_record_says(workflow: WorkflowBench, state: State, step: str) -> None:
    job, execution = in_state(workflow, state)
    workflow.executions.statuses[execution.name] = "FAILED"
    assert workflow.admit.claim(execution_of(job, "next"))["next"] == step


def test_a_video_that_is_saved_is_never_given_up_as_lost(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution)
    workflow.jobs.transition(workflow.bench.read(job), execution.owner, None, result=Result("videos/x.mp4", 1, "s"))
    workflow.clock.pass_(hours=50)
    assert workflow.ends(execution, "FAILED") == "next execution"
    assert workflow.state(job) == State.SAVING
