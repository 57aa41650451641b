"""Jobs whose video has to be converted: ordered from the record, taken if it is what was ordered, then queued."""

import re
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from motiondrop.aws.media import _DEATHS, MediaDied, MediaFunction
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.errors import DropGone, JobCanceled, JobFailed, Saturated
from motiondrop.media.limits import Rejected
from motiondrop.storage.items import PAUSE, QUEUE
from tests.support.builders import execution_of
from tests.support.intake_bench import IntakeBench
from tests.support.workflow_bench import WorkflowBench

REPORT: dict[str, Any] = {
    "kind": "video",
    "format": "mp4",
    "width": 2048,
    "height": 1152,
    "size": 1_000_000,
    "sha256": "0" * 64,
    "duration": 2.6,
    "frame_rate": 25.0,
    "codec": "h264",
    "sound": False,
    "converted": ["4096x2304 to 2048x1152 px"],
    "notes": [],
}
COPY = f"inputs/{'0' * 64}.mp4"


def places(intake: IntakeBench) -> list[str]:
    found = intake.bench.tables.queue.query(QUEUE, consistent_read=True)
    return [item.sk for item in found if item.sk.startswith("WAIT#")]


@pytest.fixture
def steps(intake: IntakeBench) -> WorkflowBench:
    return WorkflowBench(intake.bench)


def preparing(intake: IntakeBench, steps: WorkflowBench) -> tuple[Job, Execution, dict[str, Any]]:
    """A job with a video that has to be converted, its execution, and the order for it."""
    intake.drop("hero.png")
    intake.drop("hero.mp4", b"please convert")
    (job,) = intake.jobs()
    assert (job.state, places(intake)) == (State.PREPARING, [])
    execution = execution_of(job)
    step = steps.admit.claim(execution)
    assert step["next"] == "Convert the files"
    return intake.bench.read(job), execution, step["order"]


def test_the_order_names_the_drop_as_it_was_checked_and_what_is_to_become_of_it(
    intake: IntakeBench, steps: WorkflowBench
) -> None:
    job, _, order = preparing(intake, steps)
    assert (order["action"], order["key"], order["etag"]) == ("convert", "hero.mp4", job.video.etag)
    assert order["digest"] == job.video.digest
    assert (order["plan"]["width"], order["plan"]["height"]) == (2048, 1152)
    accepted = "accepted and waiting for conversion - the animation will cost 0.30 USD - converted: 4096x2304"
    assert intake.receipt("hero.mp4").startswith(accepted)


def test_what_was_ordered_is_taken_with_a_new_quote_at_the_place_of_its_recording(
    intake: IntakeBench, steps: WorkflowBench
) -> None:
    job, execution, _ = preparing(intake, steps)
    intake.bench.clock.pass_(minutes=5)
    intake.bench.tables.queue(QUEUE, PAUSE).save()
    steps.admit.wait(execution, "token", {"report": REPORT, "copy": COPY})
    ready = intake.bench.read(job)
    assert (ready.state, ready.video.copy, ready.quote) == (State.QUEUED, COPY, 312_000)
    assert places(intake)[0].startswith(f"WAIT#{job.recorded_at:%Y-%m-%dT%H:%M:%S}")
    assert (job.video.sound, ready.video.sound) == (True, False)  # a trim may leave none
    steps.admit.wait(execution, "token", {"report": REPORT, "copy": COPY})  # twice is once
    assert len(places(intake)) == 1


@pytest.mark.parametrize(
    ("report", "state", "said"),
    [
        ({"rejected": "video cannot be opened"}, State.FAILED, "could not be converted: it cannot be opened."),
        (
            {},
            State.FAILED,
            (
                "could not be converted: it would take too much time or memory to convert."
                " Export it again at a lower resolution."
            ),
        ),
        ({"report": REPORT | {"width": 640, "height": 640}, "copy": COPY}, State.FAILED, "could not be converted"),
        ({"report": REPORT | {"duration": 29.5}, "copy": COPY}, State.FAILED, "could not be converted"),
        ({"report": REPORT | {"duration": float("nan")}, "copy": COPY}, State.FAILED, "could not be converted"),
        ({"gone": True}, State.CANCELED, "One of the two files was replaced before the animation started."),
    ],
)
def test_what_is_not_what_was_ordered_ends_the_job_unpaid_and_in_words(
    intake: IntakeBench, steps: WorkflowBench, report: dict[str, Any], state: State, said: str
) -> None:
    job, execution, _ = preparing(intake, steps)
    with pytest.raises(JobFailed if state == State.FAILED else JobCanceled, match=re.escape(said)):
        steps.admit.wait(execution, "token", report)
    ended = intake.bench.read(job)
    assert (ended.state, ended.call.attempt, places(intake)) == (state, 0, [])
    assert said in (ended.closing.reason or "")


