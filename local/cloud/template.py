"""The template as the local cloud deploys it: without what the emulator does not support, and with values for its
parameters.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.cloud.progress import CloudError

#: Waits that are parameters, and the least that scaling leaves of each, in seconds.
SCALED_PARAMETERS = {"SettleSeconds": 0, "ReconcileMarginSeconds": 1, "GraceSeconds": 0}
_UNKNOWN_TO_THE_EMULATOR = {
    "AWS::Budgets::Budget": "budgets",
    "AWS::CloudWatch::AnomalyDetector": "anomaly detection",
    "AWS::CloudWatch::CompositeAlarm": "composite alarms",
    "AWS::Serverless::Application": "nested applications",
    "AWS::StepFunctions::StateMachineAlias": "state machine aliases",
    "AWS::StepFunctions::StateMachineVersion": "state machine versions",
}


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms, `!Ref X` for `{Ref: X}`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def read_template(path: Path) -> dict[str, Any]:
    """Read a template's YAML; raises CloudError if it is missing or not YAML."""
    try:
        template = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 - a safe loader with more tags
    except FileNotFoundError:
        raise CloudError(f"There is no template at {path}.") from None
    except yaml.YAMLError as error:
        raise CloudError(f"{path.name} is not valid YAML.", str(error)) from None
    if not isinstance(template, dict) or "Resources" not in template:
        raise CloudError(f"{path.name} has no Resources.")
    return template


def drop_what_is_not_emulated(template: dict[str, Any]) -> list[str]:
    """Remove resources the emulator refuses, and what refers to them; return what was removed, and why."""
    resources: dict[str, Any] = template["Resources"]
    dropped = {name: why for name, resource in resources.items() if (why := _unsupported(resource))}
    found = bool(dropped)
    while found:
        found = False
        for name, resource in resources.items():
            if name not in dropped and (needed := _references(resource) & dropped.keys()):
                dropped[name] = f"refers to {min(needed)}"
                found = True
    for name in dropped:
        del resources[name]
    outputs = template.get("Outputs") or {}
    for name in [n for n, output in outputs.items() if _references(output) & dropped.keys()]:
        del outputs[name]
    return [f"{name} ({why})" for name, why in dropped.items()]


def _unsupported(resource: dict[str, Any]) -> str | None:
    kind, properties = resource["Type"], resource.get("Properties") or {}
    if kind == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
        return "metric math alarms"
    return _UNKNOWN_TO_THE_EMULATOR.get(kind)


def _references(value: Any) -> set[str]:
    """Return the logical ids that a part of a template refers to."""
    if isinstance(value, list):
        return set().union(*map(_references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        if key in ("Ref", "DependsOn"):
            found |= {inner} if isinstance(inner, str) else set(inner)
        elif key == "Fn::GetAtt":
            found.add(inner[0] if isinstance(inner, list) else inner.split(".")[0])
        elif key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            found |= set(re.findall(r"\$\{([A-Za-z0-9]+)", text))
            found |= _references(inner) if isinstance(inner, list) else set()
        else:
            found |= _references(inner)
    return found


@dataclass(frozen=True)
class LocalAddresses:
    """The stand-in's URL and the email addresses, for the template's parameters."""

    wan_url: str
    notification_email: str = "you@example.com"
    operations_email: str = "operator@example.com"


def parameter_values(
    template: dict[str, Any], addresses: LocalAddresses, wait_scale: float, given: dict[str, str]
) -> dict[str, str]:
    """Return values for those of the template's parameters that differ locally; `given` ones win.

    A wait that is scaled may be shorter than its parameter's MinValue, which is removed.
    """
    declared: dict[str, Any] = template.get("Parameters") or {}
    unknown = given.keys() - declared.keys()
    if unknown:
        raise CloudError(f"The template has no parameter {', '.join(sorted(unknown))}.")
    values = {
        "WanBaseUrl": f"{addresses.wan_url}/api/v1",
        "WanResultOrigins": re.escape(addresses.wan_url),
        "NotificationEmail": addresses.notification_email,
        "OperationsEmail": addresses.operations_email,
    }
    for name, least in SCALED_PARAMETERS.items():
        parameter = declared.get(name, {})
        if "Default" in parameter:
            parameter.pop("MinValue", None)
            values[name] = str(max(least, math.ceil(float(parameter["Default"]) * wait_scale)))
    return {key: value for key, value in (values | given).items() if key in declared}


def as_body(template: dict[str, Any]) -> str:
    """Return the template as JSON, as CloudFormation takes it."""
    return json.dumps(template, default=str)
