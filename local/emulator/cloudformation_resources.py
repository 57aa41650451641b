"""Patches of CloudFormation: a property that is dropped, a definition that is not read, a URL that leads nowhere."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import yaml
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.emulator.internals import internal, replace
from local.emulator.settings import emulator_settings

Handler = Callable[..., tuple[str, dict[str, Any]]]


def yaml_definitions() -> None:
    """Let a state machine's definition be YAML.

    AWS, "AWS::StepFunctions::StateMachine" DefinitionString and DefinitionS3Location: JSON or YAML. MiniStack
    stores YAML as it is, and every execution fails.
    """
    stock = internal(provisioners, "_sfn_definition")

    def definition(properties: dict[str, Any]) -> str:
        text: str = stock(properties)
        try:
            json.loads(text)
        except ValueError:
            parsed = yaml.safe_load(text)
            if not isinstance(parsed, dict):
                message = "Invalid state machine definition: neither JSON nor YAML"
                raise ValueError(message) from None  # noqa: TRY004 - what provisioners raise to fail a resource
            return json.dumps(parsed)
        return text

    replace(provisioners, "_sfn_definition", definition)


def dead_letter_targets() -> None:
    """Keep a function's DeadLetterConfig (AWS, "AWS::Lambda::Function"), which MiniStack drops."""

    def keeping(handler: Handler, position_of_properties: int) -> Handler:
        def provision(*arguments: Any, **named: Any) -> tuple[str, dict[str, Any]]:
            provisioned = handler(*arguments, **named)
            target = arguments[position_of_properties].get("DeadLetterConfig")
            config = internal(lambda_svc, "_functions")[provisioned[0]]["config"]
            config.pop("DeadLetterConfig", None)
            if target:
                config["DeadLetterConfig"] = target
            return provisioned

        return provision

    handlers = internal(provisioners, "_RESOURCE_HANDLERS")["AWS::Lambda::Function"]
    handlers["create"] = keeping(handlers["create"], 1)
    handlers["update"] = keeping(handlers["update"], 2)


def reachable_function_urls() -> None:
    """Make a function's FunctionUrl one that this machine can open, in outputs and in environment variables."""
    stock = internal(provisioners, "_lambda_url_attributes")

    def attributes(config: dict[str, Any]) -> dict[str, Any]:
        attributes_: dict[str, Any] = stock(config)
        url_id = urlsplit(attributes_["FunctionUrl"]).netloc.split(".")[0]
        return {**attributes_, "FunctionUrl": f"{emulator_settings().endpoint_url}/_aws/lambda-url/{url_id}/"}

    replace(provisioners, "_lambda_url_attributes", attributes)
