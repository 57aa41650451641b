"""Whose a refusal is: the user's, the account's, or what the next job's call tells."""

from dataclasses import dataclass, field, replace

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.domain.provider_codes import family
from motiondrop.domain.provider_errors import (
    BillingTrouble,
    ContentRefused,
    DownloadFailed,
    NotFound,
    ProviderFault,
    RequestInvalid,
    UnknownRefusal,
    WanError,
)
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.circuit_breaker import PROBE_EVERY
from tests.support.workflow_bench import WorkflowBench

INVALID = RequestInvalid("InvalidParameter", "parameters.mode is wrong", status=400)
UNKNOWN = UnknownRefusal("SomethingNew", "no", status=400)
MODERATED = ContentRefused("DataInspectionFailed", "no", status=400)


@dataclass
class Line:
    """Jobs of one stack with one slot, each sent when its turn comes and refused as its entry of `refuses` says."""

    workflow: WorkflowBench
    refuses: dict[str, WanError] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def drop(self, *names: str) -> None:
        """Record jobs in this order; none is sent yet."""
        self.workflow.slots._size = 1
        for name in names:
            self.workflow.clock.pass_(seconds=1)
            _, self.executions[name] = self.workflow.bench.in_queue(name)

    def job(self, name: str) -> Job:
        return self.workflow.jobs.get(self.executions[name].job_id)

    def states(self) -> dict[str, State]:
        found = {
            job.job_id: job.state for job in self.workflow.jobs.find([one.job_id for one in self.executions.values()])
        }
        return {name: found[execution.job_id] for name, execution in self.executions.items()}

    def go_on(self, most: int = 30) -> None:
        """Send whoever has the slot, and end each task with a video, until nobody has one."""
        for _ in range(most):
            self.workflow.slots.grant()
            name = next((name for name, state in self.states().items() if state == State.ADMITTED), None)
            if name is None:
                return
            self.send(name)

    def send(self, name: str) -> None:
        execution = self.executions[name]
        self.sent.append(name)
        if name in self.refuses:
            self.workflow.wan.fail("create", self.refuses[name])
        try:
            step = self.workflow.create(execution)
        except WanError:
            return
        if step["next"] == "Wait for a slot":
            self.workflow.slots.wait(execution, f"again {name} {len(self.sent)}")
        elif step["next"] == "Wait for the task":
            self.workflow.becomes(self.job(name), TaskStatus.SUCCEEDED, video_duration=5.0, video_url="http://x/1")
            self.workflow.poll(execution)

    def later(self) -> None:
        """Let the time pass after which the next probe is due, and look."""
        self.workflow.clock.pass_(seconds=PROBE_EVERY.total_seconds() + 1)
        self.go_on()

    @property
    def told(self) -> list[str]:
        return [alert.event for alert in self.workflow.publisher.alerts]


@pytest.fixture
def line(workflow: WorkflowBench) -> Line:
    return Line(workflow)


@pytest.mark.parametrize("refusal", [INVALID, UNKNOWN])
def test_a_refused_job_passes_its_turn_and_is_tried_again_once_another_was_accepted(
    line: Line, refusal: WanError
) -> None:
    line.drop("bad", "good", "last")
    line.refuses["bad"] = refusal
    line.go_on()
    assert line.sent == ["bad", "good", "bad", "last"]
    assert line.states() == {"bad": State.FAILED, "good": State.SAVING, "last": State.SAVING}
    assert (line.job("bad").verdict.code, line.job("bad").verdict.message) == (refusal.code, refusal.message)
    assert line.told == []


def test_a_job_whose_refusal_was_not_its_own_is_accepted_the_second_time(line: Line) -> None:
    line.drop("first", "second")
    line.refuses["first"] = INVALID
    line.workflow.slots.grant()
    line.send("first")
    del line.refuses["first"]
    line.go_on()
    assert line.sent == ["first", "second", "first"]
    assert set(line.states().values()) == {State.SAVING}


def test_another_job_refused_alike_opens_the_breaker_whatever_the_code_and_one_email_says_so(line: Line) -> None:
    names = [f"job{number:02d}" for number in range(8)]
    line.drop(*names)
    line.refuses = dict.fromkeys(names, UNKNOWN)
    line.go_on()
    assert line.sent == names[:2]
    for _ in range(17):  # each twice, and once more
        line.later()
    assert set(line.states().values()) == {State.QUEUED}
    assert line.told == ["held"]
    alert = line.workflow.publisher.alerts[0]
    assert "SomethingNew: no" in alert.body
    assert "refused several different jobs in the same way" in alert.body
    line.refuses.clear()
    line.later()
    assert set(line.states().values()) == {State.SAVING}
    assert line.told == ["held", "resumed"]


