"""What happens to a drop: it is looked at, checked, recorded and paired; its jobs are recorded and started."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from motiondrop.drops import Drop, Drops
from motiondrop.errors import DropGone
from motiondrop.inbox import Arrived, Inbox
from motiondrop.job import Input, Job, Options, State, folder_of, identity, job_id_of
from motiondrop.jobs import Jobs, now, order_of
from motiondrop.media import Kind, Media, Rejected, advice, check, ignored, kind_of
from motiondrop.messages import Messenger, rejected
from motiondrop.pairing import Folder, Pair, Verdict, Why
from motiondrop.pricing import MODES, cost
from motiondrop.receipts import Receipts
from motiondrop.runs import Runs

#: How many keys of a folder are listed to find a drop's partners; a folder with more is asked to be split.
FOLDER_LIMIT = 10_000

_CHECK_IMAGE = {"true": True, "false": False}


@dataclass(frozen=True)
class Defaults:
    """What the stack asks for where a drop says nothing."""

    mode: str
    model: str
    region: str
    max_fan_out: int


@dataclass(frozen=True)
class Submit:
    """Takes drops in."""

    inbox: Inbox
    drops: Drops
    jobs: Jobs
    runs: Runs
    receipts: Receipts
    messenger: Messenger
    defaults: Defaults

    def receive(self, key: str, sequencer: str | None) -> None:
        """Take in the drop at `key`; what is no drop, or is gone again, is passed over."""
        if ignored(key):
            return
        try:
            arrived = self.inbox.look(key)
            if arrived.size == 0:
                return  # some uploaders put an empty object first: it is still arriving
            drop = self._checked(arrived, sequencer)
            if drop.media is not None:
                self._pair(drop)
        except DropGone:
            return

    def _checked(self, arrived: Arrived, sequencer: str | None) -> Drop:
        """The drop's record, made now unless this very object was checked before."""
        known = self.drops.get(arrived.key)
        if known and known.etag == arrived.etag and _not_later(sequencer, known.sequencer):
            return known
        kind = kind_of(arrived.key) or Kind.IMAGE
        try:
            mode, check_image = _options(arrived)
            media = check(arrived.key, arrived.size, lambda offset, length: self.inbox.read(arrived, offset, length))
        except Rejected as error:
            drop = Drop(arrived.key, kind, arrived.etag, rejected=error.reason, sequencer=sequencer)
            self.drops.record(drop)
            self.receipts.write(arrived.key, f"rejected: {error.reason}")
            self.messenger.notify(rejected(arrived.key, error.reason))
            return drop
        digest = self.inbox.digest(arrived, kind)
        copy = self.inbox.keep(arrived, digest, media.extension)
        drop = Drop(
            arrived.key,
            kind,
            arrived.etag,
            media=_input(arrived, media, digest, copy, sequencer),
            mode=mode,
            check_image=check_image,
            sequencer=sequencer,
        )
        self.drops.record(drop)
        return drop

    def _pair(self, drop: Drop) -> None:
        """Record and start the jobs that follow from the drop and what else its folder holds."""
        name = folder_of(drop.key)
        kinds = self.inbox.kinds(name, FOLDER_LIMIT) | {drop.key: drop.kind}
        known = self.drops.find(_candidates(drop.key, kinds))
        usable = {key: kind for key, kind in kinds.items() if not (key in known and known[key].rejected)}
        folder = Folder.of(name, usable, self.defaults.max_fan_out)
        verdict = folder.verdict(drop.key)
        made: list[Job] = []
        for pair in dict.fromkeys([*verdict.pairs, *folder.shared_pairs()]):
            job = self._job(pair, drop, known, settling=verdict.why is not Why.NAMESAKE or drop.key not in pair)
            if job:
                made.append(job)
        if not any(drop.key in (job.image.key, job.video.key) for job in made):
            self.receipts.waiting(drop.key, _waiting(drop.kind, verdict, self.defaults.max_fan_out))

    def _job(self, pair: Pair, drop: Drop, known: dict[str, Drop], *, settling: bool) -> Job | None:
        """The job of a pair, recorded and started; None while the partner has not been checked yet.

        The partner's own event makes the job then: each drop is recorded before it looks for partners, so that of
        two at the same moment at least one sees the other.
        """
        image, video = (drop if key == drop.key else known.get(key) for key in pair)
        if not (image and video and image.media and video.media):
            return None
        options = Options(
            mode=image.mode or _mode_of_path(image.key) or self.defaults.mode,
            check_image=True if image.check_image is None else image.check_image,
            model=self.defaults.model,
        )
        name = identity(image.media.digest, video.media.digest, options)
        moment = now()
        job_id = job_id_of(image.key, video.key, name)
        job = Job(
            job_id=job_id,
            state=State.QUEUED,
            image=image.media,
            video=video.media,
            options=options,
            recorded_at=moment,
            order=order_of(moment, job_id),
            quote=cost(video.media.duration or 0, options.model, options.mode, self.defaults.region),
            settling=settling,
            advice=advice(_media(image), _media(video)),
            drops=frozenset(pair),
        )
        if not self.jobs.record(job):
            job = self._known(job, drop)
        for key in pair:
            self.drops.add_job(key, job.job_id)
        if not job.closed:
            self.runs.start(job)
        self.receipts.follow(job)
        return job

    def _known(self, new: Job, drop: Drop) -> Job:
        """The job that has this content already; run again if it failed and this drop is a later one."""
        job = self.jobs.get(new.job_id)
        redropped = drop.key not in job.drops or _later(drop.sequencer, _sequencer(job, drop.key))
        if not new.drops <= job.drops:
            self.jobs.add_drops(job.job_id, new.drops)
            job = replace(job, drops=job.drops | new.drops)
        if job.state in {State.FAILED, State.CANCELED} and redropped:
            job = self.jobs.reopen(
                job,
                image=new.image,
                video=new.video,
                settling=new.settling,
                runs=job.runs + 1,
                owner=None,
                owner_arn=None,
            )
        return job


