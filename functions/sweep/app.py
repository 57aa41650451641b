"""sweep: heals what a lost event left behind (on a schedule)."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.conclude import Conclude
from motiondrop.parts import Parts, Queueing
from motiondrop.sweep import Sweep

logger = Logger()


@cache
def _sweep() -> Sweep:
    parts = Parts.of_environment(Queueing)
    return Sweep(
        parts.jobs,
        parts.slots,
        parts.runs,
        parts.ending,
        Conclude(parts.jobs, parts.runs, lambda: parts.wan, parts.ending),
        parts.lost_drops,
        parts.drops,
        parts.listeners,
        parts.messenger,
        parts.grace,
        measures=parts.measures,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001  # Lambda's shape
    """Do one round."""
    healed = _sweep().sweep()
    if healed:
        logger.info("healed", extra=healed)
    return healed
