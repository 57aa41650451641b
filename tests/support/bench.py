"""The records of a stack, in a table as template.yaml makes it, over moto's DynamoDB in this process."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import boto3

from motiondrop.aws.metrics import Metrics
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job
from motiondrop.storage.budget import Budget
from motiondrop.storage.changes import Changes
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import Tables, bind
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.slots import Slots
from motiondrop.storage.submission_lock import SubmissionLock
from tests.support import moto_speed
from tests.support.builders import REGION, execution_of, make_job
from tests.support.fakes import Clock, Woken
from tests.support.template import RESOURCES

moto_speed.install()

#: Micro-USD that no day reaches.
NO_LIMIT = 10**15


@dataclass(frozen=True)
class Bench:
    """The records of a stack with two slots, and what a test needs to use them."""

    tables: Tables
    jobs: Jobs
    drops: Drops
    changes: Changes
    slots: Slots
    lock: SubmissionLock
    breaker: CircuitBreaker
    budget: Budget
    woken: Woken
    clock: Clock
    client: Any

    def job(self, name: str = "hero", **changes: Any) -> Job:
        """A recorded job, as submit records it."""
        job = make_job(name, self.clock(), **changes)
        assert self.jobs.record(job)
        return self.jobs.get(job.job_id)

    def queued(self, name: str = "hero") -> tuple[Job, Execution]:
        """A job that its execution has picked up."""
        job = self.job(name)
        execution = execution_of(job)
        return self.jobs.take_over(execution, lambda _: False), execution

    def in_queue(self, name: str = "hero") -> tuple[Job, Execution]:
        """A job that waits in the queue, or has a slot where one was free."""
        job, execution = self.queued(name)
        self.slots.wait(execution, f"token of {name}")
        return self.jobs.get(job.job_id), execution

    def submitting(self, name: str = "hero", seconds: float = 30) -> tuple[Job, Execution]:
        """A job whose create call is under way."""
        job, execution = self.in_queue(name)
        return self.lock.acquire(job, execution, self.clock() + timedelta(seconds=seconds), "key"), execution

    def pending(self, name: str = "hero") -> tuple[Job, Execution]:
        """A job with a task at the provider."""
        job, execution = self.submitting(name)
        self.lock.claim_task(job, execution, f"task-of-{name}", "request")
        return self.jobs.get(job.job_id), execution

    def job_named(self, name: str) -> Job:
        """The job of the pair of that name, as `job` recorded it."""
        return self.jobs.get(make_job(name, self.clock()).job_id)

    def read(self, job: Job) -> Job:
        return self.jobs.get(job.job_id)


# Made once: a client costs a fifth of a second, and a property test wants hundreds of tables.


@cache
def client(service: str) -> Any:
    """A client of the AWS that is mocked at the time."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # by name


@cache
def _bound() -> Tables:
    return bind("jobs", REGION)


@cache
def _table() -> dict[str, Any]:
    properties = RESOURCES["JobsTable"]["Properties"]
    names = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in names}


def make_bench() -> Bench:
    """The records of a new stack, in the AWS that is mocked now."""
    client("dynamodb").create_table(TableName="jobs", **_table())
    clock, woken = Clock(), Woken()
    tables = _bound()
    jobs = Jobs(tables, clock)
    breaker = CircuitBreaker(tables, clock)
    budget = Budget(tables, NO_LIMIT, clock)
    return Bench(
        tables,
        jobs,
        Drops(tables, clock),
        Changes(tables, clock),
        Slots(
            tables,
            jobs,
            waker=woken,
            budget=budget,
            breaker=breaker,
            set_aside=Metrics("test").set_aside,
            size=2,
            clock=clock,
        ),
        SubmissionLock(tables, jobs, budget, clock),
        breaker,
        budget,
        woken,
        clock,
        client("dynamodb"),
    )
