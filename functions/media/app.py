"""media: the only function that opens files (called by `submit`, the execution, `finalize` and the sweep)."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Check a drop, convert it, or look at a result, as the event asks."""
    return bootstrap.media().run(event)
