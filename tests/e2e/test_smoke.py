"""`make smoke`: a stack is checked from outside, and nothing is spent before it is agreed to."""

import builtins
from pathlib import Path

import pytest

from local.samples import draw_character, draw_dance
from tests.support.driver import Driver
from tools import smoke


def test_a_deployed_stack_is_checked_with_one_real_job(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    made = driver.tasks()
    assert smoke.main(["--state-dir", str(driver.cloud.state_dir), "--yes"]) == 0
    assert driver.tasks() == made + 1
    assert "The stack works." in capsys.readouterr().out


def test_it_takes_ones_own_files_and_asks_for_their_price(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_character(tmp_path / "me.jpg")
    draw_dance(tmp_path / "dance.mov", 3)
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "yes"

    monkeypatch.setattr(builtins, "input", answer)
    words = ["--image", str(tmp_path / "me.jpg"), "--video", str(tmp_path / "dance.mov")]
    for _ in range(2):  # the same files again are another job
        assert smoke.main(["--state-dir", str(driver.cloud.state_dir), *words]) == 0
    assert "3.0 s costs about $0.36" in asked[0]
    assert capsys.readouterr().out.count("The stack works.") == 2


def test_where_the_provider_sees_nobody_in_what_was_drawn_it_says_that_all_else_works(
    driver: Driver, capsys: pytest.CaptureFixture[str]
) -> None:
    driver.control("faults", on="create", times=1, kind="task_failed", code="InvalidImage.NoHuman", after_seconds=0)
    assert smoke.main(["--state-dir", str(driver.cloud.state_dir), "--yes"]) == 1
    notified = capsys.readouterr().err
    assert "not what was drawn here (failed: InvalidImage.NoHuman)" in notified
    assert "IMAGE=me.jpg VIDEO=dance.mp4" in notified


@pytest.mark.parametrize("name", ["none.jpg", "text.jpg"])
def test_a_file_that_cannot_be_opened_is_named_before_anything_is_asked(
    driver: Driver, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    words = ["--image", str(tmp_path / name), "--yes"]
    assert smoke.main(["--state-dir", str(driver.cloud.state_dir), *words]) == 1
    assert name in capsys.readouterr().err


def test_it_says_how_much_and_spends_nothing_without_a_yes(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "no"

    monkeypatch.setattr(builtins, "input", answer)
    made = driver.tasks()
    assert smoke.main(["--state-dir", str(driver.cloud.state_dir)]) == 0
    assert "$0.24" in asked[0]
    assert driver.tasks() == made


def test_an_empty_key_is_found_before_anything_is_asked(driver: Driver, capsys: pytest.CaptureFixture[str]) -> None:
    secret = driver.stack.provider_key_secret
    driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString=" ")
    try:
        assert smoke.main(["--state-dir", str(driver.cloud.state_dir), "--yes"]) == 1
    finally:
        driver.stack.secretsmanager.put_secret_value(SecretId=secret, SecretString="sk-local-demo")
    assert "key is empty" in capsys.readouterr().err
