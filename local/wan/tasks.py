"""The account's tasks: a queue, a few that run, and a timeline computed from the clock, not by polling it."""

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from local.wan.clock import Clock
from local.wan.creation import Creation
from local.wan.errors import ProviderError
from local.wan.results import Result
from local.wan.settings import Settings

PENDING, RUNNING, SUCCEEDED = "PENDING", "RUNNING", "SUCCEEDED"
FAILED, CANCELED, UNKNOWN = "FAILED", "CANCELED", "UNKNOWN"
LATE_SECONDS = 0.1
"""The time after which a task with wrong fields was seen to fail (the notes, "Shapes seen in captured traffic")."""
STATUSES = (PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, UNKNOWN)


@dataclass(frozen=True)
class Failure:
    """Why a task failed; either half may be missing, as it may at the provider."""

    code: str | None
    message: str | None


@dataclass(frozen=True)
class PlannedFailure:
    """A fault: the task fails `after_seconds` seconds after it started."""

    failure: Failure
    after_seconds: float


@dataclass(eq=False)
class Task:
    """One task; its times are the clock's, in seconds since the epoch."""

    creation: Creation
    api_key: str
    created_at: float
    task_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = PENDING
    started_at: float | None = None
    ended_at: float | None = None
    runs_seconds: float = 0
    work_began: float = 0
    planned_end: float | None = None
    planned_failure: PlannedFailure | None = None
    failure: Failure | None = None
    result: Result | None = None
    result_path: str = ""
    result_query: str = ""


Work = Callable[[Task], Result]
Sign = Callable[[Task], None]


