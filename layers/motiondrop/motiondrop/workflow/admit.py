"""Picking up a job from where its record says it is, and waiting in the queue."""

from dataclasses import dataclass

from motiondrop.aws.executions import Executions
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import State
from motiondrop.domain.outcome import why_closed
from motiondrop.domain.step import Step, where
from motiondrop.errors import JobCanceled, JobFailed
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.receipts import Receipts


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Takes jobs over for executions and lets them wait for a slot."""

    jobs: Jobs
    slots: Slots
    executions: Executions
    closing: Closing
    receipts: Receipts

    def claim(self, execution: Execution) -> Step:
        """Make the execution the job's owner and say where it goes on; NotOwner where another execution works on it.

        JobFailed or JobCanceled end an execution whose job has ended so. They are raised, since an execution can be
        redriven from here, but not from a state that only says that it is over.
        """
        self.closing.notify(self.jobs.get(execution.job_id))  # before the job is opened again
        job = self.jobs.take_over(execution, self.executions.alive)
        if job.state == State.FAILED:
            raise JobFailed(why_closed(job))
        if job.state == State.CANCELED:
            raise JobCanceled(why_closed(job))
        return {"next": where(job)}

    def wait(self, execution: Execution, token: str) -> None:
        """Let the execution wait in the queue, to be woken at `token`; its drops are told so."""
        self.slots.wait(execution, token)
        job = self.jobs.get(execution.job_id)
        if job.state == State.QUEUED:
            self.receipts.follow(job)
