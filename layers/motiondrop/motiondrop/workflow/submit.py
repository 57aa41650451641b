"""What happens to a drop: it is looked at, checked, recorded and paired; its jobs are recorded and started."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace

from motiondrop.aws.event_queue import DropEvent
from motiondrop.aws.executions import Executions
from motiondrop.aws.inbox import Arrived, Inbox
from motiondrop.aws.metrics import Metrics
from motiondrop.aws.topics import Publisher
from motiondrop.clock import now
from motiondrop.domain.formats import Kind
from motiondrop.domain.identity import identity, job_id_of
from motiondrop.domain.job import Input, Job, Options, State
from motiondrop.domain.keys import ignored, kind_of, namesakes
from motiondrop.domain.messages import rejected
from motiondrop.domain.pairing import Pair, Why
from motiondrop.domain.pricing import MODES, Prices, usd
from motiondrop.errors import DropGone, Forgotten, Unreadable
from motiondrop.media.check import advice, expect
from motiondrop.media.limits import Media, Rejected
from motiondrop.media.sandbox import Reader
from motiondrop.storage.budget import reserve_of
from motiondrop.storage.drops import Drop, Drops
from motiondrop.storage.jobs import MAX_DROPS, Jobs
from motiondrop.workflow.folders import UNPAIRED, Folders, Look
from motiondrop.workflow.receipts import Receipts, of_rejected
from motiondrop.workflow.withdrawal import CHARGED, REPLACED, Withdrawal

Check = Callable[[str, int, Reader], Media]

_BOOLEANS = {"true": True, "false": False}

#: Jobs that one drop may have, with the partners that came and went: each step of one of them reads all.
MAX_JOBS = 100

#: Why a drop is refused whose job was forgotten for the person's sake.
FORGOTTEN = "forgotten on request - whoever runs MotionDrop can allow it again"


@dataclass(frozen=True)
class Defaults:
    """What the stack asks for where a drop says nothing."""

    mode: str
    model: str
    prices: Prices


@dataclass(frozen=True, kw_only=True)
class DropIntake:
    """Takes drops in. `check` is `media.check`, or what stands in for it."""

    inbox: Inbox
    drops: Drops
    folders: Folders
    jobs: Jobs
    executions: Executions
    receipts: Receipts
    withdrawal: Withdrawal
    publisher: Publisher
    defaults: Defaults
    check: Check
    metrics: Metrics
    daily_budget: int

    def handle(self, event: DropEvent) -> None:
        """Take in the drop that arrived, or see to the jobs of the one that was removed."""
        if event.removed:
            self.removed(event.key)
        else:
            self.created(event.key, event.sequencer, event.etag)

    def created(self, key: str, sequencer: str | None, etag: str = "") -> None:
        """Take in the drop at `key`; what is no drop, or is gone again, is passed over."""
        if ignored(key):
            return
        try:
            arrived = self.inbox.look(key, etag)
            if arrived.size == 0:
                return  # some uploaders put an empty object first: it is still arriving
            drop = self._checked(arrived, sequencer)
            # Checking takes time: a newer object may have been recorded meanwhile, and overwritten by this record.
            while (now_there := self.inbox.look(key, etag)) != arrived and now_there.size:
                arrived = now_there
                drop = self._checked(arrived, None)
        except DropGone:
            return  # its newer event tells what is there now
        if drop.rejected:
            # After it was recorded: whoever writes the receipt of a drop that this one replaced finds that.
            self.receipts.waiting(key, of_rejected(drop.rejected))
        if kind_of(key):
            self._pair(key, drop)

    def removed(self, key: str) -> None:
        """The drop at `key` was deleted: cancel its jobs that no other drop asks for and that are not submitted."""
        drop = self.drops.get(key)
        if drop is None:
            return
        try:
            self.inbox.look(key)
        except DropGone:
            pass
        else:
            return  # a late event: something lies there again
        if not self.drops.mark_deleted(drop):
            return  # dropped again at this moment: that event tells the rest
        self.withdrawal.deleted(drop)
        if kind_of(key):
            self._pair(key, None)
        self.drops.forget_deleted(drop)  # last: whatever dies before this is taken up by the event's next try

    def _checked(self, arrived: Arrived, sequencer: str | None) -> Drop:
        """The drop's record, made now unless this very object was checked before."""
        known = self.drops.get(arrived.key)
        if known and not known.deleted and _is_known(arrived, sequencer, known):
            return known
        drop = Drop(
            arrived.key,
            kind_of(arrived.key) or Kind.IMAGE,
            arrived.etag,
            sequencer=sequencer,
            modified_at=arrived.modified_at,
        )
        try:
            if arrived.unreadable:
                raise Rejected(arrived.unreadable)
            drop = self._opened(arrived, drop)
        except (Rejected, Unreadable) as error:
            reason = str(error)
            self._check_is_newest(drop)
            self.publisher.notify(rejected(arrived.key, reason))
            drop = replace(drop, rejected=reason)
        # Recorded last: whatever dies before this tells again rather than never.
        drop = self._recorded(drop)
        self.metrics.drop("rejected" if drop.rejected else "accepted")
        return drop

    def _recorded(self, drop: Drop) -> Drop:
        """Record the drop in place of what was known; jobs of other content are withdrawn before they are forgotten."""
        while True:
            known = self._check_is_newest(drop)
            if known is None or _asks_the_same(known, drop):
                self.drops.record(drop, same_content=known is not None)
                return drop
            if self.withdrawal.replaced(known, by_a_good_one=drop.rejected is None):
                drop = replace(drop, note=CHARGED)
            if self.drops.record(drop):
                return drop  # else a partner's event has added a job of the old content meanwhile

    def _check_is_newest(self, drop: Drop) -> Drop | None:
        """What is recorded at the drop's key; DropGone where a newer object was recorded while this one was checked."""
        known = self.drops.get(drop.key)
        if known and not known.deleted and later(known.sequencer, drop.sequencer):
            raise DropGone("a newer object was recorded meanwhile")
        return known

    def _opened(self, arrived: Arrived, drop: Drop) -> Drop:
        """The drop with what its file and its metadata say; Rejected where it cannot be used."""
        mode, check_image = _options(arrived) if drop.kind is Kind.IMAGE else (None, None)
        expect(arrived.key, arrived.size)
        with tempfile.TemporaryFile() as file:
            digest = self.inbox.fetch(arrived, file)
            file.flush()
            media = self.check(
                arrived.key, arrived.size, lambda offset, length: os.pread(file.fileno(), length, offset)
            )
            copy = self.inbox.keep(file, digest, media.extension)
        return replace(
            drop, media=_input(arrived, media, digest, copy, drop.sequencer), mode=mode, check_image=check_image
        )

    def _pair(self, key: str, drop: Drop | None) -> None:
        """Record and start the jobs that follow from the folder of `key`, as it is now."""
        look = self.folders.look(key)
        known = look.drops | ({key: drop} if drop else {})
        made, refusal = [], None
        for pair in look.pairs:
            try:
                job = self._job(pair, key, known)
            except (Forgotten, Rejected) as error:
                reason = error.reason if isinstance(error, Rejected) else FORGOTTEN
                refusal = reason if key in pair else refusal
                self._refuse(pair, reason)
            else:
                made += [job] if job else []
        if drop and key in look.folder.kinds and not any(key in job.drops for job in made):
            if refusal:
                self.publisher.notify(rejected(key, refusal))
            else:
                self.receipts.waiting(key, _waiting(look, drop))

    def _refuse(self, pair: Pair, reason: str) -> None:
        """Tell both files of a pair that makes no job; the partner may have been told before that it waits."""
        for one in pair:
            self.receipts.waiting(one, of_rejected(reason))
            self.drops.mentioned(one)

    def _job(self, pair: Pair, key: str, known: dict[str, Drop]) -> Job | None:
        """The job of a pair, recorded and started; None while a file of it has not been checked yet.

        Rejected where it is dearer than a whole day's budget, or where there are too many of its kind.

        That file's own event makes the job then: each drop is recorded before it looks for partners, so that of
        two at the same moment at least one sees the other.
        """
        image, video = (known.get(one) for one in pair)
        if not (image and video and image.media and video.media):
            return None
        new = self._new(image, image.media, video.media)
        if reserve_of(new.quote) > self.daily_budget:
            raise Rejected(f"{usd(new.quote)[1:]} USD is more than a day may cost - raise DailyBudgetUSD")
        if any(len(known[one].jobs - {new.job_id}) >= MAX_JOBS for one in pair):
            raise Rejected(f"one of the two files has {MAX_JOBS} animations already - drop a copy with another name")
        job = new if self.jobs.record(new) else self._known(new, known.get(key))
        if not all(self.drops.add_job(one.key, job.job_id, one.digest) for one in (new.image, new.video)):
            if not self.withdrawal.asked_for(job):
                self.withdrawal.withdraw(job, REPLACED)
            return None  # one of the two was replaced or deleted at this moment: its own event tells the rest
        if not job.closed:
            self.executions.start(job)
        self.receipts.follow(job)
        return job

    def _new(self, image_drop: Drop, image: Input, video: Input) -> Job:
        options = Options(
            mode=image_drop.mode or _mode_of_path(image.key) or self.defaults.mode,
            check_image=True if image_drop.check_image is None else image_drop.check_image,
            model=self.defaults.model,
        )
        moment = now()
        job_id = job_id_of(image.key, video.key, identity(image.digest, video.digest, options))
        return Job(
            job_id=job_id,
            state=State.QUEUED,
            image=image,
            video=video,
            options=options,
            recorded_at=moment,
            quote=self.defaults.prices.cost(video.duration or 0, options.mode),
            settling=not namesakes(image.key, video.key),
            advice=advice(_media(Kind.IMAGE, image), _media(Kind.VIDEO, video)),
            drops=frozenset({image.key, video.key}),
        )

    def _known(self, new: Job, drop: Drop | None) -> Job:
        """The job that has this content already; run again if it failed and this drop is a later one."""
        job = self.jobs.get(new.job_id)
        first_time = not new.drops <= job.drops
        if first_time and not self.jobs.add_drops(job.job_id, new.drops):
            raise Rejected(
                f"these two files were dropped under {MAX_DROPS // 2} other names already - use one of those"
            )
        redropped = drop is not None and drop.key in new.drops and _is_redrop(drop, job)
        again = job.state in {State.FAILED, State.CANCELED} and (first_time or redropped)
        if again or job.closing.reason == UNPAIRED:
            job = self.jobs.reopen(
                job,
                image=new.image,
                video=new.video,
                settling=new.settling,
                execution_number=job.execution_number + 1,
                owner=None,
                owner_arn=None,
            )
        return replace(job, drops=job.drops | new.drops)


