"""Repairing what a lost event left behind: in each round, all jobs with money in flight and some others."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from motiondrop.aws.executions import Executions
from motiondrop.aws.metrics import Metrics
from motiondrop.aws.topics import Publisher
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Job, State
from motiondrop.domain.messages import alone
from motiondrop.domain.operator_messages import held, host_refused, over_budget
from motiondrop.domain.provider_errors import by_name
from motiondrop.errors import Contended, JobClosed, MotionDropError, NoSuchJob, NotOwner
from motiondrop.storage.budget import Budget, reserve_of
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.cursors import Cursors
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import REFUSED_HOSTS, UNREADABLE
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots, Snapshot
from motiondrop.workflow.closing import VALIDITY, Closing
from motiondrop.workflow.missed_events import MissedEvents
from motiondrop.workflow.opening import Opening
from motiondrop.workflow.subscribers import Subscribers

_logger = Logger(child=True)

#: Open jobs that one round looks at, beside the slots' owners and the head of the queue.
ROUND = 100

#: How long a drop waits for a partner until an email mentions it, and how many drops are mentioned in a round.
LONELY = timedelta(days=1)
LONELY_ROUND = 50

#: A video should be saved at most this long after its task was made; the provider deletes it after 24 hours.
UNSAVED = timedelta(hours=20)

#: Saved videos that one round looks at because their own execution could not; each takes up to a minute.
OPENED_ROUND = 1

#: How long after a job's end the sweep gives up trying to open its saved video.
GIVE_UP_OPENING = timedelta(days=1)

#: The errors of one job, or of one part of a round, that do not stop the others.
_FAILURES = (MotionDropError, ClientError, BotoCoreError, PynamoDBException, *UNREADABLE)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Looks after open jobs. A job that was touched within `grace` is left to its own execution."""

    jobs: Jobs
    slots: Slots
    breaker: CircuitBreaker
    budget: Budget
    executions: Executions
    closing: Closing
    conclude: Callable[[Execution, str], str]
    missed_events: MissedEvents
    drops: Drops
    cursors: Cursors
    subscribers: Subscribers
    opening: Opening
    publisher: Publisher
    grace: timedelta
    metrics: Metrics
    clock: Clock = now

    def run(self) -> dict[str, int]:
        """Do one round; return how much was repaired, by kind. A failure of one job or part does not stop the others.

        All jobs with money in flight come first. A round that begins while another one is under way does nothing.
        """
        repaired: Counter[str] = Counter()
        parts: list[Callable[[], dict[str, int]]] = [
            self._look_after_money,
            lambda: {"freed": self.slots.free_orphans(self.slots.snapshot())},
            self._look_after_others,
            self._queue,
            lambda: {"digests": self.publisher.send_digests()},
            lambda: {"events": self.publisher.send_events()},
            lambda: {"announced": self.missed_events.resend()},
            lambda: {"settling": self.missed_events.resend_changes()},
            lambda: {"mentioned": self._mention_lonely()},
            lambda: {"unheard": self.subscribers.check()},
            lambda: {"opened": self._open_results()},
        ]
        held: str | None = None
        for part in parts:
            held = self.cursors.hold_round(held, self.grace / 2)
            if held is None:
                return dict(repaired) | {"another round is under way": 1}
            try:
                repaired.update(part())
            except _FAILURES:
                _logger.exception("a part of the round failed")
                self.metrics.sweep_failed()
        self.cursors.end_round()
        return {kind: number for kind, number in repaired.items() if number}

    def _look_after_money(self) -> dict[str, int]:
        """Repair all jobs whose money is in flight, however many there are."""
        jobs = self.jobs.in_flight()
        limit = self.clock() - UNSAVED
        unsaved = sum(job.state == State.SAVING and job.called_at < limit for job in jobs)
        self.metrics.unsaved(unsaved)
        repaired = self._look_after_all(job.job_id for job in jobs)
        return repaired | {"hosts told": self._tell_of_hosts([job for job in jobs if job.result.refused_host])}

    def _tell_of_hosts(self, unsaved: Collection[Job]) -> int:
        """Alert the operator to hosts that may not be fetched from (the same ones once a UTC day); return how many."""
        hosts = sorted({job.result.refused_host or "" for job in unsaved})
        told = f"{self.clock():%Y-%m-%d} {' '.join(hosts)}"
        if not hosts or self.cursors.read(REFUSED_HOSTS) == told:
            return 0
        self.publisher.alert(host_refused(hosts, len(unsaved), min(job.called_at for job in unsaved) + VALIDITY))
        self.cursors.write(REFUSED_HOSTS, told)
        return len(hosts)

    def _look_after_others(self) -> dict[str, int]:
        """Repair a limited number of other jobs: those in slots, lock and head of the queue, then the least seen."""
        snapshot = self.slots.snapshot()
        holders = [item.job_id for item in (*snapshot.slots.values(), snapshot.lock, *snapshot.queue) if item]
        seen_least = [job.job_id for job in self.jobs.least_seen(ROUND)]
        return self._look_after_all([*(job_id for job_id in holders if job_id), *seen_least])

    def _queue(self) -> dict[str, int]:
        """Give free slots to waiting jobs, and alert the operator if the breaker or the budget holds the queue."""
        given = self.slots.grant()
        snapshot = self.slots.snapshot()
        told = self._tell_of(snapshot)
        return {"breaker told": told, "given": given, "budget told": self._measure(snapshot, given)}

    def _open_results(self) -> int:
        """Look at a saved video that its own execution could not look at; return how many were opened."""
        opened = 0
        for job in self.jobs.unopened(ROUND)[:OPENED_ROUND]:
            result = self.opening.look(job)
            if not result.opened and job.closing.at and self.clock() > job.closing.at + GIVE_UP_OPENING:
                result = replace(result, opened=True)
            if result.codec:
                self.opening.write(replace(job, result=result))
            opened += bool(self.jobs.transition(job, job.owner, None, result=result).result.codec)
        return opened

    def _look_after_all(self, job_ids: Iterable[str]) -> dict[str, int]:
        repaired: Counter[str] = Counter()
        for job_id in dict.fromkeys(job_ids):
            try:
                job = self.jobs.get(job_id)
                kind = self._look_after(job) if self._quiet(job) else None
            except (Contended, JobClosed, NotOwner, NoSuchJob):
                continue  # the job has moved on, so it needs no repair
            except _FAILURES:
                _logger.exception("a job could not be looked after", extra={"job_id": job_id})
                continue
            if kind:
                repaired[kind] += 1
        return dict(repaired)

    def _mention_lonely(self) -> int:
        """Mention the drops that have waited a day for a partner, each once; return how many."""
        lonely = self.drops.alone_since(self.clock() - LONELY, LONELY_ROUND)
        # Noted first: a mention that is lost is better than one that comes twice.
        mentioned = [drop for drop in lonely if self.drops.mentioned(drop.key)]
        for drop in mentioned:
            missing = "a video" if drop.kind is Kind.IMAGE else "an image"
            self.publisher.notify(alone(drop.key, missing, drop.receipt))
        return len(mentioned)

    def _look_after(self, job: Job) -> str | None:
        if job.closed:
            return "notified" if not job.closing.notified and self.closing.notify(job).closing.notified else None
        if job.owner is None or job.owner_arn is None:
            kind = "started" if self.executions.start(job) else None
            arn = self.executions.arn_of(job.execution_name)
            return self._after(job, Execution(job.job_id, job.execution_name, arn), kind)
        return self._after(job, execution_of(job), None)

    def _after(self, job: Job, execution: Execution, kind: str | None) -> str | None:
        """Conclude an execution that is over; leave a running one alone, except for what it may have missed.

        The status of one that was just started may not be known yet (AWS Step Functions API, "DescribeExecution").
        """
        status = "RUNNING" if kind else self.executions.status(execution.arn)
        if status != "RUNNING":
            return self.conclude(execution, status)
        self.jobs.transition(job, job.owner)  # marks it as seen: next time, others come first
        if job.state == State.ADMITTED and job.turn.token:
            self.executions.wake(job.turn.token, job)
        elif job.state == State.QUEUED and self.budget.within_limit(job):
            requeued = self.slots.requeue(job)
            kind = kind or ("requeued" if requeued else None)
        return kind

    def _tell_of(self, snapshot: Snapshot) -> int:
        """Alert the operator that the queue is held, if the function that opened the breaker died before doing so."""
        breaker = snapshot.breaker
        if breaker is None or breaker.notified or breaker.since is None or self.clock() <= breaker.since + self.grace:
            return 0
        self.publisher.alert(held(by_name(breaker.family or "")(breaker.code, breaker.message)))
        self.breaker.note_notified()
        return 1

    def _measure(self, snapshot: Snapshot, given: int) -> int:
        """Measure the queue; if the budget holds it, alert the operator once a day; return how many alerts went out."""
        head = self.slots.held_up(snapshot)
        over_budget_ = head is not None and not self.budget.has_room(head)
        since = snapshot.queue[0].since if snapshot.queue else None
        oldest = (self.clock() - since).total_seconds() if since else 0.0
        stalled = head is not None and not over_budget_ and not given
        self.metrics.queue(self.slots.waiting(), max(0.0, oldest), len(snapshot.slots), stalled=stalled)
        self.metrics.budget(self.budget.used())
        if head is None or not over_budget_ or self.budget.today().notified:
            return 0
        self.publisher.alert(over_budget(head, reserve_of(head.quote)))
        self.budget.note_notified()
        return 1

    def _quiet(self, job: Job) -> bool:
        """Whether nothing has touched the job within `grace`."""
        last = max(filter(None, (job.seen_at, job.closing.at, job.restarted_at, job.recorded_at)))
        return self.clock() > last + self.grace


def execution_of(job: Job) -> Execution:
    """The execution that owns the job, as the record names it."""
    name, _, redrive = (job.owner or "").partition("~")
    return Execution(job.job_id, name, job.owner_arn or "", int(redrive or 0))
