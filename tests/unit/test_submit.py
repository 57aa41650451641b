"""What becomes of drops: recorded, paired and started, in whatever order their events come."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from motiondrop.drops import Drops
from motiondrop.ending import Ending
from motiondrop.folders import UNPAIRED, Folders
from motiondrop.formats import Kind, kind_of
from motiondrop.inbox import Inbox
from motiondrop.job import Job, State
from motiondrop.limits import Media, Rejected
from motiondrop.media import Reader
from motiondrop.messages import Message
from motiondrop.pairing import Folder
from motiondrop.receipts import Receipts
from motiondrop.submit import Defaults, Submit, later
from tests.unit.conftest import PRICES, Bench, client, make_bench, run_of

MAX_FAN_OUT = 3


def fake_check(key: str, size: int, read: Reader) -> Media:
    """Take every file but those that say `bad`."""
    if read(0, size).startswith(b"bad"):
        raise Rejected("file is bad")
    kind = kind_of(key)
    if kind is None:
        raise Rejected("file is no media")
    extension = key.rpartition(".")[2]
    of_video = (2.5, 25.0, "h264") if kind is Kind.VIDEO else (None, None, None)
    return Media(kind, extension, extension, 640, 640, size, *of_video)


@dataclass
class FakeRuns:
    """Step Functions: notes what was started and stopped."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def start(self, job: Job) -> None:
        if job.execution_name not in self.started:
            self.started.append(job.execution_name)

    def stop(self, arn: str, cause: str) -> None:
        self.stopped.append(arn)


@dataclass
class FakeMessenger:
    """SNS: notes what was said."""

    said: list[Message] = field(default_factory=list)

    def notify(self, message: Message) -> None:
        self.said.append(message)


class FakeLinks:
    def to(self, job_id: str) -> str:
        return f"https://example.com/{job_id}"


@dataclass
class Door:
    """The door of a stack, with its inbox."""

    bench: Bench
    submit: Submit
    runs: FakeRuns
    messenger: FakeMessenger
    folders: Folders
    sequence: int = 0

    def put(self, key: str, body: bytes | None = None, /, **metadata: str) -> str:
        """Put an object; return the event's sequencer."""
        client("s3").put_object(Bucket="inbox", Key=key, Body=key.encode() if body is None else body, Metadata=metadata)
        self.sequence += 1
        return f"{self.sequence:016X}"

    def drop(self, key: str, body: bytes | None = None, /, **metadata: str) -> None:
        self.submit.created(key, self.put(key, body, **metadata))

    def delete(self, key: str) -> None:
        client("s3").delete_object(Bucket="inbox", Key=key)
        self.submit.removed(key)

    def receipt(self, key: str) -> str:
        tags = client("s3").get_object_tagging(Bucket="inbox", Key=key)["TagSet"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "motiondrop"), "")

    def jobs(self) -> list[Job]:
        return self.bench.jobs.least_seen(100)

    def settle(self) -> None:
        """What the runs do once the folder has settled: apply the rule again."""
        for job in self.jobs():
            if job.state == State.QUEUED and job.settling:
                if self.folders.follows((job.image.key, job.video.key)):
                    self.bench.jobs.write(job, job.owner, settling=False)
                else:
                    self.bench.jobs.write(job, job.owner, State.CANCELED, reason=UNPAIRED, told=True)

    def paid(self) -> set[tuple[str, str]]:
        """The pairs whose jobs go on to be paid for."""
        return {(job.image.key, job.video.key) for job in self.jobs() if job.state == State.QUEUED}


