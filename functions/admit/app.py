"""admit: the execution claims its job, or waits for a slot."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.aws.step_errors import step
from motiondrop.domain.execution import Execution

logger = Logger()


@logger.inject_lambda_context
@step
def handler(event: dict[str, Any], context: object) -> dict[str, Any] | None:  # noqa: ARG001  # Lambda's shape
    """Claim the job, or let the execution wait until it is woken at its token."""
    execution = Execution.of(event["execution"])
    logger.append_keys(job_id=execution.job_id)
    match event["action"]:
        case "claim":
            return bootstrap.admit().claim(execution)
        case "wait":
            bootstrap.admit().wait(execution, event["token"], event.get("report"))
            return None
        case action:
            raise ValueError(f"admit has no action {action!r}")
