"""Healing what a lost event left behind: a bounded number of records a round, slots' owners first."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from motiondrop.budget import reserve_of
from motiondrop.conclude import Conclude
from motiondrop.drops import Drops
from motiondrop.ending import Ending
from motiondrop.errors import Contended, JobClosed, MotionDropError, NoSuchJob, NotOwner
from motiondrop.formats import Kind
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs, now
from motiondrop.listeners import Listeners
from motiondrop.lost_drops import LostDrops
from motiondrop.measures import UNNAMED, Measures
from motiondrop.messages import alone, held, over_budget
from motiondrop.messenger import Messenger
from motiondrop.refusals import by_name
from motiondrop.runs import Runs
from motiondrop.slots import Board, Slots

_logger = Logger(child=True)

#: Open jobs that one round looks at, beside the slots' owners and the head of the line.
ROUND = 100

#: A drop that has waited so long for its partner is mentioned, and so many of them in a round.
LONELY = timedelta(days=1)
LONELY_ROUND = 50

#: So long after a task was made its video should be saved; the provider deletes it after 24 hours.
UNSAVED = timedelta(hours=20)


@dataclass(frozen=True)
class Sweep:
    """Looks after open jobs. What was touched within `grace` is left to its own run."""

    jobs: Jobs
    slots: Slots
    runs: Runs
    ending: Ending
    conclude: Conclude
    lost_drops: LostDrops
    drops: Drops
    listeners: Listeners
    messenger: Messenger
    grace: timedelta
    clock: Callable[[], datetime] = now
    measures: Measures = UNNAMED

    def sweep(self) -> dict[str, int]:
        """One round; return what was healed, by kind. What goes wrong with one job is logged and hinders no other."""
        healed: Counter[str] = Counter(digests=self.ending.messenger.send_digests())
        board = self.slots.board()
        healed["freed"] = self.slots.free_orphans(board)
        unsaved = 0
        for job in self._round(board):
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
        healed["breaker told"] = self._tell_of(board)
        healed["given"] = self.slots.give()
        healed["budget told"] = self._measure(board, healed["given"], unsaved)
        healed["announced"] = self.lost_drops.announce()
        healed["mentioned"] = self._mention_lonely()
        healed["unheard"] = self.listeners.check()
        return {kind: number for kind, number in healed.items() if number}

    def _mention_lonely(self) -> int:
        """Mention the drops that have waited a day for a partner, each once; return how many."""
        lonely = self.drops.alone_since(self.clock() - LONELY, LONELY_ROUND)
        # Noted first: a mention that is lost is better than one that comes twice.
        mentioned = [drop for drop in lonely if self.drops.mentioned(drop.key)]
        for drop in mentioned:
            missing = "a video" if drop.kind is Kind.IMAGE else "an image"
            self.messenger.notify(alone(drop.key, missing, drop.receipt))
        return len(mentioned)

    def _round(self, board: Board) -> Iterator[Job]:
        """The jobs to look at, as they are now: who holds a slot or the lock, who is next, who was seen longest ago."""
        first = [item.job_id for item in (*board.slots.values(), board.lock, *board.line) if item and item.job_id]
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
            return "told" if not job.told and self.ending.tell(job).told else None
        if job.owner is None or job.owner_arn is None:
            self.runs.start(job)
            arn = self.runs.arn_of(job.execution_name)
            return self._after(job, Run(job.job_id, job.execution_name, arn), "started")
        return self._after(job, run_of(job), None)

    def _after(self, job: Job, run: Run, kind: str | None) -> str | None:
        """Let a living run be, but for what it may have missed; conclude one that is over."""
        status = self.runs.status(run.arn)
        if status != "RUNNING":
            return self.conclude.conclude(run, status)
        self.jobs.write(job, job.owner)  # seen: others are looked at first next time
        if job.state == State.ADMITTED and job.token:
            self.runs.wake(job.token)
        elif job.state == State.QUEUED and not job.settling:
            self.slots.requeue(job)
        return kind

    def _tell_of(self, board: Board) -> int:
        """Tell the operator why the line is held, where the function that held it died before it could."""
        breaker = board.breaker
        if breaker is None or breaker.told or breaker.since is None or self.clock() <= breaker.since + self.grace:
            return 0
        self.messenger.alert(held(by_name(breaker.family or "")(breaker.code)))
        self.slots.held_told()
        return 1

    def _measure(self, board: Board, given: int, unsaved: int) -> int:
        """Measure the line, and tell the operator once a day where the budget holds it; return how often it did."""
        head = self.slots.held_up(board)
        over_budget_ = head is not None and not self.slots.budget.has_room(head)
        since = board.line[0].since if board.line else None
        oldest = (self.clock() - since).total_seconds() if since else 0.0
        stalled = head is not None and not over_budget_ and not given
        self.measures.line(self.slots.waiting(), max(0.0, oldest), len(board.slots), stalled=stalled, unsaved=unsaved)
        self.measures.budget(self.slots.budget.used())
        if head is None or not over_budget_ or self.slots.budget.today().told:
            return 0
        self.messenger.alert(over_budget(head, reserve_of(head.quote)))
        self.slots.budget.note_told()
        return 1

    def _quiet(self, job: Job) -> bool:
        """Whether nothing has touched the job for longer than an event takes."""
        last = max(filter(None, (job.seen_at, job.closed_at, job.restarted_at, job.recorded_at)))
        return self.clock() > last + self.grace


def run_of(job: Job) -> Run:
    """The run that owns the job, as the record names it."""
    name, _, redrive = (job.owner or "").partition("~")
    return Run(job.job_id, name, job.owner_arn or "", int(redrive or 0))
