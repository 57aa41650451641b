"""Finding out whether a create call with an unknown outcome made a task, from the provider's own list of tasks.

The list is read in full, without a filter, and only when nothing of the call can still be under way. It is believed
only if it shows what it must: every task that our table has claimed lately. It proves that there is no task only if it
is read twice. While the outcome is undecided, the submission lock is given back between two looks, so that one job does
not stop the others. See docs/decisions/0015-reconciling-a-lost-create-call.md for the risk that remains.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

from motiondrop.aws.topics import Publisher
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import End, Job, State
from motiondrop.domain.operator_messages import undecided
from motiondrop.domain.provider_errors import WanError
from motiondrop.domain.reasons import SEVERAL, STOPPED, UNDECIDED
from motiondrop.domain.step import Next, Step, find_out_after, go, later
from motiondrop.errors import JobClosed
from motiondrop.provider.client import CALL_TIMEOUT, WanClient
from motiondrop.provider.responses import NotUnderstood, TaskRow, TaskStatus, Unreachable
from motiondrop.storage.jobs import Jobs, TaskClaim
from motiondrop.storage.slots import Slots
from motiondrop.storage.submission_lock import LockBusy, SubmissionLock
from motiondrop.workflow.closing import Closing

#: The longest pause between two looks, in seconds.
LONGEST_PAUSE = 300

#: An unknown outcome is given up at this age: the task list looks back 24 h, so later it may not show every task.
GIVE_UP = timedelta(hours=23)

#: The list has to show every task that was claimed in this time; the list looks back 24 h, by a clock that is not ours.
PROOF = timedelta(hours=20)

#: The pause between two empty reads of the list if no task was claimed within PROOF: then the list proves nothing.
UNPROVEN_APART = timedelta(minutes=10)

#: The operator is alerted if a call is still undecided this long after it could first have been decided.
ALERT_AFTER = timedelta(minutes=15)

#: The longest that reading the list may take, so that the function is not ended while it has the lock: its timeout less
#: one call. The 1,900 tasks that an account can make in a day are 190 pages.
READING = timedelta(seconds=80)

_SKEW = timedelta(minutes=2)  # how far the provider's and our idea of the moment of a call may differ
_UNKNOWN = timedelta.max
_LIST_PAUSE = 30
_NAMED = 5  # tasks that an email names
#: Tasks that cost nothing and have no video. They need not be anybody's: the job is sent again all the same.
_WITHOUT_COST = {TaskStatus.CANCELED, TaskStatus.FAILED}


@dataclass(frozen=True)
class _Look:
    """What the whole list, read once, shows: the tasks that may be the job's, and what the list proves."""

    candidates: tuple[TaskRow, ...]
    contested: bool  # one of them may as well be that of another undecided call
    complete: bool  # it shows every task that our table claimed lately
    proof: bool  # there are such tasks


