"""The life of one job, step by step, over a table in the process: what each step reads and writes in it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import patch

import requests
from moto import mock_aws

from motiondrop.aws.results import Saved
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, Result, State
from motiondrop.provider.responses import TaskStatus
from motiondrop.storage.ledger import Ledger
from motiondrop.workflow import finalize as module
from motiondrop.workflow.finalize import FinalizeJob
from tests.support.bench import Bench, make_bench
from tests.support.builders import execution_of
from tests.support.crowd import counted
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
    with mock_aws(), patch.object(module, "Video", lambda *_: None):
        bench = make_bench()
        with make_intake(bench) as intake:
            yield Stack(bench, intake)


def costs_after(prepare: Callable[[Stack], None]) -> Costs:
    """What a job's steps cost in a table that was prepared."""
    with stack() as one:
        prepare(one)
        return one.life(b"new image", b"video")[1]
