"""`make env`: a shell that evaluates it talks to the local cloud, whatever it was set up for before."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local.cloud import command, guide
from local.stack import PROJECT
from tests.local.emulator.conftest import Emulator

LOOK = """
import boto3, json
client = boto3.client("s3")
print(json.dumps([client.meta.endpoint_url, client.meta.region_name,
    [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]]))
"""
OF_AWS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "theirs", "AWS_SESSION_TOKEN": "theirs"}


def test_a_shell_with_the_exports_reaches_the_local_cloud(emulator: Emulator, tmp_path: Path) -> None:
    env = f'"{sys.executable}" -m local.cloud env --state-dir "{emulator.cloud.state_dir}"'
    script = f"""eval "$({env})" && "{sys.executable}" -c '{LOOK}' && echo "$INBOX_BUCKET" """
    environment = OF_AWS | {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(  # noqa: S603  # ours
        ["/bin/bash", "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    seen, inbox = ran.stdout.splitlines()
    endpoint, region, buckets = json.loads(seen)
    assert (endpoint, region) == (emulator.stack.endpoint_url, emulator.stack.region)
    assert emulator.stack.inbox_bucket in buckets
    assert inbox == emulator.stack.inbox_bucket


def test_the_exports_are_all_that_is_printed(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["env", "--state-dir", str(emulator.cloud.state_dir)]) == 0
    captured = capsys.readouterr()
    assert {line.partition(" ")[0] for line in captured.out.splitlines()} == {"export"}
    assert captured.err == ""


def test_without_a_cloud_there_is_a_sentence_and_nothing_to_evaluate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["env", "--state-dir", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "start the local cloud with `make up`" in captured.err


def test_a_value_is_quoted_so_that_no_shell_runs_it(emulator: Emulator) -> None:
    assert "export INBOX_BUCKET='$(id)'" in guide.exports(replace(emulator.stack, inbox_bucket="$(id)"))
