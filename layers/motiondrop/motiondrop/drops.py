"""The drops' records: what was found out about each, and which jobs it has."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from motiondrop.formats import Kind
from motiondrop.job import Input, folder_of
from motiondrop.jobs import now
from motiondrop.records import DropItem, Tables


@dataclass(frozen=True)
class Drop:
    """A drop as it was checked: `media` where it can be used, `rejected` with the reason where not."""

    key: str
    kind: Kind
    etag: str
    media: Input | None = None
    rejected: str | None = None
    mode: str | None = None
    check_image: bool | None = None
    sequencer: str | None = None
    jobs: frozenset[str] = frozenset()
    receipt: str | None = None
    dropped_at: datetime | None = None


class Drops:
    """The drops in the table, by folder. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Callable[[], datetime] = now) -> None:
        self._item = tables.drop
        self._clock = clock

    def get(self, key: str) -> Drop | None:
        """The record of the drop at `key` (strongly consistent), None where there is none."""
        try:
            return _drop(self._item.get(*_key(key), consistent_read=True))
        except DoesNotExist:
            return None

    def find(self, keys: Collection[str]) -> dict[str, Drop]:
        """The records of those of `keys` that have one."""
        found = self._item.batch_get([_key(key) for key in keys], consistent_read=True)
        return {item.key: _drop(item) for item in found}

    def record(self, drop: Drop) -> None:
        """Record what was found out, in place of what was known; the drop's jobs are kept."""
        media = drop.media and {name: value for name, value in asdict(drop.media).items() if value is not None}
        values: dict[str, Any] = {
            "key": drop.key,
            "kind": drop.kind,
            "etag": drop.etag,
            "dropped_at": drop.dropped_at or self._clock(),
            "media": media,
            "rejected": drop.rejected,
            "mode": drop.mode,
            "check_image": drop.check_image,
            "sequencer": drop.sequencer,
            "receipt": None,  # whatever replaced the drop took its tags along
        }
        actions: list[Action] = []
        for name, value in values.items():
            attribute: Attribute[Any] = getattr(DropItem, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
        self._item(*_key(drop.key)).update(actions=actions)

    def add_job(self, key: str, job_id: str) -> None:
        """Note that the drop has this job."""
        self._item(*_key(key)).update(actions=[DropItem.jobs.add({job_id})], condition=DropItem.pk.exists())

    def note_receipt(self, key: str, receipt: str) -> None:
        """Note which receipt the drop carries."""
        self._item(*_key(key)).update(actions=[DropItem.receipt.set(receipt)], condition=DropItem.pk.exists())

    def forget(self, key: str) -> None:
        """The drop is gone."""
        self._item(*_key(key)).delete()


def _key(key: str) -> tuple[str, str]:
    folder = folder_of(key)
    return f"FOLDER#{folder}", f"DROP#{key[len(folder) :]}"


def _drop(item: DropItem) -> Drop:
    return Drop(
        key=item.key,
        kind=Kind(item.kind),
        etag=item.etag,
        media=Input(**item.media.attribute_values) if item.media else None,
        rejected=item.rejected,
        mode=item.mode,
        check_image=item.check_image,
        sequencer=item.sequencer,
        jobs=frozenset(item.jobs or ()),
        receipt=item.receipt,
        dropped_at=item.dropped_at,
    )
