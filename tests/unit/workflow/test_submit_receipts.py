"""What drops say of themselves, also where receipts cross each other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from motiondrop.domain.job import Result, State
from motiondrop.domain.messages import Message
from motiondrop.storage.drops import record_key
from motiondrop.storage.items import DropItem
from motiondrop.workflow.receipts import of_job
from tests.support.bench import client
from tests.support.builders import make_job
from tests.support.intake_bench import QUEUED, IntakeBench


def test_a_shared_files_receipt_counts_its_jobs(intake: IntakeBench) -> None:
    intake.drop("f/v.mp4")
    intake.drop("f/a.png")
    intake.drop("f/b.png")
    intake.settle()
    assert intake.receipt("f/v.mp4") == "0 of 2 done"
    job = intake.jobs()[0]
    intake.bench.jobs.transition(job, None, State.CANCELED)
    intake.submit.receipts.follow(intake.bench.read(job))
    assert intake.receipt("f/v.mp4") == "0 of 2 done - 1 canceled"


def test_a_drop_whose_record_cannot_be_read_keeps_no_other_drop_of_its_job_from_its_receipt(
    intake: IntakeBench,
) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    record = intake.bench.tables.drop(*record_key("hero.png"))
    record.update(actions=[DropItem.kind.set("OF ANOTHER VERSION")])
    intake.bench.jobs.transition(job, None, State.CANCELED)
    intake.submit.receipts.follow(job)
    assert intake.receipt("hero.mp4") == "canceled"


def test_a_receipt_says_what_will_come_out_as_long_as_that_is_not_paid_and_has_room(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4", b"please convert")
    converted = "converted: 4096x2304 to 2048x1152 px - it will be 720p at 15 frames/s with sound"
    waiting = "accepted and waiting for conversion - the animation will cost 0.30 USD"
    assert intake.receipt("hero.mp4") == f"{waiting} - {converted}"
    (job,) = intake.jobs()
    drop = replace(intake.bench.drops.find(["hero.mp4"])["hero.mp4"], note="x" * 120)
    intake.bench.drops.record(drop, same_content=True)
    intake.submit.receipts.follow(job)
    assert len(intake.receipt("hero.mp4")) <= 256
    assert intake.receipt("hero.mp4").endswith("x - converted: 4096x2304 to 2048x1152 px")
    intake.bench.jobs.transition(job, None, State.QUEUED)
    intake.bench.jobs.transition(intake.bench.read(job), None, State.ADMITTED)
    intake.submit.receipts.follow(job)
    assert intake.receipt("hero.png") == "animating: being sent to the animation service"


def test_a_drops_link_leads_to_its_job_and_outlives_receipts_of_functions_that_cannot_make_one(
    intake: IntakeBench,
) -> None:
    intake.drop("hero.png")
    assert "motiondrop-page" not in intake.tags("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    link = f"https://example.com/{job.job_id}/signature"
    assert [intake.tags(key)["motiondrop-page"] for key in ("hero.png", "hero.mp4")] == [link, link]
    intake.bench.jobs.transition(job, None, State.ADMITTED)
    intake.submit.receipts.follow(job)
    assert intake.tags("hero.png") == {
        "motiondrop": "animating: being sent to the animation service",
        "motiondrop-page": link,
    }


def test_a_link_that_another_function_overtook_is_there_at_the_jobs_end(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    intake.submit.inbox.write_receipt("hero.png", QUEUED, "")
    intake.submit.pairs.closing.close(job, State.FAILED)
    assert intake.tags("hero.png")["motiondrop-page"].endswith(f"{job.job_id}/signature")


def test_a_shared_file_has_no_link(intake: IntakeBench) -> None:
    intake.drop("f/v.mp4")
    intake.drop("f/a.png")
    intake.settle()
    assert "motiondrop-page" in intake.tags("f/v.mp4")
    intake.drop("f/b.png")
    intake.settle()
    assert "motiondrop-page" not in intake.tags("f/v.mp4")
    assert "motiondrop-page" in intake.tags("f/b.png")


@pytest.mark.parametrize(("own", "ours"), [(8, {"motiondrop", "motiondrop-page"}), (9, {"motiondrop"}), (10, set())])
def test_words_go_first_where_a_drop_has_no_room_for_both_tags(intake: IntakeBench, own: int, ours: set[str]) -> None:
    intake.drop("hero.png")
    intake.put("hero.mp4")
    tags = [{"Key": f"tag{number}", "Value": "x"} for number in range(own)]
    client("s3").put_object_tagging(Bucket="inbox", Key="hero.mp4", Tagging={"TagSet": tags})
    intake.submit.created("hero.mp4", "1")
    assert set(intake.tags("hero.mp4")) == {tag["Key"] for tag in tags} | ours
    intake.submit.created("hero.mp4", "1")  # the same event again
    assert len(intake.publisher.emails) == (own == 10)


@contextmanager
def before_the_next_receipt(intake: IntakeBench, happens: Callable[[], object]) -> Iterator[None]:
    """Let something happen at the moment when somebody has made up a receipt and not yet written it."""
    inbox = intake.submit.inbox
    write = inbox.write_receipt

    def late(key: str, receipt: str, page: str | None = None) -> bool:
        inbox.write_receipt = write  # type: ignore[method-assign]
        happens()
        return write(key, receipt, page)

    inbox.write_receipt = late  # type: ignore[method-assign]
    yield
    assert inbox.write_receipt == write


def test_a_receipt_that_comes_after_the_jobs_end_does_not_hide_it(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    intake.bench.jobs.transition(job, None, State.ADMITTED)
    with before_the_next_receipt(intake, lambda: intake.delete("hero.png")):
        intake.submit.receipts.follow(job)
    assert intake.receipt("hero.mp4") == "canceled"


@pytest.mark.parametrize(
    ("body", "receipt"),
    [
        (b"bad", "rejected: file is bad"),
        (b"other", QUEUED),
    ],
)
def test_a_receipt_that_comes_after_the_drop_was_replaced_does_not_hide_that(
    intake: IntakeBench, body: bytes, receipt: str
) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    intake.bench.jobs.transition(job, None, State.ADMITTED)
    with before_the_next_receipt(intake, lambda: intake.drop("hero.png", body)):
        intake.submit.receipts.follow(job)
    assert intake.receipt("hero.png") == receipt


def test_a_drop_that_is_replaced_while_another_receipt_is_on_its_way_says_what_it_is(intake: IntakeBench) -> None:
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    (job,) = intake.jobs()
    notify = intake.publisher.notify

    def meanwhile(message: Message) -> None:
        intake.submit.receipts.follow(job)
        notify(message)

    intake.publisher.notify = meanwhile  # type: ignore[method-assign]
    intake.drop("hero.png", b"bad")
    assert intake.receipt("hero.png") == "rejected: file is bad"


def test_a_drop_without_its_partner_is_mentioned_once(intake: IntakeBench) -> None:
    intake.drop("alone.png")
    intake.drop("hero.png")
    intake.drop("hero.mp4")
    intake.bench.clock.pass_(hours=25)
    (drop,) = intake.bench.drops.alone_since(intake.bench.clock(), 10)
    assert drop.key == "alone.png"
    assert intake.bench.drops.mentioned("alone.png")
    assert not intake.bench.drops.mentioned("alone.png")
    assert intake.bench.drops.alone_since(intake.bench.clock(), 10) == []


def test_a_drop_with_ten_tags_of_its_own_is_told_by_email_what_its_receipt_would_say(intake: IntakeBench) -> None:
    tags = "&".join(f"tag{number}=x" for number in range(10))
    for name, body in (("hero.png", b"image"), ("hero.mp4", b"video")):
        client("s3").put_object(Bucket="inbox", Key=name, Body=body, Tagging=tags)
        for _ in range(2):  # the second event tells nothing new
            intake.submit.created(name, "01")
    told = [(message.event, message.facts["key"], message.facts["receipt"]) for message in intake.publisher.emails]
    assert sorted(told) == [
        ("receipt", "hero.mp4", QUEUED),
        ("receipt", "hero.png", QUEUED),
        ("receipt", "hero.png", "waiting for a video"),
    ]
    assert intake.receipt("hero.png") == ""


def test_the_same_files_from_another_folder_are_told_by_one_email_that_the_video_is_there(intake: IntakeBench) -> None:
    intake.drop("hero.png", b"image")
    intake.drop("hero.mp4", b"video")
    (job,) = intake.jobs()
    for state in (State.ADMITTED, State.SUBMITTING, State.PENDING, State.SAVING):
        job = intake.bench.jobs.transition(job, None, state)
    intake.bench.jobs.transition(job, None, State.SUCCEEDED, result=Result("videos/x.mp4"))
    for _ in range(2):
        intake.drop("team/hero.png", b"image")
        intake.drop("team/hero.mp4", b"video")
    (email,) = intake.publisher.emails
    assert (email.event, email.facts["image"]) == ("existing", "team/hero.png")
    assert "videos/x.mp4" in email.body
    assert "Nothing was charged" in email.body


@pytest.mark.parametrize("state", State)
def test_a_receipt_has_words_for_every_state(intake: IntakeBench, state: State) -> None:
    assert of_job(replace(make_job("hero", intake.bench.clock()), state=state))
