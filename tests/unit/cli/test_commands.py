"""`motiondrop`: which stack it works on, and what every command's help says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from cli.__main__ import main
from tests.support.builders import REGION

COMMANDS = sorted(main.commands)


def run(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, words)


@pytest.mark.parametrize("words", [("pause",), ("--stack", "motiondrop", "--local", "pause")])
def test_it_asks_which_stack_unless_exactly_one_is_named(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "--stack NAME" in done.stderr
    assert "--local" in done.stderr


def test_without_a_running_local_cloud_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = run("--local", "--state-dir", str(tmp_path), "pause")
    assert done.exit_code == 1
    assert "make up" in done.stderr


def cloudformation(monkeypatch: pytest.MonkeyPatch, *stacks: Any) -> None:
    """Let AWS know these stacks and no other."""

    def describe_stacks(StackName: str) -> Any:  # noqa: N803  # boto3's
        found = [stack for stack in stacks if stack["StackName"] == StackName]
        if not found:
            raise ClientError({"Error": {"Message": f"Stack with id {StackName} does not exist"}}, "DescribeStacks")
        return {"Stacks": found}

    def client(service: str, config: object) -> Any:
        return SimpleNamespace(describe_stacks=describe_stacks)

    session = SimpleNamespace(region_name=REGION, client=client)
    monkeypatch.setattr("cli.stack.boto3", SimpleNamespace(Session=lambda: session))


def test_a_stack_that_is_not_there_is_named_with_what_aws_says(monkeypatch: pytest.MonkeyPatch) -> None:
    cloudformation(monkeypatch)
    done = run("--stack", "nowhere", "pause")
    assert done.exit_code == 1
    assert "The stack nowhere cannot be reached" in done.stderr
    assert "does not exist" in done.stderr


def test_a_stack_that_was_never_made_whole_has_nothing_to_operate(monkeypatch: pytest.MonkeyPatch) -> None:
    cloudformation(monkeypatch, {"StackName": "half", "StackStatus": "ROLLBACK_COMPLETE"})
    done = run("--stack", "half", "pause")
    assert (done.exit_code, done.stderr.count("ROLLBACK_COMPLETE")) == (1, 1)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_commands_help_has_an_example_that_calls_it(command: str) -> None:
    text = " ".join(run(command, "--help").output.split())
    assert "Example: motiondrop " in text
    assert f" {command}" in text.partition("Example: ")[2]


def test_no_line_of_the_overview_is_cut() -> None:
    assert "..." not in run("--help").output.partition("Commands:")[2]
