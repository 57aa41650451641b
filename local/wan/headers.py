"""How the stand-in reads a request's headers."""

from typing import Protocol, overload


class Headers(Protocol):
    """Headers by name, in upper or lower case."""

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, default: str, /) -> str: ...
