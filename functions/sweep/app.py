"""sweep: heals what a lost event left behind (on a schedule)."""

from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.conclude import Conclude
from motiondrop.parts import Parts, Telling
from motiondrop.sweep import Sweep

logger = Logger()


@cache
def _sweep() -> Sweep:
    parts = Parts.of_environment(Telling)
    conclude = Conclude(parts.jobs, parts.runs, parts.wan, parts.ending)
    grace = timedelta(seconds=parts.settings.grace_seconds)
    return Sweep(parts.jobs, parts.slots, parts.runs, parts.ending, conclude, grace)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001  # Lambda's shape
    """Do one round."""
    healed = _sweep().sweep()
    if healed:
        logger.info("healed", extra=healed)
    return healed
