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
    """Say what is being done, then how long it took; what is put into the list is said beside it."""
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
    """Say something beside the steps."""
    print(f"  {sentence}", flush=True)
