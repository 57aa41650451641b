"""What one job costs in reads and writes of the table, whatever else the table holds."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import requests
from moto import mock_aws

from motiondrop.aws.results import Saved
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, Result, State
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.ledger import Ledger
from motiondrop.workflow import finalize as module
from motiondrop.workflow.finalize import FinalizeJob
from motiondrop.workflow.pairs import MAX_JOBS
from tests.support.bench import Bench, make_bench
from tests.support.builders import execution_of
from tests.support.crowd import READS, calls, counted, multiply, queue_up
from tests.support.intake_bench import IntakeBench, make_intake
from tests.support.workflow_bench import WorkflowBench

Costs = dict[str, Counter[str]]


class _Results:
    """A results bucket that has the video already."""

    def save(self, job_id: str, _video: object) -> Saved:
        return Saved(f"videos/{job_id}.mp4", 1000, "sha")

    def write(self, key: str, body: bytes, kind: str) -> None:
        pass


class _NoOpening:
    """What cannot look at results, and writes no document."""

    def look(self, job: Job) -> Result:
        return job.result

    def write(self, job: Job) -> None:
        pass


class Stack:
    """The steps of a job, one after the other, over one table, with receipts."""

    def __init__(self, bench: Bench, intake: IntakeBench) -> None:
        self.bench, self.intake = bench, intake
        self.workflow = WorkflowBench(bench, intake.submit.receipts)
        self._finalize = FinalizeJob(
            jobs=bench.jobs,
            slots=bench.slots,
            wan=cast("Any", self.workflow.wan),
            session=requests.Session(),
            results=cast("Any", _Results()),
            ledger=Ledger(bench.tables, bench.jobs),
            closing=self.workflow.closing,
            origins=re.compile(""),
            opening=cast("Any", _NoOpening()),
            clock=bench.clock,
        )

    def life(self, image: bytes, video: bytes) -> tuple[Job, Costs]:
        """A pair named `hero` is dropped, waits, is given a slot, polled and ends well; what each step costs."""
        costs: Costs = {}
        with counted() as costs["arrival"]:
            self.intake.drop("hero.png", image)
            self.intake.drop("hero.mp4", video)
        job = self.bench.jobs.get(self.intake.executions.started[-1].rpartition("-")[0])
        execution = execution_of(job)
        with counted() as costs["grant"]:
            self.workflow.admit.claim(execution)
            self.workflow.admit.wait(execution, "token")
        assert self.workflow.state(job) == State.ADMITTED
        with counted() as costs["create"]:
            self.workflow.create(execution)
        with counted() as costs["poll"]:
            self.workflow.poll(execution)
        self._end(job, execution, costs)
        return self.bench.read(job), costs

    def _end(self, job: Job, execution: Execution, costs: Costs) -> None:
        self.workflow.becomes(job, TaskStatus.SUCCEEDED, video_duration=2.5, video_url="https://example.com/v.mp4")
        with counted() as costs["end"]:
            self.workflow.poll(execution)
            self._finalize.run(execution)
        assert self.workflow.state(job) == State.SUCCEEDED


@contextmanager
def stack() -> Iterator[Stack]:
    with mock_aws():
        bench = make_bench()
        with make_intake(bench) as intake:
            yield Stack(bench, intake)


@pytest.fixture(autouse=True)
def _no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Video", lambda *_: None)


def costs_after(prepare: Callable[[Stack], None]) -> Costs:
    """What a job's steps cost in a table that was prepared."""
    with stack() as one:
        prepare(one)
        return one.life(b"new image", b"video")[1]


def test_each_step_reads_and_writes_the_same_with_10_and_with_20000_jobs_in_the_queue() -> None:
    few = costs_after(lambda one: queue_up(one.bench, 10))
    many = costs_after(lambda one: queue_up(one.bench, 20_000))
    assert few == many
    assert set(few) == {"arrival", "grant", "create", "poll", "end"}
    assert all(sum(counts[read] for read in READS) for counts in few.values())


def test_each_step_costs_the_same_with_10_and_with_5000_earlier_jobs_of_other_content_under_the_name() -> None:
    def prepare(number: int) -> Callable[[Stack], None]:
        def lived(one: Stack) -> None:
            job, _ = one.life(b"old image", b"old video")
            multiply(one.bench, job.job_id, number - 1)

        return lived

    assert costs_after(prepare(10)) == costs_after(prepare(5000))


def test_each_step_makes_the_same_calls_with_10_jobs_of_a_shared_file_and_with_as_many_as_it_may_have() -> None:
    """Its receipt counts them, so their records are read, in one call: never more than the cap."""

    def prepare(number: int) -> Callable[[Stack], None]:
        def shared(one: Stack) -> None:
            job, _ = one.life(b"old image", b"video")
            for job_id in multiply(one.bench, job.job_id, number):
                assert one.bench.drops.add_job("hero.mp4", job_id, job.video.digest)
            one.intake.delete("hero.png")

        return shared

    few, most = costs_after(prepare(10)), costs_after(prepare(MAX_JOBS - 2))
    for step, counts in most.items():
        assert calls(counts) == calls(few[step]), step
        assert counts["items read"] <= (MAX_JOBS + 2) * (counts["BatchGetItem"] + counts["Query"]), step
