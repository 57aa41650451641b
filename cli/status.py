"""`motiondrop status`: what happens to jobs and drops."""

from collections.abc import Iterable

import click

from cli.drop_link import folder_named
from cli.stack import Find, Target
from cli.table import show
from motiondrop.domain.identity import identity_of
from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import usd
from motiondrop.errors import NoSuchJob
from motiondrop.sanitize import plain
from motiondrop.storage.drops import Drop, Drops
from motiondrop.workflow.receipts import of_jobs, of_rejected

_SHOWN = 30

_OF_JOBS = ("job", "state", "recorded (UTC)", "cost or quote", "image", "video")


@click.command(epilog="Example: motiondrop --stack motiondrop status ada/")
@click.argument("what", metavar="[JOB or FOLDER]", required=False)
@click.pass_obj
def status(find: Find, what: str | None) -> None:
    """Show what happens to jobs, or to a folder.

    Without an argument it shows the 30 newest jobs; with a FOLDER, such as ada/, the 30 newest files in it with their
    receipts; with a JOB, a job id, all that there is to know of it. Costs are in USD. Until the provider has charged
    for a job, its quote is shown. In a pipe it prints a line for each row, with tabs between the columns.
    """
    target = find()
    if what is None:
        show(_OF_JOBS, (_row(job) for job in target.jobs.newest(_SHOWN)[0]))
    elif identity_of(what):
        try:
            show(("", ""), _facts(target, target.jobs.get(what)))
        except NoSuchJob as error:
            raise click.ClickException(f"There is no job {what}.") from error
    else:
        drops = Drops(target.tables).newest(folder_named(what), _SHOWN)
        if not drops:
            raise click.ClickException(f"There is nothing in {folder_named(what)}, and {plain(what)} is no job id.")
        show(("file", "receipt", "jobs"), _of_folder(target, drops))


def _row(job: Job) -> tuple[str, ...]:
    cost = job.quote if job.billing.cost is None else job.billing.cost
    recorded = f"{job.recorded_at:%Y-%m-%d %H:%M}"
    return job.job_id, _state(job), recorded, usd(cost), plain(job.image.key), plain(job.video.key)


def _state(job: Job) -> str:
    return "being canceled" if job.stopped and not job.closed else job.state


def _facts(target: Target, job: Job) -> Iterable[tuple[str, str]]:
    """The facts about the job, without the empty ones."""
    facts = dict(zip(_OF_JOBS, _row(job), strict=True)) | {
        "why": plain(job.closing.reason or job.verdict.message or "", 300) if job.state != State.SUCCEEDED else "",
        "provider's code": plain(job.verdict.code or ""),
        "task": job.task.id or "",
        "execution": job.owner_arn or "",
        "result": f"s3://{target.outputs['ResultsBucket']}/{job.result.key}" if job.result.key else "",
        "page": target.links.to(job.job_id),
    }
    return [(name, text) for name, text in facts.items() if text]


def _of_folder(target: Target, drops: list[Drop]) -> Iterable[tuple[str, ...]]:
    jobs = {job.job_id: job for job in target.jobs.find({job for drop in drops for job in drop.jobs})}
    for drop in drops:
        mine = [jobs[job] for job in sorted(drop.jobs) if job in jobs]
        receipt = of_rejected(drop.rejected) if drop.rejected else of_jobs(mine) if mine else drop.waiting or ""
        yield plain(drop.key), receipt, " ".join(job.job_id for job in mine)