class TaskBook:
    """All tasks, and the threads that do their work.

    A task ends when both its seconds on the clock and its work are over; the next one starts at that very
    moment, no matter when anybody looks. Work is the downloading, checking and rendering that `work` does.
    """

    _MAX_WORKERS = 4

    def __init__(self, clock: Clock, settings: Callable[[], Settings], work: Work, sign: Sign) -> None:
        self._clock = clock
        self._settings = settings
        self._work = work
        self._sign = sign
        self._changed = threading.Condition()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._empty()

    def _empty(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._by_result: dict[str, Task] = {}
        self._pending: OrderedDict[str, Task] = OrderedDict()
        self._running: dict[str, Task] = {}
        self._refused: deque[Task] = deque()
        self._work_to_do: deque[Task] = deque()
        self.peak_running = 0
        self.peak_unfinished = 0

    def create(self, creation: Creation, api_key: str, planned_failure: PlannedFailure | None = None) -> Task:
        """Put a new task into the queue."""
        with self._changed:
            now = self._clock.now()
            self._advance(now)
            task = Task(creation, api_key, now, planned_failure=planned_failure)
            self._tasks[task.task_id] = task
            self._pending[task.task_id] = task
            self._advance(now)
            self.peak_unfinished = max(self.peak_unfinished, len(self._pending) + len(self._running))
            # A worker that waits without a limit may now have a task's end to wait for.
            self._changed.notify_all()
            return task

    def refuse_late(self, creation: Creation, api_key: str, failure: Failure) -> Task:
        """Make a task that fails a moment later, whatever is in the queue: it is never given to the model."""
        with self._changed:
            now = self._clock.now()
            self._advance(now)
            task = Task(creation, api_key, now, failure=failure, planned_end=now + LATE_SECONDS)
            self._tasks[task.task_id] = task
            self._refused.append(task)
            return task

    def get(self, task_id: str) -> Task | None:
        """Return a task as it is now, or None if no task has that id or the task has expired."""
        with self._changed:
            now = self._clock.now()
            self._advance(now)
            task = self._tasks.get(task_id)
            return task if task is not None and self._is_valid(task, now) else None

    def cancel(self, task_id: str) -> None:
        """Cancel a task that waits; raises UnsupportedOperation for any other."""
        with self._changed:
            now = self._clock.now()
            self._advance(now)
            task = self._pending.get(task_id)
            if task is None or not self._is_valid(task, now):
                raise ProviderError(
                    "UnsupportedOperation",
                    "Failed to cancel the task, please confirm if the task is in PENDING status.",
                )
            del self._pending[task_id]
            task.status, task.ended_at = CANCELED, now

    def valid(self) -> list[Task]:
        """Return every task that can still be queried, newest first."""
        with self._changed:
            now = self._clock.now()
            self._advance(now)
            return [task for task in reversed(self._tasks.values()) if self._is_valid(task, now)]

    def all(self) -> list[Task]:
        """Return every task ever made, oldest first."""
        with self._changed:
            self._advance(self._clock.now())
            return list(self._tasks.values())

    def of_result(self, path: str) -> Task | None:
        """Return the task whose result has this path."""
        with self._changed:
            return self._by_result.get(path)

    def reset(self) -> None:
        """Forget all tasks; work that is being done for one is thrown away."""
        with self._changed:
            self._empty()
            self._changed.notify_all()

    def look(self) -> None:
        """Apply the clock and the settings as they are now; have a worker for each task that may run, four at most."""
        with self._changed:
            while len(self._threads) < min(self._settings().concurrency, self._MAX_WORKERS):
                thread = threading.Thread(target=self._run, name="wan-worker", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._advance(self._clock.now())
            self._changed.notify_all()

    def stop(self) -> None:
        """Stop working; a rendering under way may take a moment to end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _is_valid(self, task: Task, now: float) -> bool:
        return now <= task.created_at + self._settings().validity_seconds

    def _advance(self, now: float) -> None:
        """Let all happen that is due by now, in order: a task's end first, then the next one's start."""
        while self._refused and _planned_end(self._refused[0]) <= now:
            refused = self._refused.popleft()
            refused.status, refused.ended_at = FAILED, refused.planned_end
        self._fill(now)
        while True:
            due = [task for task in self._running.values() if task.planned_end is not None]
            task = min(due, key=_planned_end, default=None)
            if task is None or _planned_end(task) > now:
                return
            self._end(task)
            self._fill(_planned_end(task))

    def _fill(self, free_since: float) -> None:
        while self._pending and len(self._running) < self._settings().concurrency:
            _, task = self._pending.popitem(last=False)
            task.status = RUNNING
            task.started_at = max(task.created_at, free_since)
            task.runs_seconds = self._settings().task_seconds
            task.work_began = time.monotonic()
            self._running[task.task_id] = task
            self.peak_running = max(self.peak_running, len(self._running))
            if task.planned_failure is not None:
                task.failure = task.planned_failure.failure
                task.planned_end = task.started_at + task.planned_failure.after_seconds
            else:
                self._work_to_do.append(task)
            self._changed.notify_all()

    def _end(self, task: Task) -> None:
        del self._running[task.task_id]
        task.ended_at = task.planned_end
        if task.failure is not None:
            task.status = FAILED
            return
        task.status = SUCCEEDED
        self._sign(task)
        self._by_result[task.result_path] = task

    def _run(self) -> None:
        while True:
            with self._changed:
                task = self._next_work()
            if task is None:
                return
            result: Result | None = None
            failure: Failure | None = None
            try:
                result = self._work(task)
            except ProviderError as error:
                failure = Failure(error.code, error.message)
            except Exception as error:  # noqa: BLE001 - any error ends its task, never the queue
                failure = Failure("InternalError.Algo", f"The stand-in broke: {error!r}")
            with self._changed:
                self._note(task, result, failure)

    def _next_work(self) -> Task | None:
        """Wait for a running task whose work has not begun, and return it; None when it is time to stop."""
        while not self._stopping:
            now = self._clock.now()
            self._advance(now)
            if self._work_to_do:
                return self._work_to_do.popleft()
            ends = [_planned_end(task) for task in self._running.values() if task.planned_end is not None]
            # Without a request, only a task's end can bring work; requests that matter wake this thread themselves.
            self._changed.wait(min(max(min(ends) - now, 0.0), 3600) if ends and self._pending else None)
        return None

    def _note(self, task: Task, result: Result | None, failure: Failure | None) -> None:
        worked = time.monotonic() - task.work_began
        task.result, task.failure = result, failure
        # A failure ends the task at once; a success takes at least the time that a task is to run.
        seconds = worked if failure is not None else max(worked, task.runs_seconds)
        task.planned_end = (task.started_at or 0.0) + seconds
        self._advance(self._clock.now())
        self._changed.notify_all()


def _planned_end(task: Task) -> float:
    return task.planned_end if task.planned_end is not None else float("inf")
