"""`motiondrop forget`: delete all that is kept of a job, for the person whose likeness it is."""

import click

from cli.stack import Find, Target
from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results
from motiondrop.errors import NoSuchJob
from motiondrop.storage.drops import Drops
from motiondrop.workflow.forget import ForgetJob, Gone, StillRunning


@click.command(epilog="Example: motiondrop --stack motiondrop forget hero-0123456789abcdef0123")
@click.argument("job")
@click.option("--allow-again", is_flag=True, help="Let the same files be animated again.")
@click.pass_obj
def forget(find: Find, job: str, *, allow_again: bool) -> None:
    """Delete all that is kept of a job.

    JOB is a job id, as its email, its page and its execution say it.
    """
    forgetting = forget_job(find())
    if allow_again:
        if not forgetting.allow_again(job):
            raise click.ClickException(f"{job} was not forgotten.")
        click.echo("The same files may be dropped again.")
        return
    try:
        click.echo(told(job, forgetting.run(job)))
    except NoSuchJob as error:
        raise click.ClickException(f"There is no job {job}, or it was forgotten before.") from error
    except StillRunning as error:
        raise click.ClickException(f"{job} has not ended: stop its execution first, then forget it.") from error


def forget_job(target: Target) -> ForgetJob:
    """What forgets the jobs of a stack."""
    return ForgetJob(
        tables=target.tables,
        drops=Drops(target.tables),
        inbox=Inbox(target.s3, target.outputs["InboxBucket"], target.outputs["ResultsBucket"]),
        results=Results(target.s3, target.outputs["ResultsBucket"]),
    )


def told(job_id: str, gone: Gone) -> str:
    """What was done, and what is out of reach."""
    lines = [f"{job_id} is forgotten; its link answers as unknown, and the same files are not animated again."]
    lines += [f"  deleted from the results bucket: {key}" for key in gone.results]
    lines += [f"  deleted from the inbox: {key}" for key in gone.drops]
    lines += [f"  kept, since others use it: {key}" for key in gone.kept]
    lines.append(
        "Out of reach: emails and events that were sent, the names of executions (90 days), logs (while kept), "
        "the table's point-in-time recovery (35 days)."
    )
    return "\n".join(lines)
