"""`motiondrop smoke`: a stack is checked from outside, and nothing is spent before it is agreed to."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import asking
from cli.__main__ import main
from local.samples import draw_character, draw_dance
from tests.support.driver import Driver


def smoke(driver: Driver, *words: str, answer: str = "") -> Result:
    options = ["--local", "--state-dir", str(driver.cloud.state_dir), "smoke", *words]
    return CliRunner(mix_stderr=False).invoke(main, options, input=answer)


def test_a_deployed_stack_is_checked_with_one_real_job(driver: Driver) -> None:
    made = driver.tasks()
    done = smoke(driver, "--yes")
    assert done.exit_code == 0, done.stderr
    assert driver.tasks() == made + 1
    assert "The stack works." in done.output


def test_it_takes_ones_own_files_and_asks_for_their_price(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_character(tmp_path / "me.jpg")
    draw_dance(tmp_path / "dance.mov", 3)
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    words = ["--image", str(tmp_path / "me.jpg"), "--video", str(tmp_path / "dance.mov")]
    for _ in range(2):  # the same files again are another job
        done = smoke(driver, *words, answer="yes\n")
        assert done.exit_code == 0, done.stderr
        assert "3.0 s costs about $0.36" in done.output
        assert "The stack works." in done.output


def test_where_the_provider_sees_nobody_in_what_was_drawn_it_says_that_all_else_works(driver: Driver) -> None:
    driver.control("faults", on="create", times=1, kind="task_failed", code="InvalidImage.NoHuman", after_seconds=0)
    done = smoke(driver, "--yes")
    assert done.exit_code == 1
    assert "but refused the drawn files (failed: " in done.stderr
    assert "--image me.jpg --video dance.mp4" in done.stderr


def test_it_says_how_much_and_spends_nothing_without_a_yes(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "has_terminal", lambda: True)
    made = driver.tasks()
    done = smoke(driver, answer="no\n")
    assert done.exit_code == 0
    assert "$0.24" in done.output
    assert driver.tasks() == made


def test_without_a_terminal_it_says_what_it_needs_and_spends_nothing(driver: Driver) -> None:
    made = driver.tasks()
    done = smoke(driver)
    assert done.exit_code == 1
    assert "$0.24" in done.stderr
    assert "--yes" in done.stderr
    assert driver.tasks() == made


def test_an_empty_key_is_found_before_anything_is_asked(driver: Driver) -> None:
    secret = driver.stack.provider_key_secret
    driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString=" ")
    try:
        done = smoke(driver, "--yes")
    finally:
        driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-local-demo")
    assert done.exit_code == 1
    assert "NOT provider's key: " in done.output
    assert "nothing was spent" in done.stderr
