"""conclude: an execution failed, timed out or was stopped (Step Functions' status event, through EventBridge)."""

from typing import Any

from aws_lambda_powertools import Logger

from motiondrop import bootstrap
from motiondrop.domain.execution import Execution
from motiondrop.errors import NoSuchJob

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> str:  # noqa: ARG001  # Lambda's shape
    """Do what the end of the execution requires, such as closing its job; return a few words that say what was done."""
    detail = event["detail"]
    try:
        execution = Execution.of_status_event(detail)
    except NoSuchJob:
        return "no such job"
    logger.append_keys(job_id=execution.job_id)
    done = bootstrap.conclude().run(execution, detail.get("error"))
    logger.info("concluded", extra={"status": detail["status"], "done": done})
    return done
