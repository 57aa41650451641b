"""Healing what a lost event left behind: a bounded number of records a round, slots' owners first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from motiondrop.conclude import Conclude
from motiondrop.ending import Ending
from motiondrop.errors import Contended, JobClosed, NoSuchJob, NotOwner
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs, now
from motiondrop.runs import Runs
from motiondrop.slots import Slots

#: Jobs that one round looks at.
ROUND = 50


@dataclass(frozen=True)
class Sweep:
    """Looks after open jobs. What is younger than `grace` is left to its own run."""

    jobs: Jobs
    slots: Slots
    runs: Runs
    ending: Ending
    conclude: Conclude
    grace: timedelta
    clock: Callable[[], datetime] = now

    def sweep(self) -> dict[str, int]:
        """One round; return what was healed, by kind."""
        healed: dict[str, int] = {}
        board = self.slots.board()
        holders = [item.job_id for item in (*board.slots.values(), board.lock) if item and item.job_id]
        seen: set[str] = set()
        for job in (*self.jobs.find(dict.fromkeys(holders)), *self.jobs.least_seen(ROUND)):
            if job.job_id in seen:
                continue
            seen.add(job.job_id)
            try:
                kind = self._look_after(self.jobs.get(job.job_id))
            except (Contended, JobClosed, NotOwner, NoSuchJob):
                continue  # it moves, so it is alive
            if kind:
                healed[kind] = healed.get(kind, 0) + 1
        if given := self.slots.give():
            healed["given"] = given
        return healed

    def _look_after(self, job: Job) -> str | None:
        if job.closed:
            if not job.told and self._quiet(job):
                self.ending.tell(job)
                return "told"
            return None
        if job.owner is None or job.owner_arn is None:
            if not self._quiet(job):
                return None
            self.runs.start(job)
            return self._after_start(job)
        if not self._quiet(job):
            return None
        status = self.runs.status(job.owner_arn)
        if status == "RUNNING":
            if job.state == State.ADMITTED and job.token:
                self.runs.wake(job.token)
            self.jobs.write(job, job.owner)  # seen: others are looked at first next time
            return None
        return self.conclude.conclude(run_of(job), status)

    def _after_start(self, job: Job) -> str | None:
        """A run that was started but has never picked the job up may be over already."""
        arn = self.runs.arn_of(job.execution_name)
        if self.runs.status(arn) == "RUNNING":
            self.jobs.write(job, None)
            return "started"
        return self.conclude.conclude(Run(job.job_id, job.execution_name, arn))

    def _quiet(self, job: Job) -> bool:
        """Whether nothing has touched the job for longer than an event takes."""
        last = max(filter(None, (job.seen_at, job.closed_at, job.restarted_at, job.recorded_at)))
        return self.clock() > last + self.grace


def run_of(job: Job) -> Run:
    """The run that owns the job, as the record names it."""
    name, _, redrive = (job.owner or "").partition("~")
    return Run(job.job_id, name, job.owner_arn or "", int(redrive or 0))
