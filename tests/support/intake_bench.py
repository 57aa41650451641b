"""A bench for `submit`: the inbox and the records are moto's; Step Functions and SNS are fakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.metrics import Metrics
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import End, Job, State
from motiondrop.domain.keys import kind_of
from motiondrop.media.limits import Media, Rejected
from motiondrop.media.sandbox import Reader
from motiondrop.storage.budget import NO_LIMIT
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.folders import UNPAIRED, Folders
from motiondrop.workflow.receipts import Receipts
from motiondrop.workflow.submit import Defaults, DropIntake
from motiondrop.workflow.withdrawal import Withdrawal
from tests.support.bench import Bench, client
from tests.support.builders import PRICES
from tests.support.fakes import FakeExecutions, FakeLinks, FakePublisher

METRICS = Metrics("test")
MAX_FAN_OUT = 3


def fake_check(key: str, size: int, read: Reader) -> Media:
    """Take every file but those that say `bad`."""
    if read(0, size).startswith(b"bad"):
        raise Rejected("file is bad")
    kind = kind_of(key)
    if kind is None:
        raise Rejected("file is no media")
    extension = key.rpartition(".")[2]
    of_video = (2.5, 25.0, "h264") if kind is Kind.VIDEO else (None, None, None)
    return Media(kind, extension, extension, 640, 640, size, *of_video)


@dataclass
class IntakeBench:
    """`submit` of a stack, with its inbox."""

    bench: Bench
    submit: DropIntake
    executions: FakeExecutions
    publisher: FakePublisher
    folders: Folders
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
        tags = client("s3").get_object_tagging(Bucket="inbox", Key=key)["TagSet"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "motiondrop"), "")

    def jobs(self) -> list[Job]:
        return self.bench.jobs.least_seen(100)

    def settle(self) -> None:
        """What the executions do once the folder has settled: apply the rule again."""
        for job in self.jobs():
            if job.state == State.QUEUED and job.settling:
                if self.folders.follows((job.image.key, job.video.key)):
                    self.bench.jobs.transition(job, job.owner, None, settling=False)
                else:
                    self.bench.jobs.transition(job, job.owner, State.CANCELED, closing=End(UNPAIRED, notified=True))

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
    folders = Folders(inbox=inbox, drops=bench.drops, max_fan_out=MAX_FAN_OUT)
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
    defaults = Defaults("wan-std", "wan2.2-animate-move", PRICES)
    submit = DropIntake(
        inbox=inbox,
        drops=bench.drops,
        folders=folders,
        jobs=bench.jobs,
        executions=executions,
        receipts=receipts,
        withdrawal=Withdrawal(jobs=bench.jobs, drops=bench.drops, executions=executions, closing=closing),
        publisher=publisher,
        defaults=defaults,
        check=fake_check,
        metrics=METRICS,
        daily_budget=NO_LIMIT,
    )
    yield IntakeBench(bench, submit, executions, publisher, folders)
