"""`motiondrop gallery-link`: the operator's link to all jobs."""

import click

from cli.stack import Find


@click.command("gallery-link", epilog="Example: motiondrop --stack motiondrop gallery-link")
@click.pass_obj
def gallery_link(find: Find) -> None:
    """Print the link to a page of all jobs.

    The page shows their stills, states and costs, and the total cost so far. Whoever has the link sees all
    jobs. If you give the secret NAME/page-links a new value, this link and all result links stop working.
    """
    click.echo(find().links.to_gallery())
