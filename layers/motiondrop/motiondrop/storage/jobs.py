"""The jobs' records: every transition names the state it starts from and the execution that owns the job."""

import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.attributes import Attribute, UTCDateTimeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import CLOSED, IN_FLIGHT, LEGAL, Billing, Call, End, Job, Result, State, Task, Turn, Verdict
from motiondrop.errors import Contended, Forgotten, JobClosed, MotionDropError, NoSuchJob, NotOwner
from motiondrop.storage.items import (
    CLAIMED,
    JOB,
    MONEY,
    OPEN,
    QUEUE,
    TASK,
    UNOPENED,
    JobItem,
    QueueItem,
    Tables,
    TaskItem,
    find,
)
from motiondrop.storage.transactions import ConditionFailed, Transaction, Writes, conditional_write, transact

#: The most drops of one job: its two files, under any names. DynamoDB reads as many in one batch.
MAX_DROPS = 100

#: What the sort keys of places in the queue begin with.
WAITING = "WAIT#"

_RACES = 3  # tries to take a job over while somebody else writes to it


@dataclass(frozen=True)
class TaskClaim:
    """The job and attempt of a task, when the task was asked for, its model, and a mark in place of the API key."""

    job_id: str
    attempt: int
    key_mark: str | None
    model: str | None = None
    asked_at: datetime | None = None


