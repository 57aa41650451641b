"""Publishing: emails to people, JSON to programs, and alerts to operators about what they have to fix."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.domain.digest import digest
from motiondrop.domain.messages import Message
from motiondrop.storage.outbox import Digest, Outbox

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
        send digests every round; programs are not notified again.
        """
        self.tell_programs(message)
        if self._outbox.has_room(message):
            try:
                self._email(self._topics.notifications, message, message.body)
            except (ClientError, BotoCoreError):
                _logger.exception("an email was refused and waits for the next digest")
            else:
                return
        self._outbox.postpone(message)

    def alert(self, message: Message) -> None:
        """Publish the message for programs, and email it to the operator."""
        self.tell_programs(message)
        self._email(self._topics.operations, message, message.for_operator(self._dashboard))

    def send_digests(self) -> int:
        """Send the digests that are due, each as one email; return how many were sent."""
        due = self._outbox.digests()
        for one in due:
            self._send_digest(one)
            self._outbox.sent(one)  # if the function dies before this line, the email is sent twice, never lost
        return len(due)

    def _send_digest(self, one: Digest) -> None:
        subject, body = digest(one.folder, one.events, one.lines)
        # Lists: a subscriber's filter matches if one of the values does.
        attributes = {
            "event": _strings(["digest", *one.events]),
            "folder": _string(one.folder),
            "mode": _strings(one.modes),
        }
        self._sns.publish(
            TopicArn=self._topics.notifications, Subject=subject, Message=body, MessageAttributes=attributes
        )

    def _email(self, topic: str, message: Message, body: str) -> None:
        self._sns.publish(
            TopicArn=topic,
            Subject=message.subject,
            Message=body,
            MessageAttributes=_attributes(message.attributes),
        )

    def tell_programs(self, message: Message) -> None:
        """Publish the message as JSON to the events topic, which has programs as its subscribers."""
        self._sns.publish(
            TopicArn=self._topics.events,
            Message=json.dumps(message.document),
            MessageAttributes=_attributes(message.attributes),
        )


def _attributes(values: Mapping[str, str]) -> "dict[str, MessageAttributeValueTypeDef]":
    return {name: _string(value) for name, value in values.items()}


def _string(value: str) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String", "StringValue": value}


def _strings(values: Iterable[str]) -> "MessageAttributeValueTypeDef":
    return {"DataType": "String.Array", "StringValue": json.dumps(sorted(set(values)))}
