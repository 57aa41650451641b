"""Saving a video that is paid for, and telling of it."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import requests

from motiondrop import __version__
from motiondrop.admit import Step, where
from motiondrop.download import Video
from motiondrop.ending import EXPIRED, VALIDITY, Ending
from motiondrop.errors import CopyFailed, ResultExpired
from motiondrop.job import Job, Run, State
from motiondrop.jobs import Jobs, now
from motiondrop.results import Results, Saved
from motiondrop.wan import TaskStatus, Wan


@dataclass(frozen=True)
class Finalize:
    """Copies results to their permanent place."""

    jobs: Jobs
    wan: Wan
    session: requests.Session
    results: Results
    ending: Ending
    origins: re.Pattern[str]
    clock: Callable[[], datetime] = now

    def finalize(self, run: Run) -> Step:
        """Save the job's video and tell; CopyFailed where that is to be tried again, ResultExpired where never."""
        job = self.jobs.get(run.job_id)
        if job.state == State.SUCCEEDED and job.owner == run.owner:
            self.ending.tell(job)  # a former try saved it and died before it told
            return {"next": "done"}
        job = self.jobs.owned(run)
        if job.state != State.SAVING:
            return {"next": where(job)}
        saved = self._save(job, run)
        closed = self.clock()
        job = self.jobs.write(
            job,
            run.owner,
            State.SUCCEEDED,
            result_key=saved.key,
            result_size=saved.size,
            result_sha256=saved.sha256,
        )
        document = json.dumps(record_of(job, closed), indent=2, ensure_ascii=False)
        self.results.write(f"videos/{job.job_id}.json", document.encode(), "application/json")
        self.ending.tell(job)
        return {"next": "done"}

    def _save(self, job: Job, run: Run) -> Saved:
        if job.task_id is None:
            raise ValueError(f"job {job.job_id} is SAVING without a task")
        task = self.wan.query(job.task_id)
        try:
            if task.status != TaskStatus.SUCCEEDED or not task.video_url:
                raise ResultExpired(f"the task is {task.status} without a video")
            return self.results.save(job.job_id, Video(self.session, task.video_url, self.origins))
        except ResultExpired as error:
            if job.asked_at and self.clock() > job.asked_at + VALIDITY:
                self.ending.slots.leave(job, run.owner, State.FAILED, reason=EXPIRED)
                raise
            raise CopyFailed("the provider gave no link that works") from error


def record_of(job: Job, closed: datetime) -> dict[str, Any]:
    """What `result.json` says: seconds, pixels, USD, UTC times."""
    return {
        "job_id": job.job_id,
        "image": _input(job.image),
        "video": _input(job.video),
        "options": asdict(job.options),
        "task_id": job.task_id,
        "request_id": job.request_id,
        "submitted_at": _iso(job.submitted_at),
        "scheduled_at": _iso(job.scheduled_at),
        "ended_at": _iso(job.ended_at),
        "saved_at": _iso(closed),
        "billed_seconds": job.billed_seconds,
        "billed_mode": job.billed_mode,
        "cost_usd": (job.cost or 0) / 1_000_000,
        "quoted_usd": job.quote / 1_000_000,
        "result": {"key": job.result_key, "size": job.result_size, "sha256": job.result_sha256},
        "motiondrop": __version__,
    }


def _input(one: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name not in {"copy", "sequencer"}}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
