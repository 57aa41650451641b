"""PublishingSettings: how many emails go out, and that what is postponed is told all the same."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from motiondrop.aws.topics import Publisher, TopicArns
from motiondrop.domain.messages import Message, rejected
from motiondrop.storage.outbox import DIGESTS_PER_ROUND, Outbox
from tests.support.bench import Bench

PER_MINUTE = 20
PER_SECOND = 5


@dataclass
class Sns:
    """SNS, as far as publishing goes: notes what it was given; `fail` makes it die, topics in `refused` refuse."""

    published: list[dict[str, Any]] = field(default_factory=list)
    fail: bool = False
    refused: set[str] = field(default_factory=set)

    def publish(self, **message: Any) -> None:
        if self.fail:
            raise RuntimeError
        if message["TopicArn"] in self.refused:
            raise ClientError({"Error": {"Code": "AuthorizationError", "Message": "not authorized"}}, "Publish")
        self.published.append(message)

    @property
    def emails(self) -> list[dict[str, Any]]:
        return [message for message in self.published if message["TopicArn"] == "people"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message["Message"]) for message in self.published if message["TopicArn"] == "programs"]


@dataclass(frozen=True)
class Desk:
    """A publisher, and where its messages land."""

    publisher: Publisher
    sns: Sns
    bench: Bench

    def notify(self, number: int, folder: str = "a/", event: str = "succeeded", *, seconds: float = 1) -> None:
        name = f"{folder}{number}"
        self.publisher.notify(Message(event, f"{name}: {event}", "body", f"{event} {name}", folder, "wan-std"))
        self.bench.clock.pass_(seconds=seconds)


@pytest.fixture
def desk(bench: Bench) -> Desk:
    sns = Sns()
    topics, outbox = TopicArns("people", "operators", "programs"), Outbox(bench.tables, PER_MINUTE, bench.clock)
    publisher = Publisher(cast("Any", sns), topics, outbox, "https://dashboard.example")
    return Desk(publisher, sns, bench)


def test_up_to_the_measure_each_message_is_an_email_of_its_own(desk: Desk) -> None:
    for number in range(PER_MINUTE):
        desk.notify(number)
    assert len(desk.sns.emails) == PER_MINUTE
    assert desk.publisher.send_digests() == 0


def test_more_than_the_measure_in_a_minute_become_one_digest_and_programs_are_told_of_each(desk: Desk) -> None:
    for number in range(50):
        desk.notify(number)
    assert len(desk.sns.emails) == PER_MINUTE
    assert desk.publisher.send_digests() == 1
    email = desk.sns.emails[-1]
    assert email["Subject"] == "a: 30 updates (30 ready)"
    assert all(f"Ready: a/{number}: succeeded\n" in email["Message"] for number in range(PER_MINUTE, 50))
    assert desk.publisher.send_digests() == 0
    assert len(desk.sns.events) == 50


def test_never_more_than_sns_bears_in_a_second(desk: Desk) -> None:
    for number in range(PER_MINUTE):
        desk.notify(number, seconds=0)
    assert len(desk.sns.emails) == PER_SECOND
    for number in range(20):
        desk.notify(number, folder=f"{number}/", seconds=0)
    assert desk.publisher.send_digests() == DIGESTS_PER_ROUND


def test_the_next_minute_has_room_again(desk: Desk) -> None:
    for number in range(30):
        desk.notify(number)
    desk.bench.clock.pass_(minutes=1)
    desk.notify(99)
    assert len(desk.sns.emails) == PER_MINUTE + 1


def test_a_digest_says_to_filters_what_is_in_it(desk: Desk) -> None:
    for number in range(PER_MINUTE):
        desk.notify(number, folder="other/")
    desk.notify(1, event="failed")
    desk.notify(2)
    desk.notify(3, folder="b/")
    desk.publisher.send_digests()
    first, second = (email["MessageAttributes"] for email in desk.sns.emails[-2:])
    assert first["folder"] == {"DataType": "String", "StringValue": "a/"}
    assert first["event"] == {"DataType": "String.Array", "StringValue": '["digest", "failed", "succeeded"]'}
    assert first["mode"] == {"DataType": "String.Array", "StringValue": '["wan-std"]'}
    assert second["folder"]["StringValue"] == "b/"


def test_many_rejections_of_a_folder_are_one_email_and_one_digest(desk: Desk) -> None:
    for number in range(40):
        desk.publisher.notify(
            rejected(f"class/{number}.png", "image is 180 px wide - needs 200 to 4096 px on each side")
        )
        desk.bench.clock.pass_(seconds=0.5)
    desk.publisher.notify(rejected("other/a.png", "file is empty"))
    assert [email["Subject"].split(":")[0] for email in desk.sns.emails] == ["0.png", "a.png"]
    assert desk.publisher.send_digests() == 1
    assert "39 updates (39 rejected)" in desk.sns.emails[-1]["Subject"]


def test_no_result_waits_behind_rejections(desk: Desk) -> None:
    for number in range(40):
        desk.publisher.notify(rejected(f"{number}/a.png", "file is empty"))
        desk.bench.clock.pass_(seconds=1)
    assert len(desk.sns.emails) == PER_MINUTE // 4
    for number in range(PER_MINUTE):
        desk.notify(number)
    assert len(desk.sns.emails) == PER_MINUTE // 4 + PER_MINUTE


def test_digests_with_results_go_out_before_those_of_rejections(desk: Desk) -> None:
    for number in range(20):
        desk.publisher.notify(rejected(f"{number}/a.png", "file is empty"))
    for number in range(PER_MINUTE):
        desk.notify(number, seconds=0)
    desk.publisher.send_digests()
    assert desk.sns.emails[-DIGESTS_PER_ROUND]["Subject"].startswith("a: 15 updates")


def dying(desk: Desk, step: Callable[[], object]) -> None:
    desk.sns.fail = True
    with pytest.raises(RuntimeError):
        step()
    desk.sns.fail = False


def test_a_death_before_the_digest_goes_out_loses_nothing(desk: Desk) -> None:
    for number in range(25):
        desk.notify(number)
    dying(desk, desk.publisher.send_digests)
    assert desk.publisher.send_digests() == 1
    assert "5 updates" in desk.sns.emails[-1]["Subject"]


def test_an_email_that_the_topic_refuses_comes_in_a_digest_and_programs_are_told_once(desk: Desk) -> None:
    desk.sns.refused = {"people"}
    desk.notify(1)
    for _ in range(10):
        with pytest.raises(ClientError):
            desk.publisher.send_digests()
    desk.sns.refused = set()
    assert desk.publisher.send_digests() == 1
    assert (len(desk.sns.emails), len(desk.sns.events)) == (1, 1)
    assert "a/1: succeeded" in desk.sns.emails[0]["Message"]


def test_a_death_before_it_is_noted_makes_a_second_digest_and_no_third(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        desk.notify(number)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "sent", lambda *_: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(RuntimeError):
            desk.publisher.send_digests()
    assert desk.publisher.send_digests() == 1
    assert desk.publisher.send_digests() == 0


def test_the_same_message_postponed_twice_is_told_once(desk: Desk) -> None:
    for number in range(PER_MINUTE):
        desk.notify(number, folder="other/")
    for _ in range(3):
        desk.notify(1)
    desk.publisher.send_digests()
    assert desk.sns.emails[-1]["Message"].count("Ready: a/1:") == 1


def test_a_digest_fits_into_a_message_of_sns(desk: Desk, bench: Bench) -> None:
    outbox = Outbox(bench.tables, PER_MINUTE, bench.clock)
    for number in range(400):
        headline = f"{number}: {'é' * 290}"
        outbox.postpone(
            Message("failed", headline, "", str(number), "a/", "wan-std", "https://example.com/" + "x" * 200)
        )
    while desk.publisher.send_digests():
        pass
    assert len(desk.sns.emails) > 1
    assert all(len(email["Message"].encode()) < 256 * 1024 for email in desk.sns.emails)
    assert sum(email["Message"].count("\nFailed: ") for email in desk.sns.emails) == 400


def test_the_operators_email_goes_to_operators_and_programs(desk: Desk) -> None:
    desk.publisher.alert(Message("held", "MotionDrop: held", "body", "held"))
    assert [message["TopicArn"] for message in desk.sns.published] == ["programs", "operators"]
    assert desk.sns.published[-1]["Message"] == "body\n\nDashboard: https://dashboard.example\n"


def test_a_topic_that_refuses_programs_keeps_nothing_from_people_and_operators(desk: Desk) -> None:
    desk.sns.refused = {"programs"}
    desk.notify(1)
    desk.publisher.alert(Message("held", "MotionDrop: held", "body", "held"))
    assert [message["TopicArn"] for message in desk.sns.published] == ["people", "operators"]


def test_what_the_topic_for_programs_refused_they_hear_once_and_as_it_was(desk: Desk) -> None:
    desk.notify(1)
    before = desk.sns.published[0]
    desk.sns.refused = {"programs"}
    for folder in ("a/", "b/", "b/"):  # the third is the second again
        desk.notify(1, folder=folder)
    with pytest.raises(ClientError):
        desk.publisher.send_events()
    desk.sns.refused = set()
    assert desk.publisher.send_events() == 2
    assert desk.publisher.send_events() == 0
    assert before in desk.sns.published[-2:]
    assert sorted(event["folder"] for event in desk.sns.events) == ["a/", "a/", "b/"]
    assert desk.publisher.send_digests() == 0


def test_what_programs_have_yet_to_hear_is_in_no_digest(desk: Desk) -> None:
    desk.sns.refused = {"programs"}
    for number in range(PER_MINUTE + 1):
        desk.notify(number)
    assert desk.publisher.send_digests() == 1
    assert "1 update" in desk.sns.emails[-1]["Subject"]
