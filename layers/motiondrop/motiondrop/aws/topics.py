"""Publishing: emails to people, JSON to programs, and alerts to operators about what they have to fix."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.domain.digest import digest
from motiondrop.domain.messages import Message
from motiondrop.storage.outbox import Outbox

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

_logger = Logger(child=True)


@dataclass(frozen=True)
class TopicArns:
    """The ARNs of the stack's topics."""

    notifications: str
    operations: str
    events: str


class Publisher:
    """Publishes to the stack's topics; `dashboard` is the link that operators get."""

    def __init__(self, sns: "SNSClient", topics: TopicArns, outbox: Outbox, dashboard: str) -> None:
        self._sns = sns
        self._topics = topics
        self._outbox = outbox
        self._dashboard = dashboard

    def notify(self, message: Message) -> None:
        """Publish the message for programs, and email it to the people who drop files, at once or in the next digest.

        The message waits for the digest if there are too many emails, or if SNS refuses this one. The sweep tries to
        send digests every round.
        """
        self.tell_programs(message)
        if self._outbox.has_room(message):
            try:
                self._publish(self._topics.notifications, message.body, message.attributes, message.subject)
            except (ClientError, BotoCoreError):
                _logger.exception("an email was refused and waits for the next digest")
            else:
                return
        self._outbox.postpone(message)

    def alert(self, message: Message) -> None:
        """Publish the message for programs, and email it to the operator."""
        self.tell_programs(message)
        body = message.for_operator(self._dashboard)
        self._publish(self._topics.operations, body, message.attributes, message.subject)

    def send_digests(self) -> int:
        """Send the digests that are due, each as one email; return how many were sent."""
        due = self._outbox.digests()
        for one in due:
            subject, body = digest(one.folder, one.events, one.lines)
            attributes = {"event": ("digest", *one.events), "folder": one.folder, "mode": one.modes}
            self._publish(self._topics.notifications, body, attributes, subject)
            self._outbox.sent(one)  # if the function dies before this line, the email is sent twice, never lost
        return len(due)

    def send_events(self) -> int:
        """Publish the events that their topic refused; return how many were published."""
        due = self._outbox.events()
        for one in due:
            attributes = {"event": one.events[0], "folder": one.folder, "mode": one.modes[0]}
            self._publish(self._topics.events, one.lines[0], attributes)
            self._outbox.sent(one)  # if the function dies before this line, programs are notified twice
        return len(due)

    def tell_programs(self, message: Message) -> None:
        """Publish the message as JSON to the events topic, which has programs as its subscribers.

        If SNS refuses it, the sweep tries again every round: people and operators hear of it all the same.
        """
        try:
            self._publish(self._topics.events, json.dumps(message.document), message.attributes)
        except (ClientError, BotoCoreError):
            _logger.exception("an event was refused and waits for the next round")
            self._outbox.postpone_event(message)

    def _publish(
        self, topic: str, body: str, attributes: Mapping[str, Sequence[str]], subject: str | None = None
    ) -> None:
        values = {name: _attribute(value) for name, value in attributes.items()}
        email: Any = {"Subject": subject} if subject else {}
        self._sns.publish(TopicArn=topic, Message=body, MessageAttributes=values, **email)


def _attribute(value: Sequence[str]) -> "MessageAttributeValueTypeDef":
    """A text, or several: a subscriber's filter then matches if one of them does."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    return {"DataType": "String.Array", "StringValue": json.dumps(sorted(set(value)))}