class Jobs:
    """The jobs in the table. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._tables = tables
        self._clock = clock

    def get(self, job_id: str) -> Job:
        """The job as it is now (strongly consistent). Raise NoSuchJob if there is none, Forgotten if there was one."""
        try:
            item = self._tables.job.get(_key(job_id), JOB, consistent_read=True)
        except DoesNotExist as error:
            raise NoSuchJob(job_id) from error
        if item.forgotten_at:
            raise Forgotten(job_id)
        return _job(item)

    def find(self, job_ids: Iterable[str]) -> list[Job]:
        """The jobs with these ids; ids without a readable record are left out."""
        return self._read(_key(job_id) for job_id in job_ids)

    def record(self, job: Job) -> bool:
        """Record a new job, and its place in the queue if its files are ready; return False if it is known already."""
        item = self._tables.job(_key(job.job_id), JOB, **vars(job))
        item.open, item.seen_at = OPEN, self._clock()

        def fill(transaction: Transaction) -> None:
            transaction.put(item, name="job", condition=JobItem.pk.does_not_exist())
            if job.ready:
                transaction.put(self.place(job), name="place")

        try:
            transact(self._tables.connection, fill)
        except ConditionFailed:
            return False
        return True

    def place(self, job: Job, token: str | None = None) -> QueueItem:
        """A new item for the job's place in the queue, with the task token of its execution, if that is waiting."""
        return self._tables.queue(QUEUE, place_of(job), job_id=job.job_id, token=token, since=self._clock())

    def owned(self, execution: Execution) -> Job:
        """The execution's job. Raise NotOwner if `execution` does not own the job, JobClosed if the job has ended."""
        job = self.get(execution.job_id)
        _check_owner(job, execution.owner)
        return job

    def transition(self, job: Job, owner: str | None, to: State | None = None, /, *also: Writes, **changes: Any) -> Job:
        """Change the job if nobody has changed its state, owner or attempt since it was read; return the changed job.

        `to` is the state to enter, the present one by default. The writes that `also` adds are done in the same
        transaction. Raise JobClosed, NotOwner or Contended if the record was changed meanwhile, and ConditionFailed if
        a condition of `also` did not hold.
        """
        item, actions, condition = self._change(job, owner, to, **changes)
        if not also:
            if not conditional_write(lambda: item.update(actions=actions, condition=condition)):
                raise self._moved_on(job.job_id, owner)
            return _job(item)

        def fill(transaction: Transaction) -> None:
            for add in also:
                add(transaction)
            transaction.update(item, actions, name="job", condition=condition)

        try:
            transact(self._tables.connection, fill)
        except ConditionFailed as error:
            if "job" in error.failed:
                raise self._moved_on(job.job_id, owner) from error
            raise
        return replace(job, state=to or job.state, **changes)

    def _change(
        self, job: Job, owner: str | None, to: State | None = None, /, **changes: Any
    ) -> tuple[JobItem, list[Action], Condition]:
        """A change of the job's record: the item, the updates, and the condition that the record is as it was read."""
        target = to or job.state
        if target != job.state and target not in LEGAL[job.state]:
            raise ValueError(f"a job cannot go from {job.state} to {target}")
        values = changes | {"state": target, "seen_at": self._clock()}
        closing: End = changes.get("closing", job.closing)
        if target not in CLOSED:
            values["open"] = MONEY if target in IN_FLIGHT else OPEN
        elif closing.notified:
            # People were notified: nothing is left to do, except to open the video if it has not been opened yet.
            values["open"] = UNOPENED if _unopened(replace(job, **changes)) else None
        elif target != job.state:
            values["open"] = OPEN
        if target in CLOSED and target != job.state:
            values["closing"] = replace(closing, at=self._clock())
        same_owner = JobItem.owner == owner if owner is not None else JobItem.owner.does_not_exist()
        # The attempt too: a job may be in the same state again with another call, and its parts are replaced whole.
        condition = (JobItem.state == job.state) & same_owner & (JobItem.call["attempt"] == job.call.attempt)
        return self._item(job.job_id), [_action(name, value) for name, value in values.items()], condition

    def _moved_on(self, job_id: str, owner: str | None) -> MotionDropError:
        """The error that explains why a conditional write changed nothing, by the job's record as it is now."""
        job = self.get(job_id)
        try:
            _check_owner(job, owner)
        except MotionDropError as error:
            return error
        return Contended(f"job {job_id} was changed at the same moment")

    def take_over(self, execution: Execution, alive: Callable[[str], bool]) -> Job:
        """Make `execution` the job's owner. Raise NotOwner if another execution owns the job and is `alive`.

        This is safe if the job is granted a slot concurrently. A job that FAILED or was CANCELED is opened again for an
        execution that a person asked for: a *New execution*, or a *Redrive*. The numbered executions that MotionDrop
        starts find such a job closed.
        """
        for _ in range(_RACES - 1):
            with suppress(Contended):
                return self._take_over(execution, alive)
        return self._take_over(execution, alive)

    def _take_over(self, execution: Execution, alive: Callable[[str], bool]) -> Job:
        job = self.get(execution.job_id)
        if job.owner == execution.owner:
            return job
        if not job.closed and job.owner_arn and job.owner_arn != execution.arn and alive(job.owner_arn):
            raise NotOwner(f"execution {job.owner} works on job {job.job_id}")
        mine: dict[str, Any] = {"owner": execution.owner, "owner_arn": execution.arn}
        asked_for = execution.redrive > 0 or not execution.name.startswith(f"{job.job_id}-")
        if job.state in {State.FAILED, State.CANCELED} and asked_for:
            return self.reopen(job, **mine)
        if job.closed:
            return job
        return self.transition(job, job.owner, None, **mine)

    def reopen(self, job: Job, **changes: Any) -> Job:
        """Send a job that FAILED or was CANCELED back to QUEUED or PREPARING, as if it were recorded now.

        Raise Contended until people were notified of that end, of which nothing is left afterwards.
        """
        if not job.closing.notified:
            raise Contended(f"the end of job {job.job_id} is being told at this moment")
        fresh: dict[str, Any] = {
            "recorded_at": self._clock(),
            "restarts": 0,
            "restarted_at": None,
            "stopped": False,
            "turn": Turn(),
            "call": Call(),
            "task": Task(),
            "verdict": Verdict(),
            "billing": Billing(),
            "result": Result(),
            "closing": End(),
        }
        changes = fresh | changes
        again = replace(job, **changes)
        if not again.ready:
            return self.transition(job, job.owner, State.PREPARING, **changes)
        return self.enqueue(job, **changes)

    def enqueue(self, job: Job, **changes: Any) -> Job:
        """Queue a job that has no place in the queue; its place follows from when it was recorded."""
        place = self.place(replace(job, **changes))
        return self.transition(
            job, job.owner, State.QUEUED, lambda transaction: transaction.put(place, name="place"), **changes
        )

    def begin_notifying(self, job: Job, until: datetime) -> Job | None:
        """Claim, until `until`, the right to notify people of the job's end.

        Return the job, or None if people were notified already or another function is notifying them.
        """
        item, actions, condition = self._change(job, job.owner)
        # Only this field is written, not the whole part `closing`, which may describe another end by now.
        notifying = JobItem.closing["notifying_until"]
        free = notifying.does_not_exist() | (notifying < _stored(self._clock()))
        untold = condition & free & ~(JobItem.closing["notified"] == True)  # noqa: E712  # pynamodb's condition
        actions.append(notifying.set(_stored(until)))
        return _job(item) if conditional_write(lambda: item.update(actions=actions, condition=untold)) else None

    def end_notifying(self, job: Job) -> Job:
        """Note that people were notified of this end of the job, not a later one; `job` is from `begin_notifying`."""
        item, actions, condition = self._change(job, job.owner)
        mine = condition & (JobItem.closing["notifying_until"] == _stored(job.closing.notifying_until))
        actions += [JobItem.closing["notified"].set(True)]
        actions += [JobItem.open.set(UNOPENED) if _unopened(job) else JobItem.open.remove()]
        told = conditional_write(lambda: item.update(actions=actions, condition=mine))
        return _job(item) if told else self.get(job.job_id)

    def claimed(self, task_ids: Iterable[str]) -> dict[str, TaskClaim]:
        """The claims of these tasks, by task id (strongly consistent); tasks that belong to no job are left out."""
        keys = [(f"{TASK}#{task_id}", TASK) for task_id in task_ids]
        return {_task_id(item): _claim(item) for item in self._tables.task.batch_get(keys, consistent_read=True)}

    def claimed_since(self, moment: datetime) -> set[str]:
        """The tasks that were claimed after that moment (eventually consistent: the last second's may be missing)."""
        return {_task_id(item) for item in self._tables.task.open_tasks.query(CLAIMED, TaskItem.seen_at > moment)}

    def add_drops(self, job_id: str, keys: Collection[str]) -> bool:
        """Note that these drops have this job, so that their receipts follow it; return False beyond MAX_DROPS.

        The number is limited since every step of the job reads and tags all of its drops.
        """
        room = size(JobItem.drops) <= MAX_DROPS - len(keys)
        item = self._item(job_id)
        return conditional_write(lambda: item.update(actions=[JobItem.drops.add(set(keys))], condition=room))

    def in_flight(self) -> list[Job]:
        """All jobs in a state of IN_FLIGHT, those looked at longest ago first.

        There are at most as many as slots, besides the jobs whose video is being saved.
        """
        return self._read(item.pk for item in self._tables.job.open_jobs.query(MONEY, attributes_to_get=["pk"]))

    def least_seen(self, limit: int) -> list[Job]:
        """Open jobs in a state outside IN_FLIGHT, those looked at longest ago first (eventually consistent)."""
        query = self._tables.job.open_jobs.query
        return self._read(item.pk for item in query(OPEN, limit=limit, attributes_to_get=["pk"]))

    def unopened(self, limit: int) -> list[Job]:
        """Jobs whose saved video was not opened yet, those looked at longest ago first (eventually consistent)."""
        query = self._tables.job.open_jobs.query
        return self._read(item.pk for item in query(UNOPENED, limit=limit, attributes_to_get=["pk"]))

    def newest(self, limit: int, after: str | None = None) -> tuple[list[Job], str | None]:
        """Jobs by time of recording, newest first, and the mark to pass as `after` for the next page, if there is one.

        Eventually consistent: the last second's jobs may be missing. An invalid mark starts at the beginning.
        """
        query = self._tables.job.jobs_by_time.query
        found = list(query(JOB, scan_index_forward=False, limit=limit + 1, last_evaluated_key=_mark_key(after)))
        shown = found[:limit]
        return self._read(item.pk for item in shown), _mark(shown[-1]) if len(found) > limit else None

    def _read(self, keys: Iterable[str]) -> list[Job]:
        """The jobs at the keys, in the order of the keys. A job that cannot be read is logged and left out."""
        ordered = [(key, JOB) for key in dict.fromkeys(keys)]
        found = find(self._tables.job, ordered, lambda item: None if item.forgotten_at else _job(item))
        return [job for key in ordered if (job := found.get(key))]

    def _item(self, job_id: str) -> JobItem:
        return self._tables.job(_key(job_id), JOB, job_id=job_id)


