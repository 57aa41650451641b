"""Step Functions' executions: how they start, run, stop, time out and end.

MiniStack keeps an execution as a dict and walks its states in a thread. Here each walk is a Run: an execution
that was redriven has had several, and the thread of an earlier run must not change anything any more.
"""

import contextvars
import heapq
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.services import eventbridge
from ministack.services import stepfunctions as sfn

from local.emulator.internals import internal, replace

Execution = dict[str, Any]

HISTORY_LIMIT = 25_000
"""The most events of one execution (AWS, "Step Functions service quotas")."""

_END_EVENT = {
    "SUCCEEDED": ("ExecutionSucceeded", "executionSucceededEventDetails"),
    "FAILED": ("ExecutionFailed", "executionFailedEventDetails"),
    "TIMED_OUT": ("ExecutionTimedOut", "executionTimedOutEventDetails"),
    "ABORTED": ("ExecutionAborted", "executionAbortedEventDetails"),
}
REDRIVABLE = ("FAILED", "TIMED_OUT", "ABORTED")

lock = threading.RLock()
"""Guards every execution's status together with its history, and the task tokens."""


class Stopped(SystemExit):
    """Ends the thread of a run that is over; a SystemExit, so that no `except Exception` catches it."""


@dataclass(eq=False)
class Run:
    """One walk through the states: from the start, or from where a redrive resumes."""

    execution: Execution
    ended: threading.Event = field(default_factory=threading.Event)
    waiting: list[threading.Event] = field(default_factory=list)
    """The events that the run's tasks wait for; they are set when the run ends, so that the tasks stop waiting."""

    def close(self) -> None:
        """End the run, and wake the tasks that wait in it."""
        self.ended.set()
        for event in self.waiting:
            event.set()

    def is_over(self) -> bool:
        """Whether the run has ended, or another has taken its place."""
        return self.ended.is_set() or self.execution.get("_run") is not self


current_run: contextvars.ContextVar[Run | None] = contextvars.ContextVar("current run", default=None)
_append_event = internal(sfn, "_add_event")


def record_event(execution: Execution, kind: str, details: dict[str, Any] | None = None) -> Any:
    """Add an event to the history. End the thread if its run is over; fail the execution if the history is full."""
    run = current_run.get()
    with lock:
        if run is not None and run.is_over():
            raise Stopped
        event = _append_event(execution, kind, details)
        if len(execution["events"]) < HISTORY_LIMIT - 1:
            return event
    end(
        execution,
        "FAILED",
        error="States.Runtime",
        cause=f"The execution reached the maximum number of history events ({HISTORY_LIMIT}).",
    )
    raise Stopped


def end(
    execution: Execution,
    status: str,
    *,
    error: str | None = None,
    cause: str | None = None,
    output: str | None = None,
) -> bool:
    """Close a running execution once; return False if it had ended already."""
    with lock:
        if execution["status"] != "RUNNING":
            return False
        execution.update(status=status, stopDate=sfn.now_iso(), error=error, cause=cause, output=output)
        kind, details = _END_EVENT[status]
        said = {"output": output} if status == "SUCCEEDED" else {"error": error, "cause": cause}
        _append_event(execution, kind, {details: {k: v for k, v in said.items() if v is not None}})
        run: Run | None = execution.get("_run")
        if run is not None:
            run.close()
    emit_status(execution)
    return True


