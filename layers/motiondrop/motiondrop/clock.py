"""The time, from one clock, which tests replace with a clock that they move."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """A moment in ISO 8601, for JSON documents; None without a moment."""
    return moment.isoformat() if moment else None
