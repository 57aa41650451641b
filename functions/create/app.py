"""create: the run makes its job's task at the provider, exactly once."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.create import Create
from motiondrop.job import Run
from motiondrop.parts import Parts, Telling

logger = Logger()


@cache
def _create() -> Create:
    parts = Parts.of_environment(Telling)
    return Create(
        parts.jobs,
        parts.slots,
        parts.wan,
        parts.key,
        parts.results,
        parts.receipts,
        parts.messenger,
        parts.ending,
        parts.margin,
        parts.settings.poll_seconds,
        measures=parts.measures,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Create the task and say where the run goes on."""
    run = Run.of(event["execution"])
    logger.append_keys(job_id=run.job_id)
    return _create().create(run)