def emit_status(execution: Execution) -> None:
    """Publish an execution's status to EventBridge (AWS, "Step Functions events": a status change)."""
    status = execution["status"]
    redrivable = status in REDRIVABLE
    epoch_ms = internal(sfn, "_iso_to_epoch_ms")
    detail = {
        "executionArn": execution["executionArn"],
        "stateMachineArn": execution["stateMachineArn"],
        "name": execution["name"],
        "status": status,
        "startDate": epoch_ms(execution["startDate"]),
        "stopDate": epoch_ms(execution["stopDate"]),
        "input": execution["input"],
        "inputDetails": {"included": True},
        "output": execution["output"] if status == "SUCCEEDED" else None,
        "outputDetails": {"included": True} if status == "SUCCEEDED" else None,
        "error": execution.get("error") if status == "FAILED" else None,
        "cause": execution.get("cause") if status == "FAILED" else None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": execution.get("redriveCount", 0),
        "redriveDate": epoch_ms(execution.get("redriveDate")),
        "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": None if redrivable else not_redrivable_reason(execution),
    }
    put_events = internal(eventbridge, "_put_events")
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps(detail),
        "Resources": [execution["executionArn"]],
    }
    try:
        put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:  # noqa: BLE001 - delivery is best effort, and must not end the execution
        sfn.logger.warning("no status event for %s", execution["executionArn"], exc_info=True)


def not_redrivable_reason(execution: Execution) -> str:
    """Why an execution that runs or succeeded cannot be redriven, in AWS's words."""
    return f"Execution is {execution['status']} and cannot be redriven"


def pause(seconds: float) -> None:
    """Sleep; raise Stopped as soon as the run is over."""
    run = current_run.get()
    if run is None:
        time.sleep(max(0.0, seconds))
    elif run.ended.wait(max(0.0, seconds)) or run.is_over():
        raise Stopped


class Deadlines:
    """Ends executions whose state machine has TimeoutSeconds, in one thread for all of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Run, contextvars.Context]] = []
        self._order = itertools.count()

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._watch, daemon=True, name="execution deadlines").start()

    def add(self, run: Run, seconds: float) -> None:
        """End a run as TIMED_OUT if it is not over after `seconds`."""
        with self._changed:
            entry = (time.monotonic() + seconds, next(self._order), run, contextvars.copy_context())
            heapq.heappush(self._due, entry)
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, _, run, context = heapq.heappop(self._due)
            if not run.is_over():
                context.run(end, run.execution, "TIMED_OUT")


deadlines = Deadlines()


def executions_end_once() -> None:
    """Make an execution that was stopped, failed or timed out do nothing more, and publish its end once.

    AWS, "StopExecution" and "Step Functions events": one status event per change. MiniStack's thread goes on
    after a stop, makes a second event, and ignores the machine's TimeoutSeconds ("State machine structure":
    the execution fails with a States.Timeout, status TIMED_OUT).
    """

    def fail(execution: Execution, error: str, cause: str) -> None:
        end(execution, "FAILED", error=error, cause=cause)

    def stop(data: dict[str, Any]) -> Any:
        execution = internal(sfn, "_executions").get(data.get("executionArn"))
        if execution is None:
            return does_not_exist(data)
        end(execution, "ABORTED", error=data.get("error"), cause=data.get("cause"))
        return sfn.json_response({"stopDate": execution["stopDate"]})

    deadlines.start()
    replace(sfn, "_add_event", record_event)
    replace(sfn, "_fail_execution", fail)
    replace(sfn, "_emit_execution_status_event", emit_status)
    replace(sfn, "_stop_execution", stop)


def waits_and_moments() -> None:
    """Scale a wait for Seconds by SFN_WAIT_SCALE, but not a wait until a Timestamp.

    AWS, "Wait workflow state". MiniStack scales both, so that a wait until a moment ends before the moment.
    Here both waits end with the run, instead of sleeping on after a stop.
    """
    parse_timestamp = internal(sfn, "_parse_ts")

    def scaled_sleep(seconds: float) -> None:
        pause(seconds * internal(sfn, "_SFN_WAIT_SCALE"))

    def sleep_until(timestamp: str) -> None:
        moment = parse_timestamp(timestamp)
        if moment is not None:
            pause(moment.timestamp() - time.time())

    replace(sfn, "_scaled_sleep", scaled_sleep)
    replace(sfn, "_sleep_until", sleep_until)


def does_not_exist(data: dict[str, Any]) -> Any:
    """Return the error for a request that names an unknown execution."""
    message = f"Execution Does Not Exist: '{data.get('executionArn')}'"
    return sfn.error_response_json("ExecutionDoesNotExist", message, 400)
