"""submit: a drop has arrived or was deleted (S3's events, through the drops queue)."""

import json
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger

from motiondrop.media import check
from motiondrop.parts import Parts, Queueing
from motiondrop.submit import Defaults, Submit

logger = Logger()


@cache
def _parts() -> Parts:
    return Parts.of_environment(Queueing)


@cache
def _submit() -> Submit:
    parts = _parts()
    defaults = Defaults(parts.settings.default_mode, parts.settings.wan_model, parts.prices)
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
    """Take in each drop that the queue's messages tell of; whatever fails brings its message back soon."""
    for message in event["Records"]:
        try:
            _take(message["body"])
        except Exception:
            received = int(message["attributes"]["ApproximateReceiveCount"])
            _parts().drops_queue.try_again_soon(message["receiptHandle"], received)
            raise


def _take(body: str) -> None:
    for record in json.loads(body).get("Records", []):  # S3's test event has none
        item = record["s3"]["object"]
        key = unquote_plus(item["key"])
        if record["eventName"].startswith("ObjectRemoved"):
            _submit().removed(key)
        else:
            _submit().created(key, item.get("sequencer"))
