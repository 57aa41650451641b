"""`motiondrop --stack NAME COMMAND` operates a stack on AWS, `motiondrop --local COMMAND` the local cloud."""

from pathlib import Path

import click

from cli.drop_link import drop_link
from local.stack import STATE_DIR
from tools.stack import NoStackError, connect


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stack", metavar="NAME", default="", help="A stack on AWS.")
@click.option("--local", is_flag=True, help="The local cloud, in place of a stack on AWS.")
@click.option("--state-dir", type=click.Path(path_type=Path), default=STATE_DIR, hidden=True)
@click.pass_context
def main(context: click.Context, stack: str, *, local: bool, state_dir: Path) -> None:
    """Operate MotionDrop."""
    if bool(stack) == local:
        raise click.UsageError("Say which one: --stack NAME for a stack on AWS, or --local for the local cloud.")

    def find() -> object:
        try:
            return connect(stack, state_dir)
        except NoStackError as error:
            raise click.ClickException(str(error)) from error

    context.obj = find


main.add_command(drop_link)

if __name__ == "__main__":
    main(prog_name="motiondrop")
