"""Picking up a job from where its record says it is, and waiting in the line."""

from dataclasses import dataclass
from typing import Any

from motiondrop.ending import Ending
from motiondrop.inbox import Inbox
from motiondrop.job import Job, Run, State, folder_of
from motiondrop.jobs import Jobs
from motiondrop.pairing import follows
from motiondrop.refusals import by_name
from motiondrop.runs import Runs
from motiondrop.slots import Slots
from motiondrop.submit import FOLDER_LIMIT
from motiondrop.text import plain

Step = dict[str, Any]

UNPAIRED = "The folder changed before it settled: by its names now, these two no longer belong together."

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
    inbox: Inbox
    ending: Ending
    settle_seconds: int
    max_fan_out: int

    def pick_up(self, run: Run) -> Step:
        """Make the run the job's owner and say where it goes on; NotOwner where another run works on it."""
        job = self.jobs.take_over(run, self.runs.alive)
        if job.closed and job.owner in {run.owner, None} and not job.told:
            self.ending.tell(job)
        if job.state == State.QUEUED and job.settling:
            return {"next": "settle", "seconds": self.settle_seconds}
        if where(job) == "closed":
            return {"next": "closed", "error": job.verdict or job.state.capitalize(), "cause": why_closed(job)}
        return {"next": where(job)}

    def settle(self, run: Run) -> Step:
        """Apply the rule again to what the folder holds now; a pair that no longer follows is closed unpaid."""
        job = self.jobs.owned(run)
        if job.state == State.QUEUED and job.settling:
            kinds = self.inbox.kinds(folder_of(job.image.key), FOLDER_LIMIT)
            if not follows((job.image.key, job.video.key), kinds, self.max_fan_out):
                job = self.ending.close(job, State.CANCELED, UNPAIRED)
            else:
                job = self.jobs.write(job, run.owner, settling=False)
        return {"next": where(job)}

    def wait(self, run: Run, token: str) -> None:
        """Let the run wait in the line, to be woken at `token`."""
        self.slots.wait(run, token)


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
