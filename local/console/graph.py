"""The state machine as a picture: one box under the other in the order of its file, and an arc for each jump."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
    """A state at a height of `top`; `kind` is its type in small letters, `times` how often it was entered."""

    name: str
    kind: str
    top: int
    times: int
    current: bool


@dataclass(frozen=True)
class Graph:
    """Boxes, and the paths of the arrows between them, as SVG has them."""

    boxes: list[Box]
    arrows: list[str]
    width: int
    height: int


def read_states(path: Path = DEFINITION) -> dict[str, Any]:
    """The states of the definition, in its order."""
    states: dict[str, Any] = yaml.safe_load(path.read_text())["States"]
    return states


def draw(states: dict[str, Any], entered: Counter[str], current: str | None) -> Graph:
    """The graph, with the states that an execution entered, and the one in which it is."""
    tops = {name: 10 + STEP * row for row, name in enumerate(states)}
    boxes = [
        Box(name, state["Type"].lower(), tops[name], entered[name], name == current) for name, state in states.items()
    ]
    arrows, jumps = [], 0
    for name, state in states.items():
        for after in dict.fromkeys(_successors(state)):
            distance = (tops[after] - tops[name]) // STEP
            jumps += distance != 1
            arrows.append(_arrow(tops[name], tops[after], distance, jumps))
    return Graph(boxes, arrows, LEFT + WIDTH + LANE * (jumps + 2), 10 + STEP * len(states))


def _successors(state: dict[str, Any]) -> Iterator[str]:
    """Where a state leads, also when something is caught."""
    for one in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in one:
            yield one["Next"]
    if "Default" in state:
        yield state["Default"]


def _arrow(top: int, after: int, distance: int, jumps: int) -> str:
    """Straight down to the next box; else around the others, on the right and each in a lane of its own."""
    if distance == 1:
        return f"M {LEFT + WIDTH // 2} {top + HEIGHT} V {after - 2}"
    side, lane = LEFT + WIDTH, LEFT + WIDTH + LANE * (jumps + 1)
    return f"M {side} {top + HEIGHT - 9} H {lane} V {after + 9} H {side + 2}"
