"""The one door for every unhappy end of a run. A job whose money is in flight is never closed here."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motiondrop.answers import NotUnderstood, Unreachable
from motiondrop.ending import FREE_RESTARTS, STOPPED, Ending
from motiondrop.errors import Contended, JobClosed, NoSuchJob
from motiondrop.job import IN_FLIGHT, Job, Run, State
from motiondrop.jobs import Jobs
from motiondrop.refusals import WanError
from motiondrop.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from motiondrop.wan import Wan  # its HTTP library is imported when a task is to be canceled

ABORTED = "ABORTED"

_LOOKS = 3  # at a job that changes while it is concluded, as a stopped run's function may still do
_OWN_FAULT = "MotionDrop stopped working on it because of a fault of its own ({error})."


@dataclass(frozen=True)
class Conclude:
    """Closes, cancels or goes on with the job of a run that has ended. `wan` is made when needed, which is seldom."""

    jobs: Jobs
    runs: Runs
    wan: "Callable[[], Wan]"
    ending: Ending

    def conclude(self, run: Run, error: str | None = None) -> str:
        """Do what the run's end asks for; return in a word what that was."""
        for _ in range(_LOOKS - 1):
            with suppress(Contended, JobClosed):
                return self._conclude(run, error)
        return self._conclude(run, error)

    def _conclude(self, run: Run, error: str | None) -> str:
        try:
            job = self.jobs.get(run.job_id)
        except NoSuchJob:
            return "no such job"
        if not _owns(run, job):
            return "stale"
        status = self.runs.status(run.arn)
        if status in {"RUNNING", "PENDING_REDRIVE"}:
            return "running"
        if job.closed:
            self.ending.tell(job)
            return "told"
        if status == ABORTED:
            return self._aborted(job)
        if job.state in IN_FLIGHT or job.restarts < FREE_RESTARTS:
            self.ending.next_run(job)
            return "next run"
        self.ending.close(job, State.FAILED, _OWN_FAULT.format(error=error or status))
        return "failed"

    def _aborted(self, job: Job) -> str:
        """Somebody pressed Stop execution: cancel what can be canceled."""
        if job.state in {State.QUEUED, State.ADMITTED} or job.retry_task or self._cancel(job):
            self.ending.close(job, State.CANCELED, STOPPED)
            return "canceled"
        if job.state == State.SUBMITTING:
            # Whether a task was made is not known yet: the next run finds out, and cancels it.
            job = self.jobs.write(job, job.owner, State.CANCELING)
        self.ending.next_run(job, stopped=True)
        return "next run"

    def _cancel(self, job: Job) -> bool:
        """Cancel the job's task at the provider; where that cannot be done now the next run tries it again."""
        if job.state != State.PENDING or job.task_id is None:
            return False
        try:
            self.wan().cancel(job.task_id)
        except (WanError, Unreachable, NotUnderstood):
            return False
        return True


def _owns(run: Run, job: Job) -> bool:
    """Whether the run is the job's owner, or the first run of a job that nobody has picked up."""
    return job.owner == run.owner or (job.owner is None and run.name == job.execution_name)
