"""The values that the sweep remembers from one round to the next, each under a name."""

from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist

from motiondrop.clock import Clock, now
from motiondrop.storage.items import SWEEP, CursorItem, Tables
from motiondrop.storage.transactions import conditional_write

_ROUND = "ROUND"


class Cursors:
    """The memory of one stack's sweep. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._tables = tables
        self._clock = clock

    def read(self, name: str) -> str | None:
        """The value remembered under the name (strongly consistent); None if there is none."""
        try:
            return self._tables.cursor.get(SWEEP, name, consistent_read=True).key
        except DoesNotExist:
            return None

    def write(self, name: str, value: str | None) -> None:
        """Remember a value under the name."""
        self._tables.cursor(SWEEP, name, key=value).save()

    def hold_round(self, held: str | None, longest: timedelta) -> str | None:
        """Hold, for `longest`, the right to do a round. Return a mark of that right; None if another round has it.

        `held` is the mark that this round's previous call returned; None in its first call.
        """
        moment = self._clock()
        until = _text(moment + longest)
        item = self._tables.cursor(SWEEP, _ROUND, key=until)
        free = CursorItem.pk.does_not_exist() | (CursorItem.key <= _text(moment))
        mine = free if held is None else CursorItem.key == held
        return until if conditional_write(lambda: item.save(condition=mine)) else None

    def end_round(self) -> None:
        """Note that the round is over."""
        self._tables.cursor(SWEEP, _ROUND).delete()


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
