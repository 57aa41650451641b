"""The queue between S3's events and `submit`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote_plus

from motiondrop.sanitize import plain

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

#: Seconds until a message that failed once comes back, and the factor for each further failure. The queue's own
#: visibility timeout is six times the function's timeout (AWS's advice); it is for functions that hang or die.
FIRST_PAUSE = 5
FACTOR = 4

#: Seconds until a message comes again if AWS had no room to work on it.
SATURATED_SECONDS = 15

_COUNTS: tuple["QueueAttributeNameType", ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class EventQueue:
    """The event queue of one stack; `longest` is its visibility timeout in seconds."""

    def __init__(self, sqs: "SQSClient", url: str, longest: int) -> None:
        self._sqs = sqs
        self._url = url
        self._longest = longest

    def resend(self, key: str, etag: str) -> None:
        """Send the event of the drop at `key` once more."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=event_of(key, etag))

    def settle(self, folder: str, change: str, seconds: int) -> None:
        """Send the message that lets a folder settle; it arrives after `seconds`, at most 900 (SQS)."""
        body = json.dumps({"folder": folder, "change": change})
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)

    def postpone(self, body: str, seconds: int) -> None:
        """Send a message once more, to arrive after `seconds`; this try does not count as a failure."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)

    def try_again_soon(self, receipt_handle: str, received: int) -> None:
        """Let a message that failed for the `received`th time come back after a short while."""
        pause = min(FIRST_PAUSE * FACTOR ** (received - 1), self._longest)
        self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=pause)

    def holds_messages(self) -> bool:
        """Whether the queue holds messages: waiting, delayed or being worked on (SQS counts approximately)."""
        notified = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(_COUNTS))["Attributes"]
        return any(int(notified.get(name, 0)) for name in _COUNTS)


@dataclass(frozen=True)
class DropEvent:
    """An event of S3: a drop arrived at `key`, or was removed.

    `sequencer` is how S3 orders the events of one key; `etag` is the object's, quoted as in HTTP; `dropped_by` is the
    principal and the address of the request that caused the event.
    """

    key: str
    removed: bool
    sequencer: str | None = None
    etag: str = ""
    dropped_by: str | None = None


@dataclass(frozen=True)
class FolderEvent:
    """A message of our own: a folder may have settled since `change`."""

    folder: str
    change: str


def events_in(body: str) -> Iterator[DropEvent | FolderEvent]:
    """The events in a message of the queue; none in S3's test event."""
    message = json.loads(body)
    if "change" in message:
        yield FolderEvent(message["folder"], message["change"])
    for record in message.get("Records", []):
        item = record["s3"]["object"]
        removed = record["eventName"].startswith("ObjectRemoved")
        etag = f'"{item["eTag"]}"' if "eTag" in item else ""
        yield DropEvent(unquote_plus(item["key"]), removed, item.get("sequencer"), etag, _dropped_by(record))


def _dropped_by(record: dict[str, Any]) -> str | None:
    """Who caused the event (S3 User Guide, "Event message structure")."""
    principal = record.get("userIdentity", {}).get("principalId", "")
    address = record.get("requestParameters", {}).get("sourceIPAddress", "")
    return ", ".join(plain(part) for part in (principal, address) if part) or None


def event_of(key: str, etag: str = "") -> str:
    """The event that S3 would have sent for the key, with the fields that `submit` needs. It has no sequencer, so it
    never counts as later than a recorded drop.
    """
    item = {"key": quote_plus(key), "eTag": etag.strip('"')}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": item}}]})
