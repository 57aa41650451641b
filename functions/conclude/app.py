"""conclude: a run failed, timed out or was aborted (Step Functions' status event, through EventBridge)."""

import json
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from motiondrop.conclude import Conclude
from motiondrop.errors import NoSuchJob
from motiondrop.job import Run
from motiondrop.parts import Parts, Telling

logger = Logger()


@cache
def _conclude() -> Conclude:
    parts = Parts.of_environment(Telling)
    return Conclude(parts.jobs, parts.runs, lambda: parts.wan, parts.ending)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: object) -> str:  # noqa: ARG001  # Lambda's shape
    """Conclude the run that ended."""
    detail = event["detail"]
    try:
        run = Run.of(
            {
                "Input": json.loads(detail.get("input") or "{}"),
                "Name": detail["name"],
                "Id": detail["executionArn"],
                "RedriveCount": detail.get("redriveCount"),
            }
        )
    except NoSuchJob:
        return "no such job"
    logger.append_keys(job_id=run.job_id)
    done = _conclude().conclude(run, detail.get("error"))
    logger.info("concluded", extra={"status": detail["status"], "done": done})
    return done
