"""Jobs whose create calls get no answer, again and again, though none of them makes a task that costs anything."""

from dataclasses import replace

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import State
from motiondrop.domain.provider_errors import ProviderFault
from motiondrop.errors import Contended
from motiondrop.provider.responses import OutcomeUnknown, TaskStatus
from motiondrop.storage.submission_lock import SubmissionLock
from tests.support.workflow_bench import WorkflowBench

_LOST = OutcomeUnknown("HTTP 500")


def follow(workflow: WorkflowBench, execution: Execution, *, made: bool) -> str:
    """Lose the answer to each create call of the execution; return where it goes in the end.

    If `made`, each call makes a task all the same, which fails at once.
    """
    for _ in range(20):
        workflow.wan.accepts_then_fails = made
        workflow.wan.errors["create"] = [_LOST]
        step = workflow.create(execution)
        if "at" in step:
            workflow.may_be_looked_into()
            if made:
                workflow.wan.rows[-1] = replace(workflow.wan.rows[-1], status=TaskStatus.FAILED)
        elif step["next"] == "Try again later":
            workflow.clock.pass_(seconds=step["wait_seconds"])
        else:
            return str(step["next"])
    return "never"


@pytest.mark.parametrize("made", [False, True])
def test_a_job_passes_its_turn_and_ends_if_another_one_is_accepted_meanwhile(
    workflow: WorkflowBench, made: bool
) -> None:
    before, first = workflow.pending("before")
    job, execution = workflow.bench.in_queue()
    assert follow(workflow, execution, made=made) == "Wait for a slot"
    assert workflow.state(job) == State.QUEUED
    workflow.wan.errors.clear()
    workflow.pending("another")
    workflow.becomes(before, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(first)
    workflow.slots.wait(execution, "token")
    assert workflow.state(job) == State.ADMITTED
    with pytest.raises(ProviderFault):
        follow(workflow, execution, made=made)
    ended = workflow.closing.notify(workflow.bench.read(job))
    assert (ended.state, ended.call.unknown) == (State.FAILED, False)
    assert "Nothing was charged" in workflow.publisher.emails[-1].body


def test_two_jobs_hold_the_queue_and_neither_fails(workflow: WorkflowBench) -> None:
    jobs = [workflow.bench.in_queue(name) for name in ("first", "second")]
    for _, execution in jobs:
        assert follow(workflow, execution, made=False) == "Wait for a slot"
    assert workflow.slots.snapshot().breaker
    assert [workflow.state(job) for job, _ in jobs] == [State.QUEUED] * 2
    assert [alert.event for alert in workflow.publisher.alerts] == ["held"]


def test_a_probe_whose_answer_was_lost_closes_the_breaker_as_soon_as_its_task_is_found(
    workflow: WorkflowBench,
) -> None:
    jobs = [workflow.bench.in_queue(name) for name in ("first", "second")]
    for _, execution in jobs:
        follow(workflow, execution, made=False)
        workflow.slots.wait(execution, "token")
    workflow.clock.pass_(minutes=6)
    workflow.slots.grant()
    (probe,) = [execution for job, execution in jobs if workflow.state(job) == State.ADMITTED]
    workflow.wan.accepts_then_fails = True
    workflow.wan.errors["create"] = [_LOST]
    workflow.create(probe)
    workflow.may_be_looked_into()
    assert workflow.create(probe) == {"next": "Poll"}
    assert workflow.slots.snapshot().breaker is None
    assert State.QUEUED not in {workflow.state(job) for job, _ in jobs}


def test_a_lost_answer_counts_even_if_the_function_is_cut_off_before_it_has_noted_that(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.pending("before")
    job, execution = workflow.bench.in_queue()
    workflow.wan.fail("create", _LOST)
    workflow.create(execution)
    workflow.may_be_looked_into()
    workflow.create(execution)
    with monkeypatch.context() as patch:
        patch.setattr(SubmissionLock, "release", _contended)
        with pytest.raises(Contended):
            workflow.create(execution)
    workflow.create(execution)
    assert (workflow.state(job), workflow.bench.read(job).call.faults) == (State.ADMITTED, 1)


def _contended(*_: object) -> None:
    raise Contended("others were in the way")
