"""What each function pays to start: the import of its handler, beside that of boto3 and the logger alone."""

import json
import os
import random
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import progress
from local.cloud.packages import Packages
from local.stack import PROJECT

ROUNDS = 15
GOAL = 1.3
FLOOR = "floor: boto3 + Logger"
OFTEN = ("poll", "admit", "conclude")
MEDIA = ("av", "PIL")

#: Measured with -X importtime on the layers' packages, in shares of the floor.
REASON = (
    "PynamoDB alone is 0.07 of the floor, requests with what it imports 0.14, and only functions that call the "
    "provider import that. The rest is this project's own modules, 1 to 3 ms each. A cold start comes a few times "
    "a day, and the poll's is paid while the provider works."
)

_CODE = """
import json, re, sys, time
began = time.perf_counter()
{statements}
seconds = time.perf_counter() - began
memory = int(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
print(json.dumps([seconds, memory, sorted(sys.modules)]))
"""
_FLOOR_CODE = "import boto3\nfrom aws_lambda_powertools import Logger\nLogger()"


def run() -> Section:
    """Import each handler in processes of its own, in turns, in another order each round."""
    functions = sorted(path.parent.name for path in (PROJECT / "functions").glob("*/app.py"))
    measured, with_media = _measured([FLOOR, *functions])
    seconds_of = {name: statistics.median(seconds for seconds, _ in values) for name, values in measured.items()}
    ratios = {name: seconds / seconds_of[FLOOR] for name, seconds in seconds_of.items()}
    rows = [["Function", "import", "times the floor", "memory", "media libraries"]]
    for name, values in measured.items():
        megabytes = statistics.median(memory for _, memory in values) / 1e6
        media = ", ".join(with_media[name]) or "none"
        rows.append([name, f"{seconds_of[name] * 1000:.0f} ms", f"{ratios[name]:.2f}", f"{megabytes:.0f} MB", media])
    sizes = _layers()
    worst = max(OFTEN, key=lambda name: ratios[name])
    early = [name for name in functions if with_media[name]]
    return Section(
        "cold_start",
        "Cold start",
        f"Import of each function's handler in a fresh process, median of {ROUNDS} in mixed order, beside the floor of "
        "boto3 and Powertools' Logger alone. Clients are made at first use, in all of them. Layers, unzipped: "
        + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
        + ".",
        rows,
        [
            Goal(
                f"poll, admit and conclude at most {GOAL} times the floor",
                f"{ratios[worst]:.2f} ({worst})",
                ratios[worst] <= GOAL,
                REASON,
            ),
            Goal("media libraries are imported when used, and by none before", ", ".join(early) or "none", not early),
        ],
        plot("cold_start", lambda axes: _draw(axes, ratios)),
        {"import_seconds": seconds_of},
    )


def _measured(names: list[str]) -> tuple[dict[str, list[tuple[float, float]]], dict[str, list[str]]]:
    """Seconds and bytes of each round's import, and the media libraries that came with it, of each name."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    with_media = {}
    turns = random.Random(1)  # noqa: S311  # no secret: in one order the same ones would meet the same neighbours
    for number in range(ROUNDS):
        for name in turns.sample(list(measured), len(measured)):
            seconds, memory, modules = _imported(name)
            measured[name].append((seconds, memory))
            with_media[name] = sorted({module.partition(".")[0] for module in modules} & set(MEDIA))
        progress(f"round {number + 1} of {ROUNDS}")
    return measured, with_media


def _draw(axes: Any, ratios: dict[str, float]) -> None:
    """A bar for each function, beside the floor and the goal."""
    names = list(reversed(ratios))
    bars = axes.barh(names, [ratios[name] for name in names], color="#35618f")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.axvline(GOAL, color="#b00020", linestyle=":")
    axes.set_xlabel("import time, in times of the floor (dotted: the goal of poll, admit and conclude)")


def _imported(name: str) -> tuple[float, float, list[str]]:
    """Seconds, bytes and modules of an import."""
    floor = name == FLOOR
    layers = [_layer("dependencies") / "python", _layer("media") / "python"]
    paths = layers + ([] if floor else [PROJECT / "layers" / "motiondrop", PROJECT / "functions" / name])
    code = _CODE.format(statements=_FLOOR_CODE if floor else "import app")
    done = subprocess.run(  # noqa: S603  # this project's own
        [sys.executable, "-S", "-P", "-c", code],  # without this project's environment: a function has its layers only
        env=os.environ | {"PYTHONPATH": ":".join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, memory, modules = json.loads(done.stdout)
    return seconds, memory, modules


def _layers() -> dict[str, int]:
    """Bytes of each layer's folder, as it is unzipped for a function here."""
    sizes = {name: _size(_layer(name)) for name in ("dependencies", "media")}
    return sizes | {"motiondrop": _size(PROJECT / "layers" / "motiondrop" / "motiondrop")}


@cache
def _layer(name: str) -> Path:
    """The folder of a layer of third-party packages, installed for this machine."""
    return Packages().layer(PROJECT / "layers" / name)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
