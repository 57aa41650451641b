"""What the Step Functions console tells a person about an execution; `REWRITE_GOLDEN=1` writes the histories anew."""

import json
import os
from pathlib import Path

import requests

from tests.support.driver import Driver
from tests.support.histories import shown

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if "REWRITE_GOLDEN" in os.environ:
        file.write_text(text)
    assert text == file.read_text()


def test_the_history_of_a_success_says_what_a_person_wants_to_know(driver: Driver) -> None:
    driver.control("settings", task_seconds=0)
    driver.drop_pair("ada/console")
    compare("history-of-a-success", shown(driver, driver.wait_for_execution("console")["executionArn"]))


def test_the_history_of_a_failure_ends_with_what_the_email_says(driver: Driver) -> None:
    driver.control(
        "faults", on="create", kind="task_failed", code="DataInspectionFailed", message="no", after_seconds=0
    )
    driver.drop_pair("refused-console")
    arn = driver.wait_for_execution("refused-console")["executionArn"]
    compare("history-of-a-failure", shown(driver, arn))
    sentence = json.loads(driver.status(arn)["cause"])["errorMessage"]
    email = " ".join(driver.wait_for_email("refused-console").split())
    assert all(part in email for part in sentence.split(". "))


def test_the_local_console_shows_an_execution_with_its_steps_and_its_email(driver: Driver) -> None:
    driver.control("settings", task_seconds=0)
    driver.drop_pair("shown-here")
    arn = driver.wait_for_execution("shown-here")["executionArn"]
    driver.wait_for_email("shown-here")
    answer = requests.get(driver.stack.console_url, params={"execution": arn}, timeout=30)
    assert answer.status_code == 200
    assert "SUCCEEDED" in answer.text
    assert '<g class="seen' in answer.text
    assert "Subject: shown-here: your animation is ready" in answer.text
    assert all(f"{state}</summary>" in answer.text for state in ("Claim the job", "Poll", "Done"))
    assert requests.get(driver.stack.console_url, params={"execution": f"{arn}-none"}, timeout=30).status_code == 404
