"""A bench for the steps of a run: the records are moto's, the provider, the runs and the mails are fakes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from motiondrop.admit import Admit
from motiondrop.conclude import Conclude
from motiondrop.create import Create
from motiondrop.ending import Ending
from motiondrop.job import Job, Options, Run, State
from motiondrop.messages import Message
from motiondrop.poll import Poll
from motiondrop.refusals import NotCancelable
from motiondrop.sweep import Sweep
from motiondrop.wan import Created, Task, TaskPage, TaskRow, TaskStatus
from tests.unit.conftest import PRICES, Bench

MODEL = "wan2.2-animate-move"
MARGIN = timedelta(minutes=5)
GRACE = timedelta(seconds=120)


@dataclass
class FakeWan:
    """The provider. `errors` holds what the next calls of a kind raise; a create's may come after it was done."""

    clock: Callable[[], datetime]
    tasks: dict[str, Task] = field(default_factory=dict)
    rows: list[TaskRow] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    during_create: Callable[[], object] = lambda: None
    accepts_then_fails: bool = False
    total: int | None = None

    def fail(self, call: str, *errors: Exception) -> None:
        self.errors.setdefault(call, []).extend(errors)

    def made(self) -> int:
        return self.calls.count("create")

    def row(self, task_id: str, status: TaskStatus = TaskStatus.PENDING, **other: Any) -> None:
        values: dict[str, Any] = {"model": MODEL, "api_key_id": "ours", "created_at": self.clock()} | other
        self.rows.append(TaskRow(task_id, status, **values))

    def create(self, _image: str, _video: str, _options: Options) -> Created:
        self.calls.append("create")
        if self.accepts_then_fails or not self.errors.get("create"):
            task_id = f"task-{self.made()}"
            self.row(task_id)
            self.tasks[task_id] = Task(task_id, TaskStatus.PENDING)
        self.during_create()
        self._raise("create")
        return Created(f"task-{self.made()}", TaskStatus.PENDING, "request")

    def query(self, task_id: str) -> Task:
        self.calls.append("query")
        self._raise("query")
        return self.tasks.get(task_id, Task(task_id, TaskStatus.UNKNOWN))

    def list(
        self, *, start: datetime | None = None, end: datetime | None = None, model: str | None = None, page: int = 1
    ) -> TaskPage:
        self.calls.append("list")
        self._raise("list")
        rows = tuple(row for row in self.rows if start is None or row.created_at is None or row.created_at >= start)
        return TaskPage(rows, len(rows) if self.total is None else self.total, page, 1, self.clock())

    def cancel(self, task_id: str) -> None:
        self.calls.append(f"cancel {task_id}")
        self._raise("cancel")
        if self.tasks[task_id].status != TaskStatus.PENDING:
            raise NotCancelable("UnsupportedOperation", "no")
        self.tasks[task_id] = Task(task_id, TaskStatus.CANCELED)
        self.rows = [
            TaskRow(row.task_id, TaskStatus.CANCELED, row.model, row.api_key_id, row.created_at)
            if row.task_id == task_id
            else row
            for row in self.rows
        ]

    def _raise(self, call: str) -> None:
        if self.errors.get(call):
            raise self.errors[call].pop(0)


@dataclass
class FakeRuns:
    """Step Functions: `statuses` of runs by name, RUNNING where nothing else is said."""

    started: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)

    def start(self, job: Job) -> None:
        self.started.append(job.execution_name)

    def status(self, arn: str) -> str:
        return self.statuses.get(arn.rpartition(":")[2], "RUNNING")

    def alive(self, arn: str) -> bool:
        return self.status(arn) == "RUNNING"

    def arn_of(self, name: str) -> str:
        return f"arn:aws:states:ap-southeast-1:1:execution:m:{name}"

    def wake(self, token: str) -> None:
        self.woken.append(token)


@dataclass
class FakeMessenger:
    """SNS: the mails by their subject, those to the operator apart; `dies` before the next one is noted."""

    mails: list[Message] = field(default_factory=list)
    alerts: list[Message] = field(default_factory=list)
    dies: bool = False

    def notify(self, message: Message) -> None:
        self.mails.append(message)
        if self.dies:
            self.dies = False
            raise ConnectionError

    def alert(self, message: Message) -> None:
        if self.dies:
            self.dies = False
            raise ConnectionError
        self.alerts.append(message)

    def send_digests(self) -> int:
        return 0


