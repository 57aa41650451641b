"""The answers of an execution's steps: the state that comes next, and what a person in the console wants to know.

Of an answer, the state machine reads only `next`, how long to wait, the order of a conversion and whether there is a
result. The steps read everything else in the job's record.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from motiondrop.clock import iso
from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import dollars

Step = dict[str, Any]


class Next(StrEnum):
    """The states of statemachine/animation.asl.yaml that an answer can name."""

    CLAIM = "Claim the job"
    CONVERT = "Convert the files"
    SLOT = "Wait for a slot"
    CREATE = "Create task"
    LATER = "Try again later"
    FIND_OUT = "Find out what became of the call"
    WAIT = "Wait for the task"
    POLL = "Poll"
    FINALIZE = "Finalize"


#: The state of the state machine at which an execution continues a job, by the job's own state.
_NEXT = {
    State.PREPARING: Next.CONVERT,
    State.QUEUED: Next.SLOT,
    State.ADMITTED: Next.CREATE,
    State.SUBMITTING: Next.CREATE,
    State.PENDING: Next.POLL,
    State.RUNNING: Next.POLL,
    State.SAVING: Next.FINALIZE,
    State.SUCCEEDED: Next.CLAIM,
    State.FAILED: Next.CLAIM,
    State.CANCELED: Next.CLAIM,
}


def where(job: Job) -> Next:
    """The state of the state machine at which the job continues."""
    if job.task.retry and job.state in {State.PENDING, State.RUNNING}:
        return Next.CREATE
    return _NEXT[job.state]


def go(to: Next, **facts: Any) -> Step:
    """Continue at the state `to`; facts that are None are left out."""
    return {"next": str(to), **_known(**facts)}


def later(seconds: float) -> Step:
    """Come back to `create` after `seconds`."""
    return go(Next.LATER, wait_seconds=int(seconds))


def find_out_after(moment: datetime) -> Step:
    """Come back to `create` after `moment`, at the next whole second: Step Functions waits for whole seconds."""
    whole = moment.replace(microsecond=0) + timedelta(seconds=1)
    return go(Next.FIND_OUT, at=whole.strftime("%Y-%m-%dT%H:%M:%SZ"))


def claimed(job: Job, **order: Any) -> Step:
    """The execution owns the job; `state` says where the job is."""
    return go(where(job), state=str(job.state), execution=job.execution_number, **order)


def admitted(job: Job) -> Step:
    """The job was given a slot."""
    waited = _between(job.recorded_at, job.turn.admitted_at)
    return go(where(job), slot=job.turn.slot, waited_seconds=waited)


def created(job: Job, seconds: int) -> Step:
    """The provider has a task for the job; poll it in `seconds`."""
    return go(Next.WAIT, wait_seconds=seconds, slot=job.turn.slot, **_task(job))


def unfinished(job: Job, status: str | None, now: datetime, seconds: int) -> Step:
    """The task is not over, or that is not known; poll it again in `seconds`."""
    next_poll = iso(now + timedelta(seconds=seconds))
    return go(Next.WAIT, wait_seconds=seconds, status=status, next_poll_at=next_poll, **_task(job))


def succeeded(job: Job) -> Step:
    """The task has ended well, and the video is billed: seconds and USD."""
    billing = job.billing
    cost = None if billing.cost is None else dollars(billing.cost)
    return go(Next.FINALIZE, status="SUCCEEDED", billed_seconds=billing.seconds, cost_usd=cost, **_task(job))


def finished(job: Job, bucket: str) -> Step:
    """What came out: the video's place, seconds, pixels, frames per second, USD; and how long each part took."""
    result, task = job.result, job.task
    took = {
        "in_queue": _between(job.recorded_at, job.turn.admitted_at),
        "at_provider": _between(task.submitted_at, task.scheduled_at),
        "animating": _between(task.scheduled_at, task.ended_at),
        "saving": _between(task.ended_at, job.closing.at),
        "total": _between(job.recorded_at, job.closing.at),
    }
    return _known(
        result=f"s3://{bucket}/{result.key}",
        seconds=job.billing.seconds,
        width=result.width,
        height=result.height,
        frame_rate=result.frame_rate,
        cost_usd=dollars(job.billing.cost or 0),
        took_seconds=_known(**took),
    )


def _known(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _task(job: Job) -> dict[str, Any]:
    """The task's ids, and its times by the provider's clock."""
    task = job.task
    return {
        "attempt": job.call.attempt,
        "task_id": task.id,
        "request_id": task.request_id,
        "submitted_at": iso(task.submitted_at),
        "scheduled_at": iso(task.scheduled_at),
        "ended_at": iso(task.ended_at),
    }


def _between(first: datetime | None, last: datetime | None) -> float | None:
    """Seconds to a tenth, or None; never negative, although the provider's clock may be a little off ours."""
    return round(max(0.0, (last - first).total_seconds()), 1) if first and last else None
