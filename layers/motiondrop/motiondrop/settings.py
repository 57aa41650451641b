"""Settings of the functions: read from the environment once, and frozen. A missing or invalid one is an error.

A function declares a frozen dataclass; each field is read from the variable of the same name in capitals.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_type_hints

from motiondrop.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """The settings that template.yaml puts into every function's environment. Times in seconds."""

    aws_region: str
    stack: str
    table: str
    inbox_bucket: str
    results_bucket: str
    state_machine_arn: str
    notifications_topic_arn: str
    operations_topic_arn: str
    events_topic_arn: str
    provider_key_secret: str
    link_secret: str
    wan_base_url: str
    wan_region: str
    wan_model: str
    wan_prices: str
    wan_result_origins: str
    default_mode: str
    watermark: bool
    max_in_flight: int
    max_fan_out: int
    emails_per_minute: int
    daily_budget_usd: float
    poll_seconds: int
    settle_seconds: int
    reconcile_margin_seconds: int
    grace_seconds: int
    dashboard_url: str


@dataclass(frozen=True)
class LinkSettings(Settings):
    """The settings of a function that shows or sends links to results."""

    result_page_url: str


@dataclass(frozen=True)
class PublishingSettings(LinkSettings):
    """The settings of a function that sends emails."""

    media_function: str


@dataclass(frozen=True)
class EventQueueSettings(PublishingSettings):
    """The settings of `submit` and the sweep, with those of the event queue. Times in seconds."""

    event_queue_url: str
    event_queue_visibility: int


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


_PARSERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _boolean}


_EXPECTED = {int: "an integer", float: "a number", bool: "true or false"}


def load(kind: type[T], environ: Mapping[str, str]) -> T:
    """Read settings of class `kind` (fields of str, int, float and bool); raise SettingsError naming every fault."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]  # "dataclass" cannot be written as a bound of T
        name = field.name.upper()
        text = environ.get(name, "")
        if not text:
            faults.append(f"{name} is not set")
            continue
        try:
            values[field.name] = _PARSERS[hints[field.name]](text)
        except ValueError:
            faults.append(f"{name} must be {_EXPECTED[hints[field.name]]}, got {text!r}")
    if faults:
        raise SettingsError("; ".join(faults))
    return kind(**values)
