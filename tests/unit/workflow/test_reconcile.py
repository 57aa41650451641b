"""What became of a create call whose answer nobody saw."""

from datetime import timedelta

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.domain.provider_errors import KeyRefused, Throttled
from motiondrop.errors import JobClosed
from motiondrop.provider.client import CALL_TIMEOUT
from motiondrop.provider.responses import (
    NotUnderstood,
    OutcomeUnknown,
    Task,
    TaskPage,
    TaskRow,
    TaskStatus,
    Unreachable,
)
from motiondrop.workflow.create import WINDOW
from motiondrop.workflow.reconcile import ALERT_AFTER, GIVE_UP, PROOF, UNPROVEN_APART
from tests.support.builders import execution_of
from tests.support.template import FUNCTIONS
from tests.support.workflow_bench import MARGIN, WorkflowBench


def crashed(workflow: WorkflowBench) -> tuple[Job, Execution]:
    """A job whose function died in the create call; its next execution has taken over."""
    job, execution = workflow.bench.in_queue()
    workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")
    workflow.ends(execution, "FAILED", "Runtime.ExitError")
    return workflow.bench.read(job), workflow.start_next(job)


def test_after_a_lost_answer_nothing_is_asked_before_the_margin_is_over(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    assert "at" in workflow.create(execution)
    assert "at" in workflow.create(execution)
    assert "list" not in workflow.wan.calls
    assert workflow.bench.read(job).call.unknown


def test_a_task_that_was_made_is_adopted_and_no_second_one_made(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.bench.read(job).task.id == "task-2"
    assert workflow.wan.made() == 2


def test_a_new_attempt_is_made_only_after_the_list_was_empty_twice(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 30}
    assert workflow.wan.made() == 2
    assert workflow.create(execution)["next"] == "Try again later"
    assert workflow.state(job) == State.ADMITTED
    assert workflow.create(execution) == {"next": "Wait for the task", "wait_seconds": 15}
    assert (workflow.wan.made(), workflow.bench.read(job).call.attempt) == (3, 2)


def test_a_task_that_appears_at_the_second_look_is_adopted(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.create(execution)
    workflow.wan.row("late", created_at=job.call.asked_at)
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.bench.read(job).task.id == "late"


def test_several_tasks_that_may_be_the_jobs_stop_it_and_the_email_names_them(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    workflow.wan.row("another", created_at=job.call.asked_at)
    with pytest.raises(JobClosed):
        workflow.create(execution)
    closed = workflow.bench.read(job)
    assert closed.state == State.FAILED
    assert closed.closing.reason is not None
    assert "another, task-2" in closed.closing.reason
    workflow.closing.notify(closed)
    assert "may have been charged" in workflow.publisher.emails[0].body
    assert "Nothing was charged" not in workflow.publisher.emails[0].body


@pytest.mark.parametrize(
    "foreign",
    [
        {"model": "another-model"},
        {"created_at": timedelta(minutes=-20)},
        {"created_at": timedelta(minutes=30)},
        {"status": TaskStatus.CANCELED},
        {"status": TaskStatus.FAILED},
    ],
)
def test_a_task_that_cannot_be_the_jobs_is_left_alone(workflow: WorkflowBench, foreign: dict[str, object]) -> None:
    job, execution = workflow.broken_off(made=False)
    assert job.call.asked_at is not None
    shift = foreign.get("created_at", timedelta(0))
    assert isinstance(shift, timedelta)
    workflow.wan.row("foreign", **(foreign | {"created_at": job.call.asked_at + shift}))  # type: ignore[arg-type]  # any field
    workflow.create(execution)
    workflow.create(execution)
    assert workflow.state(job) == State.ADMITTED


def test_a_task_of_another_key_of_the_account_is_left_alone(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.wan.row("foreign", created_at=job.call.asked_at, api_key_id="another")
    workflow.create(execution)
    workflow.create(execution)
    assert workflow.state(job) == State.ADMITTED


def test_a_task_is_found_although_the_key_was_reset_which_keeps_its_id(workflow: WorkflowBench) -> None:
    workflow.pending("with the old value")
    workflow.key = lambda: "sk-after-the-reset"
    job, execution = workflow.bench.in_queue()
    workflow.wan.accepts_then_fails = True
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    workflow.create(execution)
    workflow.may_be_looked_into()
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.bench.read(job).task.id == "task-2"


@pytest.mark.parametrize("error", [Unreachable("x"), NotUnderstood("x"), Throttled("Throttling", "x", status=429)])
def test_a_list_that_cannot_be_read_is_read_again_later(workflow: WorkflowBench, error: Exception) -> None:
    job, execution = workflow.broken_off(made=True)
    workflow.wan.fail("list", error)
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 30}
    assert workflow.bench.read(job).call.empty_since is None
    assert workflow.create(execution) == {"next": "Poll"}


def test_a_key_that_may_not_read_the_list_holds_the_queue_and_the_operator_is_told_once(
    workflow: WorkflowBench,
) -> None:
    job, execution = workflow.broken_off(made=True)
    for _ in range(2):
        workflow.wan.fail("list", KeyRefused("InvalidApiKey", "x", status=401))
        assert workflow.create(execution)["next"] == "Try again later"
    assert len(workflow.publisher.alerts) == 1
    assert workflow.slots.snapshot().breaker
    assert workflow.state(job) == State.SUBMITTING
    assert workflow.create(execution) == {"next": "Poll"}  # fixed: the task is found, and nothing is paid twice


def test_a_list_that_is_not_complete_proves_nothing(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.wan.total = 3
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 30}
    assert workflow.bench.read(job).call.empty_since is None


def test_a_list_that_takes_too_long_to_read_is_given_up_while_the_function_can_still_give_the_lock_back(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, execution = workflow.broken_off(made=False)
    began = workflow.clock()

    def slow(*, page: int) -> TaskPage:
        workflow.clock.pass_(seconds=1)
        return TaskPage((), 10_000, page, 1_000, workflow.clock())

    monkeypatch.setattr(workflow.wan, "list", slow)
    assert workflow.create(execution)["next"] == "Try again later"
    longest = timedelta(seconds=FUNCTIONS["CreateFunction"]["Timeout"])
    assert workflow.clock() - began + CALL_TIMEOUT < longest
    assert workflow.slots.snapshot().lock is None
    assert workflow.state(job) == State.SUBMITTING


def test_a_list_of_all_the_tasks_that_an_account_makes_in_a_day_is_read(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,900 tasks (docs/limits.md), ten on a page, at the 0.3 s that a page takes from another region."""
    job, execution = workflow.broken_off(made=False)
    for number in range(1899):
        workflow.wan.row(f"by hand {number}", TaskStatus.FAILED)
    rows = workflow.wan.rows

    def listed(*, page: int) -> TaskPage:
        workflow.clock.pass_(seconds=0.3)
        return TaskPage(tuple(rows[10 * (page - 1) : 10 * page]), len(rows), page, 190, workflow.clock())

    monkeypatch.setattr(workflow.wan, "list", listed)
    for _ in range(2):
        workflow.create(execution)
    assert workflow.state(job) == State.ADMITTED


def test_a_function_that_dies_in_a_call_that_made_no_task_is_no_refusal(workflow: WorkflowBench) -> None:
    workflow.pending("before")
    job, execution = crashed(workflow)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    for _ in range(2):
        workflow.create(execution)
    assert (workflow.state(job), workflow.bench.read(job).call.faults) == (State.ADMITTED, 0)


def test_a_task_that_was_adopted_late_is_not_looked_for_once_the_list_forgets_it(workflow: WorkflowBench) -> None:
    first, execution = workflow.bench.in_queue("first")
    workflow.wan.accepts_then_fails = True
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    workflow.create(execution)
    workflow.clock.pass_(hours=20)
    assert workflow.create(execution) == {"next": "Poll"}
    workflow.becomes(first, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution)
    workflow.clock.pass_(hours=5)
    workflow.wan.rows = []
    job, execution = workflow.broken_off(made=False)
    for _ in range(2):
        workflow.create(execution)
    assert workflow.state(job) == State.ADMITTED


def test_what_cannot_be_known_for_23_hours_stops_and_tells(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    for _ in range(3):
        workflow.wan.fail("list", Unreachable("x"))
        workflow.clock.pass_(hours=7)
        assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 300}
    workflow.clock.pass_(seconds=GIVE_UP.total_seconds())
    with pytest.raises(JobClosed):
        workflow.create(execution)
    assert workflow.state(job) == State.FAILED
    assert job.job_id not in {slot.job_id for slot in workflow.slots.snapshot().slots.values()}
    assert workflow.slots.snapshot().lock is None


def test_a_killed_function_leaves_a_job_that_the_next_run_looks_into_after_the_deadline(
    workflow: WorkflowBench,
) -> None:
    job, execution = crashed(workflow)
    assert "at" in workflow.create(execution)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    workflow.wan.row("task-of-the-dead", created_at=workflow.bench.read(job).call.asked_at)
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.bench.read(job).task.id == "task-of-the-dead"


# --- A provider whose list is not as its page says ---


@pytest.mark.parametrize(
    ("shift", "model", "key"),
    [
        (timedelta(hours=8), "wan2.2-animate-move", "ours"),  # its times are in another zone, ours of the list too
        (timedelta(minutes=5), "wan2.2-animate-move", "ours"),  # its clock is five minutes off
        (timedelta(0), "wan2.2-animate-move-2026-01-01", "ours"),  # its model names are dated
        (timedelta(0), None, None),
    ],
)
def test_a_lost_task_is_found_by_its_id_whatever_the_list_says_of_time_model_and_key(
    workflow: WorkflowBench, shift: timedelta, model: str | None, key: str | None
) -> None:
    job, execution = workflow.broken_off(made=True)
    workflow.wan.rows = [
        TaskRow(row.task_id, row.status, model, key, row.created_at + shift if row.created_at else None)
        for row in workflow.wan.rows
    ]
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.bench.read(job).task.id == "task-2"
    assert workflow.wan.made() == 2


def test_a_list_that_lacks_a_task_of_ours_proves_nothing_and_never_allows_a_new_attempt(
    workflow: WorkflowBench,
) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.wan.rows = []
    for _ in range(40):
        assert workflow.create(execution)["next"] == "Try again later"
        workflow.clock.pass_(minutes=5)
    assert workflow.state(job) == State.SUBMITTING
    assert workflow.wan.made() == 2


def test_a_list_that_can_prove_nothing_has_to_be_empty_twice_ten_minutes_apart(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.wan.rows = []
    workflow.clock.pass_(seconds=PROOF.total_seconds())  # what was claimed before is not looked for any more
    assert workflow.create(execution)["wait_seconds"] >= UNPROVEN_APART.total_seconds()
    workflow.clock.pass_(minutes=5)
    assert workflow.create(execution)["wait_seconds"] > 0
    workflow.clock.pass_(minutes=6)
    workflow.create(execution)
    assert workflow.state(job) == State.ADMITTED


def test_while_a_call_is_undecided_other_jobs_are_sent_and_the_operator_hears_once(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=False)
    before = workflow.wan.rows
    workflow.wan.rows = []
    workflow.create(execution)
    assert workflow.slots.snapshot().lock is None
    workflow.becomes(workflow.bench.job_named("before"), TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution_of(workflow.bench.job_named("before")))
    assert workflow.pending("meanwhile")[0].state == State.PENDING
    workflow.clock.pass_(seconds=ALERT_AFTER.total_seconds() + 1)
    for _ in range(3):
        workflow.create(execution)
    assert ["not clear" in alert.subject for alert in workflow.publisher.alerts] == [True]
    workflow.wan.rows = before + workflow.wan.rows
    workflow.create(execution)
    workflow.create(execution)
    assert workflow.lock.all_undecided() == []
    assert workflow.state(job) == State.ADMITTED


def test_a_stopped_job_whose_call_made_no_task_is_canceled_and_told_that_it_cost_nothing(
    workflow: WorkflowBench,
) -> None:
    job, execution = workflow.broken_off(made=False)
    workflow.ends(execution, "ABORTED")
    following = workflow.start_next(job)
    assert workflow.create(following) == {"next": "Try again later", "wait_seconds": 30}
    assert workflow.create(following) == {"next": "Claim the job"}
    assert workflow.state(job) == State.CANCELED
    assert not workflow.bench.read(job).call.unknown
    assert "Nothing was charged" in workflow.publisher.emails[-1].body


def test_a_stopped_job_whose_task_began_saves_its_video(workflow: WorkflowBench) -> None:
    job, execution = workflow.broken_off(made=True)
    workflow.ends(execution, "ABORTED")
    following = workflow.start_next(job)
    workflow.wan.tasks["task-2"] = Task("task-2", TaskStatus.RUNNING)
    assert workflow.create(following) == {"next": "Poll"}
    adopted = workflow.bench.read(job)
    assert (adopted.state, adopted.stopped) == (State.PENDING, True)
