"""Creating a task: once, whatever breaks off."""

from datetime import datetime, timedelta

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.domain.provider_errors import DownloadFailed, KeyRefused, MediaUnfit, RequestInvalid, Throttled
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.provider.client import CALL_TIMEOUT
from motiondrop.provider.responses import NotSent, NotUnderstood, OutcomeUnknown, TaskStatus, Unreachable
from motiondrop.storage.submission_lock import NotSaved
from motiondrop.workflow.create import GIVE_UP, WINDOW
from tests.support.builders import execution_of
from tests.support.workflow_bench import MARGIN, WorkflowBench


def broken_off(workflow: WorkflowBench, *, made: bool) -> tuple[Job, Execution]:
    """A job whose create call got no answer, and the time after which that can be looked into."""
    job, execution = workflow.bench.in_queue()
    workflow.wan.accepts_then_fails = made
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    assert "at" in workflow.create(execution)
    workflow.clock.pass_(seconds=(MARGIN + CALL_TIMEOUT).total_seconds() + 1)
    return workflow.bench.read(job), execution


def crashed(workflow: WorkflowBench) -> tuple[Job, Execution]:
    """A job whose function died in the create call; its next execution has taken over."""
    job, execution = workflow.bench.in_queue()
    workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")
    workflow.ends(execution, "FAILED", "Runtime.ExitError")
    return workflow.bench.read(job), workflow.start_next(job)


