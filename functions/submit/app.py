"""submit: a drop has arrived or was deleted (S3's events, through the drops queue)."""

import json
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger

from motiondrop.media import check
from motiondrop.parts import Parts, Telling
from motiondrop.submit import Defaults, Submit

logger = Logger()


@cache
def _submit() -> Submit:
    parts = Parts.of_environment(Telling)
    settings = parts.settings
    defaults = Defaults(settings.default_mode, settings.wan_model, settings.wan_region)
    return Submit(
        parts.inbox,
        parts.drops,
        parts.folders,
        parts.jobs,
        parts.runs,
        parts.receipts,
        parts.ending,
        parts.messenger,
        defaults,
        check,
        measures=parts.measures,
        daily_budget=parts.daily_budget,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001  # Lambda's shape
    """Take in each drop that the queue's messages tell of; whatever fails brings its message back."""
    for message in event["Records"]:
        for record in json.loads(message["body"]).get("Records", []):  # S3's test event has none
            item = record["s3"]["object"]
            key = unquote_plus(item["key"])
            if record["eventName"].startswith("ObjectRemoved"):
                _submit().removed(key)
            else:
                _submit().created(key, item.get("sequencer"))
