"""Picking up a job from where its record says it is, and waiting in the line."""

from dataclasses import dataclass
from typing import Any

from motiondrop.ending import Ending
from motiondrop.errors import JobCanceled, JobFailed
from motiondrop.folders import UNPAIRED, Folders
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs
from motiondrop.refusals import by_name
from motiondrop.runs import Runs
from motiondrop.slots import Slots
from motiondrop.text import plain

Step = dict[str, Any]

#: Where a job in this state goes on; the names are those of the state machine's choice.
NEXT = {
    State.QUEUED: "slot",
    State.ADMITTED: "create",
    State.SUBMITTING: "create",
    State.CANCELING: "create",
    State.PENDING: "poll",
    State.RUNNING: "poll",
    State.SAVING: "finalize",
    State.SUCCEEDED: "done",
    State.FAILED: "closed",
    State.CANCELED: "closed",
}


@dataclass(frozen=True)
class Admit:
    """Takes jobs over for runs and lets them wait for a slot."""

    jobs: Jobs
    slots: Slots
    runs: Runs
    folders: Folders
    ending: Ending
    settle_seconds: int

    def pick_up(self, run: Run) -> Step:
        """Make the run the job's owner and say where it goes on; NotOwner where another run works on it.

        JobFailed or JobCanceled end a run whose job has ended so. They are raised, since a run can be redriven from
        here, but not from a state that only says that it is over.
        """
        self.ending.tell(self.jobs.get(run.job_id))  # before the job is opened again
        job = self.jobs.take_over(run, self.runs.alive)
        if job.state == State.FAILED:
            raise JobFailed(why_closed(job))
        if job.state == State.CANCELED:
            raise JobCanceled(why_closed(job))
        if job.state == State.QUEUED and job.settling:
            return {"next": "settle", "seconds": self.settle_seconds}
        return {"next": where(job)}

    def settle(self, run: Run) -> Step:
        """Apply the rule again to what the folder holds now; a pair that no longer follows is closed unpaid."""
        job = self.jobs.owned(run)
        if job.state == State.QUEUED and job.settling:
            if not self.folders.follows((job.image.key, job.video.key)):
                job = self.ending.close(job, State.CANCELED, UNPAIRED)
            else:
                job = self.jobs.write(job, run.owner, settling=False)
        return {"next": where(job)}

    def wait(self, run: Run, token: str) -> None:
        """Let the run wait in the line, to be woken at `token`; its drops are told its place, once."""
        self.slots.wait(run, token)
        job = self.jobs.get(run.job_id)
        if job.state == State.QUEUED:
            self.ending.receipts.follow(job, self.slots.place(job))


def where(job: Job) -> str:
    """Where the job goes on."""
    if job.retry_task and job.state in {State.PENDING, State.RUNNING}:
        return "create"
    return NEXT[job.state]


def why_closed(job: Job) -> str:
    """Why the job ended, as the console shows it."""
    if job.verdict:
        return f"{by_name(job.verdict).means} {plain(job.verdict_code or '')}".strip()
    return job.reason or f"The job is {job.state}."
