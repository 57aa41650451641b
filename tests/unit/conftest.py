"""Unit tests have no sockets: AWS is moto, in the process; the provider is a fake."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import pytest_socket
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from motiondrop.drops import Drops
from motiondrop.job import Input, Job, Options, Run, State, identity, job_id_of
from motiondrop.jobs import Jobs, order_of
from motiondrop.pricing import Prices
from motiondrop.records import Tables, bind
from motiondrop.slots import Slots

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
REGION = "ap-southeast-1"
PRICES = Prices.of("wan2.2-animate-move", "singapore")


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(microseconds=1)  # no two moments are the same
        return self.moment

    def pass_(self, **time: float) -> None:
        self.moment += timedelta(**time)


@dataclass
class Woken:
    """Step Functions, as far as waking goes: notes the tokens."""

    tokens: list[str] = field(default_factory=list)

    def wake(self, token: str) -> None:
        self.tokens.append(token)


@dataclass(frozen=True)
class Bench:
    """The records of a stack with two slots, and what a test needs to use them."""

    tables: Tables
    jobs: Jobs
    drops: Drops
    slots: Slots
    woken: Woken
    clock: Clock

    def job(self, name: str = "hero", **changes: Any) -> Job:
        """A recorded job, as submit records it."""
        job = make_job(name, self.clock(), **changes)
        assert self.jobs.record(job)
        return self.jobs.get(job.job_id)

    def queued(self, name: str = "hero") -> tuple[Job, Run]:
        """A job that its run has picked up."""
        job = self.job(name)
        run = run_of(job)
        return self.jobs.take_over(run, lambda _: False), run

    def in_line(self, name: str = "hero") -> tuple[Job, Run]:
        """A job that waits in the line, or has a slot where one was free."""
        job, run = self.queued(name)
        self.slots.wait(run, f"token of {name}")
        return self.jobs.get(job.job_id), run

    def submitting(self, name: str = "hero", seconds: float = 30) -> tuple[Job, Run]:
        """A job whose create call is under way."""
        job, run = self.in_line(name)
        return self.slots.begin(job, run, self.clock() + timedelta(seconds=seconds), "key"), run

    def pending(self, name: str = "hero") -> tuple[Job, Run]:
        """A job with a task at the provider."""
        job, run = self.submitting(name)
        self.slots.claim(job, run, f"task-of-{name}", "request")
        return self.jobs.get(job.job_id), run

    def read(self, job: Job) -> Job:
        return self.jobs.get(job.job_id)


def make_input(key: str, digest: str, *, seconds: float | None = None) -> Input:
    extension = key.rpartition(".")[2]
    return Input(
        key, '"etag"', digest, f"inputs/{digest}.{extension}", 1000, 640, 480, seconds, 25 if seconds else None
    )


def make_job(name: str, moment: datetime, **changes: Any) -> Job:
    options = Options("wan-std", check_image=True, model="wan2.2-animate-move")
    image, video = make_input(f"{name}.png", f"i-{name}"), make_input(f"{name}.mp4", f"v-{name}", seconds=5.2)
    job_id = job_id_of(image.key, video.key, identity(image.digest, video.digest, options))
    values: dict[str, Any] = {
        "job_id": job_id,
        "state": State.QUEUED,
        "image": image,
        "video": video,
        "options": options,
        "recorded_at": moment,
        "order": order_of(moment, job_id),
        "quote": 624_000,
        "drops": frozenset({image.key, video.key}),
    }
    return Job(**(values | changes))


def run_of(job: Job, name: str | None = None, redrive: int = 0) -> Run:
    name = name or job.execution_name
    return Run(job.job_id, name, f"arn:aws:states:{REGION}:1:execution:m:{name}", redrive)


# Made once: a client costs a fifth of a second, the template two, and a property test wants hundreds of tables.


@cache
def client(service: str) -> Any:
    """A client of the AWS that is mocked at the time."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # by name


@cache
def _bound() -> Tables:
    return bind("jobs", REGION)


@cache
def _table() -> dict[str, Any]:
    properties = yaml_parse(TEMPLATE.read_text())["Resources"]["JobsTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in names}


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS, in the process."""
    with mock_aws():
        yield


@pytest.fixture
def bench(aws: None) -> Bench:
    """A fresh table, as template.yaml makes it."""
    return make_bench()


def make_bench() -> Bench:
    """The records of a new stack, in the AWS that is mocked now."""
    client("dynamodb").create_table(TableName="jobs", **_table())
    clock, woken = Clock(), Woken()
    tables = _bound()
    jobs = Jobs(tables, clock)
    return Bench(tables, jobs, Drops(tables, clock), Slots(tables, jobs, woken, 2, clock), woken, clock)
