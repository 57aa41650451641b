"""Asking after a task: when, how often, and what follows from each answer."""

import pytest

from motiondrop.errors import JobClosed, ResultExpired
from motiondrop.job import State
from motiondrop.poll import BELIEVE_UNKNOWN, interval
from motiondrop.refusals import ContentRefused, DownloadFailed, KeyRefused, ProviderFault, ProviderTimeout
from motiondrop.wan import NotUnderstood, TaskStatus, Unreachable
from tests.unit.conftest import Bench
from tests.unit.way_bench import WayBench

DAY = 24 * 3600
EVENTS_OF_A_POLL = 9  # Wait 2, Task 5, Choice 2 (Step Functions Developer Guide, "Standard workflows": history)


@pytest.fixture
def way(bench: Bench) -> WayBench:
    return WayBench(bench)


@pytest.mark.parametrize("seconds", [1, 15, 60, 300])
def test_a_run_that_is_polled_for_a_day_stays_under_15_000_events(seconds: int) -> None:
    polls, passed = 0, 0
    while passed < DAY:
        passed += interval(polls, seconds)
        polls += 1
    assert polls * EVENTS_OF_A_POLL < 15_000


def test_polls_come_every_15_s_then_every_minute_then_every_five() -> None:
    assert [interval(polls, 15) for polls in (0, 39, 40, 999, 1000, 5000)] == [15, 15, 60, 60, 300, 300]
    assert [interval(polls, 15, waits=True) for polls in (0, 1, 2, 39, 40, 1000)] == [15, 60, 60, 60, 60, 300]
    assert interval(5, 120, waits=True) == 120


def test_an_unfinished_task_is_followed_and_its_lease_renewed(way: WayBench) -> None:
    job, run = way.pending()
    before = way.slots.board().slots[0].until
    way.clock.pass_(minutes=5)
    assert way.poll(run) == {"next": "poll", "seconds": 15}
    after = way.slots.board().slots[0].until
    assert before is not None
    assert after is not None
    assert after > before
    way.becomes(job, TaskStatus.RUNNING)
    assert way.poll(run, 40) == {"next": "poll", "seconds": 60}
    assert way.state(job) == State.RUNNING


def test_a_finished_task_frees_its_slot_before_its_video_is_saved(way: WayBench) -> None:
    job, run = way.pending()
    waiting, _ = way.bench.in_line("second")
    third, _ = way.bench.in_line("third")
    assert way.state(third) == State.QUEUED
    way.becomes(job, TaskStatus.SUCCEEDED, video_duration=5.2, video_ratio="standard", video_url="http://x/1")
    assert way.poll(run) == {"next": "finalize"}
    saving = way.bench.read(job)
    assert (saving.state, saving.slot, saving.cost, saving.billed_mode) == (State.SAVING, None, 624_000, "wan-std")
    assert way.state(waiting) == way.state(third) == State.ADMITTED


@pytest.mark.parametrize("error", [Unreachable("x"), NotUnderstood("x"), KeyRefused("InvalidApiKey", "x", status=401)])
def test_a_poll_that_gets_no_answer_never_fails_the_job_before_its_day_is_over(way: WayBench, error: Exception) -> None:
    job, run = way.pending()
    for _ in range(23):
        way.clock.pass_(hours=1)
        way.wan.fail("query", error)
        assert way.poll(run)["next"] == "poll"
    way.clock.pass_(hours=1.1)
    way.wan.fail("query", error)
    with pytest.raises(ResultExpired):
        way.poll(run)
    closed = way.bench.read(job)
    assert closed.state == State.FAILED
    assert closed.reason is not None
    assert "24 hours" in closed.reason


def test_unknown_is_believed_only_when_it_is_repeated(way: WayBench) -> None:
    job, run = way.pending()
    task = way.wan.tasks.pop("task-1")
    for _ in range(BELIEVE_UNKNOWN - 1):
        assert way.poll(run)["next"] == "poll"
    way.wan.tasks["task-1"] = task
    way.poll(run)
    assert way.bench.read(job).unknown_answers == 0
    del way.wan.tasks["task-1"]
    for _ in range(BELIEVE_UNKNOWN - 1):
        way.poll(run)
    with pytest.raises(ResultExpired):
        way.poll(run)
    assert way.state(job) == State.FAILED


def test_a_fault_of_the_provider_gets_a_new_task_at_most_twice_in_the_same_slot(way: WayBench) -> None:
    job, run = way.pending()
    slot = job.slot
    for _ in range(2):
        way.becomes(job, TaskStatus.FAILED, code="InternalError.Algo")
        assert way.poll(run) == {"next": "create"}
        assert way.poll(run) == {"next": "create"}
        assert way.create(run)["next"] == "poll"
        assert way.bench.read(job).slot == slot
    way.becomes(job, TaskStatus.FAILED, code="InternalError.Algo")
    with pytest.raises(ProviderFault):
        way.poll(run)
    assert way.wan.made() == 3


def test_a_task_that_took_too_long_gets_a_new_one_once(way: WayBench) -> None:
    job, run = way.pending()
    way.becomes(job, TaskStatus.FAILED, code="InternalError.Timeout")
    way.poll(run)
    way.create(run)
    way.becomes(job, TaskStatus.FAILED, code="InternalError.Timeout")
    with pytest.raises(ProviderTimeout):
        way.poll(run)


def test_inputs_that_were_not_downloaded_get_a_new_task_with_fresh_links(way: WayBench) -> None:
    job, run = way.pending()
    for _ in range(2):
        way.becomes(job, TaskStatus.FAILED, code="InvalidURL.Timeout")
        assert way.poll(run) == {"next": "create"}
        way.create(run)
    way.becomes(job, TaskStatus.FAILED, code="InvalidURL.Timeout")
    with pytest.raises(DownloadFailed):
        way.poll(run)


def test_moderation_is_final(way: WayBench) -> None:
    job, run = way.pending()
    way.becomes(job, TaskStatus.FAILED, code="DataInspectionFailed", message="no")
    with pytest.raises(ContentRefused):
        way.poll(run)
    closed = way.bench.read(job)
    assert (closed.verdict, closed.verdict_code, closed.slot) == ("ContentRefused", "DataInspectionFailed", None)
    assert way.slots.board().slots == {}


def test_a_task_that_somebody_canceled_cancels_its_job(way: WayBench) -> None:
    job, run = way.pending()
    way.becomes(job, TaskStatus.CANCELED)
    with pytest.raises(JobClosed):
        way.poll(run)
    assert way.state(job) == State.CANCELED


def test_a_stopped_job_whose_task_still_waits_is_canceled_by_the_next_run(way: WayBench) -> None:
    job, run = way.pending()
    way.wan.fail("cancel", Unreachable("x"), Unreachable("x"))
    assert way.ends(run, "ABORTED") == "next run"
    following = way.next_run(job)
    assert way.poll(following)["next"] == "poll"
    with pytest.raises(JobClosed):
        way.poll(following)
    assert (way.state(job), way.wan.tasks["task-1"].status) == (State.CANCELED, TaskStatus.CANCELED)


def test_a_stopped_job_gets_no_new_task_after_a_fault(way: WayBench) -> None:
    job, run = way.pending()
    way.becomes(job, TaskStatus.RUNNING)
    way.poll(run)
    way.ends(run, "ABORTED")
    following = way.next_run(job)
    way.becomes(job, TaskStatus.FAILED, code="InternalError")
    with pytest.raises(ProviderFault):
        way.poll(following)
    assert way.wan.made() == 1