@dataclass(frozen=True, kw_only=True)
class Reconcile:
    """Finds the task of a broken-off create call, or proves that there is none."""

    jobs: Jobs
    slots: Slots
    lock: SubmissionLock
    wan: WanClient
    publisher: Publisher
    closing: Closing
    margin: timedelta
    clock: Clock = now

    def run(self, job: Job, execution: Execution) -> Step | None:
        """Adopt the one task that may be the job's, or look again later; return None if the call provably made no task.

        Close the job and raise JobClosed if several tasks may be the job's, or after 23 hours. Raise WanError if the
        provider refuses to show its list.
        """
        settled = self.settled(job)
        if self.clock() < settled:
            return find_out_after(settled)
        if self.clock() > job.called_at + GIVE_UP:
            self._give_up(job, execution, UNDECIDED)
        try:
            self.lock.hold_for_look(job, self.clock() + CALL_TIMEOUT)
        except LockBusy as busy:
            return later(pause(self.clock(), busy.until, _LIST_PAUSE))
        try:
            look = self._look(job)
        except (Unreachable, NotUnderstood):
            return self._later(job, execution)
        except WanError:
            self._later(job, execution)
            raise
        return self._decide(job, execution, look)

    def later(self, job: Job) -> Step:
        """Look again later; change nothing in the job's record."""
        return later(pause(self.clock(), self.settled(job), _LIST_PAUSE))

    def settled(self, job: Job) -> datetime:
        """The moment of the first look. No other call is made before, so times can tell two calls' tasks apart."""
        return self._until(job) + self.margin / 5

    def _decide(self, job: Job, execution: Execution, look: _Look) -> Step | None:
        if look.contested:
            return self._later(job, execution)
        if len(look.candidates) > 1:
            self._give_up(job, execution, SEVERAL.format(details=_named(look.candidates)))
        if look.candidates:
            return self._adopt(job, execution, look.candidates[0])
        if not look.complete:
            return self._later(job, execution)
        if job.call.empty_since is None:
            job = self.jobs.transition(job, execution.owner, None, call=replace(job.call, empty_since=self.clock()))
            if look.proof:
                return later(_LIST_PAUSE)
            return self._later(job, execution, UNPROVEN_APART)
        if not look.proof and self.clock() < job.call.empty_since + UNPROVEN_APART:
            return self._later(job, execution, job.call.empty_since + UNPROVEN_APART - self.clock())
        return self._canceled(job, execution) if job.stopped else None

    def _canceled(self, job: Job, execution: Execution) -> Step:
        """End a stopped job that costs nothing."""
        certain = replace(job.call, unknown=False)
        self.closing.close(self.jobs.transition(job, execution.owner, None, call=certain), State.CANCELED, STOPPED)
        return go(Next.CLAIM)

    def _give_up(self, job: Job, execution: Execution, reason: str) -> NoReturn:
        """Close the job, which may have been charged. A note stays, so that no other job adopts its task."""
        job = self.lock.undecided(job, execution, self._until(job))
        call = replace(job.call, unknown=True)
        self.slots.release(job, execution.owner, State.FAILED, call=call, closing=End(reason))
        raise JobClosed(job.job_id)

    def _adopt(self, job: Job, execution: Execution, row: TaskRow) -> Step:
        """Claim the task for the job; if the job was stopped, cancel the task instead, if that is still possible."""
        if job.stopped and self._cancel(row.task_id):
            return self._canceled(job, execution)
        self.lock.claim_task(job, execution, row.task_id, row.request_id)
        return go(Next.POLL)

    def _later(self, job: Job, execution: Execution, wait: timedelta | None = None) -> Step:
        """Give the lock back while the outcome is undecided, alert the operator once after a while, and look later."""
        job = self.lock.undecided(job, execution, self._until(job))
        if self.clock() > self.settled(job) + ALERT_AFTER and not job.call.undecided_notified:
            self.publisher.alert(undecided(job))
            self.jobs.transition(job, execution.owner, None, call=replace(job.call, undecided_notified=True))
        seconds = pause(self.clock(), self.settled(job), _LIST_PAUSE)
        return later(int(wait.total_seconds()) + 1 if wait else seconds)

    def _look(self, job: Job) -> _Look:
        """Read the whole list, and compare it with the table."""
        rows = {row.task_id: row for row in self._rows()}
        claims = self.jobs.claimed(rows)
        lately = self.jobs.claimed_since(self.clock() - PROOF)
        own = [(rows[task_id], claim) for task_id, claim in claims.items()]
        offset = _offset(own)
        keys = {row.api_key_id for row, claim in own if claim.key_mark == job.call.key_mark} - {None}
        models = {row.model for row, claim in own if claim.model == job.options.model}
        unclaimed = [
            row
            for row in rows.values()
            if _is_unclaimed(row, claims, job)
            and row.status not in _WITHOUT_COST
            and not _is_foreign(row, job, models, keys)
            and _is_between(row, offset, job.called_at - _SKEW, self.settled(job) + _SKEW)
        ]
        notes = [note for note in self.lock.all_undecided() if note.identity != identity_of(job.job_id)]
        others = [row for row in unclaimed if any(self._may_be_of(row, offset, one.since, one.until) for one in notes)]
        mine = (offset, job.called_at, self._until(job))
        candidates = tuple(row for row in unclaimed if row not in others or self._may_be_of(row, *mine))
        contested = any(row in others for row in candidates)
        return _Look(candidates, contested, complete=set(lately) <= set(rows), proof=bool(lately))

    def _rows(self) -> Iterable[TaskRow]:
        """All rows of all pages. Raise NotUnderstood if reading took too long, or the list changed meanwhile."""
        found: dict[str, TaskRow] = {}
        page, pages, total = 1, 1, 0
        over = self.clock() + READING
        while page <= pages:
            if self.clock() > over:
                raise NotUnderstood(f"the task list has {pages} pages, too many to be read at once")
            answer = self.wan.list(page=page)
            found |= {row.task_id: row for row in answer.rows}
            pages, total, page = answer.pages, answer.total, page + 1
        if len(found) < total:
            raise NotUnderstood("the task list changed while it was read")
        return found.values()

    def _may_be_of(self, row: TaskRow, offset: timedelta | None, since: datetime, until: datetime) -> bool:
        """Whether a call may have made the task: one that began at `since` and could make a task until `until`."""
        return _is_between(row, offset, since - self.margin / 5, until)

    def _cancel(self, task_id: str) -> bool:
        """Cancel the task; if that cannot be done now, the poll tries again."""
        try:
            self.wan.cancel(task_id)
        except (Unreachable, NotUnderstood, WanError):
            return False
        return True

    def _until(self, job: Job) -> datetime:
        """The moment after which the call can make no task any more, since nothing of it is still under way."""
        return (job.call.deadline or job.called_at) + CALL_TIMEOUT + self.margin * 4 / 5


