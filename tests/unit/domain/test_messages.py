"""Every email, held word for word in `golden` beside this; `REWRITE_GOLDEN=1 make test TESTS=…` writes them anew."""

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack import PROJECT
from motiondrop.domain import reasons
from motiondrop.domain.digest import digest
from motiondrop.domain.job import Billing, Call, End, Job, Result, State, Task, Verdict
from motiondrop.domain.messages import (
    LABELS,
    Message,
    alone,
    canceled,
    existing,
    failed,
    outcome,
    rejected,
    succeeded,
    untagged,
)
from motiondrop.domain.operator_messages import held, host_refused, over_budget, resumed, undecided, unheard
from motiondrop.domain.pairing import AMBIGUOUS
from motiondrop.domain.provider_codes import CODES, family
from motiondrop.domain.provider_errors import (
    FAMILIES,
    AccessNotGranted,
    ContentRefused,
    KeyRefused,
    MediaUnfit,
    ProviderFault,
    RetryPolicy,
    UnknownRefusal,
    WanError,
)
from tests.support.builders import make_input, make_job

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = json.loads((PROJECT / "docs" / "message.schema.json").read_text())
RECORDED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUCKET = "motiondrop-results-123456789012"
DASHBOARD = (
    "https://ap-southeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-southeast-1#dashboards:name=motiondrop"
)
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
            frame_rate=15.0,
            sound=True,
            still=f"videos/{job.job_id}.jpg",
        ),
    }
    return ended(State.SUCCEEDED, **(values | changes))


def many() -> Message:
    """A digest, whose lines come as they were postponed."""
    unfit = ended(State.FAILED, verdict=Verdict("MediaUnfit", "InvalidImage.NoHuman"))
    told = [
        succeeded(replace(result(), image=make_input("class/a.png", "i")), BUCKET, LINK),
        rejected(
            "class/käfer.png",
            "image is 180 px wide - needs at least 200 px on each side"
            " - export it again as JPG or PNG at a higher resolution",
        ),
        failed(unfit, LINK),
        succeeded(replace(result(), image=make_input("class/b c.png", "i")), BUCKET, LINK),
    ]
    return Message("digest", *digest("class/", [one.event for one in told], [one.line for one in told]), "digest")


def all_kinds() -> Message:
    """A digest with one message of each event."""
    told = [EMAILS[name] for name in ("succeeded", "existing", "canceled", "alone", "untagged", "rejected")]
    return Message("digest", *digest("/", [one.event for one in told], [one.line for one in told]), "digest")


def late() -> Message:
    """A digest with the one email that its topic refused."""
    told = canceled(ended(State.CANCELED, closing=End(reasons.DELETED, CLOSED_AT)), LINK)
    return Message("digest", *digest("class/", [told.event], [told.line]), "digest")