def _options(arrived: Arrived) -> tuple[str | None, bool | None]:
    """The options in the drop's metadata; Rejected for a value that is none, naming those that are."""
    mode = arrived.metadata.get("mode")
    if mode is not None and mode.isdecimal():
        mode = None  # a file system's (s3fs, rclone): the rights of the file
    if mode is not None and mode not in MODES:
        raise Rejected(f"metadata mode is {mode[:40]} - needs {' or '.join(MODES)}")
    check_image = arrived.metadata.get("check-image")
    if check_image is None:
        return mode, None
    if check_image not in _BOOLEANS:
        raise Rejected(f"metadata check-image is {check_image[:40]} - needs true or false")
    return mode, _BOOLEANS[check_image]


def _mode_of_path(key: str) -> str | None:
    """The mode that a folder of the key's path names, the innermost where there are several."""
    return next((part for part in reversed(key.split("/")[:-1]) if part in MODES), None)


def _input(arrived: Arrived, media: Media, digest: str, copy: str, sequencer: str | None) -> Input:
    return Input(
        key=arrived.key,
        etag=arrived.etag,
        digest=digest,
        copy=copy,
        size=arrived.size,
        width=media.width,
        height=media.height,
        duration=media.duration,
        frame_rate=media.frame_rate,
        version=arrived.version,
        sequencer=sequencer,
        modified_at=arrived.modified_at,
    )


