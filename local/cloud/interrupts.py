"""Ctrl-C, so that it neither cuts off what has to be done whole nor gets lost."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def put_off() -> Iterator[None]:
    """Let signals that end this process come after the block, as a lock that nobody knows of is never released."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in reversed(before.items()):
            signal.signal(number, handler)
    if came:
        os.kill(os.getpid(), came[0])


class Interrupts:
    """Within it each of the signals is a KeyboardInterrupt; one that is lost, as in a destructor, is raised again."""

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Let nothing interrupt what ends it all: a second Ctrl-C would leave half of it."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise KeyboardInterrupt if one of the signals has come."""
        if self._came:
            raise KeyboardInterrupt

    def _note(self, *_: int | FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt
