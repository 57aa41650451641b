"""What a step of the state machine answers: where the execution goes on."""

from datetime import datetime, timedelta
from typing import Any

from motiondrop.domain.job import Job, State

Step = dict[str, Any]

#: Where a job in this state goes on; the names are those of the state machine's choice.
NEXT = {
    State.PREPARING: "convert",
    State.QUEUED: "slot",
    State.ADMITTED: "create",
    State.SUBMITTING: "create",
    State.PENDING: "poll",
    State.RUNNING: "poll",
    State.SAVING: "finalize",
    State.SUCCEEDED: "done",
    State.FAILED: "closed",
    State.CANCELED: "closed",
}


def not_before(moment: datetime) -> Step:
    """Come back to `create` after that moment, and not before: Step Functions waits for whole seconds."""
    whole = moment.replace(microsecond=0) + timedelta(seconds=1)
    return {"next": "create", "at": whole.strftime("%Y-%m-%dT%H:%M:%SZ")}


def where(job: Job) -> str:
    """Where the job goes on."""
    if job.task.retry and job.state in {State.PENDING, State.RUNNING}:
        return "create"
    return NEXT[job.state]
