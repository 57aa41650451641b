import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from local.stack import PROJECT
from local.wan import Settings, serve
from tests.support.stand_in import MIX, MOVE, Caller, MediaServer


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", "local.wan", *arguments]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        cwd=PROJECT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, (line, running.stderr and running.stderr.read())
            yield running, found[0]
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_ends_cleanly_on_a_signal_and_leaves_nothing(
    media: MediaServer,
    folder: Path,
    number: signal.Signals,
) -> None:
    with process(folder, "--task-seconds", "0", "--short-side", "144") as (running, url):
        caller = Caller(url, media.url)
        assert requests.get(caller.result_url(), timeout=5).status_code == 200
        assert len(list(folder.iterdir())) == 1
        running.send_signal(number)
        # The caller's connection is still open.
        assert running.wait(timeout=5) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert list(folder.iterdir()) == []


def test_process_takes_its_settings_from_the_command_line(media: MediaServer, folder: Path) -> None:
    arguments = (
        "--task-seconds 3.5 --concurrency 2 --creations-per-second 7 --queries-per-second 30 "
        "--validity-seconds 60 --api-key sk-a --api-key sk-b --region beijing --short-side 360 "
        "--model a --model b --offline-model b --late-validation"
    )
    with process(folder, *arguments.split()) as (_, url):
        caller = Caller(url, media.url, "sk-b")
        assert caller.control("settings") == {
            "task_seconds": 3.5,
            "concurrency": 2,
            "creations_per_second": 7,
            "queries_per_second": 30,
            "validity_seconds": 60,
            "api_keys": ["sk-a", "sk-b"],
            "region": "beijing",
            "download_timeout_seconds": 10,
            "short_side": 360,
            "models": ["a", "b"],
            "offline_models": ["b"],
            "late_validation": True,
        }
        caller.create(model="a")
        assert caller.list().json()["data"][0]["region"] == "cn-beijing"


def test_process_listens_on_loopback_alone(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with process(folder, "--port", str(port)) as (_, url):
        assert url == f"http://127.0.0.1:{port}"
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", port))
        again = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "local.wan", "--port", str(port)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert again.returncode == 1
        assert str(port) in again.stderr
        assert "Traceback" not in again.stderr


def test_bad_command_line_is_refused_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.wan", "--concurrency", "0"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 2
    assert "concurrency must be a whole number of at least 1" in done.stderr


def test_defaults_are_the_providers() -> None:
    settings = Settings()
    assert settings.task_seconds == 147
    assert settings.concurrency == 1
    assert settings.creations_per_second == 5
    assert settings.queries_per_second == 20
    assert settings.validity_seconds == 86_400
    assert settings.api_keys == ("sk-local-demo",)
    assert settings.short_side == 720
    assert settings.models == (MOVE, MIX)
    assert settings.offline_models == ()
    assert not settings.late_validation


def test_stopping_in_process_ends_a_hanging_request_and_closes_the_port(media: MediaServer) -> None:
    with serve() as stand_in:
        caller = Caller(stand_in.url, media.url)
        caller.list()
        caller.fault("list", "hang", seconds=60)
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{stand_in.url}/api/v1/tasks/", timeout=0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    with pytest.raises(requests.ConnectionError):
        requests.get(stand_in.url, timeout=1)
