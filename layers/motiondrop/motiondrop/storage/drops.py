"""The drops' records: what was found out about each, and which jobs it has."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Input
from motiondrop.domain.keys import folder_of
from motiondrop.storage.items import ALONE, REFUSED, DropItem, Key, RefusedItem, Tables, find
from motiondrop.storage.transactions import conditional_write

#: The fields of a Drop that `record` stores as they are.
_RECORDED = (
    *("key", "kind", "etag", "media", "rejected", "mode", "check_image", "trim"),
    *("sequencer", "modified_at", "note", "link_id"),
)


@dataclass(frozen=True)
class Drop:
    """A drop as it was checked: it has `media` if it can be used, else `rejected` with the reason.

    `deleted` is True while the object is gone and the drop's jobs are being withdrawn.
    """

    key: str
    kind: Kind
    etag: str
    media: Input | None = None
    rejected: str | None = None
    mode: str | None = None
    check_image: bool | None = None
    trim: str | None = None
    sequencer: str | None = None
    modified_at: datetime | None = None
    jobs: frozenset[str] = frozenset()
    waiting: str | None = None  # its receipt as long as it has no job
    receipt: str | None = None
    dropped_at: datetime | None = None
    deleted: bool = False
    note: str | None = None  # a line that its receipts add
    link_id: str | None = None  # of the drop link that it came by


class Drops:
    """The drops in the table, by folder. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._item = tables.drop
        self._refused = tables.refused
        self._clock = clock

    def get(self, key: str) -> Drop | None:
        """The record of the drop at `key` (strongly consistent), None where there is none."""
        try:
            return _drop(self._item.get(*record_key(key), consistent_read=True))
        except DoesNotExist:
            return None

    def find(self, keys: Collection[str]) -> dict[str, Drop]:
        """The records of the drops at `keys`, by key; keys without a readable record are left out."""
        found = find(self._item, [record_key(key) for key in keys], _drop)
        return {drop.key: drop for drop in found.values()}

    def etags(self, keys: Collection[str]) -> dict[str, str]:
        """The ETags of the recorded drops at `keys`, by key; of each record, nothing else is read."""
        records = [record_key(key) for key in keys]
        found = self._item.batch_get(records, consistent_read=True, attributes_to_get=["key", "etag"])
        return {item.key: item.etag for item in found}

    def record(self, drop: Drop, *, same_content: bool = False) -> bool:
        """Record the drop in place of what was known of its key; with `same_content`, the record keeps its jobs.

        A usable drop without jobs waits for a partner from now on. Return False if the earlier content still has jobs:
        they have to be removed first.
        """
        marker = self._marker(drop.key)
        if drop.rejected is None:
            marker.delete()
        else:
            marker.save()
        values: dict[str, Any] = {name: getattr(drop, name) for name in _RECORDED} | {
            "folder": folder_of(drop.key) or None,  # a key of an index may not be empty
            "dropped_at": drop.dropped_at or self._clock(),
            "deleted": None,
            "waiting": None,
            "receipt": None,  # an object that is replaced loses its tags
        }
        if not same_content:
            waits = drop.media is not None
            values |= {"open": ALONE if waits else None, "seen_at": self._clock() if waits else None}
        actions: list[Action] = []
        for name, value in values.items():
            attribute: Attribute[Any] = getattr(DropItem, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
        item = self._item(*record_key(drop.key))
        if same_content:
            item.update(actions=actions)
            return True
        return conditional_write(lambda: item.update(actions=actions, condition=DropItem.jobs.does_not_exist()))

    def add_job(self, key: str, job_id: str, digest: str) -> bool:
        """Note that the drop has this job, so that it does not wait for a partner any more.

        Return False if the drop has other content by now, or is gone.
        """
        item = self._item(*record_key(key))
        actions: list[Action] = [DropItem.jobs.add({job_id}), DropItem.open.remove(), DropItem.seen_at.remove()]
        there = (DropItem.media["digest"] == digest) & DropItem.deleted.does_not_exist()
        return conditional_write(lambda: item.update(actions=actions, condition=there))

    def alone_since(self, moment: datetime, limit: int) -> list[Drop]:
        """Drops that have waited for a partner since before `moment`, longest first (eventually consistent)."""
        found = self._item.open_drops.query(ALONE, DropItem.seen_at < moment, limit=limit, attributes_to_get=["key"])
        return self._read(found)

    def newest(self, folder: str, limit: int) -> list[Drop]:
        """The folder's drops, newest first (eventually consistent); an empty folder name finds none."""
        if not folder:
            return []
        query = self._item.drops_by_time.query
        return self._read(query(folder, scan_index_forward=False, limit=limit, attributes_to_get=["key"]))

    def mentioned(self, key: str) -> bool:
        """Note that an email mentions the drop's wait. Return False if one did before, or if the wait has ended."""
        item = self._item(*record_key(key))
        actions: list[Action] = [DropItem.open.remove(), DropItem.seen_at.remove()]
        return conditional_write(lambda: item.update(actions=actions, condition=DropItem.open == ALONE))

    def tell(self, key: str, waiting: str, *, waits: bool = True) -> None:
        """Note what the receipt of a drop without a job says. If the drop `waits`, an email mentions it after a day."""
        item = self._item(*record_key(key))
        actions: list[Action] = [DropItem.waiting.set(waiting)]
        if not waits:
            actions += [DropItem.open.remove(), DropItem.seen_at.remove()]
        conditional_write(lambda: item.update(actions=actions, condition=DropItem.pk.exists()))

    def note_receipt(self, key: str, receipt: str) -> None:
        """Note which receipt the drop carries."""
        item = self._item(*record_key(key))
        conditional_write(lambda: item.update(actions=[DropItem.receipt.set(receipt)], condition=DropItem.pk.exists()))

    def remove_job(self, key: str, job_id: str) -> None:
        """Note that the drop no longer has this job."""
        item = self._item(*record_key(key))
        conditional_write(lambda: item.update(actions=[DropItem.jobs.delete({job_id})], condition=DropItem.pk.exists()))

    def refused(self, folder: str, limit: int) -> set[str]:
        """The keys of the folder's drops that were rejected (strongly consistent), at most `limit`."""
        pk = record_key(folder)[0]
        found = self._refused.query(pk, RefusedItem.sk.startswith(REFUSED), consistent_read=True, limit=limit)
        return {item.key for item in found}

    def mark_deleted(self, drop: Drop) -> bool:
        """Mark the drop as deleted; return False if its record is of another object by now."""
        item = self._item(*record_key(drop.key))
        return conditional_write(lambda: item.update(actions=[DropItem.deleted.set(True)], condition=_as_read(drop)))

    def forget_deleted(self, drop: Drop) -> None:
        """Remove the record of a drop that is gone, unless it was dropped again meanwhile."""
        if conditional_write(lambda: self._item(*record_key(drop.key)).delete(condition=DropItem.deleted == True)):  # noqa: E712  # pynamodb's condition
            self._marker(drop.key).delete()

    def forget(self, key: str) -> None:
        """Remove the record of a drop that is gone."""
        self._marker(key).delete()
        self._item(*record_key(key)).delete()

    def _read(self, items: Iterable[DropItem]) -> list[Drop]:
        """The drops of an index's items, in their order, less those that cannot be read."""
        keys = [item.key for item in items]
        found = self.find(keys)
        return [found[key] for key in keys if key in found]

    def _marker(self, key: str) -> RefusedItem:
        """The item that tells the pairing rule that the drop was rejected."""
        return self._refused(record_key(key)[0], f"{REFUSED}{_hash(key)}", key=key)


def record_key(key: str) -> Key:
    """The `pk` and `sk` of the record of the drop at `key`. Names are hashed: one may fill a sort key (1,024 bytes)."""
    return f"FOLDER#{folder_of(key)}", f"DROP#{_hash(key)}"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:32]


def _as_read(drop: Drop) -> Condition:
    sequencer = DropItem.sequencer
    same = sequencer.does_not_exist() if drop.sequencer is None else sequencer == drop.sequencer
    condition: Condition = (DropItem.etag == drop.etag) & same
    return condition


def _drop(item: DropItem) -> Drop:
    values = {field.name: getattr(item, field.name) for field in fields(Drop)}
    values |= {"kind": Kind(item.kind), "jobs": frozenset(item.jobs or ()), "deleted": bool(item.deleted)}
    return Drop(**values)
