"""Faults that a test asks for: which faults there are, and which one the next request meets."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.wan.errors import ControlError
from local.wan.tasks import Failure, PlannedFailure

CREATE, QUERY, LIST, CANCEL, RESULT = "create", "query", "list", "cancel", "result"
STAGES = (CREATE, QUERY, LIST, CANCEL, RESULT)
_EVERYWHERE = frozenset(STAGES)
_RESULT_ONLY = frozenset({RESULT})

KINDS: dict[str, frozenset[str]] = {
    "error": _EVERYWHERE,
    "garbage": _EVERYWHERE,
    "hang": _EVERYWHERE,
    "accepted_then_lost": _EVERYWHERE,
    "truncated": _EVERYWHERE,
    "reset_midway": _EVERYWHERE,
    "redirect": _EVERYWHERE,
    "task_failed": frozenset({CREATE}),
    "success_without_url": frozenset({QUERY}),
    "wrong_crc": _RESULT_ONLY,
    "expired": _RESULT_ONLY,
    "not_a_video": _RESULT_ONLY,
}
"""Where each kind can happen.

`hang` holds the answer back; `acts` says what becomes of the request: `first` (done at once), `late` (done when the
hanging is over) or `never`. An `error` with `acts: first` carries the request out, but answers with the error.
"""
_FIELDS: dict[str, frozenset[str]] = {
    "error": frozenset({"status", "code", "message", "acts"}),
    "hang": frozenset({"seconds", "acts"}),
    "task_failed": frozenset({"code", "message", "after_seconds"}),
    "redirect": frozenset({"location"}),
}
_ACTS = {"hang": ("first", "late", "never"), "error": ("never", "first")}
"""What can become of the request, the default first."""
_MAX_SECONDS = 86_400
_STATUSES = range(200, 600)


@dataclass
class Fault:
    """One fault, and how many requests will still meet it."""

    stage: str
    kind: str
    times: int
    status: int = 500
    code: str | None = "InternalError"
    message: str | None = "An internal error has occured, please try again later."
    seconds: float = 0
    acts: str = ""
    location: str = ""
    fields: dict[str, Any] = field(default_factory=dict)

    def planned_failure(self) -> PlannedFailure:
        """Return how the task that meets this fault will end."""
        return PlannedFailure(Failure(self.code, self.message), self.seconds)

    def shown(self) -> dict[str, Any]:
        """Return the fault as it was asked for, with the times that are left."""
        return {"on": self.stage, "kind": self.kind, "times": self.times, **self.fields}


class FaultBoard:
    """The faults that are still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault behind the others of its stage."""
        with self._lock:
            self._faults.append(fault)

    def take(self, stage: str, fits: Callable[[Fault], bool] = lambda _: True) -> Fault | None:
        """Return the next fault of this stage that fits, and count it down."""
        with self._lock:
            for fault in self._faults:
                if fault.stage == stage and fits(fault):
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        """Return the faults that are left."""
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def reset(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()


def parse_fault(document: dict[str, Any]) -> Fault:
    """Read a fault from the control API; raises ControlError with a sentence that says what is wrong."""
    stage, kind, times = document.get("on"), document.get("kind"), document.get("times", 1)
    if not isinstance(stage, str) or stage not in STAGES:
        raise ControlError(f"on must be one of {', '.join(STAGES)}, not {stage!r}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ControlError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    if stage not in KINDS[kind]:
        raise ControlError(f"{kind} can happen on {', '.join(sorted(KINDS[kind]))}, not on {stage}")
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ControlError(f"times must be a whole number of at least 1, not {times!r}")
    given = {name: value for name, value in document.items() if name not in {"on", "kind", "times"}}
    allowed = _FIELDS.get(kind, frozenset())
    unknown = sorted(set(given) - allowed)
    if unknown:
        raise ControlError(f"{kind} has no field {unknown[0]!r}; it has {', '.join(sorted(allowed)) or 'none'}")
    fault = Fault(stage, kind, times, acts=_ACTS.get(kind, ("",))[0], fields=given)
    for name, value in given.items():
        _READERS[name](fault, value)
    if kind == "redirect" and not fault.location:
        raise ControlError("redirect needs a location")
    if kind == "hang" and "seconds" not in given:
        raise ControlError("hang needs seconds")
    return fault


def _read_status(fault: Fault, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _STATUSES:
        raise ControlError(f"status must be an HTTP status from 200 to 599, not {value!r}")
    fault.status = value


def _read_code(fault: Fault, value: Any) -> None:
    fault.code = _text("code", value)


def _read_message(fault: Fault, value: Any) -> None:
    fault.message = _text("message", value)


def _read_seconds(fault: Fault, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_SECONDS:
        raise ControlError(f"seconds must be a number from 0 to {_MAX_SECONDS}, not {value!r}")
    fault.seconds = value


def _read_acts(fault: Fault, value: Any) -> None:
    if value not in _ACTS[fault.kind]:
        raise ControlError(f"acts must be one of {', '.join(_ACTS[fault.kind])}, not {value!r}")
    fault.acts = value


def _read_location(fault: Fault, value: Any) -> None:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ControlError(f"location must be a URL of ASCII characters, not {value!r}")
    fault.location = value


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ControlError(f"{name} must be a string, or null to leave it out, not {value!r}")
    return value


_READERS: dict[str, Callable[[Fault, Any], None]] = {
    "status": _read_status,
    "code": _read_code,
    "message": _read_message,
    "seconds": _read_seconds,
    "after_seconds": _read_seconds,
    "acts": _read_acts,
    "location": _read_location,
}
