"""The state machine as a picture: one box under the other in the order of its file, and an arc for each jump."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from local.stack import PROJECT

DEFINITION = PROJECT / "statemachine" / "animation.asl.yaml"

#: Pixels of a box, from one box to the next, and between two arcs.
WIDTH, HEIGHT, STEP, LANE = 250, 30, 48, 11
LEFT = 90


@dataclass(frozen=True)
class Box:
    """A state, drawn at the height `top`; `kind` is its type in lower case, `times` how often it was entered."""

    name: str
    kind: str
    top: int
    times: int
    current: bool


@dataclass(frozen=True)
class Arrow:
    """A transition from one state to another: `path` is an SVG path, `kind` is `taken`, `caught` or empty."""

    path: str
    kind: str


@dataclass(frozen=True)
class Graph:
    """Boxes, and the arrows between them."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int


def read_states(path: Path = DEFINITION) -> dict[str, Any]:
    """The states of the definition, in its order."""
    states: dict[str, Any] = yaml.safe_load(path.read_text())["States"]
    return states


def draw(states: dict[str, Any], entered: Sequence[str], *, running: bool) -> Graph:
    """The graph, marked with the states that an execution entered, in order; if `running`, the last is current."""
    times, taken, current = Counter(entered), set(pairwise(entered)), entered[-1] if running and entered else None
    tops = {name: 10 + STEP * row for row, name in enumerate(states)}
    boxes = [
        Box(name, state["Type"].lower(), tops[name], times[name], name == current) for name, state in states.items()
    ]
    arrows, jumps = [], 0
    for name, state in states.items():
        caught = dict.fromkeys(_successors(state.get("Catch", [])), "caught")
        for after, kind in (caught | dict.fromkeys(_successors([state, *state.get("Choices", [])]), "")).items():
            distance = (tops[after] - tops[name]) // STEP
            jumps += distance != 1
            path = _path(tops[name], tops[after], distance, jumps)
            arrows.append(Arrow(path, "taken" if (name, after) in taken else kind))
    return Graph(boxes, arrows, LEFT + WIDTH + LANE * (jumps + 2), 10 + STEP * len(states))


def _successors(rules: list[dict[str, Any]]) -> list[str]:
    """The states that these rules lead to."""
    return [rule[name] for rule in rules for name in ("Next", "Default") if name in rule]


def _path(top: int, after: int, distance: int, jumps: int) -> str:
    """A line straight down to the next box, or an arc to any other, on the right in a lane of its own."""
    if distance == 1:
        return f"M {LEFT + WIDTH // 2} {top + HEIGHT} V {after - 2}"
    side, lane = LEFT + WIDTH, LEFT + WIDTH + LANE * (jumps + 1)
    return f"M {side} {top + HEIGHT - 9} H {lane} V {after + 9} H {side + 2}"
