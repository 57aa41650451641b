"""Every command of the README is run here, or by the test that is named beside it."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from local.cloud.guide import exports, next_steps
from local.samples import draw_character, draw_dance
from local.stack import PROJECT
from tests.support.driver import Driver, image, video

README = (PROJECT / "README.md").read_text()

#: Commands that are run elsewhere, and where; or why they cannot be run here.
ELSEWHERE = {
    "make": "tests/project/test_docs.py looks at the targets that it lists",
    "make up": "tests/support/cloud.py, by the module that it runs",
    "make down": "the same",
    'eval "$(make env)"': "tests/local/emulator/test_emulator_exports.py",
    "make test": "runs this",
    "make lint": "beside this, in .ci/run",
    "make faults": "its short form: tests/faults/test_faults_short.py",
    "make bench": "tests/project/test_benchmarks.py runs its parts that need no time",
    "make demo": "as the next, with files of its own",
    "pip install .": "tests/project/test_packaging.py holds what it installs; needs a fresh environment",
    "motiondrop doctor --before-deploy": "asks AWS for the account's quota: tests/unit/cli/test_doctor.py",
    "motiondrop --stack motiondrop doctor": "tests/e2e/test_terminal.py",
    "motiondrop --stack motiondrop smoke --image me.jpg --video dance.mp4": "tests/e2e/test_smoke.py",
    "export AWS_DEFAULT_REGION=ap-southeast-1": "tests/project/test_docs.py holds it against samconfig.toml",
    "sam build": "in .github/workflows; it takes the packages of another processor",
    "sam deploy --guided": "needs an account; the template is deployed by every test",
}


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def aws(driver: Driver, words: list[str], folder: Path) -> None:
    """The AWS CLI's commands, as far as the README uses them."""
    match words:
        case ["s3", "cp", name, target]:
            bucket, _, key = target.removeprefix("s3://").partition("/")
            assert re.sub(r"\d{12}", "", bucket) == re.sub(r"\d{12}", "", driver.stack.inbox_bucket)
            driver.stack.s3.upload_file(str(folder / name), driver.stack.inbox_bucket, key + name)
        case ["secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", _]:
            known: dict[str, Any] = dict(driver.stack.secretsmanager.describe_secret(SecretId=name))
            assert known["ARN"] == driver.stack.provider_key_secret or name == driver.stack.provider_key_secret
        case _:
            pytest.fail(f"aws {shlex.join(words)} is not tried")


def test_every_command_works_as_it_stands(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "hero.png").write_bytes(image())
    (tmp_path / "hero.mp4").write_bytes(video())
    for command in commands():
        tool, *words = shlex.split(command)
        if tool == "aws":
            aws(driver, words, tmp_path)
        elif not command.startswith("make demo IMAGE="):
            assert command in ELSEWHERE, command
    assert driver.wait_for_execution("hero")["status"] == "SUCCEEDED"


def test_what_make_up_says_to_do_next_can_be_done(driver: Driver) -> None:
    said = next_steps(driver.stack)
    drop_page, gallery, console = re.findall(r"http://\S+", said)
    assert "Nothing here yet." in requests.get(drop_page, timeout=20).text
    assert requests.get(gallery, timeout=20).ok
    assert "Local console" in requests.get(console, timeout=20).text
    for command in re.findall(r"^  aws .*", said, re.MULTILINE):
        assert all(re.search(rf"^export {name}=.", exports(driver.stack), re.MULTILINE) for name in variables(command))


def variables(command: str) -> list[str]:
    return re.findall(r"\$([A-Z_]+)", command)


def test_the_demo_with_ones_own_files_ends_with_a_video_of_the_clips_length(tmp_path: Path) -> None:
    draw_character(tmp_path / "me.jpg")
    draw_dance(tmp_path / "dance.mp4")
    (command,) = [one for one in commands() if one.startswith("make demo IMAGE=")]
    command = command.replace("IMAGE=", f"IMAGE={tmp_path}/").replace("VIDEO=", f"VIDEO={tmp_path}/")
    done = subprocess.run(shlex.split(command), cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True)  # noqa: S603, PLW1510  # the README's
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    saved = re.search(r"Saved (\S+\.mp4): 5\.?0? s, \$0\.90 at list price", done.stdout)
    assert saved, done.stdout[-2000:]
    with av.open(str(PROJECT / saved[1])) as container:
        assert container.duration is not None
        assert abs(container.duration / av.time_base - 5) <= 0.2
    assert "SUCCEEDED" in done.stdout
    assert re.search(r"me\.jpg -> s3://\S+/demo/me\.jpg$", done.stdout, re.MULTILINE)
    assert "The links above end now" in done.stdout
    assert "The local cloud is stopped." in done.stdout