@contextmanager
def open_door(bench: Bench) -> Iterator[Door]:
    s3 = client("s3")
    for name in ("inbox", "results"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    inbox = Inbox(s3, "inbox", "results")
    runs: Any = FakeRuns()
    messenger: Any = FakeMessenger()
    links: Any = FakeLinks()
    folders = Folders(inbox, bench.drops, MAX_FAN_OUT)
    receipts = Receipts(inbox, bench.drops, bench.jobs)
    ending = Ending(bench.jobs, bench.slots, runs, receipts, messenger, links, "results", bench.clock)
    defaults = Defaults("wan-std", "wan2.2-animate-move", PRICES)
    submit = Submit(
        inbox,
        bench.drops,
        folders,
        bench.jobs,
        runs,
        receipts,
        ending,
        messenger,
        defaults,
        fake_check,
    )
    yield Door(bench, submit, runs, messenger, folders)


@pytest.fixture
def door(bench: Bench) -> Iterator[Door]:
    with open_door(bench) as opened:
        yield opened


def test_namesakes_start_at_once_and_their_receipts_quote_the_price(door: Door) -> None:
    door.drop("hero.png")
    assert door.receipt("hero.png") == "waiting for a video"
    door.drop("hero.mp4")
    assert [job.settling for job in door.jobs()] == [False]
    assert len(door.runs.started) == 1
    assert door.receipt("hero.png") == door.receipt("hero.mp4") == "accepted: quoted 0.30 USD - queued"


def test_an_event_that_comes_twice_changes_nothing(door: Door) -> None:
    first, second = door.put("hero.png"), door.put("hero.mp4")
    for _ in range(3):
        door.submit.created("hero.png", first)
        door.submit.created("hero.mp4", second)
    assert len(door.jobs()) == len(door.runs.started) == 1


def test_the_same_content_under_another_name_is_the_same_job(door: Door) -> None:
    for folder in ("", "team/"):
        door.drop(f"{folder}hero.png", b"image")
        door.drop(f"{folder}hero.mp4", b"video")
    (job,) = door.jobs()
    assert job.drops == {"hero.png", "hero.mp4", "team/hero.png", "team/hero.mp4"}
    assert door.receipt("team/hero.png") == door.receipt("hero.png")


def test_options_come_from_the_metadata_then_the_path_then_the_stack(door: Door) -> None:
    door.drop("wan-pro/a.png", mode="wan-std")
    door.drop("wan-pro/a.mp4")
    door.drop("wan-pro/b.png", None, **{"check-image": "false"})
    door.drop("wan-pro/b.mp4", mode="nonsense of a video is not looked at")
    door.drop("c.png")
    door.drop("c.mp4")
    options = {job.image.key[-5:]: (job.options.mode, job.options.check_image) for job in door.jobs()}
    assert options == {"a.png": ("wan-std", True), "b.png": ("wan-pro", False), "c.png": ("wan-std", True)}


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"mode": "pro"}, "rejected: metadata mode is pro - needs wan-std or wan-pro"),
        ({"check-image": "yes"}, "rejected: metadata check-image is yes - needs true or false"),
        ({"mode": "<b>, x"}, "rejected: metadata mode is b x - needs wan-std or wan-pro"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_those_that_do(
    door: Door, metadata: dict[str, str], reason: str
) -> None:
    door.drop("hero.png", None, **metadata)
    assert door.receipt("hero.png") == reason
    assert len(door.messenger.said) == 1


@pytest.mark.parametrize("key", ["folder/", ".DS_Store", "a/Thumbs.db", "a/._hero.png"])
def test_litter_is_passed_over(door: Door, key: str) -> None:
    door.drop(key, b"x")
    assert door.receipt(key) == ""
    assert door.messenger.said == []


def test_an_empty_object_is_still_arriving(door: Door) -> None:
    door.drop("hero.png", b"")
    assert door.receipt("hero.png") == ""
    door.drop("hero.png")
    assert door.receipt("hero.png") == "waiting for a video"


def test_a_file_that_is_no_media_is_told_so(door: Door) -> None:
    door.drop("notes.txt")
    assert door.receipt("notes.txt") == "rejected: file is no media"
    assert len(door.messenger.said) == 1


def test_an_object_that_is_gone_is_passed_over(door: Door) -> None:
    door.submit.created("never.png", "1")
    assert door.jobs() == []


def test_a_folder_waits_and_the_rule_is_applied_again(door: Door) -> None:
    for name in ("v.mp4", "a.png", "b.png"):
        door.drop(f"f/{name}")
    assert [job.settling for job in door.jobs()] == [True, True]
    door.drop("f/w.mp4")
    door.settle()
    assert door.paid() == set()
    assert door.receipt("f/w.mp4").startswith("waiting: several images and videos here")
    door.drop("f/w.png")  # now w is a pair, and the rest is no longer ambiguous
    door.settle()
    assert door.paid() == {("f/w.png", "f/w.mp4"), ("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_a_refused_file_does_not_stand_in_the_way_of_others(door: Door) -> None:
    door.drop("f/a.png")
    door.drop("f/b.png")
    door.drop("f/v.mp4")
    door.drop("f/broken.mp4", b"bad")
    door.settle()
    assert door.paid() == {("f/a.png", "f/v.mp4"), ("f/b.png", "f/v.mp4")}


def test_more_than_max_fan_out_is_refused_with_advice(door: Door) -> None:
    for name in "abcd":
        door.drop(f"f/{name}.png")
    door.drop("f/v.mp4")
    assert door.paid() == set()
    assert door.receipt("f/v.mp4") == "rejected: one file for 4 is more than 3 - split the folder or raise MaxFanOut"


def test_a_shared_files_receipt_counts_its_jobs(door: Door) -> None:
    door.drop("f/v.mp4")
    door.drop("f/a.png")
    door.drop("f/b.png")
    assert door.receipt("f/v.mp4") == "0 of 2 done"
    job = door.jobs()[0]
    door.bench.jobs.write(job, None, State.CANCELED)
    door.submit.receipts.follow(door.bench.read(job))
    assert door.receipt("f/v.mp4") == "0 of 2 done - 1 canceled"


@contextmanager
def before_the_next_receipt(door: Door, happens: Callable[[], object]) -> Iterator[None]:
    """Let something happen at the moment when somebody has made up a receipt and not yet written it."""
    inbox = door.submit.inbox
    write = inbox.write_receipt

    def late(key: str, receipt: str) -> bool:
        inbox.write_receipt = write  # type: ignore[method-assign]
        happens()
        return write(key, receipt)

    inbox.write_receipt = late  # type: ignore[method-assign]
    yield
    assert inbox.write_receipt == write


def test_a_receipt_that_comes_after_the_jobs_end_does_not_hide_it(door: Door) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    job = door.bench.jobs.take_over(run_of(job), lambda _: False)
    with before_the_next_receipt(door, lambda: door.delete("hero.png")):
        door.submit.receipts.follow(job, 2)
    assert door.receipt("hero.mp4") == "canceled"


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        (b"bad", "rejected: file is bad"),
        (b"other", "accepted: quoted 0.30 USD - queued"),
    ],
)
def test_a_receipt_that_comes_after_the_drop_was_replaced_does_not_hide_that(
    door: Door, body: bytes, receipt: str
) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    with before_the_next_receipt(door, lambda: door.drop("hero.png", body)):
        door.submit.receipts.follow(job, 2)
    assert door.receipt("hero.png") == receipt


def test_a_drop_that_is_replaced_while_another_receipt_is_on_its_way_says_what_it_is(door: Door) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    notify = door.messenger.notify

    def meanwhile(message: Message) -> None:
        door.submit.receipts.follow(job, 2)
        notify(message)

    door.messenger.notify = meanwhile  # type: ignore[method-assign]
    door.drop("hero.png", b"bad")
    assert door.receipt("hero.png") == "rejected: file is bad"


def test_overwriting_a_drop_changes_nothing_for_its_job_and_makes_another(door: Door) -> None:
    door.drop("hero.png", b"one")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    door.drop("hero.png", b"two")
    assert len(door.jobs()) == 2
    kept = client("s3").get_object(Bucket="results", Key=job.image.copy)["Body"].read()
    assert kept == b"one"


def test_a_late_duplicate_never_reruns_a_failed_job_and_a_real_redrop_does(door: Door) -> None:
    first = door.put("hero.png")
    door.submit.created("hero.png", first)
    door.drop("hero.mp4")
    (job,) = door.jobs()
    door.bench.jobs.write(job, None, State.FAILED)
    door.submit.created("hero.png", first)
    assert door.bench.read(job).state == State.FAILED
    door.drop("hero.png")
    again = door.bench.read(job)
    assert (again.state, again.runs) == (State.QUEUED, 2)
    assert door.runs.started == [f"{job.job_id}-1", f"{job.job_id}-2"]


def test_a_job_that_succeeded_is_never_run_again_and_the_receipt_names_the_result(door: Door) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING, State.SAVING):
        job = door.bench.jobs.write(job, None, state)
    door.bench.jobs.write(job, None, State.SUCCEEDED, result_key="videos/x.mp4")
    door.drop("hero.png")
    assert door.receipt("hero.png") == "done: videos/x.mp4"
    assert len(door.runs.started) == 1


