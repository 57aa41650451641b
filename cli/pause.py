"""`motiondrop pause` and `motiondrop resume`: whether jobs are given slots."""

import click

from cli.stack import Find
from motiondrop.clock import now
from motiondrop.storage.items import PAUSE, QUEUE, Tables


@click.command(epilog="Example: motiondrop --stack motiondrop pause")
@click.pass_obj
def pause(find: Find) -> None:
    """Give no more jobs a slot, until resume.

    Drops are still taken in, checked and queued, and their jobs wait. Jobs that have a slot already continue to
    their end and cost what they cost.
    """
    target = find()
    set_pause(target.tables)
    click.echo(f"The queue is paused: no job gets a slot until `{target.command} resume`.")


@click.command(epilog="Example: motiondrop --stack motiondrop resume")
@click.pass_obj
def resume(find: Find) -> None:
    """Send jobs to the provider again after a pause.

    Free slots are given within a minute.
    """
    end_pause(find().tables)
    click.echo("The queue continues: free slots are given within a minute.")


def set_pause(tables: Tables) -> None:
    """Write the item that pauses the queue: `slots` looks for it before it gives a slot."""
    tables.queue(QUEUE, PAUSE, since=now()).save()


def end_pause(tables: Tables) -> None:
    """Delete the item that pauses the queue."""
    tables.queue(QUEUE, PAUSE).delete()
