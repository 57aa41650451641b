"""finalize: the execution saves its job's video and notifies people."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.aws.step_errors import step
from motiondrop.domain.execution import Execution

logger = Logger()


@logger.inject_lambda_context
@step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Save the video and return the execution's output."""
    execution = Execution.of(event["execution"])
    logger.append_keys(job_id=execution.job_id)
    return bootstrap.finalize().run(execution)
