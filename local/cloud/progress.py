"""What the launcher tells the person who waits."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class CloudError(Exception):
    """Something the person has to know, in one plain sentence; `details` are lines of a log."""

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.details = details


@contextmanager
def step(what: str) -> Iterator[list[str]]:
    """Print what is being done, then how long it took and the remarks that were put into the list."""
    remarks: list[str] = []
    began = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {what} ...", end="", flush=True)
    yield remarks
    seconds = time.monotonic() - began
    line_start = "\r\x1b[K" if sys.stdout.isatty() else ""
    remark = f"  ({', '.join(remarks)})" if remarks else ""
    print(f"{line_start}  {what:<52} {seconds:5.1f} s{remark}", flush=True)


def note(sentence: str) -> None:
    """Print a sentence between the steps."""
    print(f"  {sentence}", flush=True)