def test_probes_go_round_the_queue(line: Line) -> None:
    line.drop("a", "b", "c", "d")
    line.refuses = dict.fromkeys("abcd", INVALID)
    line.go_on()
    assert line.sent == ["a", "b"]
    for _ in range(5):
        line.later()
    assert line.sent == ["a", "b", "c", "d", "a", "b", "c"]


def test_a_job_with_a_reason_of_its_own_does_not_hold_the_queue_as_a_probe(line: Line) -> None:
    line.drop("bad", "first", "second")
    overdue = BillingTrouble("Arrearage", "x", status=400)
    line.refuses = {"bad": INVALID, "first": overdue, "second": overdue}
    line.go_on()
    assert line.told == ["held"]
    line.refuses = {"bad": INVALID}
    line.later()
    line.later()
    assert line.sent[:4] == ["bad", "first", "second", "bad"]
    assert line.states() == {"bad": State.FAILED, "first": State.SAVING, "second": State.SAVING}
    assert line.told == ["held", "resumed"]


def test_a_job_alone_is_tried_once_more_after_five_minutes(line: Line) -> None:
    line.drop("alone")
    line.refuses["alone"] = INVALID
    line.go_on()
    assert (line.sent, line.states()["alone"]) == (["alone"], State.QUEUED)
    line.later()
    assert (line.sent, line.states()["alone"]) == (["alone", "alone"], State.FAILED)


def test_jobs_that_come_one_at_a_time_are_not_lost_one_by_one(line: Line) -> None:
    names = [f"job{number}" for number in range(4)]
    line.refuses = dict.fromkeys(names, INVALID)
    for name in names:
        line.drop(name)
        line.go_on()
        line.later()
        line.later()
    assert line.states() == {"job0": State.FAILED, **dict.fromkeys(names[1:], State.QUEUED)}
    assert line.told == ["held"]


def test_two_bad_jobs_that_are_refused_for_reasons_of_their_own_hold_nobody(line: Line) -> None:
    line.drop("one", "other", "good")
    line.refuses = {"one": INVALID, "other": UNKNOWN}
    line.go_on()
    assert line.states() == {"one": State.FAILED, "other": State.FAILED, "good": State.SAVING}
    assert line.told == []


def test_refusals_of_ever_other_kinds_open_the_breaker_when_nobody_is_accepted(line: Line) -> None:
    line.drop("one", "other")
    line.refuses = {"one": INVALID, "other": UNKNOWN}
    line.go_on()
    for _ in range(4):
        line.later()
    assert set(line.states().values()) == {State.QUEUED}
    assert line.told == ["held"]


def test_moderated_pictures_of_three_users_hold_nobody(line: Line) -> None:
    line.drop("one", "two", "three", "good")
    line.refuses = dict.fromkeys(["one", "two", "three"], MODERATED)
    line.go_on()
    assert line.sent == ["one", "two", "three", "good"]
    assert line.states() == {**dict.fromkeys(["one", "two", "three"], State.FAILED), "good": State.SAVING}
    assert line.told == []


def test_inputs_that_could_not_be_downloaded_get_fresh_links_twice_the_second_time_after_another_job(
    line: Line,
) -> None:
    line.drop("bad", "good")
    line.refuses["bad"] = DownloadFailed("InvalidURL", "x", status=400)
    line.go_on()
    assert line.sent == ["bad", "bad", "good", "bad"]
    assert line.states() == {"bad": State.FAILED, "good": State.SAVING}


@pytest.mark.parametrize(
    ("code", "message"),
    [("ModelNotFound", "x"), ("InvalidParameter", "Model not exist."), ("AccessDenied", "x"), ("New", "x")],
)
def test_a_wrong_model_name_leaves_all_jobs_queued_and_goes_on_when_it_is_put_right(
    line: Line, code: str, message: str
) -> None:
    names = [f"job{number}" for number in range(6)]  # twenty on the local cloud
    line.drop(*names)
    line.refuses = dict.fromkeys(names, family(code, 404, message)(code, message, status=404))
    line.go_on()
    for _ in range(3):
        line.later()
    assert set(line.states().values()) == {State.QUEUED}
    line.refuses.clear()
    line.later()
    assert set(line.states().values()) == {State.SAVING}


def test_a_task_of_before_says_nothing_of_a_call_that_was_refused_after_it(workflow: WorkflowBench) -> None:
    old, old_execution = workflow.pending("old")
    workflow.clock.pass_(seconds=1)
    refused, execution = workflow.bench.in_queue("refused")
    workflow.wan.fail("create", INVALID)
    assert workflow.create(execution) == {"next": "Wait for a slot"}
    workflow.becomes(old, TaskStatus.SUCCEEDED, video_duration=5.0, video_url="http://x/1")
    workflow.poll(old_execution)
    assert workflow.state(refused) == State.QUEUED
    assert workflow.slots.snapshot().refused is not None


