"""Recording and starting the jobs that follow from a folder: namesakes' at once, all others after it has been quiet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from motiondrop.aws.event_queue import EventQueue
from motiondrop.aws.executions import Executions
from motiondrop.aws.inbox import receipt_text
from motiondrop.aws.topics import Publisher
from motiondrop.clock import Clock, now
from motiondrop.domain.formats import Kind
from motiondrop.domain.identity import identity, job_id_of
from motiondrop.domain.job import Input, Job, Limit, Options, State
from motiondrop.domain.keys import kind_of, stem_of
from motiondrop.domain.messages import rejected, untagged
from motiondrop.domain.pairing import AMBIGUOUS, Folder, Pair, Verdict, Why
from motiondrop.domain.pricing import MODES, Prices, usd_as_tag
from motiondrop.domain.reasons import DELETED, REPLACED
from motiondrop.errors import Contended, Forgotten
from motiondrop.media.advice import advice
from motiondrop.media.limits import Rejected
from motiondrop.storage.budget import reserve_of
from motiondrop.storage.changes import Changes
from motiondrop.storage.drop_links import DropLinks
from motiondrop.storage.drops import Drop, Drops
from motiondrop.storage.items import UNREADABLE
from motiondrop.storage.jobs import MAX_DROPS, Jobs
from motiondrop.web.links import Links
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.folders import Folders
from motiondrop.workflow.receipts import Receipts, of_rejected
from motiondrop.workflow.withdrawal import Withdrawal

#: How many jobs a drop may have, those with former partners included: each step of a job reads all jobs of its drops.
MAX_JOBS = 100

#: How many waiting files of a kind get a new receipt each time their folder has settled; the rest keep their old one.
MAX_TOLD = 100

#: Why a drop is rejected if its job was forgotten on request.
FORGOTTEN = "file was deleted for good on request - ask the person who runs MotionDrop to allow it again"


@dataclass(frozen=True)
class Defaults:
    """The stack's own choices, for drops that name none, and its prices."""

    mode: str
    model: str
    prices: Prices


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The pairs of one stack's folders. A folder has settled after `settle_seconds` without a change."""

    drops: Drops
    folders: Folders
    changes: Changes
    drop_links: DropLinks
    queue: EventQueue
    jobs: Jobs
    executions: Executions
    receipts: Receipts
    withdrawal: Withdrawal
    closing: Closing
    publisher: Publisher
    links: Links
    defaults: Defaults
    daily_budget: int
    settle_seconds: int
    clock: Clock = now

    def changed(self, key: str) -> None:
        """If there is a drop at `key`, start the jobs that pair it with its namesakes. Then let the folder settle."""
        folder = self.folders.of(key)
        if key in folder.kinds:
            verdict = folder.verdict(key)
            pairs = verdict.pairs if verdict.why is Why.NAMESAKE else ()
            if key not in self._start(pairs, key):
                self.drops.tell(key, self._waiting(verdict, key))
                self._say(self.receipts.sync([key]))
        if folder.shares and any(folder.left_over()):
            self.queue.settle(folder.name, self.changes.note(folder.name), self.settle_seconds)

    def settle(self, name: str, change: str) -> None:
        """Apply the rule for files without a namesake to the folder, if it is due after `change` (`Changes.is_due`)."""
        if not self.changes.is_due(name, change):
            return
        folder = self.folders.of(name)
        if pairs := folder.shared_pairs():
            self._start(pairs)
        elif folder.shares:
            for waiting in folder.left_over():
                self._tell(folder, waiting[:MAX_TOLD])
        self.changes.settled(name, change)

    def _tell(self, folder: Folder, keys: list[str]) -> None:
        """Set the receipts of waiting files of one kind without a namesake: the rule's verdict is the same for all."""
        if not keys:
            return
        verdict = folder.verdict(keys[0])
        for key, drop in self.drops.find(keys).items():
            waiting = self._waiting(verdict, key)
            if drop.waiting != waiting:
                self.drops.tell(key, waiting)
        self._say(self.receipts.sync(keys))

    def _start(self, pairs: Iterable[Pair], key: str | None = None) -> set[str]:
        """Record and start the jobs of the pairs; return the files of the pairs that now have a job or were rejected.

        `key` is the file whose arrival started this, if there is one.
        """
        known = self.drops.find({one for pair in pairs for one in pair})
        done: set[str] = set()
        unreadable: Exception | None = None
        for pair in pairs:
            try:
                job = self._job(pair, known)
            except (Forgotten, Rejected) as error:
                self._refuse(pair, error.reason if isinstance(error, Rejected) else FORGOTTEN, known, key)
                done |= {*pair}
            except UNREADABLE as error:
                unreadable = error
            else:
                done |= {*pair} if job else set()
        if unreadable:
            raise unreadable  # after the other pairs, which it does not stop
        return done

    def _refuse(self, pair: Pair, reason: str, known: Mapping[str, Drop], key: str | None) -> None:
        """Reject a pair: set both files' receipts and send one email; skip files that already have this receipt."""
        receipt = of_rejected(reason)
        untold = [one for one in pair if known[one].waiting != receipt]
        if untold:
            self.publisher.notify(rejected(key if key in untold else untold[0], reason))
        for one in untold:
            self.drops.tell(one, receipt, waits=False)
        self.receipts.sync(untold)

    def _job(self, pair: Pair, known: Mapping[str, Drop]) -> Job | None:
        """Record, start and return the job of a pair; return None while one of its files has not been checked yet.

        Raise Rejected if the job may cost more than a day's budget or limit, or if one of its files has too many jobs.

        The event of the file that is not checked yet makes the job later: each drop is recorded before it looks for
        partners, so of two drops that arrive at the same moment at least one sees the other.
        """
        image, video = (known.get(one) for one in pair)
        if not (image and video and image.media and video.media):
            return None
        new = self._new(image, video, (image.media, video.media))
        if reserve_of(new.quote) > self.daily_budget:
            raise Rejected(
                f"animation may cost up to {usd_as_tag(reserve_of(new.quote))}"
                f" - the budget of a day is {usd_as_tag(self.daily_budget)}"
                " - use a shorter video or ask the person who runs MotionDrop to raise DailyBudgetUSD"
            )
        if new.limit and reserve_of(new.quote) > new.limit.daily:
            raise Rejected(
                f"animation may cost up to {usd_as_tag(reserve_of(new.quote))} - the limit of the drop link is"
                f" {usd_as_tag(new.limit.daily)} a day - use a shorter video or ask for a higher limit"
            )
        for drop in (image, video):
            if len(drop.jobs - {new.job_id}) >= MAX_JOBS:
                raise Rejected(
                    f"{drop.kind} already has {MAX_JOBS} animations - this is the limit"
                    f" - drop a copy of the {drop.kind} under another name"
                )
        recorded = self.jobs.record(new)
        job = new if recorded else self._known(new, (image, video))
        if not all(self.drops.add_job(one.key, job.job_id, one.digest) for one in (new.image, new.video)):
            if not self.withdrawal.asked_for(job):
                self.withdrawal.withdraw(job, REPLACED)
            return None  # one of the two was replaced or deleted at this moment: its own event does the rest
        # A job of the same name that was forgotten had executions, whose names are taken for 90 days.
        while not job.closed and not self.executions.start(job) and recorded:
            job = self.jobs.transition(job, job.owner, execution_number=job.execution_number + 1)
        self._say(self.receipts.follow(job, self.links.in_path))
        return job

    def _say(self, unsaid: Mapping[str, str]) -> None:
        """Send by email the receipts that drops cannot carry, because they have ten tags of their own."""
        for key, receipt in unsaid.items():
            self.publisher.notify(untagged(key, receipt))

    def _new(self, image_drop: Drop, video_drop: Drop, files: tuple[Input, Input]) -> Job:
        image, video = files
        options = Options(
            mode=image_drop.mode or _mode_of_path(image.key) or self.defaults.mode,
            check_image=True if image_drop.check_image is None else image_drop.check_image,
            model=self.defaults.model,
            trim=video_drop.trim,
        )
        return Job(
            job_id=job_id_of(image.key, video.key, identity(image.digest, video.digest, options)),
            state=State.QUEUED if image.copy and video.copy else State.PREPARING,
            image=image,
            video=video,
            options=options,
            recorded_at=self.clock(),
            quote=self.defaults.prices.cost(video.duration or 0, options.mode),
            advice=advice(image, video),
            drops=frozenset({image.key, video.key}),
            limit=self._limit(image_drop, video_drop),
        )

    def _limit(self, *drops: Drop) -> Limit | None:
        """The daily limit of the drop link by which one of the files came; the image's link takes precedence.

        Raise Rejected if that link was revoked, since revoking a link must not lift its limit.
        """
        link_id = next((drop.link_id for drop in drops if drop.link_id), None)
        if link_id is None:
            return None
        link = self.drop_links.find(link_id)
        if link is None:
            raise Rejected("drop link of this file was revoked - ask for a new link and drop the file again")
        return link.limit

    def _known(self, new: Job, drops: Iterable[Drop]) -> Job:
        """The recorded job with this content; reopen it if it ended without a video and a drop is new or came again."""
        job = self.jobs.get(new.job_id)
        first_time = not new.drops <= job.drops
        if first_time and len(job.drops | new.drops) > MAX_DROPS:
            raise Rejected(
                f"these two files were already dropped under {MAX_DROPS // 2} other names - this is the limit"
                " - use one of those names"
            )
        if first_time and job.state == State.SUCCEEDED:
            self.closing.tell_again(job, new)
        if first_time and not self.jobs.add_drops(job.job_id, new.drops):
            raise Contended(f"job {job.job_id} was given other drops at the same moment")
        # A job that was withdrawn is wanted again, since both of its drops are there.
        wanted = first_time or job.closing.reason in {DELETED, REPLACED} or any(_is_redrop(one, job) for one in drops)
        if job.state in {State.FAILED, State.CANCELED} and wanted:
            self.closing.notify(job)
            job = self.jobs.reopen(
                self.jobs.get(job.job_id),
                image=new.image,
                video=new.video,
                limit=new.limit,
                execution_number=job.execution_number + 1,
                owner=None,
                owner_arn=None,
            )
        return replace(job, drops=job.drops | new.drops)

    def _waiting(self, verdict: Verdict, key: str) -> str:
        """The receipt of a drop without a job, by the rule's verdict."""
        missing, extension = ("video", "mp4") if kind_of(key) is Kind.IMAGE else ("image", "png")
        match verdict.why:
            case Why.AMBIGUOUS:
                stem = stem_of(key)
                if receipt_text(stem) != stem or len(stem) > _NAME:  # the receipt cannot spell the name
                    return f"{AMBIGUOUS} - give the {missing} for this {kind_of(key)} the same name"
                return f"{AMBIGUOUS} - rename the {missing} for this {kind_of(key)} to {stem}.{extension}"
            case Why.TOO_MANY:
                most = self.folders.max_fan_out
                return (
                    f"rejected: one file would make {verdict.others} animations - the limit is {most}"
                    " - move some of the files to another folder or have MaxFanOut raised"
                )
            case Why.SHARED:
                return f"waiting: the animation starts once the folder has not changed for {self.settle_seconds} s"
            case _:
                return f"waiting for {'a' if missing == 'video' else 'an'} {missing}"


_NAME = 60  # the longest name that a receipt repeats, in characters; a tag has room for 256 in all


def _mode_of_path(key: str) -> str | None:
    """The mode that a folder of the key's path names, the innermost where there are several."""
    return next((part for part in reversed(key.split("/")[:-1]) if part in MODES), None)


def _is_redrop(drop: Drop, job: Job) -> bool:
    """Whether the drop was put there after the job had ended.

    A drop recorded without a sequencer does not count, such as one whose lost event the sweep made again.
    """
    came = drop.sequencer is not None and drop.dropped_at
    return bool(came and job.closing.at and came > job.closing.at)
