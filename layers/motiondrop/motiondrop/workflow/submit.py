"""What happens to a drop: it is looked at, checked and recorded; `pairs` makes its jobs."""

from dataclasses import dataclass, replace

from motiondrop.aws.event_queue import DropEvent, FolderEvent
from motiondrop.aws.inbox import Arrived, Inbox
from motiondrop.aws.media import Checked, MediaFunction
from motiondrop.aws.metrics import Metrics
from motiondrop.aws.topics import Publisher
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Input
from motiondrop.domain.keys import ignored, kind_of
from motiondrop.domain.messages import rejected
from motiondrop.domain.pricing import MODES
from motiondrop.errors import DropGone, Unreadable
from motiondrop.media.limits import Rejected, expect
from motiondrop.media.report import Trim
from motiondrop.storage.drop_links import LINK_METADATA
from motiondrop.storage.drops import Drop, Drops
from motiondrop.workflow.pairs import Pairs
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.withdrawal import CHARGED, Withdrawal

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class DropIntake:
    """Checks and records drops that arrive, and withdraws the jobs of drops that are deleted."""

    inbox: Inbox
    drops: Drops
    pairs: Pairs
    receipts: Receipts
    withdrawal: Withdrawal
    publisher: Publisher
    media: MediaFunction
    metrics: Metrics

    def handle(self, event: DropEvent | FolderEvent) -> None:
        """Take in the drop that arrived, withdraw the jobs of a drop that was removed, or settle a folder."""
        if isinstance(event, FolderEvent):
            self.pairs.settle(event.folder, event.change)
        elif event.removed:
            self.removed(event.key)
        else:
            self.created(event.key, event.sequencer, event.etag, event.dropped_by)

    def created(self, key: str, sequencer: str | None, etag: str = "", dropped_by: str | None = None) -> None:
        """Take in the drop at `key`; ignore an object that is no drop, or no longer exists."""
        if ignored(key):
            return
        try:
            arrived = self.inbox.look(key, etag)
            if arrived.size == 0:
                return  # some uploaders put an empty object first: it is still arriving
            drop = self._checked(arrived, sequencer, dropped_by)
            # Checking takes time: a newer object may have been recorded meanwhile, and overwritten by this record.
            while (now_there := self.inbox.look(key, etag)) != arrived and now_there.size:
                arrived = now_there
                drop = self._checked(arrived, None)
        except DropGone:
            self.removed(key)  # unless there is a newer object, whose own event says what it is
            return
        if drop.rejected:
            self.receipts.sync([key])
        if kind_of(key):
            self.pairs.changed(key)

    def removed(self, key: str) -> None:
        """Withdraw the unsent jobs of the drop at `key`, which was deleted, except those that other drops ask for."""
        drop = self.drops.get(key)
        if drop is None:
            return
        try:
            self.inbox.look(key)
        except DropGone:
            pass
        else:
            return  # a late event: there is an object at the key again
        if not self.drops.mark_deleted(drop):
            return  # dropped again at this moment: that event does the rest
        self.withdrawal.deleted(drop)
        if kind_of(key):
            self.pairs.changed(key)
        self.drops.forget_deleted(drop)  # last: if the function dies before, the event's next try does it all

    def _checked(self, arrived: Arrived, sequencer: str | None, dropped_by: str | None = None) -> Drop:
        """The drop's record, made now unless this very object was checked before."""
        known = self.drops.get(arrived.key)
        if known and not known.deleted and _is_known(arrived, sequencer, known):
            return known
        drop = Drop(
            arrived.key,
            kind_of(arrived.key) or Kind.IMAGE,
            arrived.etag,
            sequencer=sequencer,
            modified_at=arrived.modified_at,
            link_id=arrived.metadata.get(LINK_METADATA),
        )
        try:
            if arrived.unreadable:
                raise Rejected(arrived.unreadable)
            drop = self._opened(arrived, drop, dropped_by)
        except (Rejected, Unreadable) as error:
            reason = str(error)
            self._check_is_newest(drop)
            self.publisher.notify(rejected(arrived.key, reason))
            drop = replace(drop, rejected=reason)
        # Recorded last: if the function dies before this, people are notified twice rather than never.
        drop = self._recorded(drop)
        self.metrics.drop("rejected" if drop.rejected else "accepted")
        return drop

    def _recorded(self, drop: Drop) -> Drop:
        """Record the drop in place of what was known of its key; jobs of earlier content are withdrawn first."""
        while True:
            known = self._check_is_newest(drop)
            if known is None or _asks_the_same(known, drop):
                self.drops.record(drop, same_content=known is not None)
                return drop
            if self.withdrawal.replaced(known, by_a_good_one=drop.rejected is None):
                drop = replace(drop, note=CHARGED)
            if self.drops.record(drop):
                return drop  # else a partner's event has added a job of the old content meanwhile

    def _check_is_newest(self, drop: Drop) -> Drop | None:
        """The record at the drop's key. Raise DropGone if a newer object was recorded while this one was checked."""
        known = self.drops.get(drop.key)
        if known and not known.deleted and later(known.sequencer, drop.sequencer):
            raise DropGone("a newer object was recorded meanwhile")
        return known

    def _opened(self, arrived: Arrived, drop: Drop, dropped_by: str | None) -> Drop:
        """The drop, completed from its file and its metadata. Raise Rejected if the drop cannot be used."""
        mode, check_image = _options(arrived) if drop.kind is Kind.IMAGE else (None, None)
        trim = _trim(arrived) if drop.kind is Kind.VIDEO else None
        expect(arrived.key, arrived.size)
        checked = self.media.check(arrived.key, arrived.etag, trim)
        media = replace(_input(arrived, checked, drop.sequencer), dropped_by=dropped_by)
        return replace(drop, media=media, mode=mode, check_image=check_image, trim=trim)


