"""Files without a namesake: the rule is applied when their folder has been quiet, by the last change's message."""

from datetime import timedelta
from typing import Any, cast

from motiondrop.aws.event_queue import FolderEvent
from motiondrop.domain.job import End, Job, State
from motiondrop.storage.changes import LONGEST
from motiondrop.workflow.missed_events import MissedEvents
from tests.support.fakes import FakeEventQueue
from tests.support.intake_bench import IntakeBench


def arrive(intake: IntakeBench, number: int) -> None:
    """The number-th delayed message comes."""
    intake.submit.handle(FolderEvent(*intake.queue.settling[number]))


def test_only_the_last_changes_message_applies_the_rule(intake: IntakeBench) -> None:
    for name in ("v.mp4", "a.png", "b.png"):
        intake.drop(f"f/{name}")
    for number in (0, 1):
        arrive(intake, number)
        assert intake.jobs() == []
    arrive(intake, 2)
    assert intake.paid() == {("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_a_message_that_comes_twice_changes_nothing(intake: IntakeBench) -> None:
    for name in ("v.mp4", "a.png"):
        intake.drop(f"f/{name}")
    for number in (1, 1, 0):
        arrive(intake, number)
    assert len(intake.jobs()) == len(intake.executions.started) == 1


def test_a_folder_that_is_never_quiet_has_the_rule_applied_after_an_hour(intake: IntakeBench) -> None:
    intake.drop("f/v.mp4")
    intake.drop("f/a.png")
    intake.bench.clock.pass_(seconds=LONGEST.total_seconds() + 1)
    intake.drop("f/b.png")
    arrive(intake, 1)
    assert len(intake.jobs()) == 2
    intake.drop("f/c.png")
    arrive(intake, 1)  # its unrest has begun anew
    assert len(intake.jobs()) == 2


def test_the_last_change_applies_the_rule_though_another_one_came_while_an_older_message_was_handled(
    intake: IntakeBench,
) -> None:
    intake.drop("f/v.mp4")
    intake.drop("f/a.png")
    start = intake.executions.start

    def late(job: Job) -> bool:
        intake.executions.start = start  # type: ignore[method-assign]
        intake.drop("f/b.png")
        return start(job)

    intake.executions.start = late  # type: ignore[method-assign]
    arrive(intake, 1)
    arrive(intake, 2)
    assert len(intake.jobs()) == 2


def test_two_images_then_two_videos_of_other_names_are_all_told_which_name_would_help(intake: IntakeBench) -> None:
    for name in ("a.png", "b.png", "v.mp4", "w.mp4"):
        intake.drop(f"f/{name}")
    intake.settle()
    receipts = [intake.receipt(f"f/{name}") for name in ("a.png", "b.png", "v.mp4", "w.mp4")]
    several = "waiting: this folder has several images and several videos - rename the"
    assert receipts == [
        f"{several} video for this image to a.mp4",
        f"{several} video for this image to b.mp4",
        f"{several} image for this video to v.png",
        f"{several} image for this video to w.png",
    ]
    assert intake.jobs() == []


def test_a_folder_that_is_no_longer_ambiguous_since_a_file_was_deleted_starts(intake: IntakeBench) -> None:
    for name in ("a.png", "b.png", "v.mp4", "w.mp4"):
        intake.drop(f"f/{name}")
    intake.settle()
    intake.delete("f/w.mp4")
    intake.settle()
    assert intake.paid() == {("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_a_job_that_began_goes_on_when_its_folder_becomes_ambiguous(intake: IntakeBench) -> None:
    for name in ("a.png", "v.mp4"):
        intake.drop(f"f/{name}")
    intake.settle()
    for name in ("b.png", "w.mp4"):
        intake.drop(f"f/{name}")
    intake.settle()
    assert intake.paid() == {("f/a.png", "f/v.mp4")}
    assert intake.receipt("f/a.png").startswith("accepted")
    assert intake.receipt("f/w.mp4").startswith("waiting: this folder has several")


def test_nothing_settles_where_every_file_has_a_namesake_or_at_the_root(intake: IntakeBench) -> None:
    intake.drop("alone.png")
    intake.drop("f/hero.png")
    before = len(intake.queue.settling)
    intake.drop("f/hero.mp4")
    assert (before, len(intake.queue.settling)) == (1, 1)


def test_a_file_that_is_refused_with_each_of_many_partners_is_told_once_however_often_the_folder_settles(
    intake: IntakeBench,
) -> None:
    object.__setattr__(intake.submit.pairs, "daily_budget", 1)
    for name in ("a.png", "v.mp4"):
        intake.drop(f"f/{name}")
    intake.settle()
    intake.drop("f/hero.png")  # refuses nothing new
    intake.delete("f/hero.png")
    intake.settle()
    assert [message.event for message in intake.publisher.emails] == ["rejected"]
    assert intake.receipt("f/a.png") == intake.receipt("f/v.mp4")
    assert intake.receipt("f/a.png").startswith("rejected: animation may cost up to 0.33 USD")


def test_a_folder_whose_message_was_lost_settles_by_the_sweep(intake: IntakeBench) -> None:
    for name in ("a.png", "v.mp4"):
        intake.drop(f"f/{name}")
    queue = FakeEventQueue()
    lost = _missed_events(intake, queue)
    assert lost.resend_changes() == 0
    intake.bench.clock.pass_(minutes=21)
    assert lost.resend_changes() == 1
    intake.queue.settling = queue.settling
    intake.settle()
    assert intake.paid() == {("f/a.png", "f/v.mp4")}
    intake.bench.clock.pass_(minutes=21)
    assert lost.resend_changes() == 0


def _missed_events(intake: IntakeBench, queue: FakeEventQueue) -> MissedEvents:
    nothing = cast("Any", None)
    return MissedEvents(
        s3=nothing,
        queue=cast("Any", queue),
        cursors=nothing,
        drops=intake.bench.drops,
        changes=intake.bench.changes,
        bucket="inbox",
        age=timedelta(minutes=20),
        clock=intake.bench.clock,
    )


def test_a_failure_is_told_before_its_files_that_were_dropped_again_make_the_job_run_anew(intake: IntakeBench) -> None:
    for name in ("hero.png", "hero.mp4"):
        intake.drop(name)
    (job,) = intake.jobs()
    intake.bench.jobs.transition(job, None, State.FAILED, closing=End("the reason"))
    intake.bench.clock.pass_(seconds=1)
    intake.drop("hero.png")
    assert [message.event for message in intake.publisher.emails] == ["failed"]
    assert intake.bench.read(job).state == State.QUEUED


def test_a_job_that_was_forgotten_and_is_allowed_again_starts_at_once_though_its_executions_names_are_taken(
    intake: IntakeBench,
) -> None:
    for name in ("hero.png", "hero.mp4"):
        intake.drop(name)
    (job,) = intake.jobs()
    tables = intake.bench.tables
    tables.job(f"JOB#{job.job_id[-20:]}", "JOB").delete()
    intake.bench.drops.forget("hero.png")
    intake.executions.statuses[f"{job.job_id}-1"] = "SUCCEEDED"
    intake.drop("hero.png")
    assert intake.executions.started == [f"{job.job_id}-1", f"{job.job_id}-2"]
    assert intake.bench.read(job).execution_number == 2