def pause(moment: datetime, since: datetime | None, shortest: int) -> int:
    """Seconds until the next look: a fifth of the time since `since`, but at least `shortest`, at most LONGEST_PAUSE.

    A day of such looks takes far fewer history events than an execution may have.
    """
    waited = (moment - since).total_seconds() if since else 0.0
    return int(min(LONGEST_PAUSE, max(shortest, waited / 5)))


def _is_unclaimed(row: TaskRow, claims: Mapping[str, TaskClaim], job: Job) -> bool:
    """Whether nobody has claimed the task, except possibly this very attempt of the job."""
    claim = claims.get(row.task_id)
    return claim is None or (claim.job_id, claim.attempt) == (job.job_id, job.call.attempt)


def _is_foreign(row: TaskRow, job: Job, models: Collection[str | None], keys: Collection[str | None]) -> bool:
    """Whether the task's model or API key is another one than the job's, as our own tasks in the list name these.

    `keys` are the names of the job's key. Those of our earlier keys prove nothing: a key that is reset keeps its name.
    """
    # A dated name, such as …-move-2026-01-01, is the same model.
    dated = row.model is not None and row.model.startswith(job.options.model)
    other_model = row.model is not None and row.model not in models and not dated
    other_key = row.api_key_id is not None and bool(keys) and row.api_key_id not in keys
    return other_model or other_key


def _offset(own: Iterable[tuple[TaskRow, TaskClaim]]) -> timedelta | None:
    """How far the list's clock is ahead of ours, and the least time that a task of ours took; None if clocks differ."""
    offsets = [row.created_at - claim.asked_at if row.created_at and claim.asked_at else _UNKNOWN for row, claim in own]
    return min(offsets) if offsets and all(abs(offset) <= _SKEW for offset in offsets) else None


def _is_between(row: TaskRow, offset: timedelta | None, start: datetime, end: datetime) -> bool:
    """Whether the task may have been made in that time. An offset above zero may be a clock's, or the task's own."""
    made = row.created_at
    return offset is None or made is None or start + min(offset, timedelta()) <= made <= end + offset


def _named(rows: Iterable[TaskRow]) -> str:
    ids = sorted(row.task_id for row in rows)
    return ", ".join(ids[:_NAMED]) + (f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else "")
