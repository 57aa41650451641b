"""The circuit breaker: it holds the queue while only the operator can fix the cause."""

from datetime import timedelta

from motiondrop.clock import Clock, now
from motiondrop.domain.job import Job
from motiondrop.storage.items import BREAKER, QUEUE, QueueItem, Tables
from motiondrop.storage.transactions import conditional_write

#: How long the open breaker waits before it lets one job probe whether the trouble is fixed.
PROBE_EVERY = timedelta(minutes=5)


class CircuitBreaker:
    """The circuit breaker of one stack: a closed one has no item. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._tables = tables
        self._clock = clock

    def open(self, family: str, code: str | None) -> bool:
        """Open the breaker: nothing is given but a probe now and then. Return whether it was closed before."""
        moment = self._clock()
        breaker = self._tables.queue(
            QUEUE, BREAKER, family=family, code=code, since=moment, until=moment + PROBE_EVERY, notified=False
        )
        return conditional_write(lambda: breaker.save(condition=QueueItem.pk.does_not_exist()))

    def note_notified(self) -> None:
        """Note that the operator knows why the queue is held."""
        breaker = self._tables.queue(QUEUE, BREAKER)
        conditional_write(
            lambda: breaker.update(actions=[QueueItem.notified.set(True)], condition=QueueItem.pk.exists())
        )

    def close(self, job: Job) -> bool:
        """Close the breaker, since the provider took the job's task; return whether it was open.

        A call that was made before the breaker opened proves nothing.
        """
        asked_at = job.call.asked_at or self._clock()
        breaker = self._tables.queue(QUEUE, BREAKER)
        return conditional_write(lambda: breaker.delete(condition=QueueItem.since < asked_at))

    def may_probe(self, breaker: QueueItem) -> bool:
        """Whether it is time for a probe; the one who may has moved the time on."""
        moment = self._clock()
        if breaker.until and moment < breaker.until:
            return False
        later = QueueItem.until.set(moment + PROBE_EVERY)
        return conditional_write(lambda: breaker.update(actions=[later], condition=QueueItem.until == breaker.until))
