"""What each function pays to start: the import of its handler, beside that of boto3 and the logger alone.

As on AWS: `sam build` leaves no compiled files in a layer, and Lambda's file system keeps none, so each cold start
compiles what it imports.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import progress
from local.cloud.packages import Packages
from local.stack import PROJECT
from motiondrop.settings import EventQueueSettings
from tests.support.template import FUNCTIONS, TEMPLATE, folder_of

ROUNDS = 15
GOAL = 1.3
FLOOR = "floor: boto3 + Logger"
OFTEN = ("poll", "admit", "create", "result_page")
MEDIA = ("av", "PIL")

#: Measured with -X importtime, in shares of the floor.
REASON = (
    "What `poll` imports beyond the floor is this project's own modules (0.23 of the floor), requests with what it "
    "imports (0.14) and PynamoDB (0.09); for the pages it is Jinja2 (0.15) instead of requests. Half of each is "
    "compiling, since neither a built layer nor Lambda's file system has compiled files. A cold start comes a few "
    "times a day, and that of `poll` happens while the provider works."
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
#: Makes a step too, since that imports its modules, in the first invocation. Clients are not counted, here or in the
#: floor.
_FUNCTION_CODE = """
import app
from motiondrop import bootstrap
import boto3, botocore.session
boto3.Session.client = lambda *_, **__: None
del botocore.session.Session.create_client  # whatever makes a client by another way fails here
bootstrap.{name}()
"""
_SETTINGS = {field.name.upper(): "5" for field in fields(EventQueueSettings)} | {
    "AWS_REGION": "ap-southeast-1",
    "WAN_MODEL": "wan2.2-animate-move",
    "WAN_REGION": "singapore",
    "WAN_BASE_URL": "singapore",
    "WAN_PRICES": "page",
    "WATERMARK": "false",
}


def run() -> Section:
    """Import each handler in processes of its own, in turns, in another order each round."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        built = _built(Path(folder))
        sizes = {name: _size(path) for name, path in built.items()}
        measured, with_media = _measured(built)
    functions = [name for name in measured if name != FLOOR]
    seconds_of = {name: statistics.median(seconds for seconds, _ in values) for name, values in measured.items()}
    ratios = {name: seconds / seconds_of[FLOOR] for name, seconds in seconds_of.items()}
    rows = [["Function", "import", "times the floor", "memory", "media libraries"]]
    for name, values in measured.items():
        megabytes = statistics.median(memory for _, memory in values) / 1e6
        media = ", ".join(with_media[name]) or "none"
        rows.append([name, f"{seconds_of[name] * 1000:.0f} ms", f"{ratios[name]:.2f}", f"{megabytes:.0f} MB", media])
    worst = max(OFTEN, key=lambda name: ratios[name])
    early = [name for name in functions if with_media[name]]
    return Section(
        "cold_start",
        "Cold start",
        "What each function imports, for its handler and for its first invocation, in a fresh process with the layers "
        "that template.yaml gives it and, as on AWS, without compiled files. Each figure is the median of "
        f"{ROUNDS} runs in mixed order. The floor is the import of boto3 and Powertools' Logger alone. Making boto3's "
        "clients is not counted. Layers, unzipped: "
        + ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
        + ".",
        rows,
        [
            Goal(
                f"{', '.join(OFTEN[:-1])} and {OFTEN[-1]} at most {GOAL} times the floor",
                f"{ratios[worst]:.2f} ({worst})",
                ratios[worst] <= GOAL,
                REASON,
            ),
            Goal("no function imports the media libraries before it uses them", ", ".join(early) or "none", not early),
        ],
        plot("cold_start", lambda axes: _draw(axes, ratios)),
        {"import_seconds": seconds_of},
    )


def _built(folder: Path) -> dict[str, Path]:
    """The layers as they are built, by their names."""
    built = {name: folder / name for name in ("dependencies", "media", "web", "motiondrop")}
    for name in ("dependencies", "media", "web"):
        installed = Packages().layer(PROJECT / "layers" / name) / "python"
        shutil.copytree(installed, built[name], ignore=shutil.ignore_patterns("__pycache__"))
    library = PROJECT / "layers" / "motiondrop" / "motiondrop"
    shutil.copytree(library, built["motiondrop"] / "motiondrop", ignore=shutil.ignore_patterns("__pycache__"))
    return built


def _measured(built: dict[str, Path]) -> tuple[dict[str, list[tuple[float, float]]], dict[str, list[str]]]:
    """By name: the seconds and bytes of each round's import, and the media libraries that came with it."""
    paths = {FLOOR: [built["dependencies"]]} | {
        folder_of(name): [PROJECT / "functions" / folder_of(name), *_layers(properties, built)]
        for name, properties in sorted(FUNCTIONS.items())
    }
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
    with_media = {}
    turns = random.Random(1)  # noqa: S311  # no secret: in a fixed order each would always follow the same one
    for number in range(ROUNDS):
        for name in turns.sample(list(paths), len(paths)):
            code = _FLOOR_CODE if name == FLOOR else _FUNCTION_CODE.format(name=name)
            seconds, memory, modules = _imported(paths[name], code)
            measured[name].append((seconds, memory))
            with_media[name] = sorted({module.partition(".")[0] for module in modules} & set(MEDIA))
        progress(f"round {number + 1} of {ROUNDS}")
    return measured, with_media


def _layers(properties: dict[str, Any], built: dict[str, Path]) -> list[Path]:
    """The layers of a function, those of all functions first."""
    layers = TEMPLATE["Globals"]["Function"]["Layers"] + properties.get("Layers", [])
    return [built[layer["Ref"].removesuffix("Layer").lower()] for layer in layers]


def _draw(axes: Any, ratios: dict[str, float]) -> None:
    """A bar for each function, beside the floor and the goal."""
    names = list(reversed(ratios))
    bars = axes.barh(names, [ratios[name] for name in names], color="#35618f")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.axvline(GOAL, color="#b00020", linestyle=":")
    axes.set_xlabel("import time, in times of the floor (dotted: the goal)")


def _imported(paths: list[Path], statements: str) -> tuple[float, float, list[str]]:
    """Seconds, bytes and modules of an import."""
    done = subprocess.run(  # noqa: S603  # this project's own
        # Without this project's environment: a function has its layers only.
        [sys.executable, "-S", "-P", "-c", _CODE.format(statements=statements)],
        env=os.environ | _SETTINGS | {"PYTHONPATH": ":".join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, memory, modules = json.loads(done.stdout)
    return seconds, memory, modules


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
