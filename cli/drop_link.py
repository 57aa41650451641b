"""`motiondrop drop-link`: a link for people without an AWS sign-in, to upload into one folder and follow its files."""

import json

import click
from botocore.exceptions import ClientError

from cli.stack import Find, Target
from motiondrop.storage.drop_links import DropLinks

_MICRO = 1_000_000

_POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command(
    "drop-link",
    epilog="Example: motiondrop --stack motiondrop drop-link ada/ --days 30 --usd-a-day 10 --email ada@example.com",
)
@click.argument("folder", required=False)
@click.option("--days", type=_POSITIVE, default=30, show_default=True, help="How many days the link works.")
@click.option(
    "--usd-a-day",
    type=_POSITIVE,
    default=10,
    show_default=True,
    help="USD that the link's jobs may cost in a day (UTC).",
)
@click.option("--email", metavar="ADDRESS", help="Subscribe this address to the folder's emails.")
@click.option("--revoke", metavar="LINK", help="End this link, and no other.")
@click.pass_obj
def drop_link(  # noqa: PLR0917  # one for each option
    find: Find,
    folder: str | None,
    days: float,
    usd_a_day: float,
    email: str | None,
    revoke: str | None,
) -> None:
    """Print a link for uploads into a folder.

    It opens a page for people without an AWS sign-in, who can upload into that FOLDER of the inbox, such as ada/,
    and follow its files. Only a hash of the link's secret is stored, so the link cannot be printed again.
    """
    if (folder is None) == (revoke is None):
        raise click.UsageError("Give a FOLDER for a new link, or --revoke LINK to end one.")
    target = find()
    links = DropLinks(target.tables)
    if revoke is not None:
        link_id = revoke.rstrip("/").rpartition("/")[2].partition(".")[0]
        if not links.revoke(link_id):
            raise click.ClickException("There is no such link.")
        click.echo(
            "The link is revoked. Its animations continue, and its email subscription stays until you delete it."
        )
        return
    link, token = links.create(folder_named(folder or ""), days, round(usd_a_day * _MICRO), email)
    page = target.outputs["DropPageUrl"].rstrip("/")
    click.echo(f"{page}/{token}")
    if email:
        _subscribe(target, email, link.folder)


def _subscribe(target: Target, email: str, folder: str) -> None:
    """Subscribe the address to the folder's emails; raise ClickException if SNS refuses it."""
    try:
        target.client("sns").subscribe(
            TopicArn=target.outputs["NotificationsTopicArn"],
            Protocol="email",
            Endpoint=email,
            Attributes={"FilterPolicy": json.dumps({"folder": [folder]})},
        )
    except ClientError as error:
        # An address has one subscription of a topic, with one filter (SNS API reference, "Subscribe").
        raise click.ClickException(
            f"The link works, but {email} was not subscribed. If it has a subscription already, add {folder} to"
            f" that subscription's filter in the SNS console. AWS said: {error}"
        ) from error
    click.echo(f"{email} gets the emails of this folder once the link in the email from AWS was clicked.", err=True)


def folder_named(text: str) -> str:
    """The folder's key prefix, such as `ada/`; raise UsageError if `text` is not the name of a folder."""
    parts = [part for part in text.strip().split("/") if part]
    if not parts or not text.isprintable() or {".", ".."} & set(parts):
        raise click.UsageError(f"{text!r} is not the name of a folder. A name looks like ada/.")
    return "/".join(parts) + "/"