def test_a_slot_given_before_the_queue_was_held_does_not_block_the_probes(workflow: WorkflowBench) -> None:
    workflow.pending("takes-hours")
    workflow.clock.pass_(seconds=1)
    job, execution = workflow.bench.in_queue("next")
    workflow.wan.fail("create", BillingTrouble("Arrearage", "x", status=400))
    workflow.create(execution)
    workflow.slots.wait(execution, "again")
    workflow.clock.pass_(minutes=6)
    assert workflow.slots.grant() == 1
    assert workflow.state(job) == State.ADMITTED


# --- Tasks that fail ---


def failing(workflow: WorkflowBench, name: str, refusal: WanError) -> tuple[Job, Execution]:
    """A job whose tasks all fail so; each gets what tries it may have."""
    job, execution = workflow.pending(name)
    for _ in range(refusal.retry.tries):
        workflow.becomes(job, TaskStatus.FAILED, code=refusal.code, message=refusal.message)
        assert workflow.poll(execution) == {"next": "Create task"}
        workflow.create(execution)
    workflow.becomes(job, TaskStatus.FAILED, code=refusal.code, message=refusal.message)
    return job, execution


@pytest.mark.parametrize("refusal", [RequestInvalid("InvalidParameter", "x"), ProviderFault("InternalError", "x")])
def test_a_task_that_fails_ends_its_job_and_the_next_job_alike_holds_the_queue(
    workflow: WorkflowBench, refusal: WanError
) -> None:
    first, execution = failing(workflow, "first", refusal)
    with pytest.raises(type(refusal)):
        workflow.poll(execution)
    second, execution = failing(workflow, "second", refusal)
    assert workflow.poll(execution) == {"next": "Wait for a slot"}
    assert (workflow.state(first), workflow.state(second)) == (State.FAILED, State.QUEUED)
    assert workflow.bench.read(second).task.id is None
    assert [alert.event for alert in workflow.publisher.alerts] == ["held"]


def test_a_task_that_succeeds_between_two_that_fail_tells_that_they_fail_for_themselves(
    workflow: WorkflowBench,
) -> None:
    refusal = RequestInvalid("InvalidParameter", "x")
    _, execution = failing(workflow, "first", refusal)
    with pytest.raises(RequestInvalid):
        workflow.poll(execution)
    good, execution = workflow.pending("good")
    workflow.becomes(good, TaskStatus.SUCCEEDED, video_duration=5.0, video_url="http://x/1")
    workflow.poll(execution)
    _, execution = failing(workflow, "second", refusal)
    with pytest.raises(RequestInvalid):
        workflow.poll(execution)
    assert workflow.publisher.alerts == []


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [("Arrearage", "x", BillingTrouble), ("InvalidParameter", "Model not exist.", NotFound)],
)
def test_a_task_that_fails_for_the_account_is_queued_again_until_one_succeeds(
    workflow: WorkflowBench, code: str, message: str, kind: type[WanError]
) -> None:
    job, execution = workflow.pending()
    workflow.becomes(job, TaskStatus.FAILED, code=code, message=message)
    assert workflow.poll(execution) == {"next": "Wait for a slot"}
    assert (workflow.state(job), workflow.slots.snapshot().slots) == (State.QUEUED, {})
    breaker = workflow.slots.snapshot().breaker
    assert breaker is not None
    assert breaker.family == kind.__name__
    # That a probe's call is accepted does not tell that its task will not fail.
    workflow.clock.pass_(minutes=6)
    workflow.slots.wait(execution, "again")
    assert workflow.create(execution)["next"] == "Wait for the task"
    assert workflow.slots.snapshot().breaker is not None
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.0, video_url="http://x/1")
    assert workflow.poll(execution) == {"next": "Finalize"}
    assert workflow.slots.snapshot().breaker is None
    assert [alert.event for alert in workflow.publisher.alerts] == ["held", "resumed"]


def test_jobs_that_share_a_bad_file_fail_each_for_itself(workflow: WorkflowBench) -> None:
    refusal = RequestInvalid("InvalidParameter", "x")
    for name in ("first", "second"):
        job, execution = failing(workflow, name, refusal)
        job = workflow.bench.read(job)
        workflow.jobs.transition(job, execution.owner, None, video=replace(job.video, digest="the-same-clip"))
        with pytest.raises(RequestInvalid):
            workflow.poll(execution)
    assert workflow.publisher.alerts == []


def test_a_task_made_before_the_queue_was_held_says_nothing_of_the_cause(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending("before")
    other, other_execution = workflow.pending("other")
    workflow.clock.pass_(seconds=1)
    workflow.becomes(other, TaskStatus.FAILED, code="Arrearage", message="x")
    workflow.poll(other_execution)
    workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.0, video_url="http://x/1")
    workflow.poll(execution)
    assert workflow.slots.snapshot().breaker is not None
