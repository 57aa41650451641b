"""The stand-in can answer with every code of the provider's error table, wherever it comes, at each of its statuses."""

import pytest
import requests

from tests.support.error_table import answers, failures
from tests.support.stand_in import Caller


def call(caller: Caller, stage: str) -> requests.Response:
    match stage:
        case "create":
            return caller.post(caller.body())
        case "query":
            return caller.query("1")
        case "list":
            return caller.list()
        case _:
            return caller.cancel("1")


@pytest.mark.parametrize(("code", "status", "message"), list(answers()))
def test_every_call_can_be_answered_with_every_code_at_its_status(
    caller: Caller, code: str, status: int, message: str
) -> None:
    for stage in ("create", "query", "list", "cancel"):
        caller.fault(stage, "error", status=status, code=code, message=message)
        answer = call(caller, stage)
        assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (status, code, message)
    assert caller.control("tasks") == []


@pytest.mark.parametrize(("code", "message"), list(failures()))
def test_task_can_fail_with_every_code_that_tasks_fail_with(caller: Caller, code: str, message: str) -> None:
    caller.fault("create", "task_failed", code=code, message=message)
    output = caller.finished(caller.create())["output"]
    assert (output["task_status"], output["code"], output["message"]) == ("FAILED", code, message)
