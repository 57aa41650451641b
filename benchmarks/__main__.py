"""`python -m benchmarks [NAME…]`: run all benchmarks or those named, and write RESULTS.md."""

import sys
import time

from benchmarks import busy, cold_start, copy, cost, intake, latency, queue, report, thousand

#: In the order of the page; `cost` is made from what `thousand`, `latency`, `intake` and `queue` measured.
ALL = {
    "busy": busy.run,
    "thousand": thousand.run,
    "latency": latency.run,
    "copy": copy.run,
    "cold_start": cold_start.run,
    "intake": intake.run,
    "queue": queue.run,
    "cost": cost.run,
}


def main(names: list[str]) -> int:
    """Run the benchmarks that are named, or all; return the exit status."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"There is no benchmark {' '.join(unknown)}; there are {', '.join(ALL)}.", file=sys.stderr)
        return 2
    missed = []
    for number, name in enumerate(names or ALL, 1):
        print(f"[{number} of {len(names or ALL)}] {name}", flush=True)
        began = time.monotonic()
        section = ALL[name]()
        section.store()
        missed += [f"{section.title}: {goal.what} - {goal.measured}" for goal in section.goals if not goal.met]
        print(report.markdown(section.table))
        print(f"  {time.monotonic() - began:.0f} s\n", flush=True)
    report.write(ALL)
    print(f"Written: {report.RESULTS.relative_to(report.FOLDER.parent)}")
    for one in missed:
        print(f"Goal not met: {one}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
