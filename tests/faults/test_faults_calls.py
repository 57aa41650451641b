"""The kill points are read from the code, so that a new call cannot be forgotten."""

from functools import cache
from pathlib import Path

import pytest

from tests.faults import calls
from tests.faults.calls import Code
from tests.faults.suite import READERS, Table
from tests.support.template import FUNCTIONS, folder_of, statements_of

_READS = {
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "kms:Decrypt",
    "kms:GenerateDataKey",  # the same policy for all: S3 and SQS ask for it on reading and writing
}
#: IAM's names of what a call needs, where they are not the call's own.
_ACTIONS = {
    "s3:HeadObject": ["s3:GetObject"],
    "s3:ListObjectsV2": ["s3:ListBucket"],
    "lambda:Invoke": ["lambda:InvokeFunction"],
    "dynamodb:TransactWriteItems": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
}


#: Reading all of the code takes a second.
all_calls = cache(calls.all_calls)


def allowed(function: str) -> set[str]:
    """The actions that the function's policies allow."""
    name = next(name for name in FUNCTIONS if folder_of(name) == function)
    actions: set[str] = set()
    for statement in statements_of(name):
        named = statement["Action"]
        actions |= set(named if isinstance(named, list) else [named])
    return actions


@pytest.mark.parametrize("function", sorted(map(folder_of, FUNCTIONS)))
def test_a_function_may_make_every_call_that_its_code_makes(function: str) -> None:
    for call in all_calls()[function]:
        name = call.replace("stepfunctions:", "states:")
        if not name.startswith("provider:"):
            assert set(_ACTIONS.get(name, [name])) <= allowed(function), call


def test_the_calls_that_cost_money_or_end_jobs_are_found() -> None:
    found = all_calls()
    assert "provider:create" in found["create"]
    assert [name for name, made in found.items() if "provider:create" in made] == ["create"]
    assert {"provider:cancel", "stepfunctions:StartExecution", "sns:Publish"} <= found["conclude"]
    assert {"provider:result", "s3:PutObject"} <= found["finalize"]
    assert {"sqs:SendMessage", "stepfunctions:SendTaskSuccess"} <= found["sweep"]


def test_a_function_that_writes_no_record_can_write_none() -> None:
    drops = {"drop_page": {"s3:PutObject", "s3:DeleteObject"}}  # what a person does there, one call each
    for function in READERS:
        assert allowed(function) <= _READS | drops.get(function, set())


def test_a_new_call_without_a_kill_fails_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in calls.LIBRARY.rglob("*.py"):
        text = path.read_text()
        if path.stem == "poll":
            text = text.replace(
                "job = self.jobs.owned(execution)",
                "job = self.jobs.owned(execution)\n        self._sqs.send_message()",
                1,
            )
        (tmp_path / f"{path.parent.name}_{path.name}").write_text(text)
    before = Code.read().calls_of("poll")
    monkeypatch.setattr(calls, "LIBRARY", tmp_path)
    assert Code.read().calls_of("poll") - before == {"sqs:SendMessage"}
    table = Table(points={("poll", call, when) for call in before for when in ("before", "after")})
    assert {point for point in table.unreached if point[0] == "poll"} == {
        ("poll", "sqs:SendMessage", "before"),
        ("poll", "sqs:SendMessage", "after"),
    }
