"""Fakes of what lies outside the process: the provider, Step Functions, SNS, S3; each written once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from motiondrop.domain.job import Job, Options, Result
from motiondrop.domain.messages import Message
from motiondrop.domain.provider_errors import NotCancelable
from motiondrop.provider.responses import Created, Task, TaskPage, TaskRow, TaskStatus

MODEL = "wan2.2-animate-move"


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

    def wake(self, token: str, job: Job) -> None:
        self.tokens.append(token)


@dataclass
class FakeWan:
    """The provider. The next calls of a kind raise its `errors`; if `accepts_then_fails`, create makes a task first."""

    clock: Callable[[], datetime]
    tasks: dict[str, Task] = field(default_factory=dict)
    rows: list[TaskRow] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    watermarks: list[bool | None] = field(default_factory=list)
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

    def create(
        self, _image: str, _video: str, _options: Options, *, key: str, watermark: bool | None = None
    ) -> Created:
        self.keys.append(key)
        self.watermarks.append(watermark)
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

    def list(self, *, page: int = 1) -> TaskPage:
        self.calls.append("list")
        self._raise("list")
        rows = tuple(self.rows)
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
class FakeEventQueue:
    """The event queue, as far as folders settle through it."""

    settling: list[tuple[str, str]] = field(default_factory=list)

    def settle(self, folder: str, change: str, seconds: int) -> None:  # as the queue has it
        self.settling.append((folder, change))


@dataclass
class FakeExecutions:
    """Step Functions: `statuses` of executions by name, RUNNING where nothing else is said."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)

    def start(self, job: Job) -> bool:
        name = job.execution_name
        if self.statuses.get(name, "RUNNING") not in {"RUNNING", "GONE"}:
            return False
        if name not in self.started:
            self.started.append(name)
        return True

    def stop(self, arn: str, cause: str) -> None:
        self.stopped.append(arn)

    def status(self, arn: str) -> str:
        return self.statuses.get(arn.rpartition(":")[2], "RUNNING")

    def alive(self, arn: str) -> bool:
        return self.status(arn) == "RUNNING"

    def arn_of(self, name: str) -> str:
        return f"arn:aws:states:ap-southeast-1:1:execution:m:{name}"

    def wake(self, token: str, job: Job) -> None:
        self.woken.append(token)


@dataclass
class FakePublisher:
    """SNS: `emails`, and `alerts` to the operator; if `dies`, the next call raises: after an email, before an alert."""

    emails: list[Message] = field(default_factory=list)
    alerts: list[Message] = field(default_factory=list)
    dies: bool = False

    def notify(self, message: Message) -> None:
        self.emails.append(message)
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

    def send_events(self) -> int:
        return 0


class NoReceipts:
    """Receipts are derived, and not what is tested here."""

    def follow(self, job: Job, page_of: object = None) -> None:
        pass


class FakeLinks:
    """A link."""

    def to(self, job_id: str) -> str:
        return f"https://example.com/{job_id}"

    def in_path(self, job_id: str) -> str:
        return f"https://example.com/{job_id}/signature"


class FakeResults:
    """The results bucket, as far as signing goes."""

    def url(self, key: str, seconds: int) -> str:
        return f"https://example.com/{key}?{seconds}"


class NoMissedEvents:
    """The inbox, with every drop recorded and every folder settled."""

    def resend(self) -> int:
        return 0

    def resend_changes(self) -> int:
        return 0


class NoSubscribers:
    """The topics, heard by somebody."""

    def check(self) -> int:
        return 0


@dataclass
class FakeOpening:
    """What looks at results: finds `result`, or nothing yet; `written` counts the documents."""

    result: Result | None = None
    written: int = 0

    def look(self, job: Job) -> Result:
        return self.result or job.result

    def write(self, job: Job) -> None:  # as Opening has it
        self.written += 1
