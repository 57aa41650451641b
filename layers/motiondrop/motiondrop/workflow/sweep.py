"""Healing what a lost event left behind: a bounded number of records a round, slots' owners first."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from motiondrop.domain.messages import alone, held, over_budget
from motiondrop.domain.provider_errors import by_name
from motiondrop.errors import Contended, JobClosed, MotionDropError, NoSuchJob, NotOwner
from motiondrop.storage.budget import Budget, reserve_of
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.drops import Drops
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots, Snapshot
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.missed_events import MissedEvents
from motiondrop.workflow.subscribers import Subscribers

_logger = Logger(child=True)

#: Open jobs that one round looks at, beside the slots' owners and the head of the queue.
ROUND = 100

#: A drop that has waited so long for its partner is mentioned, and so many of them in a round.
LONELY = timedelta(days=1)
LONELY_ROUND = 50

#: So long after a task was made its video should be saved; the provider deletes it after 24 hours.
UNSAVED = timedelta(hours=20)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Looks after open jobs. What was touched within `grace` is left to its own execution."""

    jobs: Jobs
    slots: Slots
    breaker: CircuitBreaker
    budget: Budget
    executions: Executions
    closing: Closing
    conclude: Callable[[Execution, str], str]
    missed_events: MissedEvents
    drops: Drops
    subscribers: Subscribers
    publisher: Publisher
    grace: timedelta
    metrics: Metrics
    clock: Clock = now

    def run(self) -> dict[str, int]:
        """One round; return what was healed, by kind. What goes wrong with one job is logged and hinders no other."""
        healed: Counter[str] = Counter(digests=self.publisher.send_digests())
        snapshot = self.slots.snapshot()
        healed["freed"] = self.slots.free_orphans(snapshot)
        unsaved = 0
        for job in self._round(snapshot):
            unsaved += job.state == State.SAVING and self.clock() > (job.asked_at or job.recorded_at) + UNSAVED
            try:
                kind = self._look_after(job)
            except (Contended, JobClosed, NotOwner, NoSuchJob):
                continue  # it moves, so it is alive
            except (MotionDropError, ClientError, BotoCoreError, PynamoDBException):
                _logger.exception("a job could not be looked after", extra={"job_id": job.job_id})
                continue
            if kind:
                healed[kind] += 1
        healed["breaker told"] = self._tell_of(snapshot)
        healed["given"] = self.slots.grant()
        healed["budget told"] = self._measure(snapshot, healed["given"], unsaved)
        healed["announced"] = self.missed_events.resend()
        healed["mentioned"] = self._mention_lonely()
        healed["unheard"] = self.subscribers.check()
        return {kind: number for kind, number in healed.items() if number}

    def _mention_lonely(self) -> int:
        """Mention the drops that have waited a day for a partner, each once; return how many."""
        lonely = self.drops.alone_since(self.clock() - LONELY, LONELY_ROUND)
        # Noted first: a mention that is lost is better than one that comes twice.
        mentioned = [drop for drop in lonely if self.drops.mentioned(drop.key)]
        for drop in mentioned:
            missing = "a video" if drop.kind is Kind.IMAGE else "an image"
            self.publisher.notify(alone(drop.key, missing, drop.receipt))
        return len(mentioned)

    def _round(self, snapshot: Snapshot) -> Iterator[Job]:
        """The jobs to look at, as they are now: who holds a slot or the lock, who is next, who was seen longest ago."""
        first = [
            item.job_id for item in (*snapshot.slots.values(), snapshot.lock, *snapshot.queue) if item and item.job_id
        ]
        seen: set[str] = set()
        for job in (*self.jobs.find(dict.fromkeys(first)), *self.jobs.least_seen(ROUND)):
            if job.job_id in seen:
                continue
            seen.add(job.job_id)
            try:
                now_ = self.jobs.get(job.job_id)
            except NoSuchJob:
                continue
            if self._quiet(now_):
                yield now_

    def _look_after(self, job: Job) -> str | None:
        if job.closed:
            return "notified" if not job.notified and self.closing.notify(job).notified else None
        if job.owner is None or job.owner_arn is None:
            self.executions.start(job)
            arn = self.executions.arn_of(job.execution_name)
            return self._after(job, Execution(job.job_id, job.execution_name, arn), "started")
        return self._after(job, execution_of(job), None)

    def _after(self, job: Job, execution: Execution, kind: str | None) -> str | None:
        """Let a living execution be, but for what it may have missed; conclude one that is over."""
        status = self.executions.status(execution.arn)
        if status != "RUNNING":
            return self.conclude(execution, status)
        self.jobs.write(job, job.owner)  # seen: others are looked at first next time
        if job.state == State.ADMITTED and job.token:
            self.executions.wake(job.token)
        elif job.state == State.QUEUED and not job.settling:
            self.slots.requeue(job)
        return kind

    def _tell_of(self, snapshot: Snapshot) -> int:
        """Tell the operator why the queue is held, where the function that held it died before it could."""
        breaker = snapshot.breaker
        if breaker is None or breaker.notified or breaker.since is None or self.clock() <= breaker.since + self.grace:
            return 0
        self.publisher.alert(held(by_name(breaker.family or "")(breaker.code)))
        self.breaker.note_notified()
        return 1

    def _measure(self, snapshot: Snapshot, given: int, unsaved: int) -> int:
        """Measure the queue, and tell the operator once a day where the budget holds it; return how often it did."""
        head = self.slots.held_up(snapshot)
        over_budget_ = head is not None and not self.budget.has_room(head)
        since = snapshot.queue[0].since if snapshot.queue else None
        oldest = (self.clock() - since).total_seconds() if since else 0.0
        stalled = head is not None and not over_budget_ and not given
        self.metrics.queue(
            self.slots.waiting(), max(0.0, oldest), len(snapshot.slots), stalled=stalled, unsaved=unsaved
        )
        self.metrics.budget(self.budget.used())
        if head is None or not over_budget_ or self.budget.today().notified:
            return 0
        self.publisher.alert(over_budget(head, reserve_of(head.quote)))
        self.budget.note_notified()
        return 1

    def _quiet(self, job: Job) -> bool:
        """Whether nothing has touched the job for longer than an event takes."""
        last = max(filter(None, (job.seen_at, job.closed_at, job.restarted_at, job.recorded_at)))
        return self.clock() > last + self.grace


def execution_of(job: Job) -> Execution:
    """The execution that owns the job, as the record names it."""
    name, _, redrive = (job.owner or "").partition("~")
    return Execution(job.job_id, name, job.owner_arn or "", int(redrive or 0))
