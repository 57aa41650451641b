"""finalize: the run saves its job's video and tells people."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.finalize import Finalize
from motiondrop.job import Run
from motiondrop.parts import Parts, Telling

logger = Logger()


@cache
def _finalize() -> Finalize:
    parts = Parts.of_environment(Telling)
    return Finalize(
        parts.jobs,
        parts.wan,
        parts.session,
        parts.results,
        parts.ledger,
        parts.ending,
        parts.origins,
        parts.prices,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001  # Lambda's shape
    """Save the video and say where the run goes on."""
    run = Run.of(event["execution"])
    logger.append_keys(job_id=run.job_id)
    return _finalize().finalize(run)
