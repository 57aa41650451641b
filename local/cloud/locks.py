"""File locks: they end with the process that holds them, so nothing has to be cleaned up."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud.interrupts import put_off


def take_lock(path: Path) -> int | None:
    """Return a file descriptor that holds the lock, or None if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock."""
    with put_off():
        descriptor = take_lock(path) if path.exists() else -1
        if descriptor is None:
            return True
        if descriptor >= 0:
            os.close(descriptor)
        return False


@contextmanager
def waiting_for(path: Path) -> Iterator[None]:
    """Hold the lock for the time of the block; wait first until no other process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:  # an interrupted wait must not keep the lock
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
