"""The time: one clock, which tests replace with one that they move."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """A moment as ISO 8601, as JSON documents have it; None for none."""
    return moment.isoformat() if moment else None
