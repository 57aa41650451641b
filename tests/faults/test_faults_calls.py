"""The kill points are read from the code, so that a new call cannot be forgotten."""

from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.stack import PROJECT
from tests.faults import calls
from tests.faults.calls import Code, all_calls
from tests.faults.suite import READERS, Table

_READS = {
    "dynamodb:GetItem",
    "dynamodb:BatchGetItem",
    "dynamodb:Query",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
}
#: IAM's names of what a call needs, where they are not the call's own.
_ACTIONS = {
    "s3:HeadObject": ["s3:GetObject"],
    "s3:CopyObject": ["s3:GetObject", "s3:PutObject"],
    "s3:ListObjectsV2": ["s3:ListBucket"],
    "dynamodb:TransactWriteItems": ["dynamodb:PutItem", "dynamodb:UpdateItem"],
}


def allowed(function: str) -> set[str]:
    """The actions that the function's policies allow."""
    template: dict[str, Any] = yaml_parse((PROJECT / "template.yaml").read_text())
    policies = template["Resources"][f"{function.capitalize()}Function"]["Properties"]["Policies"]
    actions: set[str] = set()
    for statement in (statement for policy in policies for statement in policy["Statement"]):
        named = statement["Action"]
        actions |= set(named if isinstance(named, list) else [named])
    return actions


@pytest.mark.parametrize("function", sorted(all_calls()))
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


def test_a_function_that_only_reads_can_only_read() -> None:
    for function in READERS:
        assert allowed(function) <= _READS


def test_a_new_call_without_a_kill_fails_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in calls.LIBRARY.glob("*.py"):
        text = path.read_text()
        if path.stem == "poll":
            text = text.replace(
                "job = self.jobs.owned(run)", "job = self.jobs.owned(run)\n        self._sns.publish()", 1
            )
        (tmp_path / path.name).write_text(text)
    before = Code.read().calls_of("poll")
    monkeypatch.setattr(calls, "LIBRARY", tmp_path)
    assert Code.read().calls_of("poll") - before == {"sns:Publish"}
    table = Table(points={("poll", call, when) for call in before for when in ("before", "after")})
    assert {point for point in table.unreached if point[0] == "poll"} == {
        ("poll", "sns:Publish", "before"),
        ("poll", "sns:Publish", "after"),
    }
