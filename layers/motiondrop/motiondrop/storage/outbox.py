"""Limiting how many emails go out: messages above the limit are stored, and become one digest email per folder.

SNS shuts off an email address that gets more than ten emails a second. Events that their topic refuses are stored, too.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.clock import Clock, now
from motiondrop.domain.messages import Message
from motiondrop.storage.items import EMAIL, EmailCountItem, PostponedItem, Tables

#: Of the messages that may be sent as separate emails in a minute, a quarter may go out in one second: 5 of 20.
SECONDS_SHARE = 4

#: Rejections have limits of their own, so that no result waits behind them: a quarter of the usual ones, and one email
#: a minute per folder.
REJECTIONS_SHARE = 4
REJECTIONS_PER_FOLDER = 1

#: Digest emails in one round of the sweep; with five emails and a rejection a second they stay within SNS's ten.
DIGESTS_PER_ROUND = 4

#: Messages that one round looks at, and bytes of lines in one email (SNS takes 256 KB).
_LOOK_AT = 2000
_BYTES = 200_000

REJECTED = "rejected"

_KEPT = timedelta(hours=1)  # a count is of no use after its span

#: What the sort keys of postponed messages begin with: of all, of lines for a digest, and of events for programs.
POSTPONED = "POSTPONED#"
_LINE = f"{POSTPONED}LINE#"
_EVENT = f"{POSTPONED}EVENT#"

_EVENTS_PER_ROUND = 100  # SNS publishes 300 messages a second, in the regions that publish fewest


@dataclass(frozen=True)
class Digest:
    """Messages of one folder that become one email, or one event; `keys` are the sort keys of their items."""

    folder: str
    events: tuple[str, ...]
    modes: tuple[str, ...]
    lines: tuple[str, ...]
    keys: tuple[str, ...]


class Outbox:
    """Counts the emails of one stack, and keeps those that wait for a digest.

    `per_minute` is how many messages may be sent as separate emails in a minute; `clock` gives the time in UTC.
    """

    def __init__(self, tables: Tables, per_minute: int, clock: Clock = now) -> None:
        self._tables = tables
        self._per_minute = per_minute
        self._clock = clock

    def has_room(self, message: Message) -> bool:
        """Count the message, and say whether it may go out now as an email of its own."""
        moment = self._clock()
        minute, second = f"{moment:%Y-%m-%dT%H:%M}", f"{moment:%Y-%m-%dT%H:%M:%S}"
        per_minute = self._per_minute
        if message.event == REJECTED:
            if self._count(f"{minute}#{_hash(message.folder)}", moment) > REJECTIONS_PER_FOLDER:
                return False
            minute, second = f"{minute}#{REJECTED}", f"{second}#{REJECTED}"
            per_minute = max(1, per_minute // REJECTIONS_SHARE)
        per_second = max(1, per_minute // SECONDS_SHARE)
        return self._count(minute, moment) <= per_minute and self._count(second, moment) <= per_second

    def postpone(self, message: Message) -> None:
        """Keep the message for a digest, in place of one with the same `about`."""
        self._store(f"{_LINE}{_hash(message.about)}", message, message.line)

    def postpone_event(self, message: Message) -> None:
        """Keep the message for programs, whose topic refused it, once however often; its line is then the JSON text."""
        document = json.dumps(message.document)
        self._store(f"{_EVENT}{_hash(document)}", message, document)

    def _store(self, sort_key: str, message: Message, line: str) -> None:
        self._tables.postponed(
            EMAIL,
            sort_key,
            event=message.event,
            folder=message.folder,
            mode=message.mode,
            line=line,
            about=message.about,
            stored_at=self._clock(),
        ).save()

    def digests(self) -> list[Digest]:
        """The digests to send in this round, longest waiting first; but digests of rejections alone come last."""
        query = self._tables.postponed.query
        waiting = query(EMAIL, PostponedItem.sk.startswith(_LINE), consistent_read=True, limit=_LOOK_AT)
        folders: dict[str, list[PostponedItem]] = {}
        for item in sorted(waiting, key=lambda item: item.stored_at):
            folders.setdefault(item.folder, []).append(item)
        due = sorted(folders.items(), key=lambda folder: all(item.event == REJECTED for item in folder[1]))
        return [_digest(folder, items) for folder, items in due[:DIGESTS_PER_ROUND]]

    def events(self) -> list[Digest]:
        """Events that their topic refused, in no order, each as a digest of one."""
        query = self._tables.postponed.query
        waiting = query(EMAIL, PostponedItem.sk.startswith(_EVENT), consistent_read=True, limit=_EVENTS_PER_ROUND)
        return [_digest(item.folder, [item]) for item in waiting]

    def sent(self, digest: Digest) -> None:
        """Delete the digest's messages, since the digest was sent."""
        for key in digest.keys:
            self._tables.postponed(EMAIL, key).delete()

    def _count(self, span: str, moment: datetime) -> int:
        """Count one more email in the span; return how many that makes."""
        item = self._tables.email_count(EMAIL, f"SENT#{span}")
        expires = int((moment + _KEPT).timestamp())
        item.update(actions=[EmailCountItem.sent.add(1), EmailCountItem.expires.set(expires)])
        return int(item.sent)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _digest(folder: str, items: list[PostponedItem]) -> Digest:
    """As many of the folder's messages as fit into an email."""
    taken: list[PostponedItem] = []
    size = 0
    for item in items:
        size += len(item.line.encode()) + 1
        if taken and size > _BYTES:
            break
        taken.append(item)
    return Digest(
        folder,
        tuple(item.event for item in taken),
        tuple(item.mode for item in taken),
        tuple(item.line for item in taken),
        tuple(item.sk for item in taken),
    )
