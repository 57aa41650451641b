"""The settings: from the command line, in-process, or by the control API while the stand-in runs."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

DEMO_KEY = "sk-local-demo"
Region = Literal["singapore", "beijing"]
REGIONS: dict[Region, str] = {"singapore": "ap-southeast-1", "beijing": "cn-beijing"}
CHANGEABLE = (
    "task_seconds",
    "concurrency",
    "creations_per_second",
    "queries_per_second",
    "validity_seconds",
    "api_keys",
    "models",
    "offline_models",
    "late_validation",
    "short_side",
)
MODELS = ("wan2.2-animate-move", "wan2.2-animate-mix")
_LISTS = ("api_keys", "models", "offline_models")
SHORT_SIDES = range(64, 1081)
_MOST = 1_000_000
_MAX_SECONDS = 10 * 365 * 86_400


@dataclass(frozen=True)
class Settings:
    """The account's limits and the model's speed; the defaults are the reference page's and the notes'."""

    task_seconds: float = 147
    """How long a task runs, in seconds of the stand-in's clock; a slow rendering makes it longer."""
    concurrency: int = 1
    """Tasks that run at a time; the others queue, first in, first out."""
    creations_per_second: int = 5
    queries_per_second: int = 20
    """Query, list and cancel together."""
    validity_seconds: float = 86_400
    """How long a task can be queried after it was made, and its result fetched after it ended."""
    api_keys: tuple[str, ...] = (DEMO_KEY,)
    """Keys of one account: they share its limits and see each other's tasks."""
    models: tuple[str, ...] = MODELS
    """The models that exist for this account; any other name is answered with 404."""
    offline_models: tuple[str, ...] = ()
    """Those of `models` that were taken offline; a request for one is answered with a bare AccessDenied."""
    late_validation: bool = False
    """Accept wrong fields of a creation, and let its task fail because of them a moment later."""
    region: Region = "singapore"
    download_timeout_seconds: float = 10
    """The longest silence while an input is downloaded; a whole download may take six times as long."""
    short_side: int = 720
    """Of a 16:9 result, in pixels; other shapes have the same area. The provider's is 720; less is drawn faster."""

    def __post_init__(self) -> None:
        """Check the values; raises ValueError with a sentence that names the first wrong setting."""
        for name in ("task_seconds", "validity_seconds", "download_timeout_seconds"):
            _check_seconds(name, getattr(self, name))
        for name in ("concurrency", "creations_per_second", "queries_per_second"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
        if isinstance(self.short_side, bool) or self.short_side not in SHORT_SIDES:
            raise ValueError(f"short_side must be a whole number from 64 to 1080, not {self.short_side!r}")
        if not self.api_keys or not all(_is_word(key) for key in self.api_keys):
            raise ValueError("api_keys must be a list of at least one non-empty ASCII string without spaces")
        for name in ("models", "offline_models"):
            if not all(_is_word(model) for model in getattr(self, name)):
                raise ValueError(f"{name} must be a list of non-empty ASCII strings without spaces")
        if not isinstance(self.late_validation, bool):
            raise ValueError(f"late_validation must be true or false, not {self.late_validation!r}")  # noqa: TRY004  # as all
        if self.region not in REGIONS:
            raise ValueError(f"region must be one of {', '.join(REGIONS)}, not {self.region!r}")

    def changed(self, changes: dict[str, Any]) -> "Settings":
        """Return a copy with these changes; raises ValueError for a name or a value that is not allowed."""
        unknown = sorted(set(changes) - set(CHANGEABLE))
        if unknown:
            raise ValueError(f"no setting is called {unknown[0]!r}; there are {', '.join(CHANGEABLE)}")
        for name in set(_LISTS) & set(changes):
            if not isinstance(changes[name], list):
                raise ValueError(f"{name} must be a list of strings")  # noqa: TRY004  # as all
        tuples = {name: tuple(changes[name]) for name in _LISTS if name in changes}
        return replace(self, **changes | tuples)

    def shown(self) -> dict[str, Any]:
        """Return what the control API shows of the settings."""
        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        return shown | {name: list(shown[name]) for name in _LISTS}


def _check_seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise ValueError(f"{name} must be a number of seconds of at least 0, not {value!r}")


def _is_word(text: object) -> bool:
    return isinstance(text, str) and text != "" and text.isascii() and text.isprintable() and " " not in text
