"""Creating the provider's task exactly once. Money is spent at one line of the program: `self.wan.create` below.

The order is what makes it safe: the record says SUBMITTING, under a lock that one job holds, before the call; the
task's id is saved before anything else after it. Whatever breaks in between leaves a job in SUBMITTING, and such a
job is never submitted again before the provider's own list of tasks was read, twice, after everything that could
still be under way is over.
"""

import hashlib
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.aws.metrics import Metrics
from motiondrop.aws.results import Results
from motiondrop.aws.topics import Publisher
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, State
from motiondrop.domain.messages import held, resumed
from motiondrop.domain.provider_errors import NEW_TASKS, NotCancelable, RetryPolicy, WanError
from motiondrop.domain.step import Step, where
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.provider.client import CALL_TIMEOUT, WanClient
from motiondrop.provider.responses import (
    Created,
    NotSent,
    NotUnderstood,
    OutcomeUnknown,
    TaskRow,
    TaskStatus,
    Unreachable,
)
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.storage.submission_lock import LockBusy, SubmissionLock
from motiondrop.workflow.closing import STOPPED, Closing
from motiondrop.workflow.receipts import Receipts

#: Within this time of taking the lock the call is made or not at all; the function's own timeout is no longer.
WINDOW = timedelta(seconds=30)

#: Signed URLs live as long as a task may wait and run (InternalError.Timeout comes after 3 h), if the credentials do.
URL_SECONDS = 6 * 3600

#: Past this age of an unknown outcome the task list no longer shows surely all there was (it looks back 24 h).
GIVE_UP = timedelta(hours=23)

_SKEW = timedelta(minutes=2)  # how far the provider's and our idea of the moment of a call may differ
_KEYS_SINCE = timedelta(minutes=30)  # our other tasks of this time tell which of the account's keys is ours
_LOCK_PAUSE = 2
_LIST_PAUSE = 30
_LONGEST_PAUSE = 300
_MAX_PAGES = 100
_NAMED = 5  # tasks that an email names