def test_deleting_a_drop_cancels_its_job_and_stops_its_run_unless_it_is_submitted(door: Door) -> None:
    for name in ("waits", "works"):
        door.drop(f"{name}.png")
        door.drop(f"{name}.mp4")
    waits, works = sorted(door.jobs(), key=lambda job: job.job_id)
    waits = door.bench.jobs.take_over(run_of(waits), lambda _: False)
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING):
        works = door.bench.jobs.write(works, None, state)
    door.delete("waits.png")
    door.delete("works.mp4")
    assert door.bench.read(waits).state == State.CANCELED
    assert door.bench.read(works).state == State.PENDING
    assert door.runs.stopped == [waits.owner_arn]
    assert "deleted" in door.messenger.said[0].body


@pytest.mark.parametrize("names", [("hero.png", "hero.mp4"), ("hero.mp4", "hero.png")])
def test_a_pair_dearer_than_a_days_budget_is_refused_and_both_files_say_so(door: Door, names: tuple[str, str]) -> None:
    door.submit = replace(door.submit, daily_budget=300_000)  # 2.5 s make 0.30 USD, and 0.33 have to be reserved
    for name in names:
        door.drop(name)
    assert door.jobs() == []
    for name in names:
        assert door.receipt(name) == "rejected: 0.30 USD is more than a day may cost - raise DailyBudgetUSD"
    assert [message.event for message in door.messenger.said] == ["rejected"]
    door.bench.clock.pass_(hours=25)
    assert door.bench.drops.alone_since(door.bench.clock(), 10) == []  # nobody is told that they wait for each other


