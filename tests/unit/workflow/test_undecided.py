"""Tasks that may be those of several jobs whose create calls are undecided, or were when the jobs were given up."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import Job, State
from motiondrop.errors import JobClosed
from motiondrop.provider.client import CALL_TIMEOUT
from motiondrop.provider.responses import OutcomeUnknown, TaskStatus, Unreachable
from motiondrop.storage.items import JobItem
from motiondrop.workflow.create import WINDOW
from motiondrop.workflow.reconcile import GIVE_UP
from tests.support import workflow_bench
from tests.support.bench import Bench
from tests.support.template import FUNCTIONS, TEMPLATE
from tests.support.workflow_bench import WorkflowBench

#: The least margin that the template allows, and the one that it has by default, in seconds.
MARGINS = [TEMPLATE["Parameters"]["ReconcileMarginSeconds"][what] for what in ("MinValue", "Default")]


@pytest.fixture(params=MARGINS)
def any_margin(request: pytest.FixtureRequest, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> WorkflowBench:
    """The workflow, once with each of the margins."""
    monkeypatch.setattr(workflow_bench, "MARGIN", timedelta(seconds=request.param))
    return WorkflowBench(bench)


def lost(workflow: WorkflowBench, name: str, *, made: bool) -> tuple[Job, Execution]:
    """A job whose create call got no answer, and whose first look finds a list that cannot be read."""
    job, execution = workflow.bench.in_queue(name)
    workflow.wan.accepts_then_fails = made
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    workflow.create(execution)
    workflow.may_be_looked_into()
    workflow.wan.fail("list", Unreachable("x"))
    assert workflow.create(execution)["next"] == "Try again later"
    return job, execution


def over(workflow: WorkflowBench, name: str) -> None:
    """A job that succeeded, whose task is in the list."""
    job, execution = workflow.pending(name)
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution)


def two_undecided(workflow: WorkflowBench) -> list[tuple[Job, Execution]]:
    """Two jobs whose create calls got no answer; a list without times has one task more, which either may have made."""
    over(workflow, "before")
    jobs = [lost(workflow, "first", made=False), lost(workflow, "second", made=True)]
    workflow.wan.rows = [replace(row, created_at=None) for row in workflow.wan.rows]
    return jobs


@pytest.mark.parametrize("ahead", [0, 100, -100])  # seconds that the provider's clock is ahead
@pytest.mark.parametrize("made", list(itertools.product((False, True), repeat=2)))
def test_each_of_two_calls_that_were_lost_in_a_row_gets_its_own_task_and_no_other(
    workflow: WorkflowBench, made: tuple[bool, ...], ahead: int
) -> None:
    over(workflow, "before")
    jobs = [lost(workflow, f"job {number}", made=one) for number, one in enumerate(made)]
    workflow.wan.rows = [
        replace(row, created_at=row.created_at + timedelta(seconds=ahead))
        for row in workflow.wan.rows
        if row.created_at
    ]
    _, *tasks = (row.task_id for row in workflow.wan.rows)
    for _ in range(3):
        for job, execution in jobs:
            if workflow.state(job) == State.SUBMITTING:
                workflow.create(execution)
    assert [workflow.state(job) for job, _ in jobs] == [State.PENDING if one else State.ADMITTED for one in made]
    assert [task for job, _ in jobs if (task := workflow.bench.read(job).task.id)] == tasks


def test_a_task_of_ours_that_was_made_late_is_not_taken_for_a_difference_between_the_clocks(
    any_margin: WorkflowBench,
) -> None:
    workflow = any_margin
    over(workflow, "before")
    late = workflow.wan.rows[0].created_at
    assert late
    workflow.wan.rows[0] = replace(workflow.wan.rows[0], created_at=late + timedelta(seconds=110))
    first, execution = lost(workflow, "first", made=False)
    second, second_execution = lost(workflow, "second", made=True)
    for _ in range(3):
        workflow.create(execution)
        workflow.create(second_execution)
    assert workflow.bench.read(first).task.id is None
    assert workflow.state(second) in {State.SUBMITTING, State.PENDING}


def test_a_task_that_a_hanging_call_made_last_of_all_is_not_adopted_by_the_next_job(
    any_margin: WorkflowBench,
) -> None:
    workflow = any_margin
    over(workflow, "before")
    first, execution = workflow.bench.in_queue("first")
    workflow.lock.acquire(first, execution, workflow.clock() + WINDOW, "key")
    ends = workflow.clock() + timedelta(seconds=FUNCTIONS["CreateFunction"]["Timeout"])
    workflow.wan.row("of the first", created_at=ends)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + workflow_bench.MARGIN).total_seconds() + 1)
    workflow.wan.fail("list", Unreachable("x"))
    workflow.create(execution)
    second, second_execution = lost(workflow, "second", made=False)
    for _ in range(3):
        if workflow.state(second) == State.SUBMITTING:
            workflow.create(second_execution)
    assert workflow.bench.read(second).task.id is None
    assert workflow.create(execution)["next"] == "Poll"
    assert workflow.bench.read(first).task.id == "of the first"


def test_a_time_that_no_service_means_does_not_keep_the_lock(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    made = workflow.wan.rows[0].created_at
    assert made
    workflow.wan.rows[0] = replace(workflow.wan.rows[0], created_at=made + timedelta(seconds=1))
    workflow.wan.row("by hand", created_at=datetime.min.replace(tzinfo=UTC))
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.state(job) == State.PENDING


@pytest.mark.parametrize("after", [20, 40])
def test_the_task_of_a_job_whose_record_cannot_be_read_is_adopted_by_no_other_job(
    workflow: WorkflowBench, after: int
) -> None:
    over(workflow, "before")
    first, execution = lost(workflow, "first", made=False)
    broken, theirs = workflow.bench.in_queue("broken")
    workflow.lock.acquire(broken, theirs, workflow.clock() + WINDOW, "key")
    workflow.wan.row("of the broken", created_at=workflow.clock() + timedelta(seconds=after))
    record = workflow.bench.tables.job(f"JOB#{identity_of(broken.job_id)}", "JOB")
    record.update(actions=[JobItem.state.set("A STATE OF ANOTHER VERSION")])
    workflow.clock.pass_(hours=1, minutes=1)
    assert workflow.slots.free_orphans(workflow.slots.snapshot()) == 1
    for _ in range(3):
        if workflow.state(first) == State.SUBMITTING:
            workflow.create(execution)
    assert workflow.bench.read(first).task.id is None


def test_a_task_that_another_undecided_job_may_have_made_is_adopted_by_neither(workflow: WorkflowBench) -> None:
    (first, execution), (second, second_execution) = two_undecided(workflow)
    for one in (second_execution, execution, second_execution):
        assert workflow.create(one)["next"] == "Try again later"
    assert workflow.state(first) == workflow.state(second) == State.SUBMITTING


def test_a_failed_task_that_either_of_two_jobs_may_have_made_holds_neither_and_ends_neither(
    workflow: WorkflowBench,
) -> None:
    jobs = two_undecided(workflow)
    *rows, unclaimed = workflow.wan.rows
    workflow.wan.rows = [*rows, replace(unclaimed, status=TaskStatus.FAILED)]
    for _, execution in reversed(jobs):  # the second job has the lock
        for _ in range(2):
            workflow.create(execution)
    assert [workflow.state(job) for job, _ in jobs] == [State.ADMITTED] * 2
    assert workflow.lock.all_undecided() == []


def test_the_task_of_a_job_that_was_given_up_is_adopted_by_no_other_job(workflow: WorkflowBench) -> None:
    (first, execution), (second, second_execution) = two_undecided(workflow)
    for one in (second_execution, execution):
        workflow.create(one)
    workflow.clock.moment = workflow.bench.read(first).called_at + GIVE_UP + timedelta(seconds=1)
    with pytest.raises(JobClosed):
        workflow.create(execution)
    assert workflow.create(second_execution)["next"] == "Try again later"
    assert workflow.bench.read(second).task.id is None
    again = replace(execution, redrive=1)
    workflow.admit.claim(again)
    workflow.slots.wait(again, "token")
    assert workflow.create(again)["next"] == "Wait for the task"  # the task of another call, whose outcome is known
    workflow.create(second_execution)
    assert workflow.bench.read(second).task.id is None
    workflow.clock.pass_(hours=3)  # the list, which looks back a day, shows the first call's task no more
    assert identity_of(first.job_id) not in {note.identity for note in workflow.lock.all_undecided()}


def test_the_task_of_a_job_that_was_given_up_at_once_is_adopted_by_no_other_job(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    workflow.wan.row("by hand", created_at=job.call.asked_at)
    workflow.wan.rows = [replace(row, created_at=None) for row in workflow.wan.rows]
    with pytest.raises(JobClosed):
        workflow.create(execution)  # several tasks may be the job's
    workflow.wan.rows[-1] = replace(workflow.wan.rows[-1], status=TaskStatus.FAILED)
    second, second_execution = workflow.bench.in_queue("second")
    workflow.wan.accepts_then_fails = False
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    workflow.create(second_execution)
    workflow.may_be_looked_into()
    assert workflow.create(second_execution)["next"] == "Try again later"
    assert workflow.bench.read(second).task.id is None
