"""poll: the run asks after its job's task."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.job import Run
from motiondrop.parts import Parts
from motiondrop.poll import Poll

logger = Logger()


@cache
def _poll() -> Poll:
    parts = Parts.of_environment()
    return Poll(
        parts.jobs,
        parts.slots,
        parts.wan,
        parts.receipts,
        parts.settings.poll_seconds,
        parts.prices,
        measures=parts.measures,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Ask after the task and say where the run goes on."""
    run = Run.of(event["execution"])
    logger.append_keys(job_id=run.job_id)
    return _poll().poll(run, event["polls"])
