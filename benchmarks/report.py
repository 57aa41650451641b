"""What a benchmark hands over, and how RESULTS.md is made of it."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
MEASURED = FOLDER / "measured"
PLOTS = FOLDER / "plots"

INTRODUCTION = """\
`make bench` writes this page; `make bench ONLY=copy` measures one part anew. Ratios within one run are the result: the
absolute times are those of a small shared machine, and of an emulator where AWS is emulated."""


@dataclass(frozen=True)
class Goal:
    """What was hoped for, what was measured, and whether that is good enough."""

    what: str
    measured: str
    met: bool
    reason: str = ""


@dataclass(frozen=True)
class Section:
    """One benchmark's part of RESULTS.md; `table` has its head as the first row, `plot` is a file in plots/."""

    name: str
    title: str
    text: str
    table: list[list[str]]
    goals: list[Goal] = field(default_factory=list)
    plot: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)
    """What other benchmarks read: `cost` prices what `thousand` counted."""

    def store(self) -> None:
        """Save the section as JSON, so that the next benchmark to run alone need not repeat this one."""
        MEASURED.mkdir(exist_ok=True)
        said = asdict(self) | {"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "machine": machine()}
        (MEASURED / f"{self.name}.json").write_text(json.dumps(said, indent=1) + "\n")


def stored(name: str) -> dict[str, Any]:
    """What the benchmark of that name measured last; empty where it never ran."""
    path = MEASURED / f"{name}.json"
    said: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return said


def machine() -> str:
    """Cores, memory, system and Python of the machine that runs this, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def write(names: Iterable[str]) -> None:
    """Write RESULTS.md from what was measured last by each of the benchmarks."""
    parts = [
        "# What was measured",
        INTRODUCTION,
    ]
    for name in names:
        if said := stored(name):
            parts += _section(said)
    RESULTS.write_text("\n\n".join(parts) + "\n")


def _section(said: dict[str, Any]) -> list[str]:
    parts = [f"## {said['title']}", said["text"], markdown(said["table"])]
    if said["plot"]:
        parts.append(f"![{said['title']}](plots/{said['plot']})")
    if said["goals"]:
        head = [["Goal", "Measured", ""]]
        rows = [[goal["what"], goal["measured"], "met" if goal["met"] else "**not met**"] for goal in said["goals"]]
        parts.append(markdown(head + rows))
        parts += [f"*{goal['what']}*: {goal['reason']}" for goal in said["goals"] if goal["reason"] and not goal["met"]]
    return [*parts, f"<sub>Measured {said['at']} on {said['machine']}.</sub>"]


def markdown(table: list[list[str]]) -> str:
    """The table as Markdown; columns of numbers are aligned to the right."""
    head, *rows = table
    right = [all(row[column][:1].isdigit() or row[column][:1] in "$-<" for row in rows) for column in range(len(head))]
    lines = [head, ["---:" if one else "---" for one in right], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plot(name: str, draw: Any) -> str:
    """Draw on a fresh figure and save it; return the file's name."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = name  # the same numbers make the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after the choice of what it draws with

    PLOTS.mkdir(exist_ok=True)
    figure, axes = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    figure.savefig(PLOTS / f"{name}.svg", metadata={"Date": None}, facecolor="white")
    plt.close(figure)
    return f"{name}.svg"
