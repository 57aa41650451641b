"""admit: the execution claims its job, takes its converted file, or waits for a slot."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.aws.saturation import waited_out
from motiondrop.domain.execution import Execution

logger = Logger()


@logger.inject_lambda_context
@waited_out
def handler(event: dict[str, Any], context: object) -> dict[str, Any] | None:  # noqa: ARG001  # Lambda's shape
    """Do what the state asks for and say where the execution goes on; one that waits is told so at its token."""
    execution = Execution.of(event["execution"])
    logger.append_keys(job_id=execution.job_id)
    match event["action"]:
        case "pick up":
            return bootstrap.admit().claim(execution)
        case "prepared":
            return bootstrap.admit().prepared(execution, event["report"])
        case "wait":
            bootstrap.admit().wait(execution, event["token"])
            return None
        case action:
            raise ValueError(f"admit has no action {action!r}")
