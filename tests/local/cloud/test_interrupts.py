"""Ctrl-C neither leaves a lock held nor gets lost."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from local.cloud import locks
from local.cloud.interrupts import Interrupts, put_off


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_what_is_put_off_is_done_whole_and_then_interrupted() -> None:
    done: list[str] = []

    def work() -> None:
        with put_off():
            interrupt()
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_look_at_a_lock_that_is_interrupted_does_not_keep_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    path.touch()
    take = locks.take_lock

    def interrupted(path: Path) -> int | None:
        descriptor = take(path)
        interrupt()
        return descriptor

    monkeypatch.setattr(locks, "take_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        locks.is_locked(path)
    monkeypatch.undo()
    assert not locks.is_locked(path)


def test_an_interrupt_that_was_swallowed_is_raised_at_the_next_check() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        with suppress(KeyboardInterrupt):
            interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_ends_it_all_is_not_interrupted() -> None:
    with Interrupts() as interrupts:
        interrupts.ignore()
        interrupt()
