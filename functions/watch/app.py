"""watch: the permanent link was opened (the function's URL)."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.page import Page
from motiondrop.parts import Parts

logger = Logger()


@cache
def _page() -> Page:
    parts = Parts.of_environment()
    return Page(parts.jobs, parts.results, parts.links)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Answer the request; the event is not logged, its query string is a secret."""
    query = event.get("queryStringParameters") or {}
    headers = event.get("headers") or {}
    as_json = "application/json" in headers.get("accept", "")
    answer = _page().answer(event.get("rawPath", "/"), query.get("k", ""), as_json=as_json)
    return {"statusCode": answer.status, "headers": answer.headers, "body": answer.body}
