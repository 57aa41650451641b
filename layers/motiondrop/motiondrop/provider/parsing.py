"""Readers of values in the provider's JSON and headers, which may hold anything; a value that is not valid is None."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

#: The provider writes and reads times in this zone, as its page says.
PROVIDER_TIME = timezone(timedelta(hours=8))

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_QUERY_OF_URL = re.compile(r"(https?://[^\s?#]*)[?#]\S*", re.IGNORECASE)
_MAX_TEXT, _MAX_MESSAGE, _MAX_URL = 200, 2000, 4096  # characters: longer texts are cut, longer URLs ignored
_MAX_SECONDS = 1_000_000
_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_FEWEST_MILLISECONDS = 100_000_000_000  # as seconds that is the year 5138, as milliseconds 1973
_MAX_COUNT = 2**31


def is_task_id(text: str) -> bool:
    """Whether `text` can be a task's id: it goes into a path and a record's key."""
    return bool(_TASK_ID.fullmatch(text))


def json_object(body: bytes) -> Mapping[str, Any]:
    """The answer as a JSON object; empty if it is none, or if it is nested too deeply (RecursionError)."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return mapping(answer)


def mapping(value: object) -> Mapping[str, Any]:
    """The value, if it is a JSON object; otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: object, limit: int = _MAX_TEXT) -> str | None:
    """A text that can be stored: JSON may hold a lone surrogate, which UTF-8 cannot encode."""
    if not isinstance(value, str) or not value:
        return None
    return value[:limit].encode("utf-8", "replace").decode()


def message(value: object) -> str | None:
    """A message whose URLs have lost their queries: the provider may quote one of our signed URLs, which are secret."""
    words = text(value, _MAX_MESSAGE * 4)
    return _QUERY_OF_URL.sub(r"\1", words)[:_MAX_MESSAGE] if words else None


def name(value: object) -> str | None:
    """An identifier, which JSON may also write as a number."""
    return str(value) if count(value) is not None else text(value)


def task_id(value: object) -> str | None:
    """A task's id."""
    return value if isinstance(value, str) and is_task_id(value) else None


def seconds(value: object) -> float | None:
    """A number of seconds that can be charged, finite and not negative; JSON may also write it as a text."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < _MAX_SECONDS else None  # NaN compares false, infinity is above


def count(value: object) -> int | None:
    """A count: a whole number that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT else None


def provider_time(value: object) -> datetime | None:
    """`YYYY-MM-DD HH:mm:ss.SSS` in UTC+8, as UTC; whole seconds may lack the fraction."""
    if not isinstance(value, str):
        return None
    try:
        form = "%Y-%m-%d %H:%M:%S.%f" if "." in value else "%Y-%m-%d %H:%M:%S"
        return datetime.strptime(value, form).replace(tzinfo=PROVIDER_TIME).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def epoch_time(value: object) -> datetime | None:
    """Milliseconds since the epoch, or seconds, as UTC; JSON may also write them as a text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
        return datetime.fromtimestamp(number if abs(number) < _FEWEST_MILLISECONDS else number / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def http_date(value: str | None) -> datetime | None:
    """HTTP's Date header, as UTC."""
    try:
        moment = parsedate_to_datetime(value or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def url(value: object) -> str | None:
    """An absolute http(s) URL in ASCII; whether its host is allowed is decided where it is fetched."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _MAX_URL:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return value if usable else None
