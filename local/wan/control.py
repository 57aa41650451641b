"""The control API: look inside, change the settings, ask for faults, move the clock, begin again."""

import json
from collections.abc import Callable
from typing import Any, Protocol

from local.wan.answers import Answer, json_answer, shown_tasks
from local.wan.clock import Clock
from local.wan.errors import ControlError
from local.wan.faults import FaultBoard, parse_fault
from local.wan.provider import Provider
from local.wan.routes import CONTROL, Request
from local.wan.settings import Settings
from local.wan.tasks import TaskBook


class Controlled(Protocol):
    """The parts of the stand-in that the control API reads and changes."""

    clock: Clock
    book: TaskBook
    board: FaultBoard
    provider: Provider

    @property
    def settings(self) -> Settings:
        """The settings in force."""

    def change(self, changes: dict[str, Any]) -> Settings:
        """Change settings; raises ValueError for what is not allowed."""

    def reset(self) -> None:
        """Begin again with the settings in force."""


def control(request: Request, inside: Controlled) -> Answer:
    """Answer a control request; if it makes no sense, answer 400 with a sentence that says why."""
    name = request.path.removeprefix(CONTROL).rstrip("/")
    action = _ACTIONS.get((request.method, name))
    if action is None:
        known = ", ".join(f"{method} {CONTROL}{known}" for method, known in _ACTIONS)
        return json_answer({"error": f"There is no {request.method} {request.path}; there are {known}."}, 404)
    try:
        return action(inside, _document(request) if request.method == "POST" else {})
    except (ControlError, ValueError, TypeError) as error:
        return json_answer({"error": f"{error}."}, 400)


def _document(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ControlError("the body must be a JSON object") from error
    if not isinstance(document, dict):
        raise ControlError("the body must be a JSON object")
    return document


def _tasks(inside: Controlled, _: dict[str, Any]) -> Answer:
    return shown_tasks(inside.book.all())


def _stats(inside: Controlled, _: dict[str, Any]) -> Answer:
    return json_answer(inside.provider.stats())


def _settings(inside: Controlled, _: dict[str, Any]) -> Answer:
    return json_answer(inside.settings.shown())


def _change_settings(inside: Controlled, document: dict[str, Any]) -> Answer:
    return json_answer(inside.change(document).shown())


def _faults(inside: Controlled, _: dict[str, Any]) -> Answer:
    return json_answer({"faults": inside.board.shown()})


def _add_fault(inside: Controlled, document: dict[str, Any]) -> Answer:
    inside.board.add(parse_fault(document))
    return _faults(inside, {})


def _clock(inside: Controlled, _: dict[str, Any]) -> Answer:
    return json_answer({"now": inside.clock.now()})


def _advance_clock(inside: Controlled, document: dict[str, Any]) -> Answer:
    seconds = document.get("advance_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or set(document) != {"advance_seconds"}:
        raise ControlError('the body must be {"advance_seconds": n}')
    inside.clock.advance(seconds)
    inside.book.look()
    return _clock(inside, {})


def _reset(inside: Controlled, document: dict[str, Any]) -> Answer:
    if document:
        raise ControlError("reset takes no fields")
    inside.reset()
    return json_answer({})


_ACTIONS: dict[tuple[str, str], Callable[[Controlled, dict[str, Any]], Answer]] = {
    ("GET", "tasks"): _tasks,
    ("GET", "stats"): _stats,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance_clock,
    ("POST", "reset"): _reset,
}
