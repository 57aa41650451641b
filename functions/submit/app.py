"""submit: a drop has arrived or was deleted (S3's events, through the drops queue)."""

import json
import os
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger

from motiondrop.drops_queue import DropsQueue
from motiondrop.media import check
from motiondrop.parts import Parts, Queueing
from motiondrop.settings import load
from motiondrop.submit import Defaults, Submit

logger = Logger()


@cache
def _settings() -> Queueing:
    return load(Queueing, os.environ)


@cache
def _parts() -> Parts:
    return Parts(_settings())


@cache
def _submit() -> Submit:
    parts, settings = _parts(), _settings()
    defaults = Defaults(settings.default_mode, settings.wan_model, parts.prices)
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


@cache
def _queue() -> DropsQueue:
    return _parts().drops_queue(_settings())


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> None:  # noqa: ARG001  # Lambda's shape
    """Take in each drop that the queue's messages tell of; whatever fails brings its message back soon."""
    for message in event["Records"]:
        try:
            _take(message["body"])
        except Exception:
            _queue().try_again_soon(message["receiptHandle"], int(message["attributes"]["ApproximateReceiveCount"]))
            raise


def _take(body: str) -> None:
    for record in json.loads(body).get("Records", []):  # S3's test event has none
        item = record["s3"]["object"]
        key = unquote_plus(item["key"])
        if record["eventName"].startswith("ObjectRemoved"):
            _submit().removed(key)
        else:
            _submit().created(key, item.get("sequencer"))
