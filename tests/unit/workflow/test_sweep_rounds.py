"""A round of the sweep: money first, every part alone, one round at a time."""

import pytest
from botocore.exceptions import ClientError

from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import Job, Result, State
from motiondrop.domain.provider_errors import KeyRefused, MediaUnfit
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.circuit_breaker import Stage
from motiondrop.storage.items import JobItem
from tests.support.builders import execution_of, make_job
from tests.support.workflow_bench import GRACE, WorkflowBench


def test_money_in_flight_is_looked_after_first_and_all_of_it_however_many_others_wait(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motiondrop.workflow.sweep.ROUND", 1)
    paid = []
    for name in ("first", "second", "third"):
        job, execution = workflow.pending(name)
        workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2)
        workflow.poll(execution)
        workflow.executions.statuses[execution.name] = "FAILED"
        paid.append(job)
    workflow.quiet()
    for name in "abcdef":
        workflow.bench.in_queue(name)
    assert [workflow.state(job) for job in paid] == [State.SAVING] * 3
    assert workflow.sweep()["next execution"] == 3


def test_a_part_of_a_round_that_fails_hinders_no_other_and_is_counted(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job, execution = workflow.pending()
    workflow.executions.statuses[execution.name] = "FAILED"
    workflow.quiet()

    def refuses() -> int:
        raise ClientError({"Error": {"Code": "AuthorizationError"}}, "Publish")

    monkeypatch.setattr(workflow.publisher, "send_digests", refuses)
    monkeypatch.setattr(workflow.slots, "free_orphans", lambda _: refuses())
    assert workflow.sweep()["next execution"] == 1
    assert workflow.bench.read(job).execution_number == 2
    assert capsys.readouterr().out.count('"SweepFailures":[') == 2


def test_two_rounds_at_once_do_nothing_twice(workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = []

    def second_round() -> int:
        rounds.append(workflow.sweep())
        return 1

    monkeypatch.setattr(workflow.publisher, "send_digests", second_round)
    assert workflow.sweep() == {"digests": 1}
    assert rounds == [{"another round is under way": 1}]
    monkeypatch.undo()
    assert workflow.sweep() == {}


def test_a_round_that_died_stops_the_next_for_a_short_time_only(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies() -> int:
        raise SystemExit

    monkeypatch.setattr(workflow.publisher, "send_digests", dies)
    with pytest.raises(SystemExit):
        workflow.sweep()
    monkeypatch.undo()
    assert workflow.sweep() == {"another round is under way": 1}
    workflow.clock.pass_(seconds=GRACE.total_seconds())
    assert workflow.sweep() == {}


def corrupt(workflow: WorkflowBench, job: Job) -> None:
    """Make the job's record one that cannot be read."""
    workflow.bench.client.update_item(
        TableName="jobs",
        Key={"pk": {"S": f"JOB#{job.job_id[-20:]}"}, "sk": {"S": "JOB"}},
        UpdateExpression="SET recorded_at = :rubbish",
        ExpressionAttributeValues={":rubbish": {"S": "no time at all"}},
    )


def test_a_job_that_cannot_be_given_a_slot_waits_aside_counted_and_the_others_go_on(
    workflow: WorkflowBench, capsys: pytest.CaptureFixture[str]
) -> None:
    paid, execution = workflow.pending("paid")
    workflow.pending("other")
    broken, _ = workflow.bench.queued("broken")
    healthy, _ = workflow.bench.in_queue("healthy")
    corrupt(workflow, broken)
    workflow.becomes(paid, TaskStatus.FAILED, code="InvalidImage.NoHuman")
    with pytest.raises(MediaUnfit):  # the step that frees the slot ends as it should
        workflow.poll(execution)
    assert workflow.state(healthy) == State.ADMITTED
    assert workflow.slots.snapshot().queue == []
    assert "JobsSetAside" in capsys.readouterr().out


def test_a_slot_whose_jobs_record_cannot_be_read_stays_taken_and_the_others_are_freed(workflow: WorkflowBench) -> None:
    broken, _ = workflow.pending("broken")
    gone, _ = workflow.pending("gone")
    corrupt(workflow, broken)
    workflow.bench.tables.job(f"JOB#{identity_of(gone.job_id)}", "JOB").delete()
    assert workflow.slots.free_orphans(workflow.slots.snapshot()) == 1
    assert [slot.job_id for slot in workflow.slots.snapshot().slots.values()] == [broken.job_id]


def test_a_record_that_cannot_be_read_stops_no_round(workflow: WorkflowBench) -> None:
    broken, _ = workflow.bench.queued("broken")
    healthy, _ = workflow.bench.queued("healthy")
    corrupt(workflow, broken)
    workflow.clock.pass_(hours=1)
    assert workflow.sweep() != {}
    assert workflow.state(healthy) != State.QUEUED


def test_an_operations_topic_that_refuses_does_not_keep_the_sweep_from_probing(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ClientError({"Error": {"Code": "NotFound"}}, "Publish")

    monkeypatch.setattr(workflow.publisher, "alert", refuse)
    workflow.breaker.open(make_job("opener", workflow.clock()), KeyRefused("InvalidApiKey"), Stage.CREATE)
    waiting, _ = workflow.bench.in_queue("waiting")
    workflow.clock.pass_(minutes=6)
    workflow.sweep()
    assert workflow.state(waiting) == State.ADMITTED


def test_a_record_that_is_being_forgotten_does_not_keep_other_videos_from_being_opened(workflow: WorkflowBench) -> None:
    broken, healthy = workflow.saved("broken"), workflow.saved("healthy")
    record = workflow.bench.tables.job(f"JOB#{identity_of(broken.job_id)}", "JOB")
    record.update(actions=[JobItem.forgotten_at.set(workflow.clock()), JobItem.recorded_at.remove()])
    workflow.opening.result = Result("videos/x.mp4", 1, codec="h264", opened=True)
    workflow.sweep()
    assert workflow.bench.read(healthy).result.opened


def test_a_job_that_just_got_its_slot_is_not_said_to_wait_for_the_budget(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow.bench.budget, "_daily", 700_000)  # one job a day
    first, execution = workflow.pending("first")
    second, _ = workflow.bench.in_queue("second")
    assert workflow.state(second) == State.QUEUED
    workflow.becomes(first, TaskStatus.SUCCEEDED, video_duration=5.2)
    workflow.poll(execution)
    workflow.clock.pass_(days=1)
    assert workflow.sweep()["given"] == 1
    assert workflow.state(second) == State.ADMITTED
    assert workflow.publisher.alerts == []


def test_jobs_dearer_than_a_lowered_budget_are_set_aside_once_until_it_is_raised(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        dear = workflow.bench.job(f"dear {number}", quote=10_000_000)
        workflow.jobs.take_over(execution_of(dear), lambda _: False)
    cheap, _ = workflow.bench.queued("cheap")
    monkeypatch.setattr(workflow.bench.budget, "_daily", 1_000_000)
    counted: list[int] = []
    monkeypatch.setattr(workflow.slots, "_set_aside", lambda: counted.append(1))
    for _ in range(30):
        workflow.clock.pass_(minutes=1)
        workflow.sweep()
    assert workflow.state(cheap) == State.ADMITTED
    assert len(counted) == 20
    assert workflow.publisher.alerts == []  # which would say that the queue resumes at midnight
    monkeypatch.setattr(workflow.bench.budget, "_daily", 20_000_000)
    workflow.quiet()
    assert workflow.sweep()["given"] == 1


def test_an_execution_that_was_just_started_and_is_not_yet_known_is_not_taken_for_one_that_is_gone(
    workflow: WorkflowBench,
) -> None:
    job = workflow.bench.job()
    workflow.executions.statuses[job.execution_name] = "GONE"
    workflow.quiet()
    assert workflow.sweep()["started"] == 1
    assert workflow.executions.started == [job.execution_name]
    assert workflow.bench.read(job).restarts == 0
