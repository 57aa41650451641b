"""`motiondrop forget`: delete all that is kept of a job or a file, for the person whose likeness it is."""

import hashlib
from pathlib import Path

import click

from cli.asking import agreed
from cli.stack import Find, Target
from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.errors import NoSuchJob
from motiondrop.storage.drops import Drops
from motiondrop.workflow.forget import Content, ForgetJob, Found, Gone, StillRunning

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_OUT_OF_REACH = """\
Out of reach:
  emails and events that were sent
  the histories of executions, with the names of files: 90 days
  the provider's copies of both files and of the video: 24 hours after the task was created
  logs, with job ids: as long as LogRetentionDays says
  the table's point-in-time recovery: 35 days"""


@click.command(epilog="Example: motiondrop --stack motiondrop forget --image ada.jpg")
@click.argument("job", required=False)
@click.option("--image", metavar="FILE", type=_FILE, help="All jobs and drops with this very image, by its SHA-256.")
@click.option("--video", metavar="FILE", type=_FILE, help="All jobs and drops with this very video, by its SHA-256.")
@click.option("--allow-again", is_flag=True, help="With JOB: allow the same files to be animated again.")
@click.option("--yes", is_flag=True, help="With --image or --video: delete without asking.")
@click.pass_obj
def forget(  # noqa: PLR0917  # one for each option
    find: Find, job: str | None, image: Path | None, video: Path | None, allow_again: bool, yes: bool
) -> None:
    """Delete all that is kept of a job or a file.

    JOB is a job id; you find it in the job's email and on its page. Its record, its result with all versions, and
    the copies and drops that no other job uses are deleted; its link answers as unknown, and the same files are not
    animated again. With --image or --video, this is done for every job made from that file, and drops of it that have
    no job are deleted too. Copies that no record mentions are deleted as well. Then it prints what is
    out of reach, and for how long it stays.
    """
    file = image or video
    if sum(given is not None for given in (job, image, video)) != 1 or (allow_again and job is None):
        raise click.UsageError("Name one JOB, or one file with --image or --video; --allow-again takes a JOB.")
    forgetting = forget_job(find())
    if job and allow_again:
        if not forgetting.allow_again(job):
            raise click.ClickException(f"{job} was not forgotten.")
        click.echo("The same files may be dropped again.")
        return
    running = _one(forgetting, job) if job else _all(forgetting, file or Path(), yes=yes)
    for key in forgetting.erase_orphans():
        click.echo(f"  deleted, since no record refers to it: {key}")
    click.echo(_OUT_OF_REACH)
    if running:
        raise click.ClickException(
            f"Not ended: {', '.join(running)}. Stop each execution or wait for its end, then forget the job."
        )


def forget_job(target: Target) -> ForgetJob:
    """Make the ForgetJob of a stack."""
    return ForgetJob(
        tables=target.tables,
        drops=Drops(target.tables),
        inbox=Inbox(target.s3, target.outputs["InboxBucket"], target.outputs["ResultsBucket"]),
        results=Results(target.s3, target.outputs["ResultsBucket"]),
    )


def content_of(file: Path) -> Content:
    """What identifies a drop of the file: its SHA-256, and the ETag of an upload in one part."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
        opened.seek(0)
        md5 = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Content(digest, f'"{md5}"')


def _one(forgetting: ForgetJob, job_id: str) -> list[str]:
    """Forget the job; return its id in a list if it has not ended, else an empty list."""
    try:
        gone = forgetting.run(job_id)
    except NoSuchJob as error:
        raise click.ClickException(f"There is no job {job_id}, or it was forgotten before.") from error
    except StillRunning:
        return [job_id]
    click.echo(f"{job_id} is forgotten; its link answers as unknown, and the same files are not animated again.")
    _show(gone)
    return []


def _all(forgetting: ForgetJob, file: Path, *, yes: bool) -> list[str]:
    """Forget all jobs and drops with the file; return the jobs that have not ended."""
    content = content_of(file)
    found = forgetting.find(content)
    if found == Found([], []):
        click.echo(f"No job and no drop has the content of {file.name}.")
        return []
    for name in (*found.jobs, *found.drops):
        click.echo(f"  found: {name}")
    counted = f"Jobs: {len(found.jobs)}, drops: {len(found.drops)}, all with the content of {file.name}."
    if not yes and not agreed(counted, "Delete them for good?"):
        raise click.ClickException("Nothing was deleted.")
    running = [job_id for one in found.jobs for job_id in _one(forgetting, one)]
    for key in forgetting.find(content).drops:
        _show(forgetting.run_drop(key))
    return running


def _show(gone: Gone) -> None:
    lines = [f"deleted from the results bucket: {key}" for key in gone.results]
    lines += [f"deleted from the inbox: {key}" for key in gone.drops]
    lines += [f"kept, since others use it: {key}" for key in gone.kept]
    for line in lines:
        click.echo(f"  {line}")
