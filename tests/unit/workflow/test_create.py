"""Creating a task: once, whatever breaks off."""

from dataclasses import replace
from datetime import datetime

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.domain.outcome import NOTHING_CHARGED, cost_of_failure
from motiondrop.domain.provider_errors import ContentRefused, KeyRefused, MediaUnfit, Throttled
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.provider.responses import NotSent, TaskStatus, Unreachable
from motiondrop.storage.submission_lock import NotSaved
from motiondrop.workflow.create import WINDOW, mark_of
from tests.support.builders import execution_of
from tests.support.workflow_bench import WorkflowBench


def test_a_task_is_made_saved_and_polled(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    assert (job.state, job.task.id, job.call.attempt) == (State.PENDING, "task-1", 1)
    assert workflow.slots.snapshot().lock is None
    assert workflow.create(execution) == {"next": "Poll"}
    assert workflow.wan.made() == 1


@pytest.mark.parametrize(("wanted", "sent"), [(True, True), (False, None)])
def test_a_watermark_is_asked_for_where_the_stack_wants_one(
    workflow: WorkflowBench, *, wanted: bool, sent: bool | None
) -> None:
    workflow._create = replace(workflow._create, watermark=wanted)
    workflow.pending()
    assert workflow.wan.watermarks == [sent]


def test_while_another_job_submits_this_one_waits_ever_longer(workflow: WorkflowBench) -> None:
    first, first_run = workflow.bench.in_queue("first")
    _, execution = workflow.bench.in_queue("second")
    workflow.lock.acquire(first, first_run, workflow.clock() + WINDOW, "key")
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 2}
    workflow.clock.pass_(seconds=1030)
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 200}
    workflow.clock.pass_(hours=20)
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 300}
    assert workflow.wan.made() == 0


def test_a_call_that_would_come_too_late_is_not_made(workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch) -> None:
    job, execution = workflow.bench.in_queue()
    acquire = workflow.lock.acquire

    def held_up(job: Job, execution: Execution, until: datetime, key_mark: str) -> Job:
        after = acquire(job, execution, until, key_mark)
        workflow.clock.pass_(seconds=10)
        return after

    monkeypatch.setattr(workflow.lock, "acquire", held_up)
    assert workflow.create(execution) == {"next": "Try again later", "wait_seconds": 0}
    assert workflow.wan.made() == 0
    assert workflow.state(job) == State.ADMITTED
    assert workflow.slots.snapshot().lock is None


