"""`python -m local.cloud`: may be repeated, explains itself, leaves nothing behind."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from local.cloud import command
from local.cloud.group import ProcessGroup
from local.stack import PROJECT, Stack, StackNotRunningError
from tests.local.emulator.conftest import TEMPLATE, Emulator


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.cloud", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def up(state_dir: Path, *options: str, template: Path = TEMPLATE) -> subprocess.CompletedProcess[str]:
    return launch("up", "--state-dir", str(state_dir), "--template", str(template), *options)


def down(state_dir: Path) -> subprocess.CompletedProcess[str]:
    return launch("down", "--state-dir", str(state_dir))


def assert_nothing_is_left(state_dir: Path) -> None:
    assert not ProcessGroup(state_dir).is_running()
    assert not (state_dir / "private").exists()
    with pytest.raises(StackNotRunningError):
        Stack.load(state_dir)


def test_stack_json_has_what_others_stand_on(emulator: Emulator) -> None:
    said = json.loads((emulator.cloud.state_dir / "stack.json").read_text())
    fixed = """endpoint_url region access_key_id secret_access_key inbox_bucket results_bucket table
        state_machine_arn notifications_topic_arn operations_topic_arn wan_url mail_dir"""
    assert set(fixed.split()) <= said.keys()
    assert emulator.stack.endpoint_url.startswith("http://127.0.0.1:")


def test_the_emulator_is_served_by_uvicorn(emulator: Emulator) -> None:
    log = (emulator.cloud.state_dir / "logs" / "emulator.log").read_text()
    assert f"Uvicorn running on {emulator.stack.endpoint_url}" in log
    answer = requests.get(f"{emulator.stack.endpoint_url}/_ministack/health", timeout=5)
    assert "server" not in answer.headers


def test_parameters_are_the_local_clouds_and_scaled(emulator: Emulator) -> None:
    seen = emulator.probe(do="look around")["environment"]
    assert seen["SETTLE_SECONDS"] == "0"
    assert seen["WAN_BASE_URL"] == f"{emulator.stack.wan_url}/api/v1"


def test_the_providers_key_is_in_the_secret(emulator: Emulator) -> None:
    secret = emulator.stack.secretsmanager.get_secret_value(SecretId=emulator.stack.provider_key_secret)
    assert secret["SecretString"].startswith("sk-")


def test_up_and_down_may_be_repeated(tmp_path: Path) -> None:
    first = up(tmp_path)
    assert first.returncode == 0, first.stderr
    assert "Stalled (metric math alarms)" in first.stdout
    stack = Stack.load(tmp_path)
    try:
        again = up(tmp_path)
        assert "Nothing has changed" in again.stdout
        assert Stack.load(tmp_path) == stack
        speed = ["--wan-task-seconds", "2", "--wan-short-side", "360"]
        changed = up(tmp_path, "--parameter", "SettleSeconds=7", *speed)
        assert changed.returncode == 0, changed.stderr
        settings = requests.get(f"{stack.wan_url}/_control/settings", timeout=5).json()
        assert (settings["task_seconds"], settings["short_side"]) == (2, 360)
        assert Stack.load(tmp_path).endpoint_url == stack.endpoint_url
        config = stack.lambda_.get_function_configuration(FunctionName=stack.functions["Probe"])
        assert config["Environment"]["Variables"]["SETTLE_SECONDS"] == "7"
        refused = up(tmp_path, "--parameter", "Nonsense=1")
        assert (refused.returncode, "no parameter Nonsense" in refused.stderr) == (1, True)
        assert ProcessGroup(tmp_path).is_running()  # it was not this command that started it
    finally:
        stopped = down(tmp_path)
    assert "is stopped" in stopped.stdout
    assert_nothing_is_left(tmp_path)
    assert "No local cloud" in down(tmp_path).stdout


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        failed = up(tmp_path, "--port", str(port))
    assert failed.returncode == 1
    assert f"Port {port} is taken" in failed.stderr
    assert_nothing_is_left(tmp_path)


def test_a_full_disk_is_said_in_a_sentence_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = shutil.disk_usage(tmp_path)._replace(free=command.ROOM - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    state_dir = tmp_path / "not yet made"
    assert command.main(["up", "--state-dir", str(state_dir)]) == 1
    assert f"The disk of {state_dir} is full: 500 MB have to be free there." in capsys.readouterr().err
    assert not state_dir.exists()


def test_a_template_that_cannot_be_deployed_stops_what_was_started(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(TEMPLATE.parent, source)
    template = source / "template.yaml"
    template.write_text(template.read_text().replace("Type: AWS::S3::Bucket", "Type: AWS::S3::Pail"))
    failed = up(tmp_path / "state", template=template)
    assert failed.returncode == 1
    assert "AWS::S3::Pail" in failed.stderr
    assert_nothing_is_left(tmp_path / "state")


def test_a_stale_pid_file_ends_nobody_elses_process(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:  # noqa: S607 - sleep, wherever it is
        (tmp_path / "group.pid").write_text(str(bystander.pid))
        (tmp_path / "group.lock").touch()
        assert down(tmp_path).returncode == 0
        assert bystander.poll() is None
        bystander.terminate()


def test_a_cloud_ends_with_the_process_that_owns_it(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as owner:  # noqa: S607 - sleep, wherever it is
        started = up(tmp_path, "--owner-pid", str(owner.pid))
        assert started.returncode == 0, started.stderr
        owner.terminate()
    group, deadline = ProcessGroup(tmp_path), time.monotonic() + 20
    while group.is_running() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not group.is_running()
    assert not (tmp_path / "private").exists()
    down(tmp_path)


def test_the_clouds_temporary_files_are_in_its_own_folder_and_go_with_it(tmp_path: Path) -> None:
    of_the_system = tmp_path / "system"
    of_the_system.mkdir()
    environment = os.environ | {"TMPDIR": str(of_the_system)}
    words = [sys.executable, "-m", "local.cloud", "up", "--state-dir", str(tmp_path / "state")]
    try:
        subprocess.run([*words, "--template", str(TEMPLATE)], cwd=PROJECT, env=environment, check=True)  # noqa: S603 - ours
        # MiniStack's own, which it puts into /tmp unless it is told where.
        assert list((tmp_path / "state" / "private" / "state").iterdir())
    finally:
        down(tmp_path / "state")
    assert list(of_the_system.iterdir()) == []
    assert not (tmp_path / "state" / "private").exists()


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "local.cloud",
        "up",
        "--state-dir",
        str(tmp_path),
        "--template",
        str(TEMPLATE),
    ]
    with subprocess.Popen(command, cwd=PROJECT, start_new_session=True) as starting:  # noqa: S603 - ours
        group, deadline = ProcessGroup(tmp_path), time.monotonic() + 20
        while not group.is_running() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(starting.pid, 2)
        assert starting.wait(20) == 130
    assert_nothing_is_left(tmp_path)
