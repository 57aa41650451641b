"""The circuit breaker: it holds the queue while only the operator can fix the cause.

It also opens when different jobs are refused alike, one after the other: then the cause is not in the jobs, whatever
the error code says. So the breaker remembers, until a job gets through, the last refused create call and the last
failed task whose causes are not known yet.
"""

from datetime import timedelta
from enum import StrEnum

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from motiondrop.clock import Clock, now
from motiondrop.domain.job import Job
from motiondrop.domain.provider_errors import WanError
from motiondrop.errors import Contended
from motiondrop.storage.items import BREAKER, QUEUE, QueueItem, Tables
from motiondrop.storage.jobs import place_of
from motiondrop.storage.transactions import conditional_write

#: How long the open breaker waits before it lets one job probe whether the trouble is fixed, and how long a job that
#: was refused alone waits until it is tried once more.
PROBE_EVERY = timedelta(minutes=5)

_RACES = 5  # attempts to note a refusal while other jobs are refused at the same moment


class Stage(StrEnum):
    """Where a job fails or gets through: at its create call, or at its task."""

    CREATE = "create"
    TASK = "task"


class Ruling(StrEnum):
    """Whether a refusal concerns one job only, or all jobs."""

    UNDECIDED = "UNDECIDED"  # the next job that is sent decides
    OWN = "OWN"  # the job's own: the job ends
    SHARED = "SHARED"  # shared by all jobs: the breaker has to be open


class CircuitBreaker:
    """The circuit breaker of one stack; while it is closed it has no item. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._tables = tables
        self._clock = clock

    def open(self, job: Job, refusal: WanError, stage: Stage) -> bool:
        """Open the breaker, so that slots are given to probes only. Return whether the breaker was closed before."""
        return self._save(BREAKER, job, refusal, stage, QueueItem.pk.does_not_exist())

    def refused(self, job: Job, refusal: WanError, stage: Stage) -> Ruling:
        """Decide whether the job was refused for a reason of its own, or for one that all jobs share.

        The reason is shared if the breaker is open already, or if the last refusal noted since a job got through is
        another job's, at the same stage and of the same family; then the breaker has to be opened. On the last try of a
        create call, any other job's refusal will do, whatever its family; without one, the reason is the job's own.

        A refused create call is undecided the first time. A failed task gets here only after its retries, so its job
        ends at once, and the next job that fails alike opens the breaker. Tasks of jobs that share a file prove nothing
        about each other: the file may be the cause. For create calls a shared file does not matter, since the provider
        reads no file then.
        """
        sort_key = _note(stage)
        last = job.call.faults >= refusal.retry.tries
        for _ in range(_RACES):
            notes = {item.sk: item for item in self._notes()}
            before = notes.get(sort_key)
            others = before if before is not None and before.job_id != job.job_id else None
            if BREAKER in notes or (others is not None and _is_alike(others, job, refusal, stage)):
                return Ruling.SHARED
            if last and stage is Stage.CREATE:
                return Ruling.OWN if others is None else Ruling.SHARED
            if self._save(sort_key, job, refusal, stage, _as_read(before)):
                return Ruling.OWN if last else Ruling.UNDECIDED
        raise Contended("other jobs were refused at the same moment")

    def note_notified(self) -> None:
        """Note that the operator knows why the queue is held."""
        breaker = self._tables.queue(QUEUE, BREAKER)
        conditional_write(
            lambda: breaker.update(actions=[QueueItem.notified.set(True)], condition=QueueItem.pk.exists())
        )

    def close(self, job: Job, stage: Stage) -> set[str]:
        """Close the breaker and forget refusals, since the job came through `stage`; return the sort keys deleted.

        An accepted create call proves nothing about failed tasks. A job closes the breaker only if its call was made
        after the breaker opened, and clears a refused call only if its own call was made after that refusal.
        """
        deleted = set()
        for item in self._notes():
            proves = stage is Stage.TASK or item.stage == Stage.CREATE
            later = item.sk == BREAKER or item.stage == Stage.CREATE
            if later and item.since and item.since >= job.called_at:
                proves = False
            if proves and self._delete(item):
                deleted.add(item.sk)
        return deleted

    def due(self, item: QueueItem) -> bool:
        """Whether it is time for the next probe, or for another try of the job that was refused alone."""
        return item.until is None or self._clock() >= item.until

    def probe(self, item: QueueItem, place: str) -> bool:
        """Let only the job at `place` in the queue be tried for a while; return False if another was let through."""
        actions: list[Action] = [QueueItem.until.set(self._clock() + PROBE_EVERY), QueueItem.place.set(place)]
        return conditional_write(lambda: item.update(actions=actions, condition=QueueItem.until == item.until))

    def _notes(self) -> list[QueueItem]:
        return list(self._tables.queue.query(QUEUE, QueueItem.sk.startswith(BREAKER), consistent_read=True))

    def _delete(self, item: QueueItem) -> bool:
        return conditional_write(lambda: item.delete(condition=_as_read(item)))

    def _save(self, sort_key: str, job: Job, refusal: WanError, stage: Stage, condition: Condition) -> bool:
        moment = self._clock()
        item = self._tables.queue(
            QUEUE,
            sort_key,
            job_id=job.job_id,
            place=place_of(job),
            files=_files(job),
            stage=stage,
            family=type(refusal).__name__,
            code=refusal.code,
            message=refusal.message,
            since=moment,
            until=moment + PROBE_EVERY,
            notified=False,
        )
        return conditional_write(lambda: item.save(condition=condition))


def _is_alike(others: QueueItem, job: Job, refusal: WanError, stage: Stage) -> bool:
    """Whether the job was refused with the other job's family; failed tasks of jobs that share a file do not count."""
    share_a_file = bool(_files(job) & (others.files or set()))
    return others.family == type(refusal).__name__ and not (stage is Stage.TASK and share_a_file)


def _files(job: Job) -> set[str]:
    return {job.image.digest, job.video.digest}


def _note(stage: Stage) -> str:
    return f"{BREAKER}#{stage}"


#: The sort key of the last refused create call whose cause is not known yet.
REFUSED_CALL = _note(Stage.CREATE)


def _as_read(item: QueueItem | None) -> Condition:
    """The condition that an item is as it was read."""
    if item is None:
        return QueueItem.pk.does_not_exist()
    same: Condition = QueueItem.since == item.since
    return same & (QueueItem.job_id == item.job_id) if item.job_id else same
