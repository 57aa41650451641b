"""`motiondrop spend`: what a month cost, job by job, as CSV, to compare with the provider's bill."""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import click

from cli.stack import Find
from motiondrop.clock import now
from motiondrop.domain.job import Job
from motiondrop.domain.pricing import usd
from motiondrop.sanitize import plain
from motiondrop.storage.jobs import Jobs

_PAGE = 100

#: How long after its recording a job may end: an execution may wait in the queue for a year (animation.asl.yaml).
_LONGEST = timedelta(days=366)

_COLUMNS = ("ended_at", "job_id", "folder", "mode", "seconds", "usd", "task_id", "estimated", "dropped_by")

#: What a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command(epilog="Example: motiondrop --stack motiondrop spend --month 2026-11 > november.csv")
@click.option(
    "--month", type=click.DateTime(["%Y-%m"]), metavar="YYYY-MM", help="The month, in UTC.  [default: this month]"
)
@click.pass_obj
def spend(find: Find, month: datetime | None) -> None:
    """Print what a month cost at the provider, as CSV.

    A line for each job whose video was finished in that month: when, job id, folder, mode, seconds of video, USD,
    the provider's task id, `yes` where the cost is an estimate, and who dropped the two files. The sums by mode and
    folder go to the terminal.
    Jobs that were forgotten are not in it.
    """
    first = (month or now()).replace(day=1, hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    paid = sorted(of_month(find().jobs, first), key=lambda job: (job.task.ended_at or first, job.job_id))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(row(job) for job in paid)
    for line in summary(paid):
        click.echo(line, err=True)


def of_month(jobs: Jobs, first: datetime) -> Iterator[Job]:
    """The jobs whose video the provider finished, and so charged, in the month that begins at `first`."""
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
    """A job's line, safe to open in a spreadsheet."""
    cells = (
        f"{job.task.ended_at:%Y-%m-%dT%H:%M:%SZ}",
        job.job_id,
        plain(job.folder) or "/",
        job.billing.mode or job.options.mode,
        f"{job.billing.seconds}",
        f"{(job.billing.cost or 0) / 1_000_000:.6f}",
        job.task.id or "",
        "yes" if job.billing.estimated else "",
        "; ".join(dict.fromkeys(plain(one.dropped_by) for one in (job.image, job.video) if one.dropped_by)),
    )
    return tuple(cell(text) for text in cells)


def cell(text: str) -> str:
    """Put an apostrophe, which marks text, before `text` if a spreadsheet could take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def summary(jobs: Iterable[Job]) -> Iterator[str]:
    """The sums in USD: in all, by mode and by folder, the most expensive first."""
    modes: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    for job in jobs:
        modes[job.billing.mode or job.options.mode] += job.billing.cost or 0
        folders[plain(job.folder) or "/"] += job.billing.cost or 0
    yield f"{usd(sum(modes.values()))} in all"
    for counter in (modes, folders):
        for name, cost in counter.most_common():
            yield f"  {usd(cost)}  {name}"
