"""Everything that follows when an execution ends without success.

A job that may have a task at the provider is closed here only if that task was canceled or is lost.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from motiondrop.aws.executions import Executions
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import IN_FLIGHT, UNSENT, Job, State
from motiondrop.domain.provider_errors import WanError
from motiondrop.domain.reasons import OWN_FAULT, STOPPED
from motiondrop.errors import Contended, JobClosed, NoSuchJob
from motiondrop.provider.responses import NotUnderstood, Unreachable
from motiondrop.storage.jobs import Jobs
from motiondrop.workflow.closing import FREE_RESTARTS, Closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from motiondrop.provider.client import WanClient  # its HTTP library is imported when a task is to be canceled

ABORTED = "ABORTED"

#: The status of an execution that ran for a year, which is not the job's fault.
TIMED_OUT = "TIMED_OUT"

_LOOKS = 3  # tries, since a stopped execution's function may still change the job


@dataclass(frozen=True, kw_only=True)
class ConcludeExecution:
    """Closes the job of an execution that has ended, or starts the job's next one. `wan` makes the WanClient."""

    jobs: Jobs
    executions: Executions
    wan: "Callable[[], WanClient]"
    closing: Closing

    def run(self, execution: Execution, error: str | None = None) -> str:
        """Do what the execution's end requires; return a few words that say what was done."""
        for _ in range(_LOOKS - 1):
            with suppress(Contended, JobClosed):
                return self._conclude(execution, error)
        return self._conclude(execution, error)

    def _conclude(self, execution: Execution, error: str | None) -> str:
        try:
            job = self.jobs.get(execution.job_id)
        except NoSuchJob:
            return "no such job"
        if not _owns(execution, job):
            return "stale"
        status = self.executions.status(execution.arn)
        if status in {"RUNNING", "PENDING_REDRIVE"}:
            return "running"
        if job.closed:
            self.closing.notify(job)
            return "notified"
        if status == ABORTED:
            return self._aborted(job)
        if job.state in IN_FLIGHT or status == TIMED_OUT or job.restarts < FREE_RESTARTS:
            self.closing.start_next(job)
            return "next execution"
        self.closing.close(job, State.FAILED, OWN_FAULT.format(details=error or status))
        return "failed"

    def _aborted(self, job: Job) -> str:
        """Cancel what can be canceled, since somebody pressed Stop execution."""
        if job.state in UNSENT or job.task.retry or self._cancel(job):
            self.closing.close(job, State.CANCELED, STOPPED)
            return "canceled"
        # Where it is not known yet whether a task was made, the next execution finds out, and cancels it.
        self.closing.start_next(job, stopped=True)
        return "next execution"

    def _cancel(self, job: Job) -> bool:
        """Cancel the job's task at the provider; if that cannot be done now, the next execution tries again."""
        if job.state != State.PENDING or job.task.id is None:
            return False
        try:
            self.wan().cancel(job.task.id)
        except (WanError, Unreachable, NotUnderstood):
            return False
        return True


def _owns(execution: Execution, job: Job) -> bool:
    """Whether the execution is the job's owner, or the first execution of a job that nobody has picked up."""
    return job.owner == execution.owner or (job.owner is None and execution.name == job.execution_name)
