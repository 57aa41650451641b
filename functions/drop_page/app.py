"""drop_page: a drop link was opened, or its page asks for something (the function's URL)."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.web.drop_page import Request

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Answer the request; the event is not logged, since its path is a secret."""
    response = bootstrap.drop_page().respond(Request.of(event))
    return {"statusCode": response.status, "headers": response.headers, "body": response.body}