def _candidates(key: str, kinds: Collection[str]) -> list[str]:
    return [other for other in kinds if other != key]


def _options(arrived: Arrived) -> tuple[str | None, bool | None]:
    """The options in the drop's metadata; Rejected for a value that is none, naming those that are."""
    mode = arrived.metadata.get("mode")
    if mode is not None and mode not in MODES:
        raise Rejected(f"metadata mode is {mode[:40]} - needs {' or '.join(MODES)}")
    check_image = arrived.metadata.get("check-image")
    if check_image is None:
        return mode, None
    if check_image not in _CHECK_IMAGE:
        raise Rejected(f"metadata check-image is {check_image[:40]} - needs true or false")
    return mode, _CHECK_IMAGE[check_image]


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
    )


def _media(drop: Drop) -> Media:
    """What the check found, from the record."""
    found = drop.media
    if found is None:
        raise ValueError("a rejected drop has no media")
    return Media(
        kind=drop.kind,
        format="",
        extension=found.copy.rpartition(".")[2],
        width=found.width,
        height=found.height,
        size=found.size,
        duration=found.duration,
        frame_rate=found.frame_rate,
    )


def _sequencer(job: Job, key: str) -> str | None:
    return next((one.sequencer for one in (job.image, job.video) if one.key == key), None)


def _later(one: str | None, other: str | None) -> bool:
    """Whether S3 put `one` after `other`: sequencers are hexadecimal, compared right-justified."""
    if not one or not other:
        return False
    length = max(len(one), len(other))
    return one.rjust(length, "0") > other.rjust(length, "0")


def _not_later(one: str | None, other: str | None) -> bool:
    return not _later(one, other)


def _waiting(kind: Kind, verdict: Verdict, max_fan_out: int) -> str:
    """The receipt of a drop that makes no job by itself."""
    partner = "a video" if kind is Kind.IMAGE else "an image"
    if verdict.why is Why.AMBIGUOUS:
        return "waiting: several images and videos here - give an image and its video the same name"
    if verdict.why is Why.TOO_MANY:
        return f"rejected: one file for {verdict.others} others is more than {max_fan_out} - split the folder"
    return f"waiting for {partner}"