def test_a_deletion_whose_handling_died_is_handled_by_its_next_try(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    (job,) = door.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(Ending, "close", _dies)
        with pytest.raises(Died):
            door.delete("hero.png")
    door.submit.removed("hero.png")
    assert door.bench.read(job).state == State.CANCELED
    assert door.bench.drops.get("hero.png") is None


def test_of_two_equal_drops_deleted_at_once_the_second_cancels(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("", "team/"):
        door.drop(f"{folder}hero.png", b"image")
        door.drop(f"{folder}hero.mp4", b"video")
    (job,) = door.jobs()
    with monkeypatch.context() as patch:
        patch.setattr(Drops, "forget_deleted", _dies)
        with pytest.raises(Died):
            door.delete("team/hero.png")
    assert door.bench.read(job).state == State.QUEUED
    door.delete("hero.png")
    assert door.bench.read(job).state == State.CANCELED


def test_a_drop_that_comes_back_while_its_deletion_is_handled_keeps_its_record(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.drop("hero.png")
    with monkeypatch.context() as patch:
        patch.setattr(Drops, "forget_deleted", _dies)
        with pytest.raises(Died):
            door.delete("hero.png")
    door.drop("hero.png")
    door.drop("hero.mp4")
    drop = door.bench.drops.get("hero.png")
    assert drop is not None
    assert not drop.deleted
    door.bench.drops.forget_deleted(drop)
    assert door.bench.drops.get("hero.png") is not None
    assert [job.state for job in door.jobs()] == [State.QUEUED]


class Died(Exception):
    """The function ended there."""


def _dies(*_: object, **__: object) -> None:
    raise Died


def test_deleting_one_of_two_equal_drops_cancels_nothing(door: Door) -> None:
    for folder in ("", "team/"):
        door.drop(f"{folder}hero.png", b"image")
        door.drop(f"{folder}hero.mp4", b"video")
    door.delete("team/hero.png")
    assert [job.state for job in door.jobs()] == [State.QUEUED]


def test_a_late_event_of_a_deletion_does_not_harm_what_lies_there_again(door: Door) -> None:
    door.drop("hero.png")
    door.drop("hero.mp4")
    door.submit.removed("hero.png")
    assert [job.state for job in door.jobs()] == [State.QUEUED]


def test_a_drop_without_its_partner_is_mentioned_once(door: Door) -> None:
    door.drop("alone.png")
    door.drop("hero.png")
    door.drop("hero.mp4")
    door.bench.clock.pass_(hours=25)
    (drop,) = door.bench.drops.alone_since(door.bench.clock(), 10)
    assert drop.key == "alone.png"
    assert door.bench.drops.mentioned("alone.png")
    assert not door.bench.drops.mentioned("alone.png")
    assert door.bench.drops.alone_since(door.bench.clock(), 10) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("2", "1", True),
        ("1", "2", False),
        ("1", "1", False),
        ("100", "FF", True),
        ("0A", "a", False),
        (None, "1", False),
    ],
)
def test_sequencers_are_numbers_of_any_length(one: str | None, other: str | None, *, expected: bool) -> None:
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
    with mock_aws(), open_door(make_bench()) as door:
        todo = sorted(names)
        order.shuffle(todo)
        events: list[tuple[str, str]] = []
        while todo or events:
            if todo and (not events or order.random() < 0.5):
                key = f"f/{todo.pop()}"
                body = b"bad" + key.encode() if key[2] in bad and key.endswith("mov") else key.encode()
                events += [(key, door.put(key, body))] * order.randint(1, 3)
            else:
                door.submit.created(*events.pop(order.randrange(len(events))))
        door.settle()
        good = {f"f/{name}" for name in names if not (name[0] in bad and name.endswith("mov"))}
        kinds = {key: kind for key in good if (kind := kind_of(key))}
        folder = Folder.of("f/", kinds, MAX_FAN_OUT)
        expected = {pair for key in kinds for pair in folder.verdict(key).pairs}
        assert door.paid() == expected
