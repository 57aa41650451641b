"""A bench for `submit`: the inbox and the records are moto's; Step Functions and SNS are fakes."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from motiondrop.aws.event_queue import FolderEvent
from motiondrop.aws.inbox import Inbox
from motiondrop.aws.media import Checked
from motiondrop.aws.metrics import Metrics
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Job, State
from motiondrop.domain.keys import kind_of
from motiondrop.errors import DropGone
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Plan, Report
from motiondrop.storage.drop_links import DropLinks
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.folders import Folders
from motiondrop.workflow.pairs import Defaults, Pairs
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.submit import DropIntake
from motiondrop.workflow.withdrawal import Withdrawal
from tests.support.bench import NO_LIMIT, Bench, client
from tests.support.builders import PRICES
from tests.support.fakes import FakeEventQueue, FakeExecutions, FakeLinks, FakePublisher

METRICS = Metrics("test")
MAX_FAN_OUT = 3

#: The receipt of a drop whose one job waits in the queue.
QUEUED = "accepted and in the queue - the animation will cost 0.30 USD - it will be 720p at 15 frames/s with sound"


class FakeMediaFunction:
    """The function `media`: rejects files that begin with `bad`; plans to convert videos that contain `convert`."""

    def check(self, key: str, etag: str, trim: str | None) -> Checked:
        try:
            body = client("s3").get_object(Bucket="inbox", Key=key, IfMatch=etag)["Body"].read()
        except ClientError as error:
            raise DropGone(key) from error
        if body.startswith(b"bad"):
            raise Rejected("file is bad")
        digest = hashlib.sha256(body).hexdigest()
        copy = hashlib.sha256(b"clean" + body + str(trim).encode()).hexdigest()
        words = ("4096x2304 to 2048x1152 px",) if b"convert" in body else ()
        if kind_of(key) is Kind.IMAGE:
            image = Report(Kind.IMAGE, "png", "png", 640, 640, len(body), copy)
            return Checked(digest, image, "inputs/poster.jpg", f"inputs/{copy}.png")
        if words:
            return Checked(digest, Plan(2048, 1152, 2.5, 25.0, converted=words, sound=True), "inputs/poster.jpg")
        video = Report(Kind.VIDEO, "mp4", "mp4", 640, 640, len(body), copy, 2.5, 25.0, "h264", sound=True)
        return Checked(digest, video, "inputs/poster.jpg", f"inputs/{copy}.mp4")


@dataclass
class IntakeBench:
    """`submit` of a stack, with its inbox."""

    bench: Bench
    submit: DropIntake
    executions: FakeExecutions
    publisher: FakePublisher
    queue: FakeEventQueue
    sequence: int = 0

    def put(self, key: str, body: bytes | None = None, /, **metadata: str) -> str:
        """Put an object; return the event's sequencer."""
        client("s3").put_object(Bucket="inbox", Key=key, Body=key.encode() if body is None else body, Metadata=metadata)
        self.sequence += 1
        return f"{self.sequence:016X}"

    def drop(self, key: str, body: bytes | None = None, /, **metadata: str) -> None:
        self.submit.created(key, self.put(key, body, **metadata))

    def delete(self, key: str) -> None:
        client("s3").delete_object(Bucket="inbox", Key=key)
        self.submit.removed(key)

    def receipt(self, key: str) -> str:
        return self.tags(key).get("motiondrop", "")

    def tags(self, key: str) -> dict[str, str]:
        listed = client("s3").get_object_tagging(Bucket="inbox", Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in listed}

    def jobs(self) -> list[Job]:
        return self.bench.jobs.least_seen(100)

    def settle(self) -> None:
        """Let the delayed messages of the event queue come, in their order."""
        messages, self.queue.settling = self.queue.settling, []
        for folder, change in messages:
            self.submit.handle(FolderEvent(folder, change))

    def paid(self) -> set[tuple[str, str]]:
        """The pairs whose jobs go on to be paid for."""
        return {(job.image.key, job.video.key) for job in self.jobs() if job.state == State.QUEUED}


@contextmanager
def make_intake(bench: Bench) -> Iterator[IntakeBench]:
    s3 = client("s3")
    for name in ("inbox", "results"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    inbox = Inbox(s3, "inbox", "results")
    executions: Any = FakeExecutions()
    publisher: Any = FakePublisher()
    links: Any = FakeLinks()
    queue: Any = FakeEventQueue()
    media: Any = FakeMediaFunction()
    receipts = Receipts(inbox=inbox, drops=bench.drops, jobs=bench.jobs)
    closing = Closing(
        jobs=bench.jobs,
        slots=bench.slots,
        executions=executions,
        receipts=receipts,
        publisher=publisher,
        links=links,
        bucket="results",
        pause=timedelta(minutes=1),
        metrics=METRICS,
        clock=bench.clock,
    )
    pairs = _pairs(bench, queue, Folders(inbox=inbox, drops=bench.drops, max_fan_out=MAX_FAN_OUT), closing, publisher)
    submit = DropIntake(
        inbox=inbox,
        drops=bench.drops,
        pairs=pairs,
        receipts=receipts,
        withdrawal=pairs.withdrawal,
        publisher=publisher,
        media=media,
        metrics=METRICS,
    )
    yield IntakeBench(bench, submit, executions, publisher, queue)


def _pairs(bench: Bench, queue: Any, folders: Folders, closing: Closing, publisher: Any) -> Pairs:
    executions = closing.executions
    return Pairs(
        drops=bench.drops,
        folders=folders,
        changes=bench.changes,
        drop_links=DropLinks(bench.tables, bench.clock),
        queue=queue,
        jobs=bench.jobs,
        executions=executions,
        receipts=closing.receipts,
        withdrawal=Withdrawal(jobs=bench.jobs, drops=bench.drops, executions=executions, closing=closing),
        closing=closing,
        publisher=publisher,
        links=closing.links,
        defaults=Defaults("wan-std", "wan2.2-animate-move", PRICES),
        daily_budget=NO_LIMIT,
        settle_seconds=30,
        clock=bench.clock,
    )