def _media(kind: Kind, one: Input) -> Media:
    """What the check found, from the record."""
    extension = one.copy.rpartition(".")[2]
    return Media(kind, extension, extension, one.width, one.height, one.size, one.duration, one.frame_rate)


def _is_known(arrived: Arrived, sequencer: str | None, known: Drop) -> bool:
    """Whether this very object was checked before: nothing was put there since."""
    same = (known.etag, known.modified_at) == (arrived.etag, arrived.modified_at)
    return same and not later(sequencer, known.sequencer)


def _asks_the_same(known: Drop, drop: Drop) -> bool:
    """Whether the drop asks for the same jobs as what was known of its key: the same content and options."""
    before, after = known.media, drop.media
    if before is None or after is None:
        return before is after
    options = (known.mode, known.check_image) == (drop.mode, drop.check_image)
    return before.digest == after.digest and options


def _is_redrop(drop: Drop, job: Job) -> bool:
    """Whether the drop was put there after the one that the job was made of.

    An event without a sequencer, which the sweep made for one that was lost, is none.
    """
    before = next((one for one in (job.image, job.video) if one.key == drop.key), None)
    if drop.sequencer is None or before is None:
        return False
    if drop.modified_at and before.modified_at and drop.modified_at != before.modified_at:
        return drop.modified_at > before.modified_at
    return later(drop.sequencer, before.sequencer)


def later(one: str | None, other: str | None) -> bool:
    """Whether S3 put `one` after `other`.

    S3 User Guide, "Event message structure": the shorter sequencer is padded with zeros on its right before they are
    compared as text.
    """
    if not one or not other:
        return False
    length = max(len(one), len(other))
    return one.ljust(length, "0").lower() > other.ljust(length, "0").lower()


def _waiting(look: Look, drop: Drop) -> str:
    """The receipt of a drop that makes no job by itself."""
    verdict = look.folder.verdict(drop.key)
    if verdict.why is Why.AMBIGUOUS:
        return "waiting: several images and videos here - give an image and its video the same name"
    if verdict.why is Why.TOO_MANY:
        most = look.folder.max_fan_out
        return f"rejected: one file for {verdict.others} is more than {most} - split the folder or raise MaxFanOut"
    return "waiting for a video" if drop.kind is Kind.IMAGE else "waiting for an image"
