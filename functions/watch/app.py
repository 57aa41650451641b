"""watch: the permanent link was opened (the function's URL)."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.parts import Parts
from motiondrop.watch import Request, Watch

logger = Logger()


@cache
def _watch() -> Watch:
    parts = Parts.of_environment()
    return Watch(parts.jobs, parts.ledger, parts.results, parts.links)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Answer the request; the event is not logged, its query string is a secret."""
    query = event.get("queryStringParameters") or {}
    answer = _watch().answer(
        Request(
            path=event.get("rawPath", "/"),
            signature=query.get("k", ""),
            after=query.get("after"),
            as_json="application/json" in (event.get("headers") or {}).get("accept", ""),
            method=event.get("requestContext", {}).get("http", {}).get("method", "GET"),
        )
    )
    return {"statusCode": answer.status, "headers": answer.headers, "body": answer.body}
