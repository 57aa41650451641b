"""Creating a task: once, whatever breaks off."""

from datetime import datetime, timedelta

import pytest

from motiondrop.create import GIVE_UP, WINDOW
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.job import Job, Run, State
from motiondrop.refusals import DownloadFailed, KeyRefused, MediaUnfit, RequestInvalid, Throttled
from motiondrop.slots import NotSaved
from motiondrop.wan import CALL_TIMEOUT, NotSent, NotUnderstood, OutcomeUnknown, TaskStatus, Unreachable
from tests.unit.conftest import Bench, run_of
from tests.unit.way_bench import MARGIN, WayBench


@pytest.fixture
def way(bench: Bench) -> WayBench:
    return WayBench(bench)


def broken_off(way: WayBench, *, made: bool) -> tuple[Job, Run]:
    """A job whose create call got no answer, and the time after which that can be looked into."""
    job, run = way.bench.in_line()
    way.wan.accepts_then_fails = made
    way.wan.fail("create", OutcomeUnknown("lost"))
    assert "at" in way.create(run)
    way.clock.pass_(seconds=(MARGIN + CALL_TIMEOUT).total_seconds() + 1)
    return way.bench.read(job), run


def crashed(way: WayBench) -> tuple[Job, Run]:
    """A job whose function died in the create call; its next run has taken over."""
    job, run = way.bench.in_line()
    way.slots.begin(job, run, way.clock() + WINDOW, "key")
    way.ends(run, "FAILED", "Runtime.ExitError")
    return way.bench.read(job), way.next_run(job)


def test_a_task_is_made_saved_and_polled(way: WayBench) -> None:
    job, run = way.pending()
    assert (job.state, job.task_id, job.attempt) == (State.PENDING, "task-1", 1)
    assert way.slots.board().lock is None
    assert way.create(run) == {"next": "poll"}
    assert way.wan.made() == 1


def test_while_another_job_submits_this_one_waits_ever_longer(way: WayBench) -> None:
    first, first_run = way.bench.in_line("first")
    _, run = way.bench.in_line("second")
    way.slots.begin(first, first_run, way.clock() + WINDOW, "key")
    assert way.create(run) == {"next": "create", "seconds": 2}
    way.clock.pass_(seconds=1030)
    assert way.create(run) == {"next": "create", "seconds": 200}
    way.clock.pass_(hours=20)
    assert way.create(run) == {"next": "create", "seconds": 300}
    assert way.wan.made() == 0


def test_a_call_that_would_come_too_late_is_not_made(way: WayBench, monkeypatch: pytest.MonkeyPatch) -> None:
    job, run = way.bench.in_line()
    begin = way.slots.begin

    def held_up(job: Job, run: Run, until: datetime, key_mark: str) -> Job:
        after = begin(job, run, until, key_mark)
        way.clock.pass_(seconds=10)
        return after

    monkeypatch.setattr(way.slots, "begin", held_up)
    assert way.create(run) == {"next": "create", "seconds": 0}
    assert way.wan.made() == 0
    assert way.state(job) == State.ADMITTED
    assert way.slots.board().lock is None