@dataclass(frozen=True, kw_only=True)
class CreateTask:
    """Creates tasks, each once."""

    jobs: Jobs
    slots: Slots
    lock: SubmissionLock
    breaker: CircuitBreaker
    wan: WanClient
    key: Callable[[], str]
    results: Results
    receipts: Receipts
    publisher: Publisher
    closing: Closing
    margin: timedelta
    poll_seconds: int
    metrics: Metrics
    clock: Clock = now

    def run(self, execution: Execution) -> Step:
        """Bring the job to a task that is its own, or say when to try again."""
        job = self.jobs.owned(execution)
        if job.state in {State.SUBMITTING, State.CANCELING}:
            return self._reconcile(job, execution)
        if where(job) != "create":
            return {"next": where(job)}
        try:
            key_mark = mark_of(self.key())
        except WanError as refusal:
            return self._hold(job, execution, refusal)
        urls = [self.results.url(one.copy, URL_SECONDS) for one in (job.image, job.video)]
        try:
            job = self.lock.acquire(job, execution, self.clock() + WINDOW, key_mark)
        except LockBusy as busy:
            return {"next": "create", "seconds": self._pause(busy.until, _LOCK_PAUSE)}
        if job.deadline is None or self.clock() + CALL_TIMEOUT > job.deadline:
            self.lock.release(job, execution)  # this invocation was held up: what is late is not sent
            return {"next": "create", "seconds": 0}
        try:
            created = self.wan.create(urls[0], urls[1], job.options)
        except NotSent as error:
            self.metrics.provider_error(type(error).__name__)
            return self._later(job, execution)
        except OutcomeUnknown as error:
            self.metrics.provider_error(type(error).__name__)
            self.jobs.write(job, execution.owner, unknown=True, deadline=self.clock() - CALL_TIMEOUT)
            return self._not_before(self.clock() + self.margin)
        except WanError as refusal:
            self.metrics.provider_error(type(refusal).__name__)
            return self._refused(job, execution, refusal)
        self._save(job, execution, created)
        return {"next": "poll", "seconds": self.poll_seconds}

    def _save(self, job: Job, execution: Execution, created: Created) -> None:
        """Save the task's id; an execution that may not save it cancels the task, which nobody else knows of."""
        try:
            job = self.lock.claim_task(job, execution, created.task_id, created.request_id)
        except (NotOwner, JobClosed, Contended):
            with suppress(Unreachable, NotUnderstood, WanError):  # then the job's next execution finds it in the list
                self._cancel(created.task_id)
            raise
        if self.breaker.close(job):
            self.slots.grant()
            self.publisher.alert(resumed())
        self.receipts.follow(job)

    def _refused(self, job: Job, execution: Execution, refusal: WanError) -> Step:
        """The provider said no, so nothing was made."""
        if refusal.retry is RetryPolicy.HELD:
            return self._hold(job, execution, refusal)
        if refusal.retry is RetryPolicy.LATER:
            return self._later(job, execution)
        again = NEW_TASKS.get(refusal.retry, 0)
        if job.faults >= again:
            self.slots.release(
                job,
                execution.owner,
                State.FAILED,
                verdict=type(refusal).__name__,
                verdict_code=refusal.code,
                verdict_message=refusal.message,
                request_id=refusal.request_id,
            )
            raise refusal
        return self._later(job, execution, faults=job.faults + 1)

    def _later(self, job: Job, execution: Execution, **changes: int) -> Step:
        """Nothing was made; try again after a pause with full jitter, longer each time."""
        self.lock.release(job, execution, throttled=job.throttled + 1, **changes)
        longest = min(_LONGEST_PAUSE, 2 ** min(job.throttled + 2, 9))
        return {"next": "create", "seconds": random.randint(1, longest)}  # noqa: S311  # jitter, no secret

    def _hold(self, job: Job, execution: Execution, refusal: WanError) -> Step:
        """The operator has to fix something: hold the queue, go back to the old place in it, and say so once."""
        self._open_breaker(refusal)
        self.slots.release(job, execution.owner, State.QUEUED)
        return {"next": "slot"}

    def _open_breaker(self, refusal: WanError) -> None:
        if self.breaker.open(type(refusal).__name__, refusal.code):
            self.publisher.alert(held(refusal))
            self.breaker.note_notified()

    def _reconcile(self, job: Job, execution: Execution) -> Step:
        """Find out what became of a call whose answer nobody saw, from the provider's own list of tasks."""
        moment = self.clock()
        begun = job.asked_at or job.recorded_at
        settled = (job.deadline or begun) + CALL_TIMEOUT + self.margin
        if moment < settled:
            return self._not_before(settled)
        if moment > begun + GIVE_UP:
            self.slots.release(job, execution.owner, State.FAILED, unknown=True, reason=_UNDECIDED)
            raise JobClosed(job.job_id)
        try:
            found = self._unowned(job, begun)
        except (Unreachable, NotUnderstood, WanError) as error:
            if isinstance(error, WanError) and error.retry is RetryPolicy.HELD:
                self._open_breaker(error)  # nobody else would tell: the job keeps slot and lock, so none is sent
            return {"next": "create", "seconds": self._pause(settled, _LIST_PAUSE)}
        if len(found) > 1:
            self.slots.release(job, execution.owner, State.FAILED, unknown=True, reason=_SEVERAL.format(_named(found)))
            raise JobClosed(job.job_id)
        if found:
            return self._adopt(job, execution, found[0])
        if job.empty_lists == 0:
            self.jobs.write(job, execution.owner, empty_lists=1)
            return {"next": "create", "seconds": _LIST_PAUSE}
        if job.state == State.CANCELING:
            self.closing.close(job, State.CANCELED, STOPPED)
            return {"next": "closed"}
        self.lock.release(job, execution)
        return {"next": "create", "seconds": 0}

    def _adopt(self, job: Job, execution: Execution, row: TaskRow) -> Step:
        """The task is the job's; where the job is being canceled, cancel it if that is still possible."""
        try:
            canceled = job.state == State.CANCELING and self._cancel(row.task_id)
        except (Unreachable, NotUnderstood, WanError):
            canceled = False  # the poll tries it again
        if canceled:
            self.closing.close(job, State.CANCELED, STOPPED)
            return {"next": "closed"}
        self.lock.claim_task(job, execution, row.task_id, row.request_id)
        return {"next": "poll"}

    def _unowned(self, job: Job, begun: datetime) -> list[TaskRow]:
        """The tasks in the provider's list that may be the job's: of our model and key, and of no other job."""
        rows: dict[str, TaskRow] = {}
        page, pages, total = 1, 1, 0
        model = job.options.model
        there = self.wan.list(model=model).now or self.clock()  # the provider's clock is the one its list goes by
        ahead = there - self.clock()
        since = begun + ahead - _KEYS_SINCE
        while page <= pages:
            answer = self.wan.list(start=since, end=there + _SKEW, model=model, page=page)
            rows |= {row.task_id: row for row in answer.rows}
            pages, total, page = min(answer.pages, _MAX_PAGES), answer.total, page + 1
        if len(rows) < total:
            raise NotUnderstood("the task list changed while it was read")
        claims = self.jobs.claimed(rows)
        mine = {task_id for task_id, claim in claims.items() if claim.key_mark == job.key_mark}
        keys = {row.api_key_id for row in rows.values() if row.task_id in mine}
        foreign = {row.api_key_id for row in rows.values() if row.task_id in claims} - keys
        start = begun + ahead - _SKEW
        end = (job.deadline or begun) + CALL_TIMEOUT + self.margin + ahead + _SKEW
        return [
            row
            for row in rows.values()
            if row.task_id not in claims
            or (claims[row.task_id].job_id == job.job_id and claims[row.task_id].attempt == job.attempt)
            if row.status != TaskStatus.CANCELED
            if row.model in {None, job.options.model}
            if row.api_key_id is None or (row.api_key_id in keys if keys else row.api_key_id not in foreign)
            if row.created_at is None or start <= row.created_at <= end
        ]

    def _cancel(self, task_id: str) -> bool:
        """Cancel a task; False where it is too late for that. What the network did is for the caller."""
        try:
            self.wan.cancel(task_id)
        except NotCancelable:
            return False
        return True

    def _pause(self, since: datetime | None, shortest: int) -> int:
        """Seconds until the next look at what nobody can hurry: a fifth of what it has taken, so that a day's
        looks stay far below the history events that an execution may have.
        """
        waited = (self.clock() - since).total_seconds() if since else 0.0
        return int(min(_LONGEST_PAUSE, max(shortest, waited / 5)))

    def _not_before(self, moment: datetime) -> Step:
        whole = moment.replace(microsecond=0) + timedelta(seconds=1)  # not a moment too early
        return {"next": "create", "at": whole.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _named(rows: Iterable[TaskRow]) -> str:
    ids = sorted(row.task_id for row in rows)
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")


def mark_of(key: str) -> str:
    """What tells one API key from another in the table."""
    return hashlib.sha256(f"motiondrop key\n{key}".encode()).hexdigest()[:16]


_SEVERAL = (
    "A call to the animation service broke off, and its list shows several tasks that might be this job's: {}."
    " One of them may have been charged."
)
_UNDECIDED = (
    "A call to the animation service broke off, and for 23 hours its list could not tell whether a task was made."
    " One may have been charged."
)
