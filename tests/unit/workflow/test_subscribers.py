"""Once a day the operator is told of topics that nobody hears."""

from typing import Any

import pytest

from motiondrop.aws.topics import TopicArns
from motiondrop.domain.messages import Message
from motiondrop.storage.cursors import Cursors
from motiondrop.workflow.subscribers import Subscribers
from tests.support.bench import Bench


class Said:
    """The publisher, as far as the operator and programs are notified."""

    def __init__(self) -> None:
        self.alerts: list[Message] = []
        self.for_programs: list[Message] = []

    def alert(self, message: Message) -> None:
        self.alerts.append(message)

    def tell_programs(self, message: Message) -> None:
        self.for_programs.append(message)


class FakeSns:
    """SNS, as far as topics say how many have confirmed."""

    def __init__(self, **confirmed: int) -> None:
        self.confirmed = confirmed

    def get_topic_attributes(self, *, TopicArn: str) -> dict[str, dict[str, str]]:  # noqa: N803  # boto3's names
        return {"Attributes": {"SubscriptionsConfirmed": str(self.confirmed[TopicArn])}}


def subscribers(bench: Bench, said: Any, **confirmed: int) -> Subscribers:
    sns: Any = FakeSns(**confirmed)
    topics = TopicArns("people", "operators", "programs")
    return Subscribers(sns=sns, topics=topics, cursors=Cursors(bench.tables), publisher=said, clock=bench.clock)


def test_a_topic_without_a_confirmed_subscriber_is_told_of_once_a_day(bench: Bench) -> None:
    said = Said()
    one = subscribers(bench, said, people=0, operators=1)
    assert [one.check() for _ in range(3)] == [1, 0, 0]
    bench.clock.pass_(hours=24)
    assert one.check() == 1
    assert [message.facts["topics"] for message in said.alerts] == [["results and failures"]] * 2


def test_where_everybody_is_heard_nothing_is_said(bench: Bench) -> None:
    said = Said()
    assert subscribers(bench, said, people=2, operators=1).check() == 0
    assert said.alerts == []


def test_a_function_that_died_before_it_told_lets_the_next_round_tell(bench: Bench) -> None:
    with pytest.raises(AttributeError):
        subscribers(bench, None, people=0, operators=1).check()
    said = Said()
    assert subscribers(bench, said, people=0, operators=1).check() == 1
    assert len(said.alerts) == 1


def test_of_an_operator_who_hears_nothing_only_programs_are_told(bench: Bench) -> None:
    said = Said()
    assert subscribers(bench, said, people=0, operators=0).check() == 2
    assert said.alerts == []
    assert [message.facts["topics"] for message in said.for_programs] == [["results and failures", "operations"]]