def test_what_was_never_sent_is_tried_again_later_with_the_slot_kept(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", NotSent("no connection"))
    step = workflow.create(execution)
    assert step["next"] == "Try again later"
    assert 1 <= step["wait_seconds"] <= 4
    assert workflow.bench.read(job).turn.slot is not None


def test_throttling_backs_off_longer_each_time_and_never_fails_the_job(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    pauses = []
    for _ in range(30):
        workflow.wan.fail("create", Throttled("Throttling.RateQuota", "slow"))
        pauses.append(workflow.create(execution)["wait_seconds"])
    assert max(pauses[:2]) <= 8
    assert max(pauses) > 60
    assert max(pauses) <= 300
    assert workflow.create(execution)["next"] == "Wait for the task"
    assert workflow.bench.read(job).call.throttled == 0


@pytest.mark.parametrize("refusal", [MediaUnfit("InvalidImage.NoHuman", "x"), ContentRefused("FaqRuleBlocked", "x")])
def test_what_only_the_user_can_change_is_never_tried_again(workflow: WorkflowBench, refusal: Exception) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", refusal)
    with pytest.raises(type(refusal)):
        workflow.create(execution)
    assert workflow.bench.read(job).verdict.family == type(refusal).__name__
    assert workflow.slots.snapshot().slots == {}


def test_an_operators_trouble_holds_the_queue_and_tells_once(workflow: WorkflowBench) -> None:
    first, execution = workflow.bench.in_queue("first")
    second, second_run = workflow.bench.in_queue("second")
    workflow.wan.fail("create", *[KeyRefused("InvalidApiKey", "x", status=401) for _ in range(2)])
    assert workflow.create(execution) == {"next": "Wait for a slot"}
    assert workflow.create(second_run) == {"next": "Wait for a slot"}
    assert workflow.state(first) == workflow.state(second) == State.QUEUED
    assert [place.job_id for place in workflow.slots.snapshot().queue] == [first.job_id, second.job_id]
    assert len(workflow.publisher.alerts) == 1


def test_a_secret_without_a_value_holds_the_queue_too(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()

    def no_key() -> str:
        raise KeyRefused("NoKey", "The secret has no value yet.")

    workflow.key = no_key
    assert workflow.create(execution) == {"next": "Wait for a slot"}
    assert workflow.state(job) == State.QUEUED
    assert workflow.slots.snapshot().breaker is not None


def test_a_further_attempt_that_is_held_goes_back_to_the_queue(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError")
    assert workflow.poll(execution) == {"next": "Create task"}

    def no_key() -> str:
        raise KeyRefused("NoKey", "none")

    workflow.key = no_key
    assert workflow.create(execution) == {"next": "Wait for a slot"}
    assert (workflow.state(job), workflow.slots.snapshot().slots) == (State.QUEUED, {})


def test_the_first_task_after_the_trouble_closes_the_breaker_and_says_so(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", KeyRefused("InvalidApiKey", "x", status=401))
    workflow.create(execution)
    workflow.slots.wait(execution, "again")
    workflow.clock.pass_(minutes=6)
    workflow.slots.grant()
    assert workflow.create(execution)["next"] == "Wait for the task"
    assert workflow.slots.snapshot().breaker is None
    assert [alert.subject for alert in workflow.publisher.alerts][-1].endswith("no longer on hold")
    assert workflow.state(job) == State.PENDING


def test_a_run_that_is_refused_its_save_cancels_its_task(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    other = execution_of(job, "other")
    workflow.wan.during_create = lambda: workflow.jobs.take_over(other, lambda _: False)
    with pytest.raises(NotOwner):
        workflow.create(execution)
    assert "cancel task-1" in workflow.wan.calls
    assert workflow.wan.tasks["task-1"].status == TaskStatus.CANCELED


def test_that_the_task_cannot_be_canceled_hides_no_refusal(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.during_create = lambda: workflow.jobs.take_over(execution_of(job, "other"), lambda _: False)
    workflow.wan.fail("cancel", Unreachable("x"))
    with pytest.raises(NotOwner):
        workflow.create(execution)


def test_a_task_that_a_stopped_executions_function_still_makes_is_saved_and_canceled_by_the_next(
    workflow: WorkflowBench,
) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.during_create = lambda: workflow.ends(execution, "ABORTED")
    assert workflow.create(execution) == {"next": "Wait for the task", "wait_seconds": 15}
    assert workflow.bench.read(job).stopped
    following = workflow.start_next(job)
    with pytest.raises(JobClosed):
        workflow.poll(following)
    assert "cancel task-1" in workflow.wan.calls
    assert workflow.state(job) == State.CANCELED


def test_a_save_that_others_were_in_the_way_of_leaves_the_task_alone(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, execution = workflow.bench.in_queue()
    begun = workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")

    def in_the_way(*_: object) -> None:
        raise Contended("conflict")

    monkeypatch.setattr("motiondrop.storage.jobs.transact", in_the_way)
    with pytest.raises(NotSaved):
        workflow.lock.claim_task(begun, execution, "task", None)


def test_a_save_whose_answer_was_lost_is_no_refusal(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    begun = workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")
    workflow.lock.claim_task(begun, execution, "task", None)
    assert workflow.lock.claim_task(begun, execution, "task", None).task.id == "task"


def test_the_key_is_read_once_for_the_record_and_the_call(workflow: WorkflowBench) -> None:
    keys = iter(["sk-first", "sk-second"])
    workflow.key = lambda: next(keys)
    job, execution = workflow.bench.in_queue()
    assert workflow.create(execution)["next"] == "Wait for the task"
    assert workflow.wan.keys == ["sk-first"]
    assert workflow.bench.read(job).call.key_mark == mark_of("sk-first")


def test_a_stopped_job_is_not_sent(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.jobs.transition(job, execution.owner, None, stopped=True)
    assert workflow.create(execution) == {"next": "Claim the job"}
    assert workflow.state(job) == State.CANCELED
    assert workflow.wan.made() == 0


def test_money_is_counted_on_the_day_it_is_spent(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    assert workflow.bench.read(job).turn.reserved_on == "2026-01-02"
    workflow.clock.pass_(days=1)
    workflow.create(execution)
    assert workflow.bench.read(job).turn.reserved_on == "2026-01-03"
    assert workflow.bench.budget.today().committed == workflow.bench.read(job).turn.reserved
    workflow.clock.pass_(days=-1)
    assert workflow.bench.budget.today().committed == 0


def test_a_job_whose_next_task_has_to_wait_for_the_budget_does_not_name_the_failed_one(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError.Algo")
    workflow.poll(execution)
    monkeypatch.setattr(workflow.bench.budget, "_daily", 0)
    workflow.clock.pass_(days=1)
    assert workflow.create(execution) == {"next": "Wait for a slot"}
    waiting = workflow.bench.read(job)
    assert (waiting.state, waiting.task.id) == (State.QUEUED, None)
    assert cost_of_failure(waiting) == NOTHING_CHARGED
