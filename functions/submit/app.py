"""submit: a drop has arrived (S3 ObjectCreated, through the drops queue)."""

import json
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger

from motiondrop.parts import Parts
from motiondrop.submit import Defaults, Submit

logger = Logger()


@cache
def _submit() -> Submit:
    parts = Parts.of_environment()
    settings = parts.settings
    defaults = Defaults(settings.default_mode, settings.wan_model, settings.wan_region, settings.max_fan_out)
    return Submit(parts.inbox, parts.drops, parts.jobs, parts.runs, parts.receipts, parts.messenger, defaults)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001  # Lambda's shape
    """Take in each drop that the queue's messages tell of; whatever fails brings its message back."""
    for message in event["Records"]:
        for record in json.loads(message["body"]).get("Records", []):  # S3's test event has none
            item = record["s3"]["object"]
            _submit().receive(unquote_plus(item["key"]), item.get("sequencer"))
