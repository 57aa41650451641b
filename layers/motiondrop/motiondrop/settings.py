"""Settings of the functions: read from the environment once, complete or refused, frozen.

A function declares a frozen dataclass; each field is read from the variable of the same name in capitals.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

from motiondrop.errors import SettingsError

T = TypeVar("T")


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


_PARSERS: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _boolean}


def load(kind: type[T], environ: Mapping[str, str]) -> T:
    """Read `kind`, a dataclass of str, int, float and bool fields; raise SettingsError naming every fault."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]  # "dataclass" cannot be said as a bound of T
        name = field.name.upper()
        text = environ.get(name, "")
        if not text:
            faults.append(f"{name} is not set")
            continue
        try:
            values[field.name] = _PARSERS[hints[field.name]](text)
        except ValueError:
            faults.append(f"{name} is {text!r}, which is no {hints[field.name].__name__}")
    if faults:
        raise SettingsError("; ".join(faults))
    return kind(**values)
