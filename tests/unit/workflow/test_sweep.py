"""The sweep heals each kind of wreck, and does a bounded amount of work in a round."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cli.pause import set_pause
from motiondrop.aws.event_queue import EventQueue
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Result, State, Turn
from motiondrop.domain.provider_errors import KeyRefused, Throttled
from motiondrop.provider.responses import Unreachable
from motiondrop.storage.circuit_breaker import Stage
from motiondrop.storage.cursors import Cursors
from motiondrop.storage.drops import Drop, record_key
from motiondrop.storage.items import DropItem
from motiondrop.workflow.missed_events import MOST, MissedEvents
from motiondrop.workflow.sweep import ROUND
from tests.support.bench import Bench
from tests.support.builders import REGION, execution_of, make_input, make_job
from tests.support.workflow_bench import WorkflowBench


def test_what_was_touched_a_moment_ago_is_left_to_its_run(workflow: WorkflowBench) -> None:
    workflow.bench.job()
    assert workflow.sweep() == {"given": 1}
    assert workflow.executions.started == []


def test_the_operator_hears_once_a_day_of_hosts_that_videos_may_not_be_fetched_from(workflow: WorkflowBench) -> None:
    for name in ("first", "second"):
        job, execution = workflow.pending(name)
        job = workflow.jobs.transition(job, execution.owner, State.SAVING)
        workflow.jobs.transition(job, execution.owner, result=Result(refused_host="dashscope-b1.example.com"))
    assert [workflow.sweep().get("hosts told", 0) for _ in range(3)] == [1, 0, 0]
    workflow.clock.pass_(hours=24)
    assert workflow.sweep()["hosts told"] == 1
    first, second = workflow.publisher.alerts
    assert first.facts == second.facts == {"hosts": ["dashscope-b1.example.com"], "videos": 2}
    first_lost = min(one.called_at for one in workflow.jobs.in_flight()) + timedelta(hours=24)
    assert f"deletes the first of these videos at {first_lost:%Y-%m-%d %H:%M} UTC" in first.body


def test_a_job_without_a_run_gets_one(workflow: WorkflowBench) -> None:
    job = workflow.bench.job()
    workflow.quiet()
    assert workflow.sweep()["started"] == 1
    assert workflow.executions.started == [job.execution_name]


def test_a_run_that_was_over_before_it_picked_its_job_up_is_concluded(workflow: WorkflowBench) -> None:
    job = workflow.bench.job()
    workflow.executions.statuses[job.execution_name] = "ABORTED"
    workflow.quiet()
    assert workflow.sweep()["canceled"] == 1
    assert workflow.state(job) == State.CANCELED


def test_a_missed_end_is_concluded(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.executions.statuses[execution.name] = "FAILED"
    workflow.quiet()
    assert workflow.sweep() == {"next execution": 1}
    assert workflow.executions.started == [f"{job.job_id}-2"]


def test_an_execution_that_succeeded_while_its_job_did_not_is_concluded(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    workflow.executions.statuses[execution.name] = "SUCCEEDED"
    workflow.quiet()
    assert workflow.sweep() == {"next execution": 1}
    assert workflow.state(job) == State.PENDING


def test_a_granted_job_that_was_never_woken_is_woken(workflow: WorkflowBench) -> None:
    workflow.bench.in_queue()
    workflow.quiet()
    workflow.sweep()
    assert workflow.executions.woken == ["token of hero"]


def test_a_job_that_lost_its_place_in_the_queue_gets_it_back(workflow: WorkflowBench) -> None:
    for name in "ab":
        workflow.bench.in_queue(name)
    job, _ = workflow.bench.in_queue("lost")
    workflow.slots.snapshot().queue[0].delete()
    workflow.quiet()
    workflow.sweep()
    assert [(place.job_id, place.token) for place in workflow.slots.snapshot().queue] == [(job.job_id, "token of lost")]


def test_a_slot_and_a_lock_whose_job_is_gone_are_freed(workflow: WorkflowBench) -> None:
    job, _ = workflow.bench.submitting()
    waiting, _ = workflow.bench.in_queue("a")
    next_, _ = workflow.bench.in_queue("b")
    workflow.bench.tables.job(f"JOB#{job.job_id[-20:]}", "JOB").delete()
    assert workflow.sweep() == {"freed": 2, "given": 1}
    assert {lease.job_id for lease in workflow.slots.snapshot().slots.values()} == {waiting.job_id, next_.job_id}
    assert workflow.slots.snapshot().lock is None


def test_a_slot_that_its_job_knows_nothing_of_is_freed(workflow: WorkflowBench) -> None:
    job, execution = workflow.bench.in_queue()
    workflow.jobs.transition(job, execution.owner, None, turn=Turn())
    assert workflow.sweep()["freed"] == 1


def test_a_lease_is_not_taken_from_a_job_whose_run_lives_however_old_it_is(workflow: WorkflowBench) -> None:
    job, _ = workflow.pending()
    workflow.clock.pass_(hours=5)
    workflow.sweep()
    assert workflow.bench.read(job).turn.slot is not None


def test_a_slots_dead_owner_is_found_before_ten_thousand_waiting_jobs(workflow: WorkflowBench) -> None:
    job, execution = workflow.pending()
    with workflow.bench.tables.job.batch_write() as batch:
        for number in range(3 * ROUND):
            other = make_job(f"n{number}", workflow.clock())
            item = workflow.bench.tables.job(f"JOB#{other.job_id[-20:]}", "JOB", **vars(other))
            item.open, item.seen_at = "OPEN", datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            batch.save(item)
    workflow.executions.statuses[execution.name] = "FAILED"
    workflow.quiet()
    healed = workflow.sweep()
    assert healed["next execution"] == 1
    assert healed["started"] == ROUND
    assert workflow.bench.read(job).execution_number == 2


def test_each_job_has_its_turn_though_a_round_is_bounded(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motiondrop.workflow.sweep.ROUND", 2)
    jobs = [workflow.bench.job(f"n{number}") for number in range(5)]
    workflow.quiet()
    for _ in range(3):
        workflow.sweep()
    assert sorted(workflow.executions.started) == sorted(job.execution_name for job in jobs)


def test_what_goes_wrong_with_one_job_hinders_no_other(
    workflow: WorkflowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first_run = workflow.pending("first")
    _, second_run = workflow.pending("second")
    workflow.executions.statuses |= {first_run.name: "ABORTED", second_run.name: "ABORTED"}
    workflow.wan.fail("cancel", Unreachable("x"), Throttled("Throttling", "x"))
    workflow.quiet()
    assert workflow.sweep()["next execution"] == 2

    def broken(*_: object, **__: object) -> None:
        raise Unreachable("x")

    monkeypatch.setattr(workflow.executions, "status", broken)
    workflow.quiet()
    assert workflow.sweep() == {}


def test_the_operator_is_told_of_a_held_line_where_its_function_died_before(workflow: WorkflowBench) -> None:
    workflow.breaker.open(make_job("opener", workflow.clock()), KeyRefused("InvalidApiKey"), Stage.CREATE)
    assert "breaker told" not in workflow.sweep()
    workflow.quiet()
    assert workflow.sweep()["breaker told"] == 1
    assert "breaker told" not in workflow.sweep()
    assert "InvalidApiKey" in workflow.publisher.alerts[0].subject


def test_the_breaker_lets_one_probe_go_whose_run_then_dies_and_the_queue_goes_on(workflow: WorkflowBench) -> None:
    workflow.breaker.open(make_job("opener", workflow.clock()), KeyRefused("InvalidApiKey"), Stage.CREATE)
    first, execution = workflow.bench.in_queue("first")
    second, _ = workflow.bench.in_queue("second")
    workflow.clock.pass_(minutes=6)
    assert workflow.sweep()["given"] == 1
    assert workflow.ends(execution, "ABORTED") == "canceled"
    workflow.clock.pass_(minutes=6)
    workflow.sweep()
    assert (workflow.state(first), workflow.state(second)) == (State.CANCELED, State.ADMITTED)


@pytest.fixture
def inbox(bench: Bench) -> tuple[Bench, MissedEvents, Any]:
    s3, sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
    s3.create_bucket(Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": REGION})  # type: ignore[typeddict-item]  # any region's name
    queue = sqs.create_queue(QueueName="drops")["QueueUrl"]
    bench.clock.moment = datetime.now(UTC) + timedelta(hours=1)
    lost = MissedEvents(
        s3=s3,
        queue=EventQueue(sqs, queue, 720),
        cursors=Cursors(bench.tables),
        drops=bench.drops,
        changes=bench.changes,
        bucket="inbox",
        age=timedelta(minutes=20),
        clock=bench.clock,
    )
    return (
        bench,
        lost,
        lambda: [
            json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"]
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ],
    )


def _put(lost: MissedEvents, key: str, body: bytes = b"x") -> str:
    return lost.s3.put_object(Bucket="inbox", Key=key, Body=body)["ETag"]


def _round(lost: MissedEvents) -> int:
    """A round, and the queue is empty again."""
    announced = lost.resend()
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.get_queue_url(QueueName="drops")["QueueUrl"]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return announced


def test_a_drop_without_a_record_is_announced_and_others_are_not(inbox: tuple[Bench, MissedEvents, Any]) -> None:
    bench, lost, announced = inbox
    etag = _put(lost, "known.png")
    bench.drops.record(Drop("known.png", Kind.IMAGE, etag, rejected="x"))
    _put(lost, "a b/ü+.png")
    _put(lost, "empty.png", b"")
    assert lost.resend() == 1
    assert announced() == ["a+b%2F%C3%BC%2B.png"]


def test_a_drop_that_was_replaced_unseen_is_announced(inbox: tuple[Bench, MissedEvents, Any]) -> None:
    bench, lost, announced = inbox
    bench.drops.record(Drop("hero.png", Kind.IMAGE, '"old"', rejected="x"))
    _put(lost, "hero.png")
    assert lost.resend() == 1
    assert announced() == ["hero.png"]


def test_a_record_that_cannot_be_read_hides_no_drop_and_is_not_announced(
    inbox: tuple[Bench, MissedEvents, Any],
) -> None:
    bench, lost, announced = inbox
    bench.drops.record(Drop("broken.png", Kind.IMAGE, _put(lost, "broken.png"), rejected="x"))
    bench.tables.drop(*record_key("broken.png")).update(actions=[DropItem.kind.set("OF ANOTHER VERSION")])
    _put(lost, "hero.png")
    assert lost.resend() == 1
    assert announced() == ["hero.png"]


def test_a_drop_that_may_still_be_in_the_queue_is_left_to_it(inbox: tuple[Bench, MissedEvents, Any]) -> None:
    bench, lost, _ = inbox
    _put(lost, "hero.png")
    bench.clock.moment = datetime.now(UTC)
    assert lost.resend() == 0


def test_while_the_queue_holds_messages_no_drop_is_lost_yet(inbox: tuple[Bench, MissedEvents, Any]) -> None:
    _, lost, announced = inbox
    _put(lost, "hero.png")
    assert lost.resend() == 1
    assert lost.resend() == 0
    announced()
    assert lost.resend() == 0  # received, and not done with


def test_the_inbox_is_gone_through_page_by_page_and_from_the_start_again(
    inbox: tuple[Bench, MissedEvents, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lost, _ = inbox
    monkeypatch.setattr("motiondrop.workflow.missed_events.PAGE", 4)
    for number in range(10):
        _put(lost, f"{number}.png")
    assert [_round(lost) for _ in range(4)] == [4, 4, 2, 4]


def test_a_round_announces_a_bounded_number_and_goes_on_after_them(
    inbox: tuple[Bench, MissedEvents, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lost, _ = inbox
    monkeypatch.setattr("motiondrop.workflow.missed_events.MOST", 3)
    for number in range(5):
        _put(lost, f"{number}.png")
    assert [_round(lost) for _ in range(2)] == [3, 2]
    assert MOST <= 100


def test_a_run_that_died_in_line_gives_its_place_to_its_next_run(workflow: WorkflowBench) -> None:
    for name in "ab":
        workflow.bench.in_queue(name)
    job, execution = workflow.bench.in_queue("c")
    workflow.ends(execution, "FAILED")
    following = workflow.start_next(job)
    workflow.slots.wait(following, "new token")
    assert [place.token for place in workflow.slots.snapshot().queue] == ["new token"]
    assert workflow.jobs.get(job.job_id).owner == execution_of(job, following.name).owner


def test_a_drop_that_waits_a_day_for_its_partner_is_mentioned_once(workflow: WorkflowBench) -> None:
    workflow.bench.drops.record(Drop("alone.png", Kind.IMAGE, "etag", media=make_input("alone.png", "i")))
    workflow.sweep()
    assert workflow.publisher.emails == []
    workflow.bench.clock.pass_(hours=25)
    for _ in range(3):
        workflow.sweep()
    (message,) = workflow.publisher.emails
    assert "has been waiting for a video for a day" in message.body


def test_a_drop_that_makes_nothing_for_another_reason_is_mentioned_with_its_receipt(workflow: WorkflowBench) -> None:
    workflow.bench.drops.record(Drop("alone.png", Kind.IMAGE, "etag", media=make_input("alone.png", "i")))
    receipt = "waiting: the animation starts once the folder has not changed for 30 s"
    workflow.bench.drops.note_receipt("alone.png", receipt)
    workflow.bench.clock.pass_(hours=25)
    workflow.sweep()
    (message,) = workflow.publisher.emails
    assert f'Its receipt says: "{receipt}".' in message.body


def test_it_is_measured_how_long_the_first_in_the_queue_has_waited(
    workflow: WorkflowBench, capsys: pytest.CaptureFixture[str]
) -> None:
    set_pause(workflow.bench.tables)
    first = workflow.bench.job("first")
    workflow.bench.clock.pass_(minutes=7)
    workflow.bench.job("second")
    first = workflow.bench.jobs.take_over(execution_of(first), lambda _: False)
    workflow.bench.slots.wait(
        execution_of(first), "token"
    )  # its execution joins the queue, which it does again each day
    workflow.sweep()
    measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OldestWait" in line]
    assert [round(said["OldestWait"][0]) for said in measured] == [420]
