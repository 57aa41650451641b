"""What it takes to check the smallest and the largest allowed image and video: time, bytes read, memory."""

import io
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from benchmarks.report import Goal, Section
from benchmarks.stand import progress
from local.stack import PROJECT
from motiondrop.media.limits import MB
from tests.support.media import clip

ROUNDS = 5
READ_GOAL, MEMORY_GOAL = 8, 256  # MB, for a video of 200 MB


def run() -> Section:
    """Check each file in processes of its own."""
    rows = [["File", "size", "time", "read", "memory of the child"]]
    largest = (0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FILES.items():
            key, body = make()
            path = Path(folder) / key
            path.write_bytes(body)
            measured = [_checked(path) for _ in range(ROUNDS)]
            seconds = statistics.median(one[0] for one in measured)
            read, memory = (max(one[n] for one in measured) / MB for n in (1, 2))
            rows.append([name, f"{len(body) / MB:.2f} MB", f"{seconds:.2f} s", f"{read:.2f} MB", f"{memory:.0f} MB"])
            largest = (read, memory)  # the last is the largest video
            progress(f"{name}: {seconds:.2f} s")
    read, memory = largest
    return Section(
        "door",
        "The door",
        "The check of `submit`, with its child process for the media libraries; median time and most bytes "
        f"of {ROUNDS}.",
        rows,
        [
            Goal(f"a video of 200 MB with under {READ_GOAL} MB read", f"{read:.2f} MB", read < READ_GOAL),
            Goal(f"and under {MEMORY_GOAL} MB of memory", f"{memory:.0f} MB", memory < MEMORY_GOAL),
        ],
    )


_CHECK = """
import json, os, resource, sys, time
from motiondrop.media.check import check
path, size = sys.argv[1], os.path.getsize(sys.argv[1])
read = 0
with open(path, "rb") as file:
    def reader(offset, length):
        global read
        read += length
        return os.pread(file.fileno(), length, offset)
    began = time.perf_counter()
    check(os.path.basename(path), size, reader)
    seconds = time.perf_counter() - began
print(json.dumps([seconds, read, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024]))
"""


def _checked(path: Path) -> tuple[float, float, float]:
    """Seconds, bytes read, and bytes of the child at its largest.

    In a small process of its own: a child's peak counts what its parent held when it was started.
    """
    command = [sys.executable, "-c", _CHECK, str(path)]
    done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)  # noqa: S603  # this project's own
    seconds, read, memory = json.loads(done.stdout)
    return seconds, read, memory


def _picture(side: int, extension: str, **options: object) -> Callable[[], tuple[str, bytes]]:
    def make() -> tuple[str, bytes]:
        buffer = io.BytesIO()
        # A picture that packs badly needs all the bytes that it may have.
        picture = Image.effect_noise((side, side), 28).convert("RGB")
        picture.save(buffer, "JPEG" if extension == "jpg" else extension.upper(), **options)
        return f"image.{extension}", buffer.getvalue()

    return make


def _video(side: int, rate: int, seconds: float, filler: int = 0) -> Callable[[], tuple[str, bytes]]:
    def make() -> tuple[str, bytes]:
        frames = round(seconds * rate)
        return "video.mp4", clip(width=side, height=side, rate=rate, frames=frames, group=5000, filler=filler)

    return make


FILES: dict[str, Callable[[], tuple[str, bytes]]] = {
    "smallest image, 200 x 200 px": _picture(200, "png"),
    "largest image, 4096 x 4096 px": _picture(4096, "jpg", quality=55),
    "smallest video, 2 s of 200 x 200 px": _video(200, 10, 2),
    "largest video, 30 s of 320 x 320 px": _video(320, 30, 29.8, 200_000),
}
