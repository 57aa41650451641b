"""Saving a video that is paid for, and notifying people."""

import re
from dataclasses import dataclass, replace

import requests

from motiondrop.aws.results import Results, Saved
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import End, Job, Result, State
from motiondrop.domain.outcome import what_happened
from motiondrop.domain.reasons import EXPIRED
from motiondrop.domain.step import Step, finished
from motiondrop.errors import CopyFailed, HostRefused, JobClosed, ResultExpired
from motiondrop.provider.client import WanClient
from motiondrop.provider.download import Video
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import VALIDITY, Closing
from motiondrop.workflow.opening import Opening


@dataclass(frozen=True, kw_only=True)
class FinalizeJob:
    """Copies results to their permanent place."""

    jobs: Jobs
    slots: Slots
    wan: WanClient
    session: requests.Session
    results: Results
    ledger: Ledger
    closing: Closing
    origins: re.Pattern[str]
    opening: Opening
    clock: Clock = now

    def run(self, execution: Execution) -> Step:
        """Save the video and notify people; raise CopyFailed if a new try can save it, ResultExpired if none can.

        Each part is done once: a video that an earlier try saved is not copied again.
        """
        job = self.jobs.get(execution.job_id)
        if job.state == State.SUCCEEDED and job.owner == execution.owner:
            # An earlier try closed the job and died before it notified people.
            return finished(self.closing.notify(job), self.closing.bucket)
        job = self.jobs.owned(execution)
        if job.state != State.SAVING:
            raise JobClosed(f"there is nothing to save of a job that is {job.state}")
        if job.result.key is None:
            saved = self._save(job, execution)
            result = Result(saved.key, saved.size, saved.sha256)
            job = self.jobs.transition(job, execution.owner, None, result=result)
        result = self.opening.look(job)
        self.opening.write(replace(job, result=result))
        job = self.closing.notify(self.ledger.succeed(job, execution.owner, result))
        return finished(job, self.closing.bucket)

    def _save(self, job: Job, execution: Execution) -> Saved:
        """Copy the video from the link that the task gives now."""
        if job.task.id is None:
            raise ValueError(f"job {job.job_id} is SAVING without a task")
        task = self.wan.query(job.task.id)
        try:
            if task.status != TaskStatus.SUCCEEDED or not task.video_url:
                raise ResultExpired(f"the task is {task.status} without a video")
            return self.results.save(job.job_id, Video(self.session, task.video_url, self.origins))
        except HostRefused as refusal:
            if job.result.refused_host != refusal.host:  # the sweep tells the operator
                self.jobs.transition(job, execution.owner, None, result=Result(refused_host=refusal.host))
            raise
        except ResultExpired as error:
            if self.clock() > job.called_at + VALIDITY:
                ended = self.slots.release(job, execution.owner, State.FAILED, closing=End(EXPIRED))
                raise ResultExpired(what_happened(ended)) from error
            raise CopyFailed("the provider gave no link that works") from error
