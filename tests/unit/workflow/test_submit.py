"""What becomes of drops: recorded, paired and started, in whatever order their events come."""

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from motiondrop.domain.job import Result, State
from motiondrop.domain.keys import kind_of
from motiondrop.domain.pairing import Folder
from motiondrop.workflow.submit import later
from tests.support.bench import make_bench
from tests.support.intake_bench import MAX_FAN_OUT, QUEUED, IntakeBench, make_intake


def test_namesakes_start_at_once_and_their_receipts_quote_the_price(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    assert intake.receipt("hero.png") == "waiting for a video"
    intake.drop("hero.mp4")
    assert len(intake.jobs()) == len(intake.executions.started) == 1
    assert intake.receipt("hero.png") == intake.receipt("hero.mp4") == QUEUED


def test_an_event_that_comes_twice_changes_nothing(intake: IntakeBench) -> None:
    first, second = intake.put("hero.png"), intake.put("hero.mp4")
    for _ in range(3):
        intake.submit.created("hero.png", first)
        intake.submit.created("hero.mp4", second)
    assert len(intake.jobs()) == len(intake.executions.started) == 1


def test_a_job_says_who_dropped_its_files_first(intake: IntakeBench) -> None:
    intake.submit.created("hero.png", intake.put("hero.png", b"image"), dropped_by="AWS:AIDA1, 203.0.113.7")
    intake.drop("hero.mp4")
    intake.submit.created("copy/hero.png", intake.put("copy/hero.png", b"image"), dropped_by="somebody else")
    (job,) = intake.jobs()
    assert (job.image.dropped_by, job.video.dropped_by) == ("AWS:AIDA1, 203.0.113.7", None)


def test_the_same_content_under_another_name_is_the_same_job(intake: IntakeBench) -> None:
    for folder in ("", "team/"):
        intake.drop(f"{folder}hero.png", b"image")
        intake.drop(f"{folder}hero.mp4", b"video")
    (job,) = intake.jobs()
    assert job.drops == {"hero.png", "hero.mp4", "team/hero.png", "team/hero.mp4"}
    assert intake.receipt("team/hero.png") == intake.receipt("hero.png")


def test_options_come_from_the_metadata_then_the_path_then_the_stack(intake: IntakeBench) -> None:
    intake.drop("wan-pro/a.png", mode="wan-std")
    intake.drop("wan-pro/a.mp4")
    intake.drop("wan-pro/b.png", None, **{"check-image": "false"})
    intake.drop("wan-pro/b.mp4", mode="nonsense of a video is not looked at")
    intake.drop("c.png")
    intake.drop("c.mp4")
    options = {job.image.key[-5:]: (job.options.mode, job.options.check_image) for job in intake.jobs()}
    assert options == {"a.png": ("wan-std", True), "b.png": ("wan-pro", False), "c.png": ("wan-std", True)}


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (
            {"mode": "pro"},
            (
                "rejected: option mode in the upload metadata is pro - must be wan-std or wan-pro"
                " - correct it and drop the file again"
            ),
        ),
        (
            {"check-image": "yes"},
            (
                "rejected: option check-image in the upload metadata is yes - must be true or false"
                " - correct it and drop the file again"
            ),
        ),
        (
            {"mode": "<b>, x"},
            (
                "rejected: option mode in the upload metadata is b x - must be wan-std or wan-pro"
                " - correct it and drop the file again"
            ),
        ),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_those_that_do(
    intake: IntakeBench, metadata: dict[str, str], reason: str
) -> None:
    intake.drop("hero.png", None, **metadata)
    assert intake.receipt("hero.png") == reason
    assert len(intake.publisher.emails) == 1


@pytest.mark.parametrize("key", ["folder/", ".DS_Store", "a/Thumbs.db", "a/._hero.png"])
def test_litter_is_passed_over(intake: IntakeBench, key: str) -> None:
    intake.drop(key, b"x")
    assert intake.receipt(key) == ""
    assert intake.publisher.emails == []


def test_an_empty_object_is_still_arriving(intake: IntakeBench) -> None:
    intake.drop("hero.png", b"")
    assert intake.receipt("hero.png") == ""
    intake.drop("hero.png")
    assert intake.receipt("hero.png") == "waiting for a video"


def test_a_file_that_is_no_media_is_told_so(intake: IntakeBench) -> None:
    intake.drop("notes.txt")
    assert intake.receipt("notes.txt").startswith("rejected: this file type is not supported")
    assert len(intake.publisher.emails) == 1


def test_an_object_that_is_gone_is_passed_over(intake: IntakeBench) -> None:
    intake.submit.created("never.png", "1")
    assert intake.jobs() == []


def test_a_folder_waits_and_the_rule_is_applied_again(intake: IntakeBench) -> None:
    for name in ("v.mp4", "a.png", "b.png"):
        intake.drop(f"f/{name}")
    assert intake.receipt("f/b.png") == "waiting: the animation starts once the folder has not changed for 30 s"
    intake.drop("f/w.mp4")
    intake.settle()
    assert intake.jobs() == []
    assert intake.receipt("f/w.mp4").startswith("waiting: this folder has several images and several videos")
    intake.drop("f/w.png")  # now w is a pair, and the rest is no longer ambiguous
    intake.settle()
    assert intake.paid() == {("f/w.png", "f/w.mp4"), ("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_a_refused_file_does_not_stand_in_the_way_of_others(intake: IntakeBench) -> None:
    intake.drop("f/a.png")
    intake.drop("f/b.png")
    intake.drop("f/v.mp4")
    intake.drop("f/broken.mp4", b"bad")
    intake.settle()
    assert intake.paid() == {("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_more_than_max_fan_out_is_refused_with_advice(intake: IntakeBench) -> None:
    for name in "abcd":
        intake.drop(f"f/{name}.png")
    intake.drop("f/v.mp4")
    assert intake.paid() == set()
    assert intake.receipt("f/v.mp4") == (
        "rejected: one file would make 4 animations - the limit is 3"
        " - move some of the files to another folder or have MaxFanOut raised"
    )


def test_a_late_duplicate_never_reruns_a_failed_job_and_a_real_redrop_does(intake: IntakeBench) -> None:
    first = intake.put("hero.png")
    intake.submit.created("hero.png", first)
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    intake.bench.clock.pass_(seconds=1)
    intake.bench.jobs.transition(job, None, State.FAILED)
    intake.submit.created("hero.png", first)
    assert intake.bench.read(job).state == State.FAILED
    intake.bench.clock.pass_(seconds=1)
    intake.drop("hero.png")
    again = intake.bench.read(job)
    assert (again.state, again.execution_number) == (State.QUEUED, 2)
    assert intake.executions.started == [f"{job.job_id}-1", f"{job.job_id}-2"]


def test_a_job_that_succeeded_is_never_run_again_and_the_receipt_names_the_result(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING, State.SAVING):
        job = intake.bench.jobs.transition(job, None, state)
    intake.bench.jobs.transition(job, None, State.SUCCEEDED, result=Result("videos/x.mp4"))
    intake.drop("hero.png")
    assert intake.receipt("hero.png") == "done: videos/x.mp4"
    assert len(intake.executions.started) == 1


@pytest.mark.parametrize("names", [("hero.png", "hero.mp4"), ("hero.mp4", "hero.png")])
def test_a_pair_dearer_than_a_days_budget_is_refused_and_both_files_say_so(
    intake: IntakeBench, names: tuple[str, str]
) -> None:
    intake.submit = replace(
        intake.submit, pairs=replace(intake.submit.pairs, daily_budget=300_000)
    )  # 2.5 s make 0.30 USD, and 0.33 have to be reserved
    for name in names:
        intake.drop(name)
    assert intake.jobs() == []
    for name in names:
        assert intake.receipt(name) == (
            "rejected: animation may cost up to 0.33 USD - the budget of a day is 0.30 USD"
            " - use a shorter video or ask the person who runs MotionDrop to raise DailyBudgetUSD"
        )
    assert [message.event for message in intake.publisher.emails] == ["rejected"]
    intake.bench.clock.pass_(hours=25)
    assert (
        intake.bench.drops.alone_since(intake.bench.clock(), 10) == []
    )  # nobody is told that they wait for each other


def test_deleting_one_of_two_equal_drops_cancels_nothing(intake: IntakeBench) -> None:
    for folder in ("", "team/"):
        intake.drop(f"{folder}hero.png", b"image")
        intake.drop(f"{folder}hero.mp4", b"video")
    intake.delete("team/hero.png")
    assert [job.state for job in intake.jobs()] == [State.QUEUED]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("2", "1", True),
        ("1", "2", False),
        ("1", "1", False),
        ("100", "FF", False),
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5FF", True),  # pragma: allowlist secret
        ("0055AED6DCD90281E5FF", "0055AED6DCD90281E6", False),  # pragma: allowlist secret
        ("55", "5500", False),
        ("0A", "a", False),
        (None, "1", False),
    ],
)
def test_the_shorter_sequencer_is_padded_on_its_right(one: str | None, other: str | None, *, expected: bool) -> None:
    assert later(one, other) is expected


NAMES = st.sets(
    st.builds("{}.{}".format, st.sampled_from("abcd"), st.sampled_from(["png", "jpg", "mp4", "mov"])),
    min_size=1,
    max_size=7,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMES, bad=st.sets(st.sampled_from("abcd"), max_size=1), seed=st.integers(0, 2**16))
def test_what_is_paid_for_depends_on_the_folder_and_not_on_the_order_of_its_events(
    names: set[str], bad: set[str], seed: int
) -> None:
    """Shuffle and repeat the events within the settle time, some of them before other files are there at all."""
    order = random.Random(seed)  # noqa: S311  # a seed, no secret
    with mock_aws(), make_intake(make_bench()) as intake:
        todo = sorted(names)
        order.shuffle(todo)
        events: list[tuple[str, str]] = []
        while todo or events:
            if todo and (not events or order.random() < 0.5):
                key = f"f/{todo.pop()}"
                body = b"bad" + key.encode() if key[2] in bad and key.endswith("mov") else key.encode()
                events += [(key, intake.put(key, body))] * order.randint(1, 3)
            else:
                intake.submit.created(*events.pop(order.randrange(len(events))))
        intake.settle()
        good = {f"f/{name}" for name in names if not (name[0] in bad and name.endswith("mov"))}
        kinds = {key: kind for key in good if (kind := kind_of(key))}
        folder = Folder.of("f/", kinds, MAX_FAN_OUT)
        expected = {pair for key in kinds for pair in folder.verdict(key).pairs}
        assert intake.paid() == expected


def test_a_drop_whose_link_was_revoked_is_refused_and_not_freed_of_its_limit(intake: IntakeBench) -> None:
    intake.drop("ada/hero.png", **{"motiondrop-link": "0123456789ab"})
    intake.drop("ada/hero.mp4")
    assert "revoked" in intake.receipt("ada/hero.png")
    assert not intake.executions.started
