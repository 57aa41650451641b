"""`python -m benchmarks.intake_once FILE`: prepare a file once, as `media` does; print what it took as JSON."""

import hashlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from motiondrop.media.prepare import check, convert
from motiondrop.media.report import Order, Plan


def main(path: Path) -> None:
    """Check the file, and convert it where that is needed; print seconds and bytes."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        folder, order = Path(name), Order(path.name)
        began, cpu_began = time.perf_counter(), _cpu()
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        found = check(path, order, folder)
        if isinstance(found, Plan):
            convert(path, order, found, folder)
        said = {
            "wall": time.perf_counter() - began,
            "cpu": _cpu() - cpu_began,
            "memory": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
            "disk": path.stat().st_size + sum(file.stat().st_size for file in folder.iterdir()),
            "converted": isinstance(found, Plan),
        }
    print(json.dumps(said))


def _cpu() -> float:
    """Seconds of processor of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
