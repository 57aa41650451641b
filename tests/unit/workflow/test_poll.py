"""Asking after a task: when, how often, and what follows from each answer."""

from datetime import timedelta

import pytest

from cli.spend import of_month
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, Job, State, Verdict
from motiondrop.domain.provider_errors import (
    BillingTrouble,
    ContentRefused,
    DownloadFailed,
    KeyRefused,
    ProviderFault,
    ProviderTimeout,
)
from motiondrop.errors import JobClosed, ResultExpired
from motiondrop.provider.responses import NotUnderstood, TaskStatus, Unreachable
from motiondrop.workflow.poll import BELIEVE_UNKNOWN, interval
from tests.support.workflow_bench import WorkflowBench

EVENTS_OF_A_POLL = 9  # Wait 2, Task 5, Choice 2 (Step Functions Developer Guide, "Standard workflows": history)


@pytest.mark.parametrize("seconds", [15, 60, 300])
def test_an_execution_that_polls_for_a_day_stays_under_10_000_events(seconds: int) -> None:
    polls, age = 0, timedelta()
    while age < timedelta(days=1):
        age += timedelta(seconds=interval(age, seconds))
        polls += 1
    assert polls * EVENTS_OF_A_POLL < 10_000


def test_polls_come_every_15_s_for_three_hours_then_every_five_minutes() -> None:
    ages = [timedelta(), timedelta(hours=3) - timedelta(seconds=1), timedelta(hours=3), timedelta(hours=23)]
    assert [interval(age, 15) for age in ages] == [15, 15, 300, 300]


def test_an_unfinished_task_is_followed_and_a_poll_that_finds_nothing_new_writes_nothing(
    workflow: WorkflowBench,
) -> None:
    job, execution = workflow.pending()
    workflow.poll(execution)
    before, slots = workflow.bench.read(job), workflow.slots.snapshot().slots
    workflow.clock.pass_(minutes=5)
    assert workflow.poll(execution) == {"next": "Wait for the task", "wait_seconds": 15}
    assert (workflow.bench.read(job), workflow.slots.snapshot().slots[0].grant) == (before, slots[0].grant)
    workflow.becomes(job, TaskStatus.RUNNING)
    workflow.clock.pass_(hours=3)
    assert workflow.poll(execution) == {"next": "Wait for the task", "wait_seconds": 300}
    assert workflow.state(job) == State.RUNNING


def test_a_finished_task_frees_its_slot_before_its_video_is_saved(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    waiting, _ = workflow.bench.in_queue("second")
    third, _ = workflow.bench.in_queue("third")
    assert workflow.state(third) == State.QUEUED
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2, video_ratio="standard", video_url="http://x/1")
    assert workflow.poll(execution) == {"next": "Finalize"}
    saving = workflow.bench.read(job)
    assert (saving.state, saving.turn.slot, saving.billing) == (State.SAVING, None, Billing(5.2, "wan-std", 624_000))
    assert workflow.state(waiting) == workflow.state(third) == State.ADMITTED


def test_a_length_that_the_service_does_not_say_is_estimated_and_counted_all_the_same(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_url="http://x/1")
    workflow.poll(execution)
    assert workflow.bench.read(job).billing == Billing(5.2, "wan-std", 624_000, estimated=True)
    assert workflow.bench.budget.today().committed == 624_000


@pytest.mark.parametrize("error", [Unreachable("x"), NotUnderstood("x"), KeyRefused("InvalidApiKey", "x", status=401)])
def test_a_poll_that_gets_no_answer_never_fails_the_job_before_its_day_is_over(
    workflow: WorkflowBench, error: Exception
) -> None:
    job, execution = workflow.pending()
    for _ in range(23):
        workflow.clock.pass_(hours=1)
        workflow.wan.fail("query", error)
        assert workflow.poll(execution)["next"] == "Wait for the task"
    workflow.clock.pass_(hours=1.1)
    workflow.wan.fail("query", error)
    with pytest.raises(ResultExpired):
        workflow.poll(execution)
    closed = workflow.bench.read(job)
    assert closed.state == State.FAILED
    assert closed.closing.reason is not None
    assert "24 hours" in closed.closing.reason