EMAILS: dict[str, Message] = {
    "succeeded": succeeded(result(), BUCKET, LINK),
    "succeeded_otherwise_than_asked": succeeded(
        result(
            billing=Billing(9.0, "wan-pro", 1_620_000),
            result=replace(result().result, frame_rate=25.0),
            stopped=True,
            advice=("your video has only 12 frames per second - use one with 24 or more",),
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
    "existing": existing(result(), make_job("team/hero", RECORDED), LINK),
    "untagged": untagged("class/hero.png", "accepted and in the queue - the animation will cost 0.62 USD"),
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
    "failed_by_the_account": failed(ended(State.FAILED, verdict=Verdict(KeyRefused.__name__, "InvalidApiKey")), LINK),
    "failed_by_our_own_fault": failed(
        ended(State.FAILED, task=Task(), closing=End(reasons.OWN_FAULT.format(details="States.Timeout"), CLOSED_AT)),
        LINK,
    ),
    "failed_since_a_file_cannot_be_converted": failed(
        ended(
            State.FAILED,
            task=Task(),
            closing=End(
                reasons.not_converted(
                    "video",
                    "video would take more than 13 minutes to process - export it again as MP4 at a lower resolution",
                ),
                CLOSED_AT,
            ),
        ),
        LINK,
    ),
    "failed_with_an_unknown_outcome": failed(
        ended(
            State.FAILED,
            task=replace(TASK, id=None),
            call=Call(unknown=True),
            closing=End(reasons.UNDECIDED, CLOSED_AT),
        ),
        LINK,
    ),
    "failed_since_one_of_several_tasks_is_its_own": failed(
        ended(
            State.FAILED,
            task=replace(TASK, id=None),
            call=Call(unknown=True),
            closing=End(reasons.SEVERAL.format(details="task-1, task-2"), CLOSED_AT),
        ),
        LINK,
    ),
    "failed_after_it_was_charged": failed(
        ended(
            State.FAILED,
            billing=Billing(cost=624_000, estimated=True),
            closing=End(reasons.EXPIRED, CLOSED_AT),
        ),
        LINK,
    ),
    "canceled": canceled(ended(State.CANCELED, closing=End(reasons.STOPPED, CLOSED_AT)), LINK),
    "rejected": rejected(
        "class/small.png",
        "image is 180 px wide - needs at least 200 px on each side"
        " - export it again as JPG or PNG at a higher resolution",
    ),
    "rejected_since_it_is_too_long": rejected(
        "class/long.mp4",
        "video is 31.2 s long - the limit is 30 s - cut the video to 30 s or less and drop it again"
        " - or upload it whole on the drop page and choose which part to use"
        " - or set trim=0-30 in the upload metadata to keep the first 30 s",
    ),
    "rejected_in_foreign_words": rejected(
        "class/Your prize is at https://evil.example, hero.png",
        "option mode in the upload metadata is www.evil.com - must be wan-std or wan-pro"
        " - correct it and drop the file again",
    ),
    "held_since_jobs_are_refused_alike": held(UnknownRefusal("SomethingNew", "see http://evil.example")),
    "held": held(AccessNotGranted("AccessDenied.Unpurchased", "Model not purchased.", request_id="r-1")),
    "resumed": resumed(),
    "undecided": undecided(make_job("hero", RECORDED, call=Call(asked_at=RECORDED))),
    "over_budget": over_budget(make_job("hero", RECORDED), 686_400),
    "unheard": unheard(["results and failures"]),
    "host_refused": host_refused(["dashscope-b1.oss-cn-x.aliyuncs.com"], 1, RECORDED + timedelta(hours=24)),
    "hosts_refused": host_refused(["dashscope-b1.oss-cn-x.aliyuncs.com", "example.com"], 3, RECORDED),
    "alone": alone("class/hero.png", "a video", "waiting for a video"),
    "alone_ambiguous": alone(
        "class/hero.png",
        "a video",
        f"{AMBIGUOUS} - rename the video for this image to hero.mp4",
    ),
    "digest": many(),
    "digest_of_one": late(),
}
EMAILS["digest_of_all_kinds"] = all_kinds()

FOR_OPERATORS = {"held", "host_refused", "resumed", "undecided", "unheard"}


def text_of(email: Message) -> str:
    """What arrives."""
    return email.for_operator(DASHBOARD) if email.event in FOR_OPERATORS else email.body


@pytest.mark.parametrize("name", EMAILS)
def test_the_email_reads_as_its_golden_file(name: str) -> None:
    email = EMAILS[name]
    text = f"Subject: {email.subject}\n\n{text_of(email)}"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


def test_every_golden_file_is_an_email() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(EMAILS)


@pytest.mark.parametrize("name", sorted(name for name, email in EMAILS.items() if email.event != "digest"))
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


@pytest.mark.parametrize("name", sorted(name for name, email in EMAILS.items() if email.event not in FOR_OPERATORS))
def test_who_drops_files_reads_nothing_of_aws(name: str) -> None:
    words = f"{EMAILS[name].subject} {EMAILS[name].body.replace(LINK, '')}"
    assert not re.search(r"\b(AWS|S3|s3:|Step Functions|execution|Lambda|DynamoDB|SNS|bucket|topic)", words)


@pytest.mark.parametrize("name", sorted(name for name, email in EMAILS.items() if email.event in FOR_OPERATORS))
def test_an_operator_gets_the_dashboard_and_a_paragraph_that_exists(name: str) -> None:
    email = EMAILS[name]
    assert email.subject.startswith("MotionDrop: ")
    assert f"\nDashboard: {DASHBOARD}\n" in text_of(email)
    if email.help_page:
        page, _, anchor = email.help_page.partition("#")
        headings = re.findall(r"^##+ (.+)$", (PROJECT / page).read_text(), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


NAMES = st.text(min_size=1, max_size=200) | st.sampled_from(["a" * 200, "evil.com" * 20, "ö" * 90, "名前"])


@given(NAMES, st.sampled_from([None, *CODES, *MediaUnfit.KNOWN, "InvalidImage.NoHuman", "x" * 300]))
def test_a_subject_is_never_cut_within_its_sentence(name: str, code: str | None) -> None:
    image = make_input(f"{name}.png", "i")
    for kind in {*FAMILIES, family(code)}:
        verdict = Verdict(kind.__name__, code)
        assert failed(ended(State.FAILED, image=image, verdict=verdict), LINK).subject.endswith(
            f": {kind.in_brief(code)}"
        )
        said = kind.in_brief(code) if kind.retry is RetryPolicy.HELD else "several jobs were refused"
        assert held(kind(code)).subject.endswith((f"on hold, {said}", f"{said} ({code})"))
    for job, news in (
        (result(image=image), "your animation is ready (5.2 s, $0.62)"),
        (ended(State.CANCELED, image=image), "canceled, nothing was charged"),
    ):
        assert outcome(job, BUCKET, LINK).subject.endswith((f": {news}", f"Y{news[1:]}"))
    assert existing(result(), ended(State.SUCCEEDED, image=image), LINK).subject.endswith("already exists ($0.00)")
    subject = undecided(ended(State.FAILED, image=image)).subject
    assert subject.startswith("MotionDrop: not clear whether ")
    assert subject.endswith(" was sent, checking again")
    assert len(subject) <= 99


@pytest.mark.parametrize(
    "reason", [value for name, value in vars(reasons).items() if name.isupper() and name[0] != "_"]
)
def test_a_reason_of_ours_is_a_sentence_and_has_a_phrase_for_the_subject(reason: str) -> None:
    text = reason.format(which="video", why="it is damaged", details="one, another")
    assert text.endswith(".")
    subject = failed(ended(State.FAILED, "a" * 200, closing=End(text, CLOSED_AT)), LINK).subject
    assert subject.endswith(f": {reasons.in_brief(text)}")
    assert len(subject) <= 99


@pytest.mark.parametrize(
    ("reason", "brief"),
    [
        (reasons.EXPIRED, "the result could not be downloaded in time"),
        (reasons.UNDECIDED, "the outcome is unknown"),
        (reasons.SEVERAL.format(details="a, b"), "the outcome is unknown"),
        (reasons.NOT_CONVERTED.format(which="video", why="no"), "the video could not be converted"),
        (reasons.OWN_FAULT.format(details="x"), "stopped by an error in MotionDrop"),
        (None, "stopped by an error in MotionDrop"),
    ],
)
def test_a_reason_has_its_own_phrase(reason: str | None, brief: str) -> None:
    assert reasons.in_brief(reason) == brief


@given(NAMES, st.lists(st.sampled_from([*LABELS]), min_size=1, max_size=2000))
def test_a_digest_counts_what_it_lists_in_a_subject_that_fits(folder: str, events: list[str]) -> None:
    lines = [Message(event, f"{number}: x", "", "").line for number, event in enumerate(events)]
    subject, body = digest(f"{folder}/", events, lines)
    assert len(subject) <= 99
    assert subject == Message("digest", subject, "", "").subject
    assert f": {len(lines)} update" in subject
    counted = re.findall(r"(\d+) [a-z]+(?=[,)])", subject.rpartition("(")[2])
    assert sum(map(int, counted)) == len(lines)
    assert all(line in body.split("\n") for line in lines)


@pytest.mark.parametrize("refusal", [kind("A code", f"go to https://evil.example {'x' * 500}") for kind in FAMILIES])
def test_what_the_provider_says_is_quoted_and_no_link(refusal: WanError) -> None:
    verdict = Verdict(type(refusal).__name__, refusal.code, refusal.message)
    for text in (failed(ended(State.FAILED, verdict=verdict), LINK).body, held(refusal).body):
        assert 'answered "A code: go to https[:]//evil.example' in text
        assert "//evil" not in text.replace("[:]//", "")


def test_a_name_of_several_words_is_quoted() -> None:
    job = result(image=make_input("Click here.png", "i"), video=make_input("Click here.mp4", "v", seconds=5.2))
    assert 'Your animation of "Click here.png" with "Click here.mp4" is ready.' in succeeded(job, BUCKET, LINK).body


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
        assert "\n" not in message.line
