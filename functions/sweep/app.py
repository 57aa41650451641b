"""sweep: repairs what a lost event left behind (on a schedule)."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001  # Lambda's shape
    """Do one round of repairs; return how much was repaired, by kind."""
    repaired = bootstrap.sweep().run()
    if repaired:
        logger.info("repaired", extra=repaired)
    return repaired