class NoReceipts:
    """Receipts are derived, and not what is tested here."""

    def follow(self, job: Job, place: int | None = None) -> None:
        pass


class FakeLinks:
    """A link."""

    def to(self, job_id: str) -> str:
        return f"https://example.com/{job_id}"


class FakeResults:
    """The results bucket, as far as signing goes."""

    def url(self, key: str, seconds: int) -> str:
        return f"https://example.com/{key}?{seconds}"


class NoLostDrops:
    """The inbox, with every drop recorded."""

    def announce(self) -> int:
        return 0


class NoListeners:
    """The topics, heard by somebody."""

    def check(self) -> int:
        return 0


class WayBench:
    """The steps of runs, over one bench of records."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.jobs, self.slots, self.clock = bench.jobs, bench.slots, bench.clock
        self.wan, self.runs, self.messenger = FakeWan(bench.clock), FakeRuns(), FakeMessenger()
        self.key: Callable[[], str] = lambda: "sk-test"
        fakes: dict[str, Any] = {
            "wan": self.wan,
            "runs": self.runs,
            "messenger": self.messenger,
            "receipts": NoReceipts(),
        }
        fake = {name: cast("Any", value) for name, value in fakes.items()}
        links, results, lost_drops = (cast("Any", one) for one in (FakeLinks(), FakeResults(), NoLostDrops()))
        listeners = cast("Any", NoListeners())
        self.ending = Ending(
            self.jobs, self.slots, fake["runs"], fake["receipts"], fake["messenger"], links, "results", self.clock
        )
        self._create = Create(
            self.jobs,
            self.slots,
            fake["wan"],
            self._read_key,
            results,
            fake["receipts"],
            fake["messenger"],
            self.ending,
            MARGIN,
            15,
            self.clock,
        )
        self._poll = Poll(self.jobs, self.slots, fake["wan"], fake["receipts"], 15, PRICES, self.clock)
        self._conclude = Conclude(self.jobs, fake["runs"], lambda: fake["wan"], self.ending)
        self._sweep = Sweep(
            self.jobs,
            self.slots,
            fake["runs"],
            self.ending,
            self._conclude,
            lost_drops,
            self.bench.drops,
            listeners,
            fake["messenger"],
            GRACE,
            self.clock,
        )
        self.admit = Admit(self.jobs, self.slots, fake["runs"], cast("Any", None), self.ending, 30)

    def _read_key(self) -> str:
        return self.key()

    def create(self, run: Run) -> dict[str, Any]:
        return self._create.create(run)

    def poll(self, run: Run, polls: int = 0) -> dict[str, Any]:
        return self._poll.poll(run, polls)

    def ends(self, run: Run, status: str, error: str | None = None) -> str:
        """The run ends so, and conclude is told."""
        self.runs.statuses[run.name] = status
        return self._conclude.conclude(run, error)

    def sweep(self) -> dict[str, int]:
        return self._sweep.sweep()

    def quiet(self) -> None:
        """Let the time pass after which the sweep looks after what nobody touched."""
        self.clock.pass_(seconds=GRACE.total_seconds() + 1)

    def next_run(self, job: Job) -> Run:
        """The run that was started last for the job, once it has picked the job up."""
        name = self.runs.started[-1]
        run = Run(job.job_id, name, self.runs.arn_of(name))
        self.admit.pick_up(run)
        return run

    def becomes(self, job: Job, status: TaskStatus, **other: Any) -> None:
        """The job's task is told so from now on."""
        task_id = self.bench.read(job).task_id or ""
        self.wan.tasks[task_id] = Task(task_id, status, **other)

    def pending(self, name: str = "hero") -> tuple[Job, Run]:
        """A job whose task was created."""
        _, run = self.bench.in_line(name)
        assert self.create(run) == {"next": "poll", "seconds": 15}
        return self.jobs.get(run.job_id), run

    def state(self, job: Job) -> State:
        return self.bench.read(job).state
