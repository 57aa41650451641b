"""Saving a video that is paid for, and telling of it."""

import re
from dataclasses import dataclass, replace

import requests
from aws_lambda_powertools import Logger

from motiondrop.aws.results import Results, Saved, record_key, still_key
from motiondrop.clock import Clock, now
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import End, Job, Result, State
from motiondrop.domain.pricing import Prices
from motiondrop.domain.result_document import render
from motiondrop.domain.step import Step, where
from motiondrop.errors import CopyFailed, ResultExpired
from motiondrop.media.limits import Rejected
from motiondrop.media.result import look
from motiondrop.media.sandbox import SandboxError
from motiondrop.provider.client import WanClient
from motiondrop.provider.download import Video
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import EXPIRED, VALIDITY, Closing

_logger = Logger(child=True)


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
    prices: Prices
    clock: Clock = now

    def run(self, execution: Execution) -> Step:
        """Save the job's video and tell; CopyFailed where that is to be tried again, ResultExpired where never.

        Each part is done once: what a former try saved is not copied again.
        """
        job = self.jobs.get(execution.job_id)
        if job.state == State.SUCCEEDED and job.owner == execution.owner:
            self.closing.notify(job)  # a former try closed it and died before it told
            return {"next": "done"}
        job = self.jobs.owned(execution)
        if job.state != State.SAVING:
            return {"next": where(job)}
        if job.result.key is None:
            saved = self._save(job, execution)
            result = Result(saved.key, saved.size, saved.sha256)
            job = self.jobs.transition(job, execution.owner, None, result=result)
        result = self._look(job)
        document = render(replace(job, result=result), self.clock(), self.prices)
        self.results.write(record_key(job.job_id), document, "application/json")
        self.closing.notify(self.ledger.succeed(job, execution.owner, result))
        return {"next": "done"}

    def _save(self, job: Job, execution: Execution) -> Saved:
        """Copy the video from the link that the task gives now."""
        if job.task.id is None:
            raise ValueError(f"job {job.job_id} is SAVING without a task")
        task = self.wan.query(job.task.id)
        try:
            if task.status != TaskStatus.SUCCEEDED or not task.video_url:
                raise ResultExpired(f"the task is {task.status} without a video")
            return self.results.save(job.job_id, Video(self.session, task.video_url, self.origins))
        except ResultExpired as error:
            if self.clock() > job.called_at + VALIDITY:
                self.slots.release(job, execution.owner, State.FAILED, closing=End(EXPIRED))
                raise
            raise CopyFailed("the provider gave no link that works") from error

    def _look(self, job: Job) -> Result:
        """Open the saved video once, keep a still of it, and return what is known of it now.

        It is whole and paid for: whatever hinders looking at it does not hinder the job.
        """
        key = job.result.key or ""
        try:
            output = look(job.result.size or 0, lambda offset, length: self.results.read(key, offset, length))
        except (Rejected, SandboxError) as error:
            _logger.warning("a result could not be opened", extra={"reason": str(error)})
            return job.result
        still = still_key(job.job_id)
        self.results.write(still, output.still, "image/jpeg")
        return replace(
            job.result,
            codec=output.codec,
            width=output.width,
            height=output.height,
            duration=output.duration,
            frame_rate=output.frame_rate,
            still=still,
        )
