"""What is read of a request's headers."""

from typing import Protocol, overload


class Headers(Protocol):
    """Headers by name, in any case of letters."""

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, default: str, /) -> str: ...
