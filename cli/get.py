"""`motiondrop get`: download a job's result."""

from pathlib import Path

import click

from cli.stack import Find
from motiondrop.domain.job import State
from motiondrop.errors import NoSuchJob


@click.command(epilog="Example: motiondrop --stack motiondrop get hero-0123456789abcdef0123 videos/")
@click.argument("job")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def get(find: Find, job: str, folder: Path) -> None:
    """Download the video of a job.

    JOB is a job id; you find it with `status`, in the job's email and on its page. The video is saved as DIR/JOB.mp4,
    in the current directory if no DIR is given.
    """
    target = find()
    try:
        found = target.jobs.get(job)
    except NoSuchJob as error:
        raise click.ClickException(f"There is no job {job}, or it was forgotten.") from error
    if found.state != State.SUCCEEDED or not found.result.key:
        raise click.ClickException(f"{found.job_id} has no video: it is {found.state}.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.job_id}.mp4"
    target.s3.download_file(target.outputs["ResultsBucket"], found.result.key, str(path))
    click.echo(path)