def test_what_was_never_sent_is_tried_again_later_with_the_slot_kept(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.fail("create", NotSent("no connection"))
    step = way.create(run)
    assert step["next"] == "create"
    assert 1 <= step["seconds"] <= 4
    assert way.bench.read(job).slot is not None


def test_throttling_backs_off_longer_each_time_and_never_fails_the_job(way: WayBench) -> None:
    job, run = way.bench.in_line()
    pauses = []
    for _ in range(30):
        way.wan.fail("create", Throttled("Throttling.RateQuota", "slow"))
        pauses.append(way.create(run)["seconds"])
    assert max(pauses[:2]) <= 8
    assert max(pauses) > 60
    assert max(pauses) <= 300
    assert way.create(run)["next"] == "poll"
    assert way.bench.read(job).throttled == 0


def test_inputs_that_could_not_be_downloaded_get_fresh_links_twice(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.fail("create", *[DownloadFailed("InvalidURL", "x", status=400) for _ in range(3)])
    assert way.create(run)["next"] == "create"
    assert way.create(run)["next"] == "create"
    with pytest.raises(DownloadFailed):
        way.create(run)
    assert way.state(job) == State.FAILED


@pytest.mark.parametrize("refusal", [MediaUnfit("InvalidImage.NoHuman", "x"), RequestInvalid("InvalidParameter", "x")])
def test_what_only_a_person_can_change_is_never_tried_again(way: WayBench, refusal: Exception) -> None:
    job, run = way.bench.in_line()
    way.wan.fail("create", refusal)
    with pytest.raises(type(refusal)):
        way.create(run)
    assert way.bench.read(job).verdict == type(refusal).__name__
    assert way.slots.board().slots == {}


def test_an_operators_trouble_holds_the_line_and_tells_once(way: WayBench) -> None:
    first, run = way.bench.in_line("first")
    second, second_run = way.bench.in_line("second")
    way.wan.fail("create", *[KeyRefused("InvalidApiKey", "x", status=401) for _ in range(2)])
    assert way.create(run) == {"next": "slot"}
    assert way.create(second_run) == {"next": "slot"}
    assert way.state(first) == way.state(second) == State.QUEUED
    assert [place.job_id for place in way.slots.board().line] == [first.job_id, second.job_id]
    assert len(way.messenger.alerts) == 1


def test_a_secret_without_a_value_holds_the_line_too(way: WayBench) -> None:
    job, run = way.bench.in_line()

    def no_key() -> str:
        raise KeyRefused("NoKey", "The secret has no value yet.")

    way.key = no_key
    assert way.create(run) == {"next": "slot"}
    assert way.state(job) == State.QUEUED
    assert way.slots.board().breaker is not None


def test_a_further_attempt_that_is_held_goes_back_to_the_line(way: WayBench) -> None:
    job, run = way.pending()
    way.becomes(job, TaskStatus.FAILED, code="InternalError")
    assert way.poll(run) == {"next": "create"}

    def no_key() -> str:
        raise KeyRefused("NoKey", "none")

    way.key = no_key
    assert way.create(run) == {"next": "slot"}
    assert (way.state(job), way.slots.board().slots) == (State.QUEUED, {})


def test_the_first_task_after_the_trouble_closes_the_breaker_and_says_so(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.fail("create", KeyRefused("InvalidApiKey", "x", status=401))
    way.create(run)
    way.slots.wait(run, "again")
    way.clock.pass_(minutes=6)
    way.slots.give()
    assert way.create(run)["next"] == "poll"
    assert way.slots.board().breaker is None
    assert [alert.subject for alert in way.messenger.alerts][-1].endswith("goes on")
    assert way.state(job) == State.PENDING


def test_after_a_lost_answer_nothing_is_asked_before_the_margin_is_over(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.fail("create", OutcomeUnknown("lost"))
    assert "at" in way.create(run)
    assert "at" in way.create(run)
    assert "list" not in way.wan.calls
    assert way.bench.read(job).unknown


def test_a_task_that_was_made_is_adopted_and_no_second_one_made(way: WayBench) -> None:
    job, run = broken_off(way, made=True)
    assert way.create(run) == {"next": "poll"}
    assert way.bench.read(job).task_id == "task-1"
    assert way.wan.made() == 1


def test_a_new_attempt_is_made_only_after_the_list_was_empty_twice(way: WayBench) -> None:
    job, run = broken_off(way, made=False)
    assert way.create(run) == {"next": "create", "seconds": 30}
    assert way.wan.made() == 1
    assert way.create(run) == {"next": "create", "seconds": 0}
    assert way.create(run) == {"next": "poll", "seconds": 15}
    assert (way.wan.made(), way.bench.read(job).attempt) == (2, 2)


def test_a_task_that_appears_at_the_second_look_is_adopted(way: WayBench) -> None:
    job, run = broken_off(way, made=False)
    way.create(run)
    way.wan.row("late", created_at=job.asked_at)
    assert way.create(run) == {"next": "poll"}
    assert way.bench.read(job).task_id == "late"


def test_several_tasks_that_may_be_the_jobs_stop_it_and_the_mail_names_them(way: WayBench) -> None:
    job, run = broken_off(way, made=True)
    way.wan.row("another", created_at=job.asked_at)
    with pytest.raises(JobClosed):
        way.create(run)
    closed = way.bench.read(job)
    assert closed.state == State.FAILED
    assert closed.reason is not None
    assert "another, task-1" in closed.reason
    way.ending.tell(closed)
    assert "may have been charged" in way.messenger.mails[0].body
    assert "Nothing was charged" not in way.messenger.mails[0].body


@pytest.mark.parametrize(
    "foreign",
    [
        {"model": "another-model"},
        {"created_at": timedelta(minutes=-20)},
        {"created_at": timedelta(minutes=30)},
        {"status": TaskStatus.CANCELED},
    ],
)
def test_a_task_that_cannot_be_the_jobs_is_left_alone(way: WayBench, foreign: dict[str, object]) -> None:
    job, run = broken_off(way, made=False)
    assert job.asked_at is not None
    shift = foreign.get("created_at", timedelta(0))
    assert isinstance(shift, timedelta)
    way.wan.row("foreign", **(foreign | {"created_at": job.asked_at + shift}))  # type: ignore[arg-type]  # any field
    way.create(run)
    assert way.create(run) == {"next": "create", "seconds": 0}
    assert way.state(job) == State.ADMITTED


def test_a_task_of_another_key_of_the_account_is_left_alone(way: WayBench) -> None:
    way.pending("before")  # tells which key is ours
    job, run = broken_off(way, made=False)
    way.wan.row("foreign", created_at=job.asked_at, api_key_id="another")
    way.create(run)
    assert way.create(run) == {"next": "create", "seconds": 0}


def test_a_task_that_another_job_owns_is_left_alone(way: WayBench) -> None:
    other, _ = way.pending("other")
    job, run = broken_off(way, made=False)
    way.create(run)
    assert way.create(run) == {"next": "create", "seconds": 0}
    assert way.bench.read(other).task_id == "task-1"
    assert way.state(job) == State.ADMITTED


@pytest.mark.parametrize("error", [Unreachable("x"), NotUnderstood("x"), Throttled("Throttling", "x", status=429)])
def test_a_list_that_cannot_be_read_is_read_again_later(way: WayBench, error: Exception) -> None:
    job, run = broken_off(way, made=True)
    way.wan.fail("list", error)
    assert way.create(run) == {"next": "create", "seconds": 30}
    assert way.bench.read(job).empty_lists == 0
    assert way.create(run) == {"next": "poll"}


def test_a_key_that_may_not_read_the_list_holds_the_line_and_the_operator_is_told_once(way: WayBench) -> None:
    job, run = broken_off(way, made=True)
    for _ in range(2):
        way.wan.fail("list", KeyRefused("InvalidApiKey", "x", status=401))
        assert way.create(run)["next"] == "create"
    assert len(way.messenger.alerts) == 1
    assert way.slots.board().breaker
    assert way.state(job) == State.SUBMITTING
    assert way.create(run) == {"next": "poll"}  # mended: the task is found, and nothing is paid twice


def test_a_list_that_is_not_complete_proves_nothing(way: WayBench) -> None:
    job, run = broken_off(way, made=False)
    way.wan.total = 3
    assert way.create(run) == {"next": "create", "seconds": 30}
    assert way.bench.read(job).empty_lists == 0


def test_what_cannot_be_known_for_23_hours_stops_and_tells(way: WayBench) -> None:
    job, run = broken_off(way, made=True)
    for _ in range(3):
        way.wan.fail("list", Unreachable("x"))
        way.clock.pass_(hours=7)
        step = way.create(run)
        assert step == {"next": "create", "seconds": 300}
    way.clock.pass_(seconds=GIVE_UP.total_seconds())
    with pytest.raises(JobClosed):
        way.create(run)
    assert way.state(job) == State.FAILED
    assert way.slots.board().slots == {}
    assert way.slots.board().lock is None


def test_a_killed_function_leaves_a_job_that_the_next_run_looks_into_after_the_deadline(way: WayBench) -> None:
    job, run = crashed(way)
    assert "at" in way.create(run)
    way.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    way.wan.row("task-of-the-dead", created_at=way.bench.read(job).asked_at)
    assert way.create(run) == {"next": "poll"}
    assert way.wan.made() == 0


def test_a_run_that_is_refused_its_save_cancels_its_task(way: WayBench) -> None:
    job, run = way.bench.in_line()
    other = run_of(job, "other")
    way.wan.during_create = lambda: way.jobs.take_over(other, lambda _: False)
    with pytest.raises(NotOwner):
        way.create(run)
    assert "cancel task-1" in way.wan.calls
    assert way.wan.tasks["task-1"].status == TaskStatus.CANCELED


def test_that_the_task_cannot_be_canceled_hides_no_refusal(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.during_create = lambda: way.jobs.take_over(run_of(job, "other"), lambda _: False)
    way.wan.fail("cancel", Unreachable("x"))
    with pytest.raises(NotOwner):
        way.create(run)


def test_a_stopped_runs_function_that_goes_on_is_refused_and_the_next_run_ends_the_job(way: WayBench) -> None:
    job, run = way.bench.in_line()
    way.wan.during_create = lambda: way.ends(run, "ABORTED")
    with pytest.raises(Contended):
        way.create(run)
    assert way.state(job) == State.CANCELING
    following = way.next_run(job)
    way.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    assert way.create(following) == {"next": "create", "seconds": 30}
    assert way.create(following) == {"next": "closed"}
    assert way.state(job) == State.CANCELED
    assert len(way.messenger.mails) == 1


def test_a_stopped_job_whose_task_began_saves_its_video(way: WayBench) -> None:
    job, run = way.bench.in_line()

    def stopped_too_late() -> None:
        way.ends(run, "ABORTED")
        way.wan.fail("cancel", Unreachable("x"))

    way.wan.during_create = stopped_too_late
    with pytest.raises(Contended):
        way.create(run)
    following = way.next_run(job)
    way.clock.pass_(seconds=(WINDOW + CALL_TIMEOUT + MARGIN).total_seconds() + 1)
    way.wan.tasks["task-1"] = way.wan.query("task-1").__class__("task-1", TaskStatus.RUNNING)
    assert way.create(following) == {"next": "poll"}
    adopted = way.bench.read(job)
    assert (adopted.state, adopted.stopped) == (State.PENDING, True)


def test_a_save_that_others_were_in_the_way_of_leaves_the_task_alone(
    way: WayBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, run = way.bench.in_line()
    begun = way.slots.begin(job, run, way.clock() + WINDOW, "key")

    def in_the_way(*_: object) -> None:
        raise Contended("conflict")

    monkeypatch.setattr("motiondrop.slots.transact", in_the_way)
    with pytest.raises(NotSaved):
        way.slots.claim(begun, run, "task", None)


def test_a_save_whose_answer_was_lost_is_no_refusal(way: WayBench) -> None:
    job, run = way.bench.in_line()
    begun = way.slots.begin(job, run, way.clock() + WINDOW, "key")
    way.slots.claim(begun, run, "task", None)
    assert way.slots.claim(begun, run, "task", None).task_id == "task"