def test_a_task_is_made_saved_and_polled(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    assert (job.state, job.task_id, job.attempt) == (State.PENDING, "task-1", 1)
    assert workflow.slots.snapshot().lock is None
    assert workflow.create(execution) == {"next": "poll"}
    assert workflow.wan.made() == 1


def test_while_another_job_submits_this_one_waits_ever_longer(workflow: WorkflowBench) -> None:
    first, first_run = workflow.bench.in_queue("first")
    _, execution = workflow.bench.in_queue("second")
    workflow.lock.acquire(first, first_run, workflow.clock() + WINDOW, "key")
    assert workflow.create(execution) == {"next": "create", "seconds": 2}
    workflow.clock.pass_(seconds=1030)
    assert workflow.create(execution) == {"next": "create", "seconds": 200}
    workflow.clock.pass_(hours=20)
    assert workflow.create(execution) == {"next": "create", "seconds": 300}
    assert workflow.wan.made() == 0


def test_a_call_that_would_come_too_late_is_not_made(workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch) -> None:
    job, execution = workflow.bench.in_queue()
    acquire = workflow.lock.acquire

    def held_up(job: Job, execution: Execution, until: datetime, key_mark: str) -> Job:
        after = acquire(job, execution, until, key_mark)
        workflow.clock.pass_(seconds=10)
        return after

    monkeypatch.setattr(workflow.lock, "acquire", held_up)
    assert workflow.create(execution) == {"next": "create", "seconds": 0}
    assert workflow.wan.made() == 0
    assert workflow.state(job) == State.ADMITTED
    assert workflow.slots.snapshot().lock is None


def test_what_was_never_sent_is_tried_again_later_with_the_slot_kept(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", NotSent("no connection"))
    step = workflow.create(execution)
    assert step["next"] == "create"
    assert 1 <= step["seconds"] <= 4
    assert workflow.bench.read(job).slot is not None


def test_throttling_backs_off_longer_each_time_and_never_fails_the_job(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    pauses = []
    for _ in range(30):
        workflow.wan.fail("create", Throttled("Throttling.RateQuota", "slow"))
        pauses.append(workflow.create(execution)["seconds"])
    assert max(pauses[:2]) <= 8
    assert max(pauses) > 60
    assert max(pauses) <= 300
    assert workflow.create(execution)["next"] == "poll"
    assert workflow.bench.read(job).throttled == 0


def test_inputs_that_could_not_be_downloaded_get_fresh_links_twice(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", *[DownloadFailed("InvalidURL", "x", status=400) for _ in range(3)])
    assert workflow.create(execution)["next"] == "create"
    assert workflow.create(execution)["next"] == "create"
    with pytest.raises(DownloadFailed):
        workflow.create(execution)
    assert workflow.state(job) == State.FAILED


@pytest.mark.parametrize("refusal", [MediaUnfit("InvalidImage.NoHuman", "x"), RequestInvalid("InvalidParameter", "x")])
def test_what_only_a_person_can_change_is_never_tried_again(workflow: WorkflowBench, refusal: Exception) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", refusal)
    with pytest.raises(type(refusal)):
        workflow.create(execution)
    assert workflow.bench.read(job).verdict == type(refusal).__name__
    assert workflow.slots.snapshot().slots == {}


def test_an_operators_trouble_holds_the_queue_and_tells_once(workflow: WorkflowBench) -> None:
    first, execution = workflow.bench.in_queue("first")
    second, second_run = workflow.bench.in_queue("second")
    workflow.wan.fail("create", *[KeyRefused("InvalidApiKey", "x", status=401) for _ in range(2)])
    assert workflow.create(execution) == {"next": "slot"}
    assert workflow.create(second_run) == {"next": "slot"}
    assert workflow.state(first) == workflow.state(second) == State.QUEUED
    assert [place.job_id for place in workflow.slots.snapshot().queue] == [first.job_id, second.job_id]
    assert len(workflow.publisher.alerts) == 1


def test_a_secret_without_a_value_holds_the_queue_too(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()

    def no_key() -> str:
        raise KeyRefused("NoKey", "The secret has no value yet.")

    workflow.key = no_key
    assert workflow.create(execution) == {"next": "slot"}
    assert workflow.state(job) == State.QUEUED
    assert workflow.slots.snapshot().breaker is not None


def test_a_further_attempt_that_is_held_goes_back_to_the_queue(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code="InternalError")
    assert workflow.poll(execution) == {"next": "create"}

    def no_key() -> str:
        raise KeyRefused("NoKey", "none")

    workflow.key = no_key
    assert workflow.create(execution) == {"next": "slot"}
    assert (workflow.state(job), workflow.slots.snapshot().slots) == (State.QUEUED, {})


def test_the_first_task_after_the_trouble_closes_the_breaker_and_says_so(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", KeyRefused("InvalidApiKey", "x", status=401))
    workflow.create(execution)
    workflow.slots.wait(execution, "again")
    workflow.clock.pass_(minutes=6)
    workflow.slots.grant()
    assert workflow.create(execution)["next"] == "poll"
    assert workflow.slots.snapshot().breaker is None
    assert [alert.subject for alert in workflow.publisher.alerts][-1].endswith("goes on")
    assert workflow.state(job) == State.PENDING


def test_after_a_lost_answer_nothing_is_asked_before_the_margin_is_over(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", OutcomeUnknown("lost"))
    assert "at" in workflow.create(execution)
    assert "at" in workflow.create(execution)
    assert "list" not in workflow.wan.calls
    assert workflow.bench.read(job).unknown


def test_a_task_that_was_made_is_adopted_and_no_second_one_made(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=True)
    assert workflow.create(execution) == {"next": "poll"}
    assert workflow.bench.read(job).task_id == "task-1"
    assert workflow.wan.made() == 1


def test_a_new_attempt_is_made_only_after_the_list_was_empty_twice(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=False)
    assert workflow.create(execution) == {"next": "create", "seconds": 30}
    assert workflow.wan.made() == 1
    assert workflow.create(execution) == {"next": "create", "seconds": 0}
    assert workflow.create(execution) == {"next": "poll", "seconds": 15}
    assert (workflow.wan.made(), workflow.bench.read(job).attempt) == (2, 2)


def test_a_task_that_appears_at_the_second_look_is_adopted(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=False)
    workflow.create(execution)
    workflow.wan.row("late", created_at=job.asked_at)
    assert workflow.create(execution) == {"next": "poll"}
    assert workflow.bench.read(job).task_id == "late"


def test_several_tasks_that_may_be_the_jobs_stop_it_and_the_email_names_them(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=True)
    workflow.wan.row("another", created_at=job.asked_at)
    with pytest.raises(JobClosed):
        workflow.create(execution)
    closed = workflow.bench.read(job)
    assert closed.state == State.FAILED
    assert closed.reason is not None
    assert "another, task-1" in closed.reason
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
    ],
)
def test_a_task_that_cannot_be_the_jobs_is_left_alone(workflow: WorkflowBench, foreign: dict[str, object]) -> None:
    job, execution = broken_off(workflow, made=False)
    assert job.asked_at is not None
    shift = foreign.get("created_at", timedelta(0))
    assert isinstance(shift, timedelta)
    workflow.wan.row("foreign", **(foreign | {"created_at": job.asked_at + shift}))  # type: ignore[arg-type]  # any field
    workflow.create(execution)
    assert workflow.create(execution) == {"next": "create", "seconds": 0}
    assert workflow.state(job) == State.ADMITTED


def test_a_task_of_another_key_of_the_account_is_left_alone(workflow: WorkflowBench) -> None:
    workflow.pending("before")  # tells which key is ours
    job, execution = broken_off(workflow, made=False)
    workflow.wan.row("foreign", created_at=job.asked_at, api_key_id="another")
    workflow.create(execution)
    assert workflow.create(execution) == {"next": "create", "seconds": 0}


def test_a_task_that_another_job_owns_is_left_alone(workflow: WorkflowBench) -> None:
    other, _ = workflow.pending("other")
    job, execution = broken_off(workflow, made=False)
    workflow.create(execution)
    assert workflow.create(execution) == {"next": "create", "seconds": 0}
    assert workflow.bench.read(other).task_id == "task-1"
    assert workflow.state(job) == State.ADMITTED


@pytest.mark.parametrize("error", [Unreachable("x"), NotUnderstood("x"), Throttled("Throttling", "x", status=429)])
def test_a_list_that_cannot_be_read_is_read_again_later(workflow: WorkflowBench, error: Exception) -> None:
    job, execution = broken_off(workflow, made=True)
    workflow.wan.fail("list", error)
    assert workflow.create(execution) == {"next": "create", "seconds": 30}
    assert workflow.bench.read(job).empty_lists == 0
    assert workflow.create(execution) == {"next": "poll"}


def test_a_key_that_may_not_read_the_list_holds_the_queue_and_the_operator_is_told_once(
    workflow: WorkflowBench,
) -> None:
    job, execution = broken_off(workflow, made=True)
    for _ in range(2):
        workflow.wan.fail("list", KeyRefused("InvalidApiKey", "x", status=401))
        assert workflow.create(execution)["next"] == "create"
    assert len(workflow.publisher.alerts) == 1
    assert workflow.slots.snapshot().breaker
    assert workflow.state(job) == State.SUBMITTING
    assert workflow.create(execution) == {"next": "poll"}  # fixed: the task is found, and nothing is paid twice


def test_a_list_that_is_not_complete_proves_nothing(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=False)
    workflow.wan.total = 3
    assert workflow.create(execution) == {"next": "create", "seconds": 30}
    assert workflow.bench.read(job).empty_lists == 0


def test_what_cannot_be_known_for_23_hours_stops_and_tells(workflow: WorkflowBench) -> None:
    job, execution = broken_off(workflow, made=True)
    for _ in range(3):
        workflow.wan.fail("list", Unreachable("x"))
        workflow.clock.pass_(hours=7)
        step = workflow.create(execution)
        assert step == {"next": "create", "seconds": 300}
    workflow.clock.pass_(seconds=GIVE_UP.total_seconds())
    with pytest.raises(JobClosed):
        workflow.create(execution)
    assert workflow.state(job) == State.FAILED
    assert workflow.slots.snapshot().slots == {}
    assert workflow.slots.snapshot().lock is None


def test_a_killed_function_leaves_a_job_that_the_next_run_looks_into_after_the_deadline(
    workflow: WorkflowBench,
) -> None:
    job, execution = crashed(workflow)
    assert "at" in workflow.create(execution)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    workflow.wan.row("task-of-the-dead", created_at=workflow.bench.read(job).asked_at)
    assert workflow.create(execution) == {"next": "poll"}
    assert workflow.wan.made() == 0


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


def test_a_stopped_runs_function_that_goes_on_is_refused_and_the_next_run_ends_the_job(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.wan.during_create = lambda: workflow.ends(execution, "ABORTED")
    with pytest.raises(Contended):
        workflow.create(execution)
    assert workflow.state(job) == State.CANCELING
    following = workflow.start_next(job)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    assert workflow.create(following) == {"next": "create", "seconds": 30}
    assert workflow.create(following) == {"next": "closed"}
    assert workflow.state(job) == State.CANCELED
    assert len(workflow.publisher.emails) == 1


def test_a_stopped_job_whose_task_began_saves_its_video(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()

    def stopped_too_late() -> None:
        workflow.ends(execution, "ABORTED")
        workflow.wan.fail("cancel", Unreachable("x"))

    workflow.wan.during_create = stopped_too_late
    with pytest.raises(Contended):
        workflow.create(execution)
    following = workflow.start_next(job)
    workflow.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    workflow.wan.tasks["task-1"] = workflow.wan.query("task-1").__class__("task-1", TaskStatus.RUNNING)
    assert workflow.create(following) == {"next": "poll"}
    adopted = workflow.bench.read(job)
    assert (adopted.state, adopted.stopped) == (State.PENDING, True)


def test_a_save_that_others_were_in_the_way_of_leaves_the_task_alone(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, execution = workflow.bench.in_queue()
    begun = workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")

    def in_the_way(*_: object) -> None:
        raise Contended("conflict")

    monkeypatch.setattr("motiondrop.storage.submission_lock.transact", in_the_way)
    with pytest.raises(NotSaved):
        workflow.lock.claim_task(begun, execution, "task", None)


def test_a_save_whose_answer_was_lost_is_no_refusal(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    begun = workflow.lock.acquire(job, execution, workflow.clock() + WINDOW, "key")
    workflow.lock.claim_task(begun, execution, "task", None)
    assert workflow.lock.claim_task(begun, execution, "task", None).task_id == "task"
