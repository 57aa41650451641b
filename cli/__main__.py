"""`motiondrop --stack NAME COMMAND` operates a stack on AWS, `motiondrop --local COMMAND` the local cloud."""

from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import PynamoDBException

from cli.doctor import doctor
from cli.drop import drop
from cli.drop_link import drop_link
from cli.forget import forget
from cli.gallery_link import gallery_link
from cli.get import get
from cli.pause import pause, resume
from cli.smoke import smoke
from cli.spend import spend
from cli.stack import Target, connect
from cli.status import status
from cli.uninstall import uninstall


class Commands(click.Group):
    """The commands, in the order that they were added. An error of AWS becomes a sentence, not a traceback."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002, D102  # click's own
        return list(self.commands)

    def invoke(self, context: click.Context) -> Any:  # noqa: D102  # click's own
        try:
            return super().invoke(context)
        except (BotoCoreError, ClientError, PynamoDBException) as error:
            raise click.ClickException(f"AWS did not do what was asked of it. It says: {error}") from error


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: motiondrop --stack motiondrop status. Each command has a --help of its own.",
)
@click.option("--stack", metavar="NAME", default="", help="A stack on AWS, such as motiondrop.")
@click.option("--local", is_flag=True, help="The local cloud that `make up` started, instead of a stack on AWS.")
@click.option("--state-dir", type=click.Path(path_type=Path), hidden=True)
@click.pass_context
def main(context: click.Context, stack: str, *, local: bool, state_dir: Path | None) -> None:
    """Operate MotionDrop.

    A stack on AWS is reached with the AWS CLI's credentials and region (AWS_DEFAULT_REGION).
    """

    def find() -> Target:
        if bool(stack) == local:
            raise click.UsageError("Say which one: --stack NAME for a stack on AWS, or --local for the local cloud.")
        return connect(stack, state_dir)

    context.obj = find


for command in (drop, status, get, drop_link, gallery_link, pause, resume, spend, forget, doctor, smoke, uninstall):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="motiondrop")