def place_of(job: Job) -> str:
    """The job's place in the queue, as a sort key: when it was recorded, then its identity.

    The time is by the clock of the function that recorded the job, so the order within a second is not guaranteed.
    """
    return f"{WAITING}{job.recorded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}#{identity_of(job.job_id)}"


def _unopened(job: Job) -> bool:
    """Whether the job's video is saved and has yet to be looked at."""
    return job.state == State.SUCCEEDED and not job.result.opened


def _task_id(item: TaskItem) -> str:
    return item.pk.removeprefix(f"{TASK}#")


def _claim(item: TaskItem) -> TaskClaim:
    return TaskClaim(item.job_id, int(item.attempt), item.key_mark, item.model, item.asked_at)


def _check_owner(job: Job, owner: str | None) -> None:
    if job.owner != owner:
        raise NotOwner(f"execution {job.owner} owns job {job.job_id}")
    if job.closed:
        raise JobClosed(f"job {job.job_id} is {job.state}")


def _key(job_id: str) -> str:
    identity = identity_of(job_id)
    if identity is None:
        raise NoSuchJob(f"{job_id!r} is no job id")
    return f"{JOB}#{identity}"


_MARK = re.compile(r"(\d{16})-([0-9a-f]{20})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _mark(item: JobItem) -> str:
    """A job's place in the list of all jobs by time, for a URL: microseconds and the identity."""
    microseconds = (item.recorded_at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:016d}-{item.pk.removeprefix(f'{JOB}#')}"


def _mark_key(mark: str | None) -> dict[str, dict[str, str]] | None:
    """The index's key at a mark; None if the text is not a mark."""
    match = _MARK.fullmatch(mark or "")
    if not match:
        return None
    moment = _EPOCH + timedelta(microseconds=int(match.group(1)))
    key = {
        "pk": f"{JOB}#{match.group(2)}",
        "sk": JOB,
        "recorded_at": _stored(moment),
    }
    return {name: {"S": value} for name, value in key.items()}


def _stored(moment: datetime | None) -> str:
    """A time as the table stores it."""
    return str(UTCDateTimeAttribute().serialize(moment))


def _action(name: str, value: Any) -> Action:
    attribute: Attribute[Any] = getattr(JobItem, name)
    return attribute.remove() if value is None else attribute.set(value)


def _job(item: JobItem) -> Job:
    """The job of a record; a field that the record lacks has the dataclass's default."""
    values = {field.name: getattr(item, field.name) for field in fields(Job)}
    there = {name: value for name, value in values.items() if value is not None}
    there["state"] = State(item.state)
    there["drops"] = frozenset(item.drops or ())
    return Job(**there)