def test_a_drop_that_is_replaced_while_it_is_converted_withdraws_its_job(
    intake: IntakeBench, steps: WorkflowBench
) -> None:
    job, _, _ = preparing(intake, steps)
    intake.drop("hero.mp4", b"another")
    assert intake.bench.read(job).state == State.CANCELED
    assert [job.state for job in intake.jobs()] == [State.QUEUED]


def test_a_video_that_is_to_be_cut_is_another_job_than_the_whole_one(intake: IntakeBench) -> None:
    intake.drop("hero.png", b"image")
    intake.drop("hero.mp4", b"video")
    intake.drop("cut/hero.png", b"image")
    intake.drop("cut/hero.mp4", b"video", trim="0-2")
    assert sorted(job.options.trim or "" for job in intake.jobs()) == ["", "0-2"]


def test_a_trim_that_names_nothing_is_rejected(intake: IntakeBench) -> None:
    intake.drop("hero.mp4", b"video", trim="the beginning")
    assert (
        intake.receipt("hero.mp4") == "rejected: option trim in the upload metadata is the beginning"
        " - must be a start and an end in seconds - write it like trim=0-30"
    )


class FakeLambda:
    """Lambda: answers of `media`, one after the other, the last one again."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.calls = [*answers], 0

    def invoke(self, FunctionName: str, Payload: str) -> Any:  # noqa: N803  # as boto3 names them
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def body(text: str) -> Any:
    return type("Body", (), {"read": lambda _: text.encode()})()


DIED = {"Payload": body('{"errorMessage": "Task timed out"}'), "FunctionError": "Unhandled"}


def function(*answers: Any) -> tuple[MediaFunction, FakeLambda]:
    fake: Any = FakeLambda(*answers)
    return MediaFunction(fake, "media"), fake


def test_a_function_that_died_is_tried_twice_more_and_then_the_file_is_why() -> None:
    media, fake = function(DIED)
    with pytest.raises(Rejected, match="too much time or memory"):
        media.check("a.mp4", "e", None)
    assert fake.calls == _DEATHS == 3


def test_what_the_function_says_of_a_file_is_final_at_once() -> None:
    media, fake = function({"Payload": body('{"rejected": "file is bad"}')})
    with pytest.raises(Rejected, match="file is bad"):
        media.check("a.mp4", "e", None)
    media_gone, _ = function({"Payload": body('{"gone": true}')})
    with pytest.raises(DropGone):
        media_gone.check("a.mp4", "e", None)
    assert fake.calls == 1


@pytest.mark.parametrize("said", ["null", "[]", "{}", '{"report": {"width": NaN}}', '{"plan": {}, "digest": 1}'])
def test_an_answer_that_is_none_is_like_no_answer(said: str) -> None:
    media, _ = function({"Payload": body(said)})
    with pytest.raises(Rejected, match="too much time or memory"):
        media.check("a.mp4", "e", None)
    with pytest.raises(MediaDied):
        media.look("job")


def test_no_room_at_lambda_is_no_death() -> None:
    media, fake = function(ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"))
    with pytest.raises(Saturated):
        media.check("a.mp4", "e", None)
    assert fake.calls == 1


def test_a_result_that_could_not_be_looked_at_is_looked_at_by_the_sweep_and_given_up_after_a_day(
    steps: WorkflowBench,
) -> None:
    job = steps.saved()
    assert steps.sweep().get("opened", 0) == 0  # media has no room
    steps.opening.result = replace(job.result, codec="h264", width=720, height=1280, opened=True)
    assert steps.sweep()["opened"] == 1
    assert steps.bench.read(job).result.codec == "h264"
    assert steps.opening.written == 1
    assert steps.sweep().get("opened", 0) == 0
