"""Forgetting a job, for the person whose likeness it is: its files, its names, and the drops that only it used.

There is no index of jobs and drops by their content, and none of the records that refer to a copy. So both are found
by reading the whole table, page by page, which costs a cent for some ten thousand jobs.

A record that such a job existed stays, under a key made of the content's hash, so that the same files are not animated
again if a machine that still has them drops them again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results, record_key, still_key, video_key
from motiondrop.clock import Clock, now
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import CLOSED, Input
from motiondrop.errors import MotionDropError, NoSuchJob
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import CLAIMED, EMAIL, JOB, DropItem, JobItem, PostponedItem, Tables, TaskItem
from motiondrop.storage.outbox import POSTPONED
from motiondrop.storage.transactions import conditional_write

#: How long a task's claim is needed even if its job is forgotten: the provider lists a task for 24 hours, and a task
#: without a claim could be taken for another job's.
_LISTED = timedelta(days=2)

#: A copy is written minutes before its drop is recorded: one older than this that no record refers to has no drop.
_RECORDED_WITHIN = timedelta(days=1)


class StillRunning(MotionDropError):
    """The job has not ended: stop its execution first, then forget it."""


@dataclass(frozen=True)
class Content:
    """A file's content: its SHA-256 in hex, and the ETag that S3 gives the file if it is uploaded in one part.

    A drop that was rejected can be found by its ETag only.
    """

    digest: str
    etag: str


@dataclass(frozen=True)
class Found:
    """The ids of the jobs, and the keys of the drops, that have the content looked for."""

    jobs: list[str]
    drops: list[str]


@dataclass
class Gone:
    """The keys deleted from the results bucket and from the inbox, and those kept because something else needs them."""

    results: list[str] = field(default_factory=list)
    drops: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ForgetJob:
    """Forgets jobs. An interrupted run does no harm: the next one continues where it stopped."""

    tables: Tables
    drops: Drops
    inbox: Inbox
    results: Results
    clock: Clock = now

    def run(self, job_id: str) -> Gone:
        """Delete all that is kept of the job. Raise NoSuchJob if there is none, StillRunning if it has not ended."""
        item = self._item(job_id)
        if item.state not in CLOSED:
            raise StillRunning(job_id)
        # From here on its link counts as unknown; the rest of the record is needed until all else is gone.
        item.update(
            actions=[JobItem.forgotten_at.set(item.forgotten_at or self.clock()), JobItem.recorded_at.remove()],
            condition=JobItem.state.is_in(*CLOSED),
        )
        job_id = item.job_id  # as it was recorded; only the identity at the end of the given id had to be right
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
        self._forget_tasks(job_id)
        self._forget_lines({job_id, *done.drops})
        self.tables.forgotten(item.pk, JOB, forgotten_at=self.clock()).save()
        return done

    def find(self, content: Content) -> Found:
        """The jobs and the drops that have the content."""
        of_job = (Path("image.digest") == content.digest) | (Path("video.digest") == content.digest)
        jobs = self.tables.job.scan(JobItem.job_id.exists() & of_job, consistent_read=True)
        of_drop = (Path("media.digest") == content.digest) | (DropItem.etag == content.etag)
        drops = self.tables.drop.scan(of_drop, consistent_read=True)
        return Found(sorted(item.job_id for item in jobs), sorted(item.key for item in drops))

    def run_drop(self, key: str) -> Gone:
        """Delete a drop that has no job, its record, and its copies that nothing else uses; keep a drop with jobs."""
        done = Gone()
        drop = self.drops.get(key)
        if drop is None:
            return done
        if drop.jobs:
            done.kept.append(key)
            return done
        self.inbox.delete(key, drop.etag)
        self.drops.forget(key)
        done.drops.append(key)
        self._forget_lines({key})
        for copy in sorted(_copies([drop.media])):
            if self._is_used(copy, ""):
                done.kept.append(copy)
            else:
                self._erase(copy, done)
        return done

    def erase_orphans(self) -> list[str]:
        """Delete the copies and posters that no record refers to, of drops that were replaced or never recorded.

        If a file with the content of a deleted copy is being checked at this moment, it has to be dropped again.
        """
        before = self.clock() - _RECORDED_WITHIN
        old = [key for key, written in self.results.listed("inputs/") if written < before]
        used = self._used() if old else set()
        return [key for key in old if key not in used and self.results.erase(key)]

    def allow_again(self, job_id: str) -> bool:
        """Let the same files make the job anew, if they are dropped again; return False if it was not forgotten."""
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
        """Delete the drop; but if another job uses the drop, or its content has changed, only detach this job."""
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

    def _forget_tasks(self, job_id: str) -> None:
        """Take the job's name out of the claims of its tasks, and delete the claims that are older than `_LISTED`."""
        claims = self.tables.task.open_tasks.query(CLAIMED, filter_condition=TaskItem.job_id == job_id)
        for claim in claims:
            if claim.seen_at and claim.seen_at < self.clock() - _LISTED:
                claim.delete()
            else:
                nameless = f"forgotten-{identity_of(job_id)}"
                claim.update(actions=[TaskItem.job_id.set(nameless)], condition=TaskItem.pk.exists())

    def _forget_lines(self, names: Collection[str]) -> None:
        """Delete the lines about these jobs and drops that wait for a digest email."""
        lines = self.tables.postponed.query(EMAIL, PostponedItem.sk.startswith(POSTPONED), consistent_read=True)
        for line in lines:
            about = f"{line.about} ".partition(" ")[2]
            if any(about.startswith(f"{name} ") for name in names):
                line.delete()

    def _used(self) -> set[str]:
        """All copies and posters that records refer to; fail on an unreadable record, since it may refer to more."""
        jobs = self.tables.job.scan(JobItem.image.exists(), consistent_read=True)
        drops = self.tables.drop.scan(DropItem.media.exists(), consistent_read=True)
        return {key for item in jobs for key in _files(item)} | _copies(item.media for item in drops)

    def _is_used(self, copy: str, pk: str) -> bool:
        """Whether a record with another `pk`, of a job or a drop, refers to the copy."""
        image, *others = (f"{file}.{what}" for file in ("image", "video", "media") for what in ("copy", "poster"))
        uses: Condition = Path(image) == copy
        for name in others:
            uses |= Path(name) == copy
        return any(item.pk != pk for item in self.tables.job.scan(uses, consistent_read=True))

    def _erase(self, key: str, done: Gone) -> None:
        if self.results.erase(key):
            done.results.append(key)


def _files(item: JobItem) -> set[str]:
    """The copies and posters that were made of the job's two files."""
    return _copies([item.image, item.video])


def _copies(files: Iterable[Input | None]) -> set[str]:
    return {key for file in files if file for key in (file.copy, file.poster) if key}
