"""template.yaml, read once as SAM reads it, and what it grants to each function."""

import re
from collections.abc import Iterator
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.stack import PROJECT

TEXT = (PROJECT / "template.yaml").read_text()
TEMPLATE: dict[str, Any] = yaml_parse(TEXT)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

#: The functions' properties by their logical ids.
FUNCTIONS: dict[str, Any] = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}


def folder_of(function: str) -> str:
    """The folder in functions/ of a function's logical id: `result_page` of `ResultPageFunction`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", function.removesuffix("Function")).lower()


def statements_of(function: str) -> list[dict[str, Any]]:
    """What a function may do, by its logical id: its own statements and those of the policies it shares."""
    policies = list(FUNCTIONS[function].get("Policies", []))
    shared = [resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::IAM::Policy"]
    policies += [policy["PolicyDocument"] for policy in shared if {"Ref": f"{function}Role"} in policy["Roles"]]
    return [_unconditional(statement) for policy in policies for statement in policy["Statement"]]


def all_statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of the stack's roles, with the resource that holds it, each once."""
    for name, resource in RESOURCES.items():
        policies = resource["Properties"].get("Policies", [])
        if resource["Type"] == "AWS::IAM::Policy":
            policies = [resource["Properties"]["PolicyDocument"]]
        for policy in policies:
            for statement in policy["Statement"]:
                yield name, _unconditional(statement)


def _unconditional(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement as it is where its condition holds."""
    found: dict[str, Any] = statement.get("Fn::If", [None, statement])[1]
    return found
