"""The sweep heals each kind of wreck, and does a bounded amount of work in a round."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from motiondrop.drops import Drop
from motiondrop.drops_queue import DropsQueue
from motiondrop.formats import Kind
from motiondrop.job import State
from motiondrop.lost_drops import MOST, LostDrops
from motiondrop.refusals import Throttled
from motiondrop.sweep import ROUND
from motiondrop.wan import Unreachable
from tests.unit.conftest import REGION, Bench, make_input, make_job, run_of
from tests.unit.way_bench import WayBench
from tools.pause import pause


@pytest.fixture
def way(bench: Bench) -> WayBench:
    return WayBench(bench)


def test_what_was_touched_a_moment_ago_is_left_to_its_run(way: WayBench) -> None:
    way.bench.job()
    assert way.sweep() == {"given": 1}
    assert way.runs.started == []


def test_a_job_without_a_run_gets_one(way: WayBench) -> None:
    job = way.bench.job()
    way.quiet()
    assert way.sweep()["started"] == 1
    assert way.runs.started == [job.execution_name]


def test_a_run_that_was_over_before_it_picked_its_job_up_is_concluded(way: WayBench) -> None:
    job = way.bench.job()
    way.runs.statuses[job.execution_name] = "ABORTED"
    way.quiet()
    assert way.sweep()["canceled"] == 1
    assert way.state(job) == State.CANCELED


def test_a_missed_end_is_concluded(way: WayBench) -> None:
    job, run = way.pending()
    way.runs.statuses[run.name] = "FAILED"
    way.quiet()
    assert way.sweep() == {"next run": 1}
    assert way.runs.started == [f"{job.job_id}-2"]


def test_an_execution_that_succeeded_while_its_job_did_not_is_concluded(way: WayBench) -> None:
    job, run = way.pending()
    way.runs.statuses[run.name] = "SUCCEEDED"
    way.quiet()
    assert way.sweep() == {"next run": 1}
    assert way.state(job) == State.PENDING


def test_a_granted_job_that_was_never_woken_is_woken(way: WayBench) -> None:
    way.bench.in_line()
    way.quiet()
    way.sweep()
    assert way.runs.woken == ["token of hero"]


def test_a_job_that_lost_its_place_in_the_line_gets_it_back(way: WayBench) -> None:
    for name in "ab":
        way.bench.in_line(name)
    job, _ = way.bench.in_line("lost")
    way.slots.board().line[0].delete()
    way.quiet()
    way.sweep()
    assert [(place.job_id, place.token) for place in way.slots.board().line] == [(job.job_id, "token of lost")]


def test_a_slot_and_a_lock_whose_job_is_gone_are_freed(way: WayBench) -> None:
    job, _ = way.bench.submitting()
    waiting, _ = way.bench.in_line("a")
    next_, _ = way.bench.in_line("b")
    way.bench.tables.job(f"JOB#{job.job_id[-20:]}", "JOB").delete()
    assert way.sweep() == {"freed": 2, "given": 1}
    assert {lease.job_id for lease in way.slots.board().slots.values()} == {waiting.job_id, next_.job_id}
    assert way.slots.board().lock is None


def test_a_slot_that_its_job_knows_nothing_of_is_freed(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.jobs.write(job, run.owner, slot=None)
    assert way.sweep()["freed"] == 1


def test_a_lease_is_not_taken_from_a_job_whose_run_lives_however_old_it_is(way: WayBench) -> None:
    job, _ = way.pending()
    way.clock.pass_(hours=5)
    way.sweep()
    assert way.bench.read(job).slot is not None


def test_a_slots_dead_owner_is_found_before_ten_thousand_waiting_jobs(way: WayBench) -> None:
    job, run = way.pending()
    with way.bench.tables.job.batch_write() as batch:
        for number in range(3 * ROUND):
            other = make_job(f"n{number}", way.clock())
            item = way.jobs._item(other.job_id)
            for name in ("state", "order", "quote", "runs", "recorded_at"):
                setattr(item, name, getattr(other, name))
            for name in ("image", "video", "options"):
                value = {key: part for key, part in vars(getattr(other, name)).items() if part is not None}
                setattr(item, name, value)
            item.open, item.seen_at = "OPEN", datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
            batch.save(item)
    way.runs.statuses[run.name] = "FAILED"
    way.quiet()
    healed = way.sweep()
    assert healed["next run"] == 1
    assert healed["started"] == ROUND
    assert way.bench.read(job).runs == 2


def test_each_job_has_its_turn_though_a_round_is_bounded(way: WayBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motiondrop.sweep.ROUND", 2)
    jobs = [way.bench.job(f"n{number}", settling=True) for number in range(5)]
    way.quiet()
    for _ in range(3):
        way.sweep()
    assert sorted(way.runs.started) == sorted(job.execution_name for job in jobs)


def test_what_goes_wrong_with_one_job_hinders_no_other(way: WayBench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first_run = way.pending("first")
    _, second_run = way.pending("second")
    way.runs.statuses |= {first_run.name: "ABORTED", second_run.name: "ABORTED"}
    way.wan.fail("cancel", Unreachable("x"), Throttled("Throttling", "x"))
    way.quiet()
    assert way.sweep()["next run"] == 2

    def broken(*_: object, **__: object) -> None:
        raise Unreachable("x")

    monkeypatch.setattr(way.runs, "status", broken)
    way.quiet()
    assert way.sweep() == {}


def test_the_operator_is_told_of_a_held_line_where_its_function_died_before(way: WayBench) -> None:
    way.slots.hold("KeyRefused", "InvalidApiKey")
    assert "breaker told" not in way.sweep()
    way.quiet()
    assert way.sweep()["breaker told"] == 1
    assert "breaker told" not in way.sweep()
    assert "InvalidApiKey" in way.messenger.alerts[0].subject


def test_the_breaker_lets_one_probe_go_whose_run_then_dies_and_the_line_goes_on(way: WayBench) -> None:
    way.slots.hold("KeyRefused", "InvalidApiKey")
    first, run = way.bench.in_line("first")
    second, _ = way.bench.in_line("second")
    way.clock.pass_(minutes=6)
    assert way.sweep()["given"] == 1
    assert way.ends(run, "ABORTED") == "canceled"
    way.clock.pass_(minutes=6)
    way.sweep()
    assert (way.state(first), way.state(second)) == (State.CANCELED, State.ADMITTED)


@pytest.fixture
def inbox(bench: Bench) -> tuple[Bench, LostDrops, Any]:
    s3, sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
    s3.create_bucket(Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": REGION})  # type: ignore[typeddict-item]  # any region's name
    queue = sqs.create_queue(QueueName="drops")["QueueUrl"]
    bench.clock.moment = datetime.now(UTC) + timedelta(hours=1)
    lost = LostDrops(
        s3, DropsQueue(sqs, queue, 720), bench.tables, bench.drops, "inbox", timedelta(minutes=20), bench.clock
    )
    return (
        bench,
        lost,
        lambda: [
            json.loads(message["Body"])["Records"][0]["s3"]["object"]["key"]
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ],
    )


def _put(lost: LostDrops, key: str, body: bytes = b"x") -> str:
    return lost.s3.put_object(Bucket="inbox", Key=key, Body=body)["ETag"]


def _round(lost: LostDrops) -> int:
    """A round, and the queue is empty again."""
    announced = lost.announce()
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.get_queue_url(QueueName="drops")["QueueUrl"]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return announced


def test_a_drop_without_a_record_is_announced_and_others_are_not(inbox: tuple[Bench, LostDrops, Any]) -> None:
    bench, lost, announced = inbox
    etag = _put(lost, "known.png")
    bench.drops.record(Drop("known.png", Kind.IMAGE, etag, rejected="x"))
    _put(lost, "a b/ü+.png")
    _put(lost, "empty.png", b"")
    assert lost.announce() == 1
    assert announced() == ["a+b%2F%C3%BC%2B.png"]


def test_a_drop_that_was_replaced_unseen_is_announced(inbox: tuple[Bench, LostDrops, Any]) -> None:
    bench, lost, announced = inbox
    bench.drops.record(Drop("hero.png", Kind.IMAGE, '"old"', rejected="x"))
    _put(lost, "hero.png")
    assert lost.announce() == 1
    assert announced() == ["hero.png"]


def test_a_drop_that_may_still_be_in_the_queue_is_left_to_it(inbox: tuple[Bench, LostDrops, Any]) -> None:
    bench, lost, _ = inbox
    _put(lost, "hero.png")
    bench.clock.moment = datetime.now(UTC)
    assert lost.announce() == 0


def test_while_the_queue_holds_messages_no_drop_is_lost_yet(inbox: tuple[Bench, LostDrops, Any]) -> None:
    _, lost, announced = inbox
    _put(lost, "hero.png")
    assert lost.announce() == 1
    assert lost.announce() == 0
    announced()
    assert lost.announce() == 0  # received, and not done with


def test_the_inbox_is_gone_through_page_by_page_and_from_the_start_again(
    inbox: tuple[Bench, LostDrops, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lost, _ = inbox
    monkeypatch.setattr("motiondrop.lost_drops.PAGE", 4)
    for number in range(10):
        _put(lost, f"{number}.png")
    assert [_round(lost) for _ in range(4)] == [4, 4, 2, 4]


def test_a_round_announces_a_bounded_number_and_goes_on_after_them(
    inbox: tuple[Bench, LostDrops, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, lost, _ = inbox
    monkeypatch.setattr("motiondrop.lost_drops.MOST", 3)
    for number in range(5):
        _put(lost, f"{number}.png")
    assert [_round(lost) for _ in range(2)] == [3, 2]
    assert MOST <= 100


def test_a_run_that_died_in_line_gives_its_place_to_its_next_run(way: WayBench) -> None:
    for name in "ab":
        way.bench.in_line(name)
    job, run = way.bench.in_line("c")
    way.ends(run, "FAILED")
    following = way.next_run(job)
    way.slots.wait(following, "new token")
    assert [place.token for place in way.slots.board().line] == ["new token"]
    assert way.jobs.get(job.job_id).owner == run_of(job, following.name).owner


def test_a_drop_that_waits_a_day_for_its_partner_is_mentioned_once(way: WayBench) -> None:
    way.bench.drops.record(Drop("alone.png", Kind.IMAGE, "etag", media=make_input("alone.png", "i")))
    way.sweep()
    assert way.messenger.mails == []
    way.bench.clock.pass_(hours=25)
    for _ in range(3):
        way.sweep()
    (message,) = way.messenger.mails
    assert "has waited for a video for a day" in message.body


def test_a_drop_that_makes_nothing_for_another_reason_is_mentioned_with_its_receipt(way: WayBench) -> None:
    way.bench.drops.record(Drop("alone.png", Kind.IMAGE, "etag", media=make_input("alone.png", "i")))
    way.bench.drops.note_receipt("alone.png", "waiting: several images and videos here")
    way.bench.clock.pass_(hours=25)
    way.sweep()
    (message,) = way.messenger.mails
    assert "Its receipt says: waiting: several images and videos here." in message.body


def test_it_is_measured_how_long_the_first_in_the_line_has_waited(
    way: WayBench, capsys: pytest.CaptureFixture[str]
) -> None:
    pause(way.bench.tables)
    first = way.bench.job("first")
    way.bench.clock.pass_(minutes=7)
    way.bench.job("second")
    first = way.bench.jobs.take_over(run_of(first), lambda _: False)
    way.bench.slots.wait(run_of(first), "token")  # its run joins the line, which it does again each day
    way.sweep()
    measured = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OldestWait" in line]
    assert [round(said["OldestWait"][0]) for said in measured] == [420]