def _options(arrived: Arrived) -> tuple[str | None, bool | None]:
    """The options in the drop's metadata. Raise Rejected if one is invalid; the reason names the valid values."""
    mode = arrived.metadata.get("mode")
    if mode is not None and mode.isdecimal():
        mode = None  # set by a file system (s3fs, rclone): the file's permissions
    if mode is not None and mode not in MODES:
        raise Rejected(
            f"option mode in the upload metadata is {mode[:40]} - must be {' or '.join(MODES)}"
            " - correct it and drop the file again"
        )
    check_image = arrived.metadata.get("check-image")
    if check_image is None:
        return mode, None
    if check_image not in _BOOLEANS:
        raise Rejected(
            f"option check-image in the upload metadata is {check_image[:40]} - must be true or false"
            " - correct it and drop the file again"
        )
    return mode, _BOOLEANS[check_image]


def _trim(arrived: Arrived) -> str | None:
    """The part of the video that the metadata asks for, such as `0-30`. Raise Rejected if the text is no such part."""
    trim = arrived.metadata.get("trim")
    return None if trim is None else str(Trim.parse(trim))


def _input(arrived: Arrived, checked: Checked, sequencer: str | None) -> Input:
    found = checked.found
    return Input(
        key=arrived.key,
        etag=arrived.etag,
        digest=checked.digest,
        size=arrived.size,
        poster=checked.poster,
        width=found.width,
        height=found.height,
        duration=found.duration,
        frame_rate=found.frame_rate,
        sound=found.sound,
        version=arrived.version,
        sequencer=sequencer,
        modified_at=arrived.modified_at,
        copy=checked.copy,
        converted=found.converted,
        notes=found.notes,
    )


def _is_known(arrived: Arrived, sequencer: str | None, known: Drop) -> bool:
    """Whether this very object was checked before: nothing was put there since."""
    same = (known.etag, known.modified_at) == (arrived.etag, arrived.modified_at)
    return same and not later(sequencer, known.sequencer)


def _asks_the_same(known: Drop, drop: Drop) -> bool:
    """Whether the drop asks for the same jobs as what was known of its key: the same content and options."""
    before, after = known.media, drop.media
    if before is None or after is None:
        return before is after
    options = (known.mode, known.check_image, known.trim) == (drop.mode, drop.check_image, drop.trim)
    return before.digest == after.digest and options


def later(one: str | None, other: str | None) -> bool:
    """Whether the event with the sequencer `one` came after that with `other`; False if one is missing.

    S3 User Guide, "Event message structure": the shorter sequencer is padded with zeros on its right before both are
    compared as text.
    """
    if not one or not other:
        return False
    length = max(len(one), len(other))
    return one.ljust(length, "0").lower() > other.ljust(length, "0").lower()
