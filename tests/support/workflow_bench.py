"""A bench for the steps of an execution: the records are moto's; provider, Step Functions and SNS are fakes."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from motiondrop.aws.metrics import Metrics
from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Job, Result, State
from motiondrop.provider.client import CALL_TIMEOUT
from motiondrop.provider.responses import OutcomeUnknown, Task, TaskStatus
from motiondrop.storage.cursors import Cursors
from motiondrop.workflow.admit import Admission
from motiondrop.workflow.closing import Closing
from motiondrop.workflow.conclude import ConcludeExecution
from motiondrop.workflow.create import CreateTask
from motiondrop.workflow.poll import PollTask
from motiondrop.workflow.reconcile import Reconcile
from motiondrop.workflow.refusals import Refusals
from motiondrop.workflow.sweep import Sweep
from tests.support.bench import Bench
from tests.support.builders import PRICES
from tests.support.fakes import (
    FakeExecutions,
    FakeLinks,
    FakeOpening,
    FakePublisher,
    FakeResults,
    FakeWan,
    NoMissedEvents,
    NoReceipts,
    NoSubscribers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN = timedelta(minutes=5)
GRACE = timedelta(seconds=120)


class WorkflowBench:
    """The steps of executions, over one bench of records; without receipts, where none are given."""

    def __init__(self, bench: Bench, receipts: Any = None) -> None:
        self.bench = bench
        self.jobs, self.slots, self.clock = bench.jobs, bench.slots, bench.clock
        self.lock, self.breaker = bench.lock, bench.breaker
        self.wan, self.executions, self.publisher = FakeWan(bench.clock), FakeExecutions(), FakePublisher()
        self.key: Callable[[], str] = lambda: "sk-test"
        wan, executions, publisher = (cast("Any", fake) for fake in (self.wan, self.executions, self.publisher))
        receipts, metrics = receipts or cast("Any", NoReceipts()), Metrics("test")
        self.closing = Closing(
            jobs=self.jobs,
            slots=self.slots,
            executions=executions,
            receipts=receipts,
            publisher=publisher,
            links=cast("Any", FakeLinks()),
            bucket="results",
            pause=timedelta(minutes=1),
            metrics=metrics,
            clock=self.clock,
        )
        self.refusals = Refusals(slots=self.slots, breaker=self.breaker, publisher=lambda: publisher)
        self._create = self._create_task(wan, publisher, receipts, metrics)
        self._poll = self._poll_task(wan, receipts, metrics)
        self._conclude = ConcludeExecution(jobs=self.jobs, executions=executions, wan=lambda: wan, closing=self.closing)
        self.opening = FakeOpening()
        self._sweep = self._sweep_of(executions, publisher, metrics)
        self.admit = Admission(
            jobs=self.jobs,
            slots=self.slots,
            executions=executions,
            closing=self.closing,
            receipts=receipts,
            prices=PRICES,
        )

    def _poll_task(self, wan: Any, receipts: Any, metrics: Metrics) -> PollTask:
        return PollTask(
            jobs=self.jobs,
            slots=self.slots,
            wan=wan,
            receipts=receipts,
            refusals=self.refusals,
            poll_seconds=15,
            prices=PRICES,
            metrics=metrics,
            clock=self.clock,
        )

    def _create_task(self, wan: Any, publisher: Any, receipts: Any, metrics: Metrics) -> CreateTask:
        reconcile = Reconcile(
            jobs=self.jobs,
            slots=self.slots,
            lock=self.lock,
            wan=wan,
            publisher=publisher,
            closing=self.closing,
            margin=MARGIN,
            clock=self.clock,
        )
        return CreateTask(
            jobs=self.jobs,
            slots=self.slots,
            lock=self.lock,
            refusals=self.refusals,
            wan=wan,
            key=self._read_key,
            results=cast("Any", FakeResults()),
            receipts=receipts,
            closing=self.closing,
            reconcile=reconcile,
            poll_seconds=15,
            watermark=False,
            metrics=metrics,
            clock=self.clock,
        )

    def _sweep_of(self, executions: Any, publisher: Any, metrics: Metrics) -> Sweep:
        return Sweep(
            jobs=self.jobs,
            slots=self.slots,
            breaker=self.breaker,
            budget=self.bench.budget,
            executions=executions,
            closing=self.closing,
            conclude=self._conclude.run,
            missed_events=cast("Any", NoMissedEvents()),
            drops=self.bench.drops,
            cursors=Cursors(self.bench.tables, self.clock),
            subscribers=cast("Any", NoSubscribers()),
            opening=cast("Any", self.opening),
            publisher=publisher,
            grace=GRACE,
            metrics=metrics,
            clock=self.clock,
        )

    def broken_off(self, *, made: bool) -> tuple[Job, Execution]:
        """A job whose create call got no answer, at the time after which that can be looked into.

        Another job's task was claimed before, so that the list can prove itself.
        """
        self.pending("before")
        job, execution = self.bench.in_queue()
        self.wan.accepts_then_fails = made
        self.wan.fail("create", OutcomeUnknown("lost"))
        assert "at" in self.create(execution)
        self.may_be_looked_into()
        return self.bench.read(job), execution

    def may_be_looked_into(self) -> None:
        """Let the time pass after which the outcome of a create call without an answer can be looked into."""
        self.clock.pass_(seconds=(MARGIN + CALL_TIMEOUT).total_seconds() + 1)

    def saved(self, name: str = "saved") -> Job:
        """A job whose video is saved and announced, and not yet looked at."""
        job, execution = self.bench.pending(name)
        job = self.jobs.transition(job, execution.owner, State.SAVING)
        job = self.jobs.transition(job, execution.owner, State.SUCCEEDED, result=Result("videos/x.mp4", 1))
        return self.closing.notify(self.jobs.get(job.job_id))

    def _read_key(self) -> str:
        return self.key()

    def create(self, execution: Execution) -> dict[str, Any]:
        return route(self._create.run(execution))

    def poll(self, execution: Execution) -> dict[str, Any]:
        return route(self._poll.run(execution))

    def ends(self, execution: Execution, status: str, error: str | None = None) -> str:
        """End the execution with this status, and run conclude; return what it answers."""
        self.executions.statuses[execution.name] = status
        return self._conclude.run(execution, error)

    def sweep(self) -> dict[str, int]:
        return self._sweep.run()

    def quiet(self) -> None:
        """Let the time pass after which the sweep looks after what nobody touched."""
        self.clock.pass_(seconds=GRACE.total_seconds() + 1)

    def start_next(self, job: Job) -> Execution:
        """The execution that was started last for the job, once it has picked the job up."""
        name = self.executions.started[-1]
        execution = Execution(job.job_id, name, self.executions.arn_of(name))
        self.admit.claim(execution)
        return execution

    def becomes(self, job: Job, status: TaskStatus, **other: Any) -> None:
        """Let the provider report this of the job's task from now on."""
        task_id = self.bench.read(job).task.id or ""
        self.wan.tasks[task_id] = Task(task_id, status, **other)

    def pending(self, name: str = "hero") -> tuple[Job, Execution]:
        """A job whose task was created."""
        _, execution = self.bench.in_queue(name)
        assert self.create(execution) == {"next": "Wait for the task", "wait_seconds": 15}
        return self.jobs.get(execution.job_id), execution

    def state(self, job: Job) -> State:
        return self.bench.read(job).state


def route(step: dict[str, Any]) -> dict[str, Any]:
    """What the state machine reads of an answer; the rest is for people."""
    return {name: step[name] for name in ("next", "wait_seconds", "at") if name in step}
