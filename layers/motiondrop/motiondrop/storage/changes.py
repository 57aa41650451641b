"""Folders that changed a short time ago; the pairing rule is applied to a folder when it has been quiet for a while.

Each change has a new id that replaces the id of the change before it. Each change also sends a delayed message with
its id, so only the last message finds its id still stored.
"""

from datetime import datetime, timedelta
from uuid import uuid4

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.storage.items import CHANGE, UNSETTLED, ChangeItem, Tables
from motiondrop.storage.transactions import conditional_write

#: The rule is applied this long after a folder's changes began, even if the folder keeps changing.
LONGEST = timedelta(hours=1)


class Changes:
    """The folders' last changes. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._item = tables.change
        self._clock = clock

    def note(self, folder: str) -> str:
        """Note a change of the folder; return its id."""
        change, moment = uuid4().hex, self._clock()
        self._item(_pk(folder), CHANGE).update(
            actions=[
                ChangeItem.change.set(change),
                ChangeItem.since.set(ChangeItem.since | moment),
                ChangeItem.open.set(UNSETTLED),
                ChangeItem.seen_at.set(moment),
            ]
        )
        return change

    def is_due(self, folder: str, change: str) -> bool:
        """Whether to apply the rule now: `change` is the folder's last, or the folder has been changing for an hour."""
        try:
            item = self._item.get(_pk(folder), CHANGE, consistent_read=True)
        except DoesNotExist:
            return False
        return bool(item.change == change or self._clock() > item.since + LONGEST)

    def settled(self, folder: str, change: str) -> None:
        """Note that the rule was applied after this change. A later change stays noted, and its hour begins now."""
        item = self._item(_pk(folder), CHANGE)
        if not conditional_write(lambda: item.delete(condition=ChangeItem.change == change)):
            again: list[Action] = [ChangeItem.since.set(self._clock())]
            conditional_write(lambda: item.update(actions=again, condition=ChangeItem.pk.exists()))

    def unsettled(self, before: datetime, limit: int) -> list[str]:
        """Unsettled folders whose last change was before that moment, longest ago first (eventually consistent)."""
        found = self._item.open_folders.query(UNSETTLED, ChangeItem.seen_at < before, limit=limit)
        return [item.pk.removeprefix("FOLDER#") for item in found]


def _pk(folder: str) -> str:
    return f"FOLDER#{folder}"
