"""Handling Ctrl-C, so that it neither cuts off what has to be done as a whole nor gets lost."""

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
    """Delay signals that end this process until after the block, so that none leaves a lock held for ever."""
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
    """A block where signals raise KeyboardInterrupt; if that error is lost, as in a destructor, `check` repeats it."""

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def ignore(self) -> None:
        """Ignore the signals from now on: a second Ctrl-C would leave the clean-up half done."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    def check(self) -> None:
        """Raise KeyboardInterrupt if one of the signals has come."""
        if self._came:
            raise KeyboardInterrupt

    def _note(self, *_: int | FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt
