"""How many mails go out: those above the measure are stored, and become one digest mail a folder.

SNS shuts a mail address off that gets more than ten mails a second.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.jobs import now
from motiondrop.messages import Message
from motiondrop.records import MAIL, MailCountItem, PostponedItem, Tables

#: Of the mails of their own that a minute may have, a quarter may go out in one second: 5 with the default of 20.
SECONDS_SHARE = 4

#: Rejections in one folder that have a mail of their own in a minute.
REJECTIONS_PER_FOLDER = 1

#: Digest mails in one round of the sweep; with five mails a second they stay within SNS's ten.
DIGESTS_PER_ROUND = 5

#: Messages that one round looks at, and bytes of lines in one mail (SNS takes 256 KB).
_LOOK_AT = 2000
_BYTES = 200_000

_KEPT = timedelta(hours=1)  # a count is of no use after its span
_POSTPONED = "POSTPONED#"


@dataclass(frozen=True)
class Digest:
    """Messages of one folder that become one mail; `keys` are their items'."""

    folder: str
    events: tuple[str, ...]
    modes: tuple[str, ...]
    lines: tuple[str, ...]
    keys: tuple[str, ...]


class Outbox:
    """Counts the mails of one stack, and keeps those that wait for a digest.

    `per_minute` is how many mails of their own a minute may have; `clock` gives the time in UTC.
    """

    def __init__(self, tables: Tables, per_minute: int, clock: Callable[[], datetime] = now) -> None:
        self._tables = tables
        self._per_minute = per_minute
        self._clock = clock

    def has_room(self, message: Message) -> bool:
        """Whether the message may go out now as a mail of its own; it is counted if so."""
        moment = self._clock()
        minute, second = f"{moment:%Y-%m-%dT%H:%M}", f"{moment:%Y-%m-%dT%H:%M:%S}"
        if message.event == "rejected":
            folder = hashlib.sha256(message.folder.encode()).hexdigest()[:16]
            if self._count(f"{minute}#{folder}", moment) > REJECTIONS_PER_FOLDER:
                return False
        per_second = max(1, self._per_minute // SECONDS_SHARE)
        return self._count(minute, moment) <= self._per_minute and self._count(second, moment) <= per_second

    def postpone(self, message: Message) -> None:
        """Keep the message for a digest; the same message again changes nothing."""
        name = hashlib.sha256(message.about.encode()).hexdigest()[:32]
        self._tables.postponed(
            MAIL,
            f"{_POSTPONED}{name}",
            event=message.event,
            folder=message.folder,
            mode=message.mode,
            line=message.line,
            stored_at=self._clock(),
        ).save()

    def digests(self) -> list[Digest]:
        """The digests that are due, those first whose messages wait longest."""
        query = self._tables.postponed.query
        waiting = query(MAIL, PostponedItem.sk.startswith(_POSTPONED), consistent_read=True, limit=_LOOK_AT)
        folders: dict[str, list[PostponedItem]] = {}
        for item in sorted(waiting, key=lambda item: item.stored_at):
            folders.setdefault(item.folder, []).append(item)
        return [_digest(folder, items) for folder, items in list(folders.items())[:DIGESTS_PER_ROUND]]

    def sent(self, digest: Digest) -> None:
        """The digest went out: its messages wait no longer."""
        for key in digest.keys:
            self._tables.postponed(MAIL, key).delete()

    def _count(self, span: str, moment: datetime) -> int:
        """Count one more mail in the span; return how many that makes."""
        item = self._tables.mail_count(MAIL, f"SENT#{span}")
        expires = int((moment + _KEPT).timestamp())
        item.update(actions=[MailCountItem.sent.add(1), MailCountItem.expires.set(expires)])
        return int(item.sent)


def _digest(folder: str, items: list[PostponedItem]) -> Digest:
    """As many of the folder's messages as fit into a mail."""
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
