"""ARCHITECTURE.md's diagram is made from the state machine: `make docs` writes it, this test compares it."""

import os
from collections.abc import Iterator
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.stack import PROJECT

PAGE = PROJECT / "ARCHITECTURE.md"
BEGIN = "<!-- Made from statemachine/animation.asl.yaml by `make docs`. -->\n\n"
END = "\n<!-- End of what is made. -->\n"


def diagram(machine: dict[str, Any]) -> str:
    """The machine in Mermaid: a box for each state, an arrow for each way on, dotted where an error is caught."""
    ids = {name: f"s{number}" for number, name in enumerate(machine["States"])}
    lines = ["```mermaid", "flowchart LR", f"  start(( )) --> {ids[machine['StartAt']]}"]
    for name, state in machine["States"].items():
        left, right = {"Choice": ("{{", "}}"), "Wait": ("([", "])"), "Succeed": ("((", "))"), "Fail": ("((", "))")}.get(
            state["Type"], ("[", "]")
        )
        lines.append(f'  {ids[name]}{left}"{name}"{right}')
    for name, state in machine["States"].items():
        arrows = dict.fromkeys(f"  {ids[name]} {arrow} {ids[to]}" for arrow, to in _ways(state))
        lines += arrows
    return "\n".join([*lines, "```", ""])


def _ways(state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "Next" in state:
        yield "-->", state["Next"]
    for choice in state.get("Choices", []):
        yield "-->", choice["Next"]
    if "Default" in state:
        yield "-->", state["Default"]
    for catch in state.get("Catch", []):
        yield f"-. {' or '.join(catch['ErrorEquals'])} .->", catch["Next"]


def test_the_diagram_of_the_architecture_is_the_state_machines() -> None:
    made = diagram(yaml_parse((PROJECT / "statemachine" / "animation.asl.yaml").read_text()))
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    there, end, after = rest.partition(END)
    assert begin
    assert end
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + begin + made + end + after)
        there = made
    assert there == made
