"""PublishingSettings: people by email, programs by JSON, operators of what is theirs to fix."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.domain.messages import Message, digest
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
    """Publishes to the stack's topics."""

    def __init__(self, sns: "SNSClient", topics: TopicArns, outbox: Outbox) -> None:
        self._sns = sns
        self._topics = topics
        self._outbox = outbox

    def notify(self, message: Message) -> None:
        """Tell programs, and the people who drop files: at once, or where that cannot be in the next digest."""
        self._event(message)
        if not (self._outbox.has_room(message) and self._is_taken(message)):
            self._outbox.postpone(message)

    def alert(self, message: Message) -> None:
        """Tell programs and the operator."""
        self._event(message)
        self._email(self._topics.operations, message)

    def send_digests(self) -> int:
        """Send what was too much for emails of its own; return how many emails that made."""
        due = self._outbox.digests()
        for one in due:
            self._send_digest(one)
            self._outbox.sent(one)  # a death before this line makes a second email, never none
        return len(due)

    def _send_digest(self, one: Digest) -> None:
        subject, body = digest(one.folder, one.events, one.lines)
        # Lists, of which one match is enough for a subscriber's filter.
        attributes = {
            "event": _strings(["digest", *one.events]),
            "folder": _string(one.folder),
            "mode": _strings(one.modes),
        }
        self._sns.publish(
            TopicArn=self._topics.notifications, Subject=subject, Message=body, MessageAttributes=attributes
        )

    def _is_taken(self, message: Message) -> bool:
        """Send the email; False where the topic refuses it. Raised, that would let programs be told again each time."""
        try:
            self._email(self._topics.notifications, message)
        except (ClientError, BotoCoreError) as error:
            _logger.warning("an email was refused and waits for a digest", extra={"reason": type(error).__name__})
            return False
        return True

    def _email(self, topic: str, message: Message) -> None:
        self._sns.publish(
            TopicArn=topic,
            Subject=message.subject,
            Message=message.body,
            MessageAttributes=_attributes(message.attributes),
        )

    def _event(self, message: Message) -> None:
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