def test_unknown_is_believed_only_when_it_is_repeated(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    task = workflow.wan.tasks.pop("task-1")
    for _ in range(BELIEVE_UNKNOWN - 1):
        assert workflow.poll(execution)["next"] == "Wait for the task"
    workflow.wan.tasks["task-1"] = task
    workflow.poll(execution)
    assert workflow.bench.read(job).task.unknown_answers == 0
    del workflow.wan.tasks["task-1"]
    for _ in range(BELIEVE_UNKNOWN - 1):
        workflow.poll(execution)
    with pytest.raises(ResultExpired):
        workflow.poll(execution)
    assert workflow.state(job) == State.FAILED


def test_a_fault_of_the_provider_gets_a_new_task_at_most_twice_in_the_same_slot(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    slot = job.turn.slot
    for _ in range(2):
        workflow.becomes(job, TaskStatus.FAILED, code="InternalError.Algo")
        assert workflow.poll(execution) == {"next": "Create task"}
        assert workflow.poll(execution) == {"next": "Create task"}
        assert workflow.create(execution)["next"] == "Wait for the task"
        assert workflow.bench.read(job).turn.slot == slot
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError.Algo")
    with pytest.raises(ProviderFault):
        workflow.poll(execution)
    assert workflow.wan.made() == 3


def test_a_task_that_took_too_long_gets_a_new_one_once(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError.Timeout")
    workflow.poll(execution)
    workflow.create(execution)
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError.Timeout")
    with pytest.raises(ProviderTimeout):
        workflow.poll(execution)


def test_inputs_that_were_not_downloaded_get_a_new_task_with_fresh_links(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    for _ in range(2):
        workflow.becomes(job, TaskStatus.FAILED, code="InvalidURL.Timeout")
        assert workflow.poll(execution) == {"next": "Create task"}
        workflow.create(execution)
    workflow.becomes(job, TaskStatus.FAILED, code="InvalidURL.Timeout")
    with pytest.raises(DownloadFailed):
        workflow.poll(execution)


def test_moderation_is_final(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code="DataInspectionFailed", message="no")
    with pytest.raises(ContentRefused):
        workflow.poll(execution)
    closed = workflow.bench.read(job)
    assert (closed.verdict, closed.turn.slot) == (Verdict("ContentRefused", "DataInspectionFailed", "no"), None)
    assert workflow.slots.snapshot().slots == {}


def test_a_task_that_somebody_canceled_cancels_its_job(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.CANCELED)
    with pytest.raises(JobClosed):
        workflow.poll(execution)
    assert workflow.state(job) == State.CANCELED


def test_a_stopped_job_whose_task_still_waits_is_canceled_by_the_next_run(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.wan.fail("cancel", Unreachable("x"), Unreachable("x"))
    assert workflow.ends(execution, "ABORTED") == "next execution"
    following = workflow.start_next(job)
    assert workflow.poll(following)["next"] == "Wait for the task"
    with pytest.raises(JobClosed):
        workflow.poll(following)
    assert (workflow.state(job), workflow.wan.tasks["task-1"].status) == (State.CANCELED, TaskStatus.CANCELED)


def stopped_at_work(workflow: WorkflowBench) -> tuple[Job, Execution]:
    """A job that was stopped while the provider worked, and its next execution."""
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.RUNNING)
    workflow.poll(execution)
    workflow.ends(execution, "ABORTED")
    return job, workflow.start_next(job)


def test_a_stopped_job_gets_no_new_task_after_a_fault(workflow: WorkflowBench) -> None:
    job, following = stopped_at_work(workflow)
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError")
    with pytest.raises(ProviderFault):
        workflow.poll(following)
    assert workflow.wan.made() == 1


def test_a_stopped_job_that_fails_by_the_account_ends_and_the_operator_is_told_all_the_same(
    workflow: WorkflowBench,
) -> None:
    job, following = stopped_at_work(workflow)
    workflow.becomes(job, TaskStatus.FAILED, code="Arrearage")
    with pytest.raises(BillingTrouble):
        workflow.poll(following)
    assert workflow.state(job) == State.FAILED
    assert [alert.event for alert in workflow.publisher.alerts] == ["held"]


def test_a_video_is_in_its_months_spend_although_the_provider_names_no_end(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution)
    month = workflow.clock().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert [one.job_id for one in of_month(workflow.jobs, month)] == [job.job_id]
