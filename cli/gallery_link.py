"""`motiondrop gallery-link`: the operator's link to all jobs."""

import click

from cli.stack import Find


@click.command("gallery-link", epilog="Example: motiondrop --stack motiondrop gallery-link")
@click.pass_obj
def gallery_link(find: Find) -> None:
    """Print the link to a page of all jobs.

    The page shows their stills, states and costs, and the running total. Whoever has the link sees all jobs. A new
    value of the secret NAME/page-links ends it, with all result links.
    """
    click.echo(find().links.to_gallery())
