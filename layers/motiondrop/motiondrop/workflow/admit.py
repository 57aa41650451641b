"""Claiming a job for an execution, and waiting in the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from motiondrop.aws.executions import Executions
from motiondrop.aws.media import MediaDied, answered
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Input, Job, State
from motiondrop.domain.outcome import what_happened
from motiondrop.domain.pricing import Prices
from motiondrop.domain.reasons import REPLACED, not_converted
from motiondrop.domain.step import Step, claimed, finished
from motiondrop.errors import DropGone, JobCanceled, JobFailed
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Plan, Trim, as_json, is_as_planned, report_of
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.receipts import Receipts


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Makes executions the owners of their jobs, and lets executions wait for a slot."""

    jobs: Jobs
    slots: Slots
    executions: Executions
    closing: Closing
    receipts: Receipts
    prices: Prices

    def claim(self, execution: Execution) -> Step:
        """Make the execution the job's owner; return where the execution continues.

        Raise NotOwner if another execution works on the job, JobFailed or JobCanceled if the job has failed or was
        canceled. An execution that such an error ends can be redriven from here; from a Fail state it could not be.
        """
        self.closing.notify(self.jobs.get(execution.job_id))  # before the job is opened again
        job = self.jobs.take_over(execution, self.executions.alive)
        if job.state == State.FAILED:
            raise JobFailed(what_happened(job))
        if job.state == State.CANCELED:
            raise JobCanceled(what_happened(job))
        if job.state == State.PREPARING:
            return claimed(job, order=order_of(job))
        return finished(job, self.closing.bucket) if job.state == State.SUCCEEDED else claimed(job)

    def wait(self, execution: Execution, token: str, report: Mapping[str, Any] | None = None) -> None:
        """Let the execution wait in the queue until it is woken at `token`; update the receipts of the job's drops.

        `report` is the answer of `media` if a file had to be converted. Raise JobFailed if the file cannot be
        converted, JobCanceled if it was replaced meanwhile.
        """
        if report is not None:
            self._take(self.jobs.owned(execution), report)
        self.slots.wait(execution, token)
        job = self.jobs.get(execution.job_id)
        if job.state == State.QUEUED:
            self.receipts.follow(job)

    def _take(self, job: Job, report: Mapping[str, Any]) -> None:
        """Queue the job if `media` made the copy that was ordered, else end the job. A second call changes nothing."""
        if job.state != State.PREPARING:
            return
        which, source = _unprepared(job)
        try:
            said = answered(dict(report))
            found, copy = report_of(said["report"]), str(said["copy"])
            if not is_as_planned(found, source):
                raise ValueError("the copy is not what was ordered and quoted")
        except DropGone:
            raise JobCanceled(what_happened(self.closing.close(job, State.CANCELED, REPLACED))) from None
        except (Rejected, MediaDied, KeyError, ValueError) as error:
            why = error.reason if isinstance(error, Rejected) else _TOO_COSTLY
            ended = self.closing.close(job, State.FAILED, not_converted(which, why))
            raise JobFailed(what_happened(ended)) from error
        else:
            file = replace(source, copy=copy, duration=found.duration, frame_rate=found.frame_rate, sound=found.sound)
            quote = self.prices.cost(file.duration or 0, job.options.mode)
            self.jobs.enqueue(job, **{which: file, "quote": quote})


def order_of(job: Job) -> dict[str, Any]:
    """The order for `media` to convert the job's file that has no copy yet."""
    _, file = _unprepared(job)
    plan = Plan(
        width=file.width,
        height=file.height,
        duration=file.duration or 0,
        frame_rate=file.frame_rate or 0,
        trim=Trim.parse(job.options.trim) if job.options.trim else None,
        converted=file.converted,
        notes=file.notes,
        sound=bool(file.sound),
    )
    return {
        "action": "convert",
        "key": file.key,
        "etag": file.etag,
        "digest": file.digest,
        "trim": job.options.trim,
        "plan": as_json(plan),
    }


def _unprepared(job: Job) -> tuple[str, Input]:
    """The job's file that has to be converted, after its field's name: the image if it has no copy, else the video."""
    return ("image", job.image) if job.image.copy is None else ("video", job.video)


_TOO_COSTLY = "file would take too much time or memory to convert - export it again at a lower resolution"
