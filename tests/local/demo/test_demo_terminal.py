"""`make demo` in a terminal: it shows the product and stays, and Ctrl-C at any moment leaves nothing running."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local.cloud.group import ProcessGroup
from local.demo import screen
from local.stack import PROJECT

PATIENCE = 120
CTRL_C = b"\x03"
STAYS = "Ctrl-C stops it and forgets everything."
OPENER = """#!/bin/sh
echo "$1" >> "{record}"
"""


@dataclass
class Terminal:
    """A demo in a terminal of its own."""

    process: subprocess.Popen[bytes]
    leader: int
    said: str = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            assert time.monotonic() < deadline, self.said[-2000:]
            assert self.read(), self.said[-2000:]

    def read(self) -> bool:
        """Read what is there; False at the end."""
        if not select.select([self.leader], [], [], 0.2)[0]:
            return True
        with contextlib.suppress(OSError):  # Linux says the end of a terminal so
            if piece := os.read(self.leader, 65536):
                self.said += piece.decode(errors="replace").replace("\r\n", "\n")
                return True
        return False

    def press(self, key: bytes) -> int:
        """Press a key; return the exit status of the demo."""
        os.write(self.leader, key)
        deadline = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < deadline, self.said[-2000:]
        return self.process.wait(PATIENCE)

    def link(self, name: str) -> str:
        found = re.findall(rf"^{name}: (\S+)$", self.said, re.MULTILINE)
        assert found, self.said[-2000:]
        return str(found[-1])


def take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextlib.contextmanager
def demo(state_dir: Path, **environment: str) -> Iterator[Terminal]:
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "local.demo", "--state-dir", str(state_dir)]
    without = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    process = subprocess.Popen(  # noqa: S603  # this project's own; one thread
        command,
        cwd=PROJECT,
        env=without | {"TERM": "xterm-256color", "COLUMNS": "100"} | environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509  # one thread
    )
    os.close(follower)
    try:
        yield Terminal(process, leader)
    finally:
        with contextlib.suppress(OSError):
            os.close(leader)  # first, since a full terminal would hold it up
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def assert_nothing_is_left(state_dir: Path) -> None:
    assert not ProcessGroup(state_dir).is_running()
    assert not (state_dir / "private").exists()
    assert not list(state_dir.glob("files-*"))


def test_it_opens_the_drop_page_shows_the_job_and_stays_until_ctrl_c(tmp_path: Path) -> None:
    record, opener = tmp_path / "opened", tmp_path / "browser"
    opener.write_text(OPENER.format(record=record))
    opener.chmod(0o755)
    state_dir = tmp_path / "state"
    with demo(state_dir, DISPLAY=":9", BROWSER=f"{opener} %s") as terminal:
        terminal.wait_for("Animate")
        (opened,) = record.read_text().split()
        page = requests.get(opened, timeout=20).text
        assert "hero.png" in page
        assert "hero.mp4" in page
        terminal.wait_for(STAYS)
        assert terminal.link("Drop page") == opened
        assert "hero.png" in requests.get(terminal.link("Watch"), timeout=20).text
        assert "hero" in requests.get(terminal.link("All jobs"), timeout=20).text
        assert "Saved demo-output/hero-" in terminal.said
        assert "your animation is ready" in terminal.said
        assert terminal.process.poll() is None
        assert terminal.press(CTRL_C) == 0
    assert "Everything in it is forgotten" in terminal.said
    assert_nothing_is_left(state_dir)


@pytest.mark.parametrize("moment", ["emulator", "Deploying the template", "Check and pair the files", "Animate"])
def test_ctrl_c_at_any_moment_leaves_nothing_running(tmp_path: Path, moment: str) -> None:
    with demo(tmp_path) as terminal:
        terminal.wait_for(moment)
        assert terminal.press(CTRL_C) == 130
    assert "nothing is left running" in terminal.said
    assert "Traceback" not in terminal.said
    assert_nothing_is_left(tmp_path)


def test_a_terminal_that_is_closed_leaves_nothing_running(tmp_path: Path) -> None:
    with demo(tmp_path) as terminal:
        terminal.wait_for("Check and pair the files")
        os.close(terminal.leader)
        terminal.process.wait(PATIENCE)
    assert_nothing_is_left(tmp_path)


def test_an_impatient_second_ctrl_c_does_not_stop_the_stopping(tmp_path: Path) -> None:
    with demo(tmp_path) as terminal:
        terminal.wait_for("Check and pair the files")
        os.write(terminal.leader, CTRL_C)
        time.sleep(0.3)  # it is stopping the cloud by now
        assert terminal.press(CTRL_C) == 130
    assert "nothing is left running" in terminal.said
    assert "Traceback" not in terminal.said
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize(
    ("system", "environment", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ""}, False),
        ("darwin", {}, True),
    ],
)
def test_a_browser_is_opened_only_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, system: str, environment: dict[str, str], *, opens: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert screen.can_open_a_browser() is opens
