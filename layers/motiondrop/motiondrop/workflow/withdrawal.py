"""Withdrawing jobs that no drop asks for any more, as long as nothing is paid: before they are sent."""

from dataclasses import dataclass

from motiondrop.aws.executions import Executions
from motiondrop.domain.job import IN_FLIGHT, UNSENT, Job, State
from motiondrop.domain.keys import folder_of, stem_of
from motiondrop.domain.reasons import DELETED, REPLACED
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.storage.drops import Drop, Drops
from motiondrop.storage.jobs import Jobs
from motiondrop.workflow.closing import Closing

#: What a drop's receipt adds if a job of the drop's previous version was already sent.
CHARGED = "the previous version was already sent and will be charged"


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """Withdraws jobs. A job that enters SUBMITTING at the same moment wins, and is paid."""

    jobs: Jobs
    drops: Drops
    executions: Executions
    closing: Closing

    def replaced(self, drop: Drop, *, by_a_good_one: bool) -> bool:
        """Detach a drop's jobs when its content was replaced; return whether one of them was sent already.

        If the new content is good, also detach the old jobs from the files that were paired with the drop, so that
        their receipts show only the new jobs.
        """
        sent = False
        for job in self.jobs.find(sorted(drop.jobs)):
            if self.asked_for(job, without=drop.key):
                continue
            sent = not self.withdraw(job, REPLACED) or sent
            if by_a_good_one:
                for key in job.drops - {drop.key}:
                    self.drops.remove_job(key, job.job_id)
        for job_id in drop.jobs:  # last: if the function dies before, the event's next try does it all
            self.drops.remove_job(drop.key, job_id)
        return sent

    def deleted(self, drop: Drop) -> None:
        """Withdraw the jobs of a drop that is marked as deleted, except those that other drops ask for."""
        for job in self.jobs.find(sorted(drop.jobs)):
            if not self.asked_for(job):
                self.withdraw(job, DELETED)

    def withdraw(self, job: Job, reason: str) -> bool:
        """Cancel the job if it has not been sent. Return False if it is at the provider, and so will be charged."""
        if job.state not in UNSENT:
            return job.state not in IN_FLIGHT
        try:
            self.closing.close(job, State.CANCELED, reason)
        except (Contended, NotOwner, JobClosed):
            return self.withdraw(self.jobs.get(job.job_id), reason)  # it has moved on
        if job.owner_arn:
            self.executions.stop(job.owner_arn, reason)
        return True

    def asked_for(self, job: Job, *, without: str | None = None) -> bool:
        """Whether a pair of remaining drops still asks for the job: one with its image and one with its video.

        The two are in one folder or, at the root, have one name. The drop at the key `without` does not count.
        """
        there = [
            drop
            for drop in self.drops.find(sorted(job.drops - {without})).values()
            if not drop.deleted and job.job_id in drop.jobs and drop.media
        ]
        images, videos = (
            {folder_of(drop.key) or stem_of(drop.key) for drop in there if drop.media and drop.media.digest == digest}
            for digest in (job.image.digest, job.video.digest)
        )
        return bool(images & videos)
