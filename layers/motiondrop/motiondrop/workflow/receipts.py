"""Receipts: what a drop says of itself, as an object tag, derived from the jobs it has."""

from collections import Counter
from dataclasses import dataclass

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.aws.inbox import Inbox, receipt_text
from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import usd
from motiondrop.storage.drops import Drop, Drops
from motiondrop.storage.jobs import Jobs

_logger = Logger(child=True)


@dataclass(frozen=True, kw_only=True)
class Receipts:
    """Writes receipts. Losing one loses nothing: it is written again with the job's next step."""

    inbox: Inbox
    drops: Drops
    jobs: Jobs

    def follow(self, job: Job) -> None:
        """Let the receipts of the job's drops say what has become of it.

        Another function may change the job or its drops meanwhile, and tell of it before this one writes what it knew.
        So whoever writes looks once more, until what it wrote is still so.
        """
        written: dict[str, str] = {}
        known = [job]
        while known and (due := self._due(known[0], written)):
            for key, receipt in due.items():
                self.write(key, receipt)
            written |= due
            known = self.jobs.find([job.job_id])

    def _due(self, job: Job, written: dict[str, str]) -> dict[str, str]:
        """The receipts to write, by key: those of the job's drops that say something else."""
        due = {}
        for drop in self.drops.find(sorted(job.drops)).values():
            if job.job_id in drop.jobs:
                others = self.jobs.find(sorted(drop.jobs - {job.job_id}))
                receipt = _noted(of_jobs([job, *others]), drop)
            elif drop.key in written:  # replaced by other content just now
                receipt = self._of_replacement(drop) or written[drop.key]
            else:
                continue
            if written.get(drop.key, drop.receipt) != receipt:
                due[drop.key] = receipt
        return due

    def _of_replacement(self, drop: Drop) -> str | None:
        """What a drop says that has other content now; None where its own event is about to write that."""
        if drop.rejected:
            return _noted(of_rejected(drop.rejected), drop)
        if jobs := self.jobs.find(sorted(drop.jobs)):
            return _noted(of_jobs(jobs), drop)
        return drop.receipt

    def waiting(self, key: str, receipt: str) -> None:
        """Tag a drop that has no job, unless its partner's event has given it one meanwhile."""
        drop = self.drops.get(key)
        self.write(key, _noted(receipt, drop) if drop else receipt)
        drop = self.drops.get(key)
        for job in self.jobs.find(sorted(drop.jobs)[:1]) if drop else []:
            self.follow(job)

    def write(self, key: str, receipt: str) -> None:
        """Tag the drop; whatever hinders that is logged and hinders nothing else."""
        try:
            if self.inbox.write_receipt(key, receipt):
                self.drops.note_receipt(key, receipt)
        except (ClientError, BotoCoreError) as error:
            _logger.warning("a receipt was not written", extra={"reason": type(error).__name__})


def _noted(receipt: str, drop: Drop) -> str:
    """The receipt with what its drop adds to it; both fit into a tag."""
    return receipt_text(f"{receipt_text(receipt)[:160]} - {drop.note}") if drop.note else receipt


def of_rejected(reason: str) -> str:
    """The receipt of a drop that cannot be used."""
    return f"rejected: {reason}"


def of_job(job: Job) -> str:
    """The receipt of a drop with one job."""
    if job.stopped and not job.closed:
        return "being canceled"
    words = {
        State.QUEUED: " - ".join([f"accepted: quoted {usd(job.quote)[1:]} USD", "queued", *job.advice[:1]]),
        State.ADMITTED: "animating: being sent",
        State.SUBMITTING: "animating: being sent",
        State.PENDING: "animating: waiting at the service",
        State.RUNNING: "animating",
        State.SAVING: "animating: being saved",
        State.SUCCEEDED: f"done: {job.result.key}",
        State.FAILED: f"failed: {job.verdict.code or job.closing.reason or 'see the email'}",
        State.CANCELED: "canceled",
    }
    return receipt_text(words[job.state])


def of_jobs(jobs: list[Job]) -> str:
    """The receipt of a drop with these jobs: for a shared file, how many have ended in which way."""
    if len(jobs) == 1:
        return of_job(jobs[0])
    count = Counter(job.state for job in jobs)
    parts = [f"{count[State.SUCCEEDED]} of {len(jobs)} done"]
    parts += [f"{count[state]} {state.lower()}" for state in (State.FAILED, State.CANCELED) if count[state]]
    return " - ".join(parts)
