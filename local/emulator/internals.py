"""How a mend reaches into MiniStack: by name, and loudly when the name is gone."""

from types import ModuleType
from typing import Any


def internal(module: ModuleType, name: str) -> Any:
    """Return a module's private function, class or table; fails if this MiniStack has none of that name."""
    if not hasattr(module, name):
        raise AttributeError(
            f"{module.__name__} has no {name}: the mends are written for MiniStack 1.5.33, look at them again"
        )
    return getattr(module, name)


def replace(module: ModuleType, name: str, mended: object) -> None:
    """Put a mended function in the place of a module's own, which must exist."""
    internal(module, name)
    setattr(module, name, mended)
