"""What both pages say about a job under way: its state, its place in the queue, and how long it is likely to take."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from motiondrop.domain.delivery import takes, work_seconds
from motiondrop.domain.job import Job, State
from motiondrop.storage.budget import Budget
from motiondrop.storage.ledger import Totals
from motiondrop.storage.slots import Slots

#: The name of each state for people, and its tone, by which the page styles it.
STATES: dict[State, tuple[str, str]] = {
    State.PREPARING: ("Being converted", "working"),
    State.QUEUED: ("In the queue", "waiting"),
    State.ADMITTED: ("Being sent", "working"),
    State.SUBMITTING: ("Being sent", "working"),
    State.PENDING: ("Waiting at the animation service", "working"),
    State.RUNNING: ("Being animated", "working"),
    State.SAVING: ("Being saved", "working"),
    State.SUCCEEDED: ("Ready", "done"),
    State.FAILED: ("Failed", "failed"),
    State.CANCELED: ("Canceled", "canceled"),
}

_PAUSED = (
    "The person who runs MotionDrop has paused the queue. The job waits until they resume it, and nothing is lost."
)
_ON_HOLD = "The animation service is not accepting jobs right now. The queue resumes on its own, and nothing is lost."
_NO_ROOM = (
    "There is not enough budget left today for this animation. It will be made after 00:00 UTC, when the budget resets."
)

#: What is said about a job that somebody stopped and that has not ended yet.
STOPPED = "If the animation has already started, it cannot be stopped: it will be finished, charged and saved."

#: Places of the queue that are counted; for a job behind them the page says "More than".
_COUNTED = 100

#: Tasks that are likely at the service when a job waits: two, the default of MaxInFlight.
_AT_THE_SERVICE = 2

#: An estimate is a range; these are its ends, as multiples of what the results so far took.
_LEAST, _MOST = 0.6, 1.6

_MINUTE, _HOUR = 60, 3600  # seconds


def state_of(job: Job) -> tuple[str, str]:
    """The name of the job's state for people, and its tone, by which the page styles it."""
    title, tone = STATES[job.state]
    return ("Being canceled" if job.stopped and not job.closed else title), tone


@dataclass(frozen=True)
class Queue:
    """The ids of the waiting jobs, next first; and, by job id, why a job is not sent at the moment."""

    order: Sequence[str] = ()
    held: Mapping[str, str] = field(default_factory=dict)


def read_queue(slots: Slots, budget: Budget, jobs: Collection[Job]) -> Queue:
    """The queue as far as it concerns these jobs; nothing is read if none of them is in it."""
    waiting = [job for job in jobs if job.state == State.QUEUED]
    if not waiting:
        return Queue()
    snapshot = slots.snapshot()
    if snapshot.paused or snapshot.breaker:
        return Queue(held=dict.fromkeys((job.job_id for job in waiting), _PAUSED if snapshot.paused else _ON_HOLD))
    return Queue(slots.order(_COUNTED), dict.fromkeys(budget.without_room(waiting), _NO_ROOM))


def wait_of(job: Job, queue: Queue, totals: Totals) -> str:
    """Why a job in the queue waits, and for how long."""
    if job.job_id in queue.held:
        return queue.held[job.job_id]
    if job.job_id not in queue.order:
        return f"More than {len(queue.order)} other jobs are ahead of it." if queue.order else takes(job)
    turn = list(queue.order).index(job.job_id) + 1
    place = "It is next in the queue." if turn == 1 else f"It is number {turn} in the queue."
    least, most = _work(job, totals)
    return f"{place} It should be ready in {_span(least * turn, most * (turn + _AT_THE_SERVICE))}."


def remaining(job: Job, totals: Totals, now: datetime) -> str:
    """How much longer the service is likely to work on a job."""
    if job.state != State.RUNNING or job.task.scheduled_at is None:
        return takes(job)
    least, most = _work(job, totals)
    passed = (now - job.task.scheduled_at).total_seconds()
    if passed >= most:
        return "It is taking longer than usual. This happens when the animation service is busy."
    return f"It should be ready in {_span(max(0, least - passed), most - passed)}."


def percent(job: Job, totals: Totals, now: datetime) -> int | None:
    """How far a running job has probably come, in percent; never 100, since nobody knows when it will end."""
    if job.state != State.RUNNING or job.task.scheduled_at is None:
        return None
    expected = sum(_work(job, totals)) / 2
    return max(1, min(95, round(100 * (now - job.task.scheduled_at).total_seconds() / max(1.0, expected))))


def _work(job: Job, totals: Totals) -> tuple[float, float]:
    """Least and most seconds that the service works on the job: from the results so far, else by `work_seconds`."""
    seconds = job.video.duration or 0
    if totals.work and totals.seconds:
        work = totals.work / totals.seconds * seconds
        return _LEAST * work, _MOST * work
    return work_seconds(seconds, job.options.mode)


def _span(least: float, most: float) -> str:
    """A range of seconds in words: in minutes, or in hours if it ends after more than two hours."""
    if most <= _MINUTE:
        return "less than a minute"
    size, unit = (_HOUR, "hour") if most > 2 * _HOUR else (_MINUTE, "minute")
    first, last = max(1, math.floor(least / size)), math.ceil(most / size)
    return f"{first} to {last} {unit}s" if first < last else f"{last} {unit}{'' if last == 1 else 's'}"
