"""What it takes to check, clean and convert a drop: time, processor, memory and disk."""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake_files import film, hdr, photo
from benchmarks.report import Goal, Section
from benchmarks.stand import progress
from local.stack import PROJECT
from motiondrop.media.limits import MB

ROUNDS = 5
SECONDS_GOAL, LARGE_GOAL = 1.5, 8.0  # for a phone's photo or clip, and for a clip of 200 MB
CPU_GOAL = 2.5  # seconds of processor for each second of a clip that is converted
CONVERTED_SECONDS = 2

CLIP, PHOTO, LARGE, HDR = (
    "clip of a phone, 10 s of 1920 x 1080",
    "photo of a phone, 12 megapixels",
    "largest clip, 30 s of 1920 x 1080",
    f"HDR clip of a phone, {CONVERTED_SECONDS} s of 3840 x 2160, 10 bit",
)
FILES: dict[str, tuple[str, Callable[[Path], None]]] = {
    PHOTO: ("photo.jpg", photo),
    CLIP: ("clip.mov", lambda path: film(path, seconds=10, bits=16_000_000)),
    LARGE: ("large.mov", lambda path: film(path, seconds=30, bits=52_000_000)),
    HDR: ("hdr.mov", lambda path: hdr(path, CONVERTED_SECONDS)),
}

REASON = (
    "ffmpeg's preset `veryfast` alone takes 2.8 s for each second of this clip, and leaves it in HLG; decoding its "
    "50 Mbit/s alone takes 1.4 s. Bringing HLG to BT.709 adds 0.4 s, and the check before it reads the clip once more."
)


@dataclass(frozen=True)
class Measured:
    """What one file took: `wall` and `cpu` in seconds, the others in MB; and whether it was converted."""

    size: float
    wall: float
    cpu: float
    memory: float
    disk: float
    converted: bool

    def row(self, name: str) -> list[str]:
        """The file's row in the table."""
        size, memory, disk = (f"{value:.0f} MB" for value in (self.size, self.memory, self.disk))
        done = "checked and converted" if self.converted else "checked and cleaned"
        return [name, size, done, f"{self.wall:.2f} s", f"{self.cpu:.2f} s", memory, disk]


def run() -> Section:
    """Prepare each file, each time in processes of its own."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, (key, make) in FILES.items():
            path = Path(folder) / key
            make(path)
            found[name] = _measured(path)
            progress(f"{name}: {found[name].wall:.2f} s")
            path.unlink()
    head = ["File", "size", "what is done", "time", "processor", "memory of the child", "disk"]
    return Section(
        "intake",
        "The intake",
        "What the function `media` does with a drop that is on its disk: its SHA-256, then the copy and the poster, "
        f"made in a child process that starts each time. Figures are medians of {ROUNDS} rounds; that of memory is the "
        "maximum. The disk holds the drop, the copy and the poster. The files are generated, with a phone's formats, "
        "sizes and bit rates. Fetching them from S3 and storing them there is not measured here.",
        [head, *(one.row(name) for name, one in found.items())],
        _goals(found),
        numbers={"seconds": {"photo": found[PHOTO].wall, "clip": found[CLIP].wall}},
    )


def _goals(found: dict[str, Measured]) -> list[Goal]:
    cpu = found[HDR].cpu / CONVERTED_SECONDS
    return [
        *(
            Goal(f"{what} within {most:g} s", f"{found[name].wall:.2f} s", found[name].wall <= most)
            for name, what, most in (
                (CLIP, "a phone's clip of 20 MB", SECONDS_GOAL),
                (PHOTO, "a phone's photo of 3 MB", SECONDS_GOAL),
                (LARGE, "a clip of 200 MB", LARGE_GOAL),
            )
        ),
        Goal(
            f"10-bit 4K converted in at most {CPU_GOAL} s of processor time per second of video",
            f"{cpu:.2f} s",
            cpu <= CPU_GOAL,
            REASON,
        ),
    ]


def _measured(path: Path) -> Measured:
    rounds = [_prepared(path) for _ in range(ROUNDS)]
    wall, cpu, disk = (statistics.median(one[key] for one in rounds) for key in ("wall", "cpu", "disk"))
    memory = max(one["memory"] for one in rounds) / MB
    return Measured(path.stat().st_size / MB, wall, cpu, memory, disk / MB, bool(rounds[0]["converted"]))


def _prepared(path: Path) -> dict[str, float]:
    """What preparing the file took once.

    It runs in a small process of its own, since a child's peak counts what its parent held when it was started.
    """
    command = [sys.executable, "-m", "benchmarks.intake_once", str(path)]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)  # noqa: S603  # this project's own
    said: dict[str, float] = json.loads(done.stdout)
    return said
