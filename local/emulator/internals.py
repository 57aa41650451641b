"""How a patch reaches into MiniStack: by name, with an error if the name is gone."""

from types import ModuleType
from typing import Any


def internal(module: ModuleType, name: str) -> Any:
    """Return a module's private function, class or table; raise AttributeError if this MiniStack has no such name."""
    if not hasattr(module, name):
        raise AttributeError(
            f"{module.__name__} has no {name}: the patches are written for MiniStack 1.5.33, look at them again"
        )
    return getattr(module, name)


def replace(module: ModuleType, name: str, fixed: object) -> None:
    """Put a fixed function in the place of a module's own, which must exist."""
    internal(module, name)
    setattr(module, name, fixed)
