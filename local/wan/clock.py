"""The stand-in's own clock, which a test may move forward, and the provider's ways of writing a time."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

PROVIDER_ZONE = timezone(timedelta(hours=8))
_MAX_ADVANCE = 10 * 365 * 86_400


class Clock:
    """A clock in seconds since the epoch, which never goes back unless it is reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base = time.time() - time.monotonic()
        self._advance = 0.0

    def now(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._base + self._advance + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock forward; raises ValueError for a negative number or more than ten years in all."""
        with self._lock:
            if not 0 <= seconds <= _MAX_ADVANCE - self._advance:
                raise ValueError("advance_seconds must be a number of at least 0, and ten years in all at most")
            self._advance += seconds

    def reset(self) -> None:
        """Show the machine's time again."""
        with self._lock:
            self._base = time.time() - time.monotonic()
            self._advance = 0.0


def provider_time(seconds: float) -> str:
    """Write a time as the provider's answers do: `YYYY-MM-DD HH:mm:ss.SSS` in UTC+8."""
    moment = datetime.fromtimestamp(seconds, PROVIDER_ZONE)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def provider_day(seconds: float) -> str:
    """Write a day as result URLs do: `yyyymmdd` in UTC+8."""
    return f"{datetime.fromtimestamp(seconds, PROVIDER_ZONE):%Y%m%d}"


def milliseconds(seconds: float) -> int:
    """Write a time as the task list does: milliseconds since the epoch."""
    return int(seconds * 1000)


def parse_list_time(text: str) -> float:
    """Read `YYYYMMDDhhmmss`; raises ValueError if it is anything else.

    The list's page names no time zone. UTC+8 is an assumption: it is the zone of the provider's other times.
    """
    if len(text) != len("YYYYMMDDhhmmss") or not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a time of the form YYYYMMDDhhmmss")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=PROVIDER_ZONE).timestamp()


def http_date(seconds: float) -> str:
    """Write a time as HTTP's Date header does."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def iso_time(seconds: float) -> str:
    """Write a time as OSS's XML does: ISO 8601, UTC, milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
