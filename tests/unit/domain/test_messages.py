"""Every email, held word for word in tests/unit/golden; `REWRITE_GOLDEN=1 make test TESTS=…` writes them anew."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack import PROJECT
from motiondrop.domain.job import Billing, Call, End, Job, Result, State, Task, Verdict
from motiondrop.domain.messages import (
    Message,
    alone,
    canceled,
    digest,
    existing,
    failed,
    held,
    host_refused,
    outcome,
    over_budget,
    rejected,
    resumed,
    succeeded,
    undecided,
    unheard,
    untagged,
)
from motiondrop.domain.provider_errors import AccessNotGranted, ContentRefused, MediaUnfit, ProviderFault
from tests.support.builders import make_input, make_job

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = json.loads((PROJECT / "docs" / "message.schema.json").read_text())
RECORDED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUCKET = "motiondrop-results-123456789012"
LINK = "https://example.lambda-url.ap-southeast-1.on.aws/hero?k=0123456789abcdef0123456789abcdef"


CLOSED_AT = RECORDED + timedelta(seconds=167)
TASK = Task("0385dc79-5ff8-4d82-bcb6-000000000000", "4909100c-7b5a-9f92-bfe5-000000000000")


def ended(state: State, name: str = "hero", **changes: Any) -> Job:
    values: dict[str, Any] = {
        "state": state,
        "closing": End(at=CLOSED_AT),
        "task": TASK,
    }
    return make_job(name, RECORDED, **(values | changes))


def result(**changes: Any) -> Job:
    job = ended(State.SUCCEEDED)
    values: dict[str, Any] = {
        "billing": Billing(5.2, "wan-std", 624_000),
        "task": replace(
            TASK,
            submitted_at=RECORDED,
            scheduled_at=RECORDED + timedelta(seconds=15),
            ended_at=RECORDED + timedelta(seconds=162),
        ),
        "result": Result(
            key=f"videos/{job.job_id}.mp4",
            size=1_234_567,
            sha256="ab" * 32,
            codec="h264",
            width=720,
            height=1280,
            frame_rate=30.0,
            sound=True,
            still=f"videos/{job.job_id}.jpg",
        ),
    }
    return ended(State.SUCCEEDED, **(values | changes))


def many() -> Message:
    events = ["succeeded"] * 2 + ["failed", "rejected"]
    lines = [
        Message("succeeded", "a: animated - 5.2 s for $0.62", "", "a", link=LINK).line,
        Message("succeeded", "b: animated - 5.2 s for $0.62", "", "b", link=LINK).line,
        failed(ended(State.FAILED, verdict=Verdict("MediaUnfit", "InvalidImage.NoHuman")), LINK).line,
        rejected("class/käfer.png", "image is 180 px wide - needs 200 to 4096").line,
    ]
    return Message("digest", *digest("class/", events, lines), "digest")


EMAILS: dict[str, Message] = {
    "succeeded": succeeded(result(), BUCKET, LINK),
    "succeeded_otherwise_than_asked": succeeded(
        result(
            billing=Billing(9.0, "wan-pro", 1_620_000),
            stopped=True,
            advice=("the video has only 12 frames per second - 24 or more give a better result",),
        ),
        BUCKET,
        LINK,
    ),
    "succeeded_and_could_not_be_opened": succeeded(
        result(result=replace(result().result, codec=None, width=None, height=None, frame_rate=None, sound=None)),
        BUCKET,
        LINK,
    ),
    "succeeded_for_an_estimated_cost": succeeded(
        result(billing=Billing(5.2, "wan-std", 624_000, estimated=True)), BUCKET, LINK
    ),
    "succeeded_without_the_sound_of_the_video": succeeded(
        result(result=replace(result().result, sound=False)), BUCKET, LINK
    ),
    "succeeded_in_another_script": succeeded(
        result(image=make_input("Ordner/名前 ♥.png", "i"), video=make_input("Ordner/名前 ♥.mp4", "v", seconds=5.2)),
        BUCKET,
        LINK,
    ),
    "succeeded_in_german": succeeded(
        result(image=make_input("Grüße an Oma.png", "i"), video=make_input("Grüße an Oma.mp4", "v", seconds=5.2)),
        BUCKET,
        LINK,
    ),
    "existing": existing(result(), make_job("team/hero", RECORDED), BUCKET, LINK),
    "untagged": untagged("class/hero.png", "accepted: quoted 0.62 USD - queued"),
    "failed_since_the_media_do_not_fit": failed(
        ended(
            State.FAILED,
            verdict=Verdict(MediaUnfit.__name__, "InvalidImage.NoHuman", "No human in the image."),
        ),
        LINK,
    ),
    "failed_by_moderation": failed(
        ended(State.FAILED, verdict=Verdict(ContentRefused.__name__, "DataInspectionFailed")), LINK
    ),
    "failed_by_the_provider": failed(
        ended(State.FAILED, verdict=Verdict(ProviderFault.__name__, "InternalError", "oops")), LINK
    ),
    "failed_by_our_own_fault": failed(ended(State.FAILED, task=Task()), LINK),
    "failed_with_an_unknown_outcome": failed(
        ended(
            State.FAILED,
            task=replace(TASK, id=None),
            call=Call(unknown=True),
            closing=End("It is not known what became of the call.", CLOSED_AT),
        ),
        LINK,
    ),
    "failed_after_it_was_charged": failed(
        ended(
            State.FAILED,
            billing=Billing(cost=624_000, estimated=True),
            closing=End(
                "The animation service keeps tasks and videos for 24 hours, and the result could not be fetched"
                " within them.",
                CLOSED_AT,
            ),
        ),
        LINK,
    ),
    "canceled": canceled(
        ended(State.CANCELED, closing=End("The execution was stopped before the animation began.", CLOSED_AT)), LINK
    ),
    "rejected": rejected("class/small.png", "image is 180 px wide - needs 200 to 4096"),
    "held": held(AccessNotGranted("AccessDenied.Unpurchased", "Model not purchased.", request_id="r-1")),
    "resumed": resumed(),
    "undecided": undecided(make_job("hero", RECORDED, call=Call(asked_at=RECORDED))),
    "over_budget": over_budget(make_job("hero", RECORDED), 686_400),
    "unheard": unheard(["results and failures", "operations"]),
    "host_refused": host_refused(["dashscope-b1.oss-cn-x.aliyuncs.com"], 1, RECORDED + timedelta(hours=24)),
    "hosts_refused": host_refused(["dashscope-b1.oss-cn-x.aliyuncs.com", "example.com"], 3, RECORDED),
    "alone": alone("class/hero.png", "a video", "waiting for a video"),
    "alone_ambiguous": alone(
        "class/hero.png",
        "a video",
        "waiting: several images and videos here - name the video that belongs to it hero.mp4",
    ),
    "digest": many(),
}


@pytest.mark.parametrize("name", EMAILS)
def test_the_email_reads_as_its_golden_file(name: str) -> None:
    email = EMAILS[name]
    text = f"Subject: {email.subject}\n\n{email.body}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def test_every_golden_file_is_an_email() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(EMAILS)


@pytest.mark.parametrize("name", sorted(set(EMAILS) - {"digest"}))
def test_programs_are_told_what_the_schema_says(name: str) -> None:
    document = json.loads(json.dumps(EMAILS[name].document))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert {key: document[key] for key in ("event", "folder", "mode")} == EMAILS[name].attributes


def test_the_schema_is_a_schema_and_names_every_event() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    events = {one["properties"]["event"]["const"] for one in SCHEMA["oneOf"]}
    assert events == {message.event for message in EMAILS.values()} - {"digest"}


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELED])
def test_each_end_has_its_own_message(state: State) -> None:
    assert outcome(ended(state), BUCKET, LINK).event == state.lower()


@given(st.text(min_size=1, max_size=200), st.text(max_size=300))
def test_no_key_and_no_reason_can_break_a_subject_an_attribute_or_a_line(key: str, reason: str) -> None:
    job = ended(State.FAILED, image=make_input(f"{key}.png", "i"), verdict=Verdict("UnknownRefusal", reason or None))
    for message in (rejected(key, reason), failed(job, LINK), succeeded(result(image=job.image), BUCKET, LINK)):
        subject = message.subject
        assert 0 < len(subject) <= 99
        assert subject.isascii()
        assert subject.isprintable()
        assert not subject[0].isspace()
        assert all(message.attributes.values())
        assert "\r" not in message.body
        assert "\n" not in message.line.removesuffix(f"\n  {LINK}")
