"""poll: the execution polls its job's task."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.aws.step_errors import step
from motiondrop.domain.execution import Execution

logger = Logger()


@logger.inject_lambda_context
@step
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Poll the task and return where the execution continues."""
    execution = Execution.of(event["execution"])
    logger.append_keys(job_id=execution.job_id)
    return bootstrap.poll().run(execution)
