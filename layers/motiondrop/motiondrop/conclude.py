"""The one door for every unhappy end of a run. A job whose money is in flight is never closed here."""

from dataclasses import dataclass

from motiondrop.ending import Ending
from motiondrop.errors import NoSuchJob
from motiondrop.job import IN_FLIGHT, Job, Run, State
from motiondrop.jobs import Jobs
from motiondrop.refusals import NotCancelable
from motiondrop.runs import Runs
from motiondrop.wan import Wan

ABORTED = "ABORTED"

_STOPPED = "The run was stopped before the animation began."
_OWN_FAULT = "MotionDrop stopped working on it because of a fault of its own ({error})."


@dataclass(frozen=True)
class Conclude:
    """Closes, cancels or goes on with the job of a run that has ended."""

    jobs: Jobs
    runs: Runs
    wan: Wan
    ending: Ending

    def conclude(self, run: Run, error: str | None = None) -> str:
        """Do what the run's end asks for; return in a word what that was."""
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
        if job.state in IN_FLIGHT:
            self.ending.next_run(job)
            return "next run"
        self.ending.close(job, State.FAILED, _OWN_FAULT.format(error=error or status))
        return "failed"

    def _aborted(self, job: Job) -> str:
        """Somebody pressed Stop execution: cancel what can be canceled."""
        if job.state in {State.QUEUED, State.ADMITTED}:
            self.ending.close(job, State.CANCELED, _STOPPED)
            return "canceled"
        if job.state == State.SUBMITTING:
            # Whether a task was made is not known yet: the next run finds out, and cancels it.
            job = self.jobs.write(job, job.owner, State.CANCELING)
        elif job.state == State.PENDING and job.task_id and not job.retry_task:
            try:
                self.wan.cancel(job.task_id)
            except NotCancelable:
                pass
            else:
                self.ending.close(job, State.CANCELED, _STOPPED)
                return "canceled"
        elif job.retry_task:
            self.ending.close(job, State.CANCELED, _STOPPED)  # its last task failed, the next was not made
            return "canceled"
        self.ending.next_run(job, stopped=True)
        return "next run"


def _owns(run: Run, job: Job) -> bool:
    """Whether the run is the job's owner, or the first run of a job that nobody has picked up."""
    return job.owner == run.owner or (job.owner is None and run.name == job.execution_name)
