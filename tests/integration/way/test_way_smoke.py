"""`make smoke`: a stack is checked from outside, and nothing is spent before it is agreed to."""

import builtins

import pytest

from tests.integration.way.support import Way
from tools import smoke


def test_a_deployed_stack_is_checked_with_one_real_job(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    made = way.tasks()
    assert smoke.main(["--state-dir", str(way.cloud.state_dir), "--yes"]) == 0
    assert way.tasks() == made + 1
    assert "The stack works." in capsys.readouterr().out


def test_it_says_how_much_and_spends_nothing_without_a_yes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "no"

    monkeypatch.setattr(builtins, "input", answer)
    made = way.tasks()
    assert smoke.main(["--state-dir", str(way.cloud.state_dir)]) == 0
    assert "$0.24" in asked[0]
    assert way.tasks() == made


def test_an_empty_key_is_found_before_anything_is_asked(way: Way, capsys: pytest.CaptureFixture[str]) -> None:
    secret = way.stack.provider_key_secret
    way.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString=" ")
    try:
        assert smoke.main(["--state-dir", str(way.cloud.state_dir), "--yes"]) == 1
    finally:
        way.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-local-demo")
    assert "key is empty" in capsys.readouterr().err
