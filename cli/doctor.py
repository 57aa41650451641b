"""`motiondrop doctor`: check a stack from outside, free of charge."""

from collections.abc import Iterable
from functools import partial

import boto3
import click

from cli.checks import CHECKS, Finding, concurrency_for, look, region_named
from cli.stack import Find, Target

_MARKS = {True: click.style("ok ", fg="green"), False: click.style("NOT", fg="red", bold=True), None: "-  "}

_CONCURRENCY = click.IntRange(min=-1)


@click.command(epilog="Example: motiondrop --stack motiondrop doctor")
@click.option("--before-deploy", is_flag=True, help="Check the account and the region before you deploy a stack.")
@click.option(
    "--function-concurrency",
    metavar="N",
    type=_CONCURRENCY,
    default=-1,
    show_default=True,
    help="With --before-deploy: your FunctionConcurrency; -1 reserves none.",
)
@click.option(
    "--page-concurrency",
    metavar="N",
    type=_CONCURRENCY,
    default=-1,
    show_default=True,
    help="With --before-deploy: your PageConcurrency; -1 reserves none.",
)
@click.pass_obj
def doctor(find: Find, *, before_deploy: bool, function_concurrency: int, page_concurrency: int) -> None:
    """Check a stack from outside, free of charge.

    Prints a line for each check: ok, or NOT followed by what to do, or - if there is nothing to check. Ends with
    status 1 if a line says NOT. It costs nothing: it queries AWS, reads the provider's list of tasks, and writes and
    deletes two small hidden files in the inbox.

    With --before-deploy no --stack is needed. It checks that the region has what the template uses, and that the
    account allows as many Lambda executions at once as the stack needs.
    """
    if not (shown(_before(function_concurrency, page_concurrency)) if before_deploy else is_healthy(find())):
        raise click.exceptions.Exit(1)


def is_healthy(target: Target) -> bool:
    """Carry out all checks and print what they find; return whether all is fine."""
    return shown(look(about, partial(check, target)) for about, check in CHECKS.items())


def shown(findings: Iterable[Finding]) -> bool:
    """Print the findings as they come; return whether all is fine."""
    fine = True
    for finding in findings:
        click.echo(f"  {_MARKS[finding.fine]} {finding.about}: {finding.said}")
        fine = fine and finding.fine is not False
    return fine


def _before(functions: int, pages: int) -> Iterable[Finding]:
    """The checks of the account and the region that need no stack."""
    session = boto3.Session()
    yield look("region", lambda: region_named(session.client("lambda").meta.region_name))
    yield look("Lambda", lambda: concurrency_for(session.client("lambda"), functions, pages))
