"""admit: the run picks up its job, lets its folder settle, or waits for a slot."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.admit import Admit
from motiondrop.job import Run
from motiondrop.parts import Parts, Telling

logger = Logger()


@cache
def _admit() -> Admit:
    parts = Parts.of_environment(Telling)
    return Admit(
        parts.jobs,
        parts.slots,
        parts.runs,
        parts.folders,
        parts.ending,
        parts.settings.settle_seconds,
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> dict[str, Any] | None:  # noqa: ARG001  # Lambda's shape
    """Do what the state asks for and say where the run goes on; a run in line is told so at its token."""
    run = Run.of(event["execution"])
    logger.append_keys(job_id=run.job_id)
    match event["action"]:
        case "pick up":
            return _admit().pick_up(run)
        case "settle":
            return _admit().settle(run)
        case "wait":
            _admit().wait(run, event["token"])
            return None
        case action:
            raise ValueError(f"admit knows no action {action!r}")
