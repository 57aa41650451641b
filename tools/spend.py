"""What a month cost, job by job, as CSV: to hold against the provider's bill."""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from motiondrop.domain.job import Job
from motiondrop.domain.keys import folder_of
from motiondrop.domain.pricing import usd
from motiondrop.sanitize import plain
from motiondrop.storage.jobs import Jobs
from tools.stack import NoStackError, add_arguments, connect

_PAGE = 100

#: A job may end so long after it was recorded: four executions of 30 days, and the pauses between them.
_LONGEST = timedelta(days=125)

_COLUMNS = ("ended_at", "job_id", "folder", "mode", "seconds", "usd", "task_id", "estimated")


def main() -> int:
    """Print the month's jobs; return the exit status."""
    parser = argparse.ArgumentParser(prog="make spend")
    parser.add_argument("--month", default=f"{datetime.now(UTC):%Y-%m}", help="such as 2026-11, in UTC; default: this")
    add_arguments(parser)
    said = parser.parse_args()
    try:
        first = datetime.strptime(said.month, "%Y-%m").replace(tzinfo=UTC)
        target = connect(said.stack, said.state_dir)
    except ValueError:
        print(f"{said.month} is no month; they are written like 2026-11.", file=sys.stderr)
        return 1
    except NoStackError as error:
        print(error, file=sys.stderr)
        return 1
    paid = sorted(of_month(Jobs(target.tables), first), key=lambda job: (job.task.ended_at or first, job.job_id))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(row(job) for job in paid)
    for line in summary(paid):
        print(line, file=sys.stderr)
    return 0


def of_month(jobs: Jobs, first: datetime) -> Iterator[Job]:
    """The jobs whose video the provider finished, and so charged, in the month that begins then."""
    after_it = (first + timedelta(days=32)).replace(day=1)
    mark: str | None = None
    while True:
        page, mark = jobs.newest(_PAGE, mark)
        for job in page:
            if job.billing.cost and job.task.ended_at and first <= job.task.ended_at < after_it:
                yield job
        if mark is None or (page and page[-1].recorded_at < first - _LONGEST):
            return


def row(job: Job) -> tuple[str, ...]:
    """A job's line. What a user named is made harmless to a spreadsheet: no cell begins as a formula does."""
    folder = plain(folder_of(job.image.key)) or "/"
    if folder[0] in "=+-@":
        folder = f"'{folder}"
    mode = job.billing.mode or job.options.mode
    ended = f"{job.task.ended_at:%Y-%m-%dT%H:%M:%SZ}"
    return (
        ended,
        job.job_id,
        folder,
        mode,
        f"{job.billing.seconds}",
        f"{(job.billing.cost or 0) / 1_000_000:.6f}",
        job.task.id or "",
        "yes" if job.billing.estimated else "",
    )


def summary(jobs: Iterable[Job]) -> Iterator[str]:
    """What it came to: in all, by mode, by folder; the dearest first."""
    modes: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    for job in jobs:
        modes[job.billing.mode or job.options.mode] += job.billing.cost or 0
        folders[plain(folder_of(job.image.key)) or "/"] += job.billing.cost or 0
    yield f"{usd(sum(modes.values()))} in all"
    for counter in (modes, folders):
        for name, cost in counter.most_common():
            yield f"  {usd(cost)}  {name}"


if __name__ == "__main__":
    sys.exit(main())
