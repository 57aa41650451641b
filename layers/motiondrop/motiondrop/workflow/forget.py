"""Forgetting a job, for the person whose likeness it is: its files, its names, and the drops that only it used.

What stays is that there was such a job, under a name made of the content's hash: so the same files, dropped again
by a machine that still has them, are not animated again.
"""

from dataclasses import dataclass, field

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results, record_key, still_key, video_key
from motiondrop.clock import Clock, now
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import CLOSED
from motiondrop.errors import MotionDropError, NoSuchJob
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import JOB, JobItem, Tables
from motiondrop.storage.transactions import conditional_write


class StillRunning(MotionDropError):
    """The job has not ended: stop its execution first, then forget it."""


@dataclass
class Gone:
    """What was deleted, in the results bucket and in the inbox, and what others need: keys."""

    results: list[str] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ForgetJob:
    """Forgets jobs. Breaking off harms nothing: doing it again goes on."""

    tables: Tables
    drops: Drops
    inbox: Inbox
    results: Results
    clock: Clock = now

    def run(self, job_id: str) -> Gone:
        """Delete all that is kept of the job; NoSuchJob where there is none, StillRunning where it has not ended."""
        item = self._item(job_id)
        if item.state not in CLOSED:
            raise StillRunning(job_id)
        # From here on its link answers as unknown; the rest of the record is needed until all else is gone.
        item.update(
            actions=[JobItem.forgotten_at.set(item.forgotten_at or self.clock()), JobItem.recorded_at.remove()],
            condition=JobItem.state.is_in(*CLOSED),
        )
        job_id = item.job_id  # as it was recorded; the one asked for may have been typed with another name
        done = Gone()
        for key in item.drops or ():
            self._forget_drop(key, job_id, {item.image.digest, item.video.digest}, done)
        for copy in sorted(_files(item)):
            if self._is_used(copy, item.pk):
                done.kept.append(copy)
            else:
                self._erase(copy, done)
        for key in (video_key(job_id), still_key(job_id), record_key(job_id)):
            self._erase(key, done)
        self.tables.forgotten(item.pk, JOB, forgotten_at=self.clock()).save()
        return done

    def allow_again(self, job_id: str) -> bool:
        """Let the same files make the job anew, if they are dropped again; False where it was not forgotten."""
        item = self.tables.forgotten(f"{JOB}#{identity_of(job_id)}", JOB)
        condition = JobItem.forgotten_at.exists() & JobItem.job_id.does_not_exist()
        return conditional_write(lambda: item.delete(condition=condition))

    def _item(self, job_id: str) -> JobItem:
        try:
            item = self.tables.job.get(f"{JOB}#{identity_of(job_id)}", JOB, consistent_read=True)
        except DoesNotExist as error:
            raise NoSuchJob(job_id) from error
        if not item.job_id:
            raise NoSuchJob(f"{job_id} was forgotten before")
        return item

    def _forget_drop(self, key: str, job_id: str, digests: set[str], done: Gone) -> None:
        """Delete the drop, unless another job uses it, or something else lies there by now."""
        drop = self.drops.get(key)
        if drop is None:
            return
        if drop.jobs - {job_id} or drop.media is None or drop.media.digest not in digests:
            self.drops.remove_job(key, job_id)
            done.kept.append(key)
        else:
            self.inbox.delete(key, drop.etag)
            self.drops.forget(key)
            done.drops.append(key)

    def _is_used(self, copy: str, pk: str) -> bool:
        """Whether another job, or a drop that waits for a partner, needs the copy.

        Nothing lists that: the whole table is read, which costs a cent for some ten thousand jobs.
        """
        image, *others = (f"{file}.{what}" for file in ("image", "video", "media") for what in ("copy", "poster"))
        uses: Condition = Path(image) == copy
        for name in others:
            uses |= Path(name) == copy
        return any(item.pk != pk for item in self.tables.job.scan(uses, consistent_read=True))

    def _erase(self, key: str, done: Gone) -> None:
        if self.results.erase(key):
            done.results.append(key)


def _files(item: JobItem) -> set[str]:
    """What was made of the job's two files: their copies and posters."""
    return {key for file in (item.image, item.video) for key in (file.copy, file.poster) if key}
