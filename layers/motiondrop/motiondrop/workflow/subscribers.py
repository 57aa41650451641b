"""Checking that somebody gets the emails: an email subscription delivers nothing until its owner has confirmed it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from motiondrop.aws.topics import Publisher, TopicArns
from motiondrop.clock import Clock, now
from motiondrop.domain.operator_messages import unheard
from motiondrop.storage.cursors import Cursors
from motiondrop.storage.items import SUBSCRIBERS

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


_OPERATIONS = "operations"


@dataclass(frozen=True, kw_only=True)
class Subscribers:
    """The subscribers of one stack's topics for people."""

    sns: "SNSClient"
    topics: TopicArns
    cursors: Cursors
    publisher: Publisher
    clock: Clock = now

    def check(self) -> int:
        """Once a day (UTC), report the topics that have no confirmed subscription; return how many there were.

        Programs are notified, and so is the operator if the operations topic has a confirmed subscription.
        """
        today = f"{self.clock():%Y-%m-%d}"
        if self.cursors.read(SUBSCRIBERS) == today:
            return 0
        names = {"results and failures": self.topics.notifications, _OPERATIONS: self.topics.operations}
        silent = [name for name, topic in names.items() if not self._confirmed(topic)]
        if _OPERATIONS in silent:
            self.publisher.tell_programs(unheard(silent))
        elif silent:
            self.publisher.alert(unheard(silent))
        self.cursors.write(SUBSCRIBERS, today)
        return len(silent)

    def _confirmed(self, topic: str) -> bool:
        attributes = self.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        return int(attributes.get("SubscriptionsConfirmed", "0")) > 0
