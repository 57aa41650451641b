"""Patches of queues as event sources: bounds given as text, what a malformed answer means, throttled batches."""

import contextvars
import json
from typing import Any

from ministack.services import lambda_svc, sqs

from local.emulator.internals import internal, replace
from local.emulator.lambda_invocations import until_there_is_room

_source_of_batch: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "event source mapping", default=None
)
_hidden_seconds: contextvars.ContextVar[float] = contextvars.ContextVar("visibility timeout of a batch", default=0)


def event_source_bounds() -> None:
    """Let MaximumConcurrency and BatchSize bound a queue's invocations even if the template gave them as text.

    AWS, "Configuring maximum concurrency for Amazon SQS event sources". CloudFormation's parameters are
    strings, and comparing one with a number stops MiniStack's poller.
    """
    stock = internal(lambda_svc, "_sqs_esm_concurrency")

    def concurrency(source: dict[str, Any], *rest: Any) -> Any:
        scaling = dict(source.get("ScalingConfig") or {})
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        source["BatchSize"] = int(source.get("BatchSize") or 10)
        return stock({**source, "ScalingConfig": scaling}, *rest)

    replace(lambda_svc, "_sqs_esm_concurrency", concurrency)


def partial_batch_responses() -> None:
    """Let a malformed list of failed items fail the whole batch, so that no message is lost.

    AWS, "Implementing partial batch responses": the batch is a complete failure if the response is no JSON
    object or an itemIdentifier is empty, null or misnamed. MiniStack counts such a batch as done and deletes
    its messages.
    """
    stock_batch = internal(lambda_svc, "_run_sqs_batch")
    stock_execute = internal(lambda_svc, "_execute_function")

    def run_batch(source: dict[str, Any], *rest: Any) -> None:
        token = _source_of_batch.set(source)
        try:
            stock_batch(source, *rest)
        finally:
            _source_of_batch.reset(token)

    def execute(record: Any, event: Any) -> Any:
        result = stock_execute(record, event)
        source = _source_of_batch.get() or {}
        reports_failures = "ReportBatchItemFailures" in (source.get("FunctionResponseTypes") or [])
        if reports_failures and not result.get("error") and _is_malformed(result.get("body")):
            body = {"errorType": "MalformedBatchResponse", "errorMessage": json.dumps(result.get("body"))}
            return {"error": True, "body": body, "log": result.get("log", "")}
        return result

    replace(lambda_svc, "_run_sqs_batch", run_batch)
    replace(lambda_svc, "_execute_function", execute)


def throttled_batches_wait() -> None:
    """Invoke a function again for a batch that Lambda has no room for, as long as the batch's messages are hidden.

    AWS, "Backoff strategy for failed invocations" of SQS event sources: after throttling "Lambda continues to retry
    the message until the message's timestamp exceeds your queue's visibility timeout". MiniStack gives a throttled
    batch up at once, as if its function had failed.
    """
    stock_batch = internal(lambda_svc, "_run_sqs_batch")
    stock_execute = internal(lambda_svc, "_execute_function")

    def run_batch(source: dict[str, Any], function: Any, event: Any, batch: Any, url: str, *rest: Any) -> None:
        token = _hidden_seconds.set(float(internal(sqs, "_queues")[url]["attributes"].get("VisibilityTimeout", 30)))
        try:
            stock_batch(source, function, event, batch, url, *rest)
        finally:
            _hidden_seconds.reset(token)

    def execute(record: Any, event: Any) -> Any:
        hidden = _hidden_seconds.get()
        if not hidden:
            return stock_execute(record, event)
        token = _hidden_seconds.set(0)  # MiniStack re-enters to change the account and region
        try:
            return until_there_is_room(lambda: stock_execute(record, event), stock_execute(record, event), hidden)
        finally:
            _hidden_seconds.reset(token)

    replace(lambda_svc, "_run_sqs_batch", run_batch)
    replace(lambda_svc, "_execute_function", execute)


def _is_malformed(answer: Any) -> bool:
    if answer is None:
        return False
    if not isinstance(answer, dict):
        return True
    failures = answer.get("batchItemFailures") or []
    return any(not isinstance(item, dict) or not item.get("itemIdentifier") for item in failures)
