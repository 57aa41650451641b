"""`motiondrop uninstall`: delete a stack, and lose no video that is paid for.

CloudFormation cannot delete a state machine while one of its executions runs: the state machine stays DELETING, and
the stack DELETE_IN_PROGRESS. An execution may wait for a slot for a year, so waiting executions are stopped first.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import click
from botocore.exceptions import ClientError

from cli.asking import agreed
from cli.pause import set_pause
from cli.stack import Find, Target
from motiondrop.aws.error_codes import code_of
from motiondrop.aws.executions import Executions
from motiondrop.domain.job import UNSENT, Job
from motiondrop.errors import NoSuchJob

_EVERY = 10  # seconds between two looks

#: Looks in a row that have to find nothing: lists of executions and jobs may be a second or two behind.
_QUIET = 2

#: Looks that find neither a paid job nor an execution, after which the command no longer waits for jobs to be closed
#: and people notified: five minutes.
_PATIENCE = 30

#: Looks in a row that find a job that may be paid for but no running execution: 75 minutes. The sweep starts the next
#: execution within an hour.
_ALONE = 450

_COUNTED = 100  # jobs not yet closed, at most

_CAUSE = "MotionDrop is uninstalled."

#: What stays when the stack is deleted, by type.
_KEPT = {
    "AWS::S3::Bucket": "bucket",
    "AWS::DynamoDB::Table": "table",
    "AWS::KMS::Key": "encryption key, without which nothing kept can be read",
}
_LOGS = "AWS::Logs::LogGroup"


@click.command(epilog="Example: motiondrop --stack motiondrop uninstall")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.pass_obj
def uninstall(find: Find, *, yes: bool) -> None:
    """Delete a stack, and lose no video that is paid for.

    Pauses the queue, cancels the jobs that wait (they cost nothing), waits until what is at the provider is saved,
    deletes the stack and says what is kept: both buckets, the table, and the stack's encryption key where it has
    one. A job at the provider takes minutes, rarely hours. Ctrl-C stops the waiting; run it again to continue.
    """
    target = find()
    what = f"The stack {target.name} is deleted for good, with its links; its buckets and its table are kept."
    if not yes and not agreed(what, "Delete it?"):
        click.echo("Nothing was changed.")
        return
    set_pause(target.tables)
    click.echo("The queue is paused.")
    drain(target)
    resources = list(_resources(target))
    delete(target)
    click.echo(f"The stack {target.name} is deleted. Kept, and paid for until you delete it:")
    for line in kept(target, resources):
        click.echo(f"  {line}")


def drain(target: Target) -> None:
    """Stop what waits, and return when every paid video is saved and no execution runs.

    Raise ClickException if no execution works on a job that may be paid for, so that waiting is in vain.
    """
    quiet = settled = alone = 0
    said = ""
    while quiet < _QUIET:
        stop_waiting(target)
        running = sum(1 for _ in _running(target))
        paid = target.jobs.in_flight()
        untold = len(target.jobs.least_seen(_COUNTED))
        news = _progress(running, paid, untold)
        if news != said:
            click.echo(f"  {news}")
            said = news
        settled = 0 if running or paid else settled + 1
        idle = settled > (_PATIENCE if untold else 0)
        quiet = quiet + 1 if idle else 0
        alone = alone + 1 if paid and not running else 0
        if alone > _ALONE:
            raise click.ClickException(
                f"No execution is running for {', '.join(job.job_id for job in paid)}, and each may be paid for: look"
                " at the sweep's log (docs/runbook.md#sweep). Deleting the stack in CloudFormation loses these videos."
            )
        if quiet < _QUIET:
            time.sleep(_EVERY)


def _progress(running: int, paid: list[Job], untold: int) -> str:
    if paid:
        states = Counter(str(job.state) for job in paid)
        counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        return f"Waiting for the videos that are or may be paid for: {counted}."
    if running or untold:
        return f"Waiting for {running} executions to end and {untold} jobs to be closed."
    return "Nothing runs any more."


def stop_waiting(target: Target) -> None:
    """Stop the executions without a job or whose job costs nothing yet; conclude closes the jobs and tells people."""
    executions = Executions(target.client("stepfunctions"), target.outputs["StateMachineArn"])
    for arn in _running(target):
        if _is_waiting(target, arn):
            executions.stop(arn, _CAUSE)


def _running(target: Target) -> Iterator[str]:
    """The ARNs of the running executions; none if the state machine is gone."""
    pages = target.client("stepfunctions").get_paginator("list_executions")
    try:
        for page in pages.paginate(stateMachineArn=target.outputs["StateMachineArn"], statusFilter="RUNNING"):
            yield from (execution["executionArn"] for execution in page["executions"])
    except ClientError as error:
        if code_of(error) != "StateMachineDoesNotExist":
            raise


def _is_waiting(target: Target, arn: str) -> bool:
    """Whether the execution has no job, or its job costs nothing yet."""
    said = target.client("stepfunctions").describe_execution(executionArn=arn).get("input", "")
    try:
        job = target.jobs.get(str(json.loads(said)["job_id"]))
    except (NoSuchJob, ValueError, KeyError, TypeError):
        return True
    return job.state in UNSENT


def delete(target: Target) -> None:
    """Delete the stack; raise ClickException with the reasons if a resource cannot be deleted."""
    cloudformation = target.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=target.name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack_id)
    click.echo("  Deleting the stack.")
    while (status := _status(cloudformation, stack_id)) != "DELETE_COMPLETE":
        if status == "DELETE_FAILED":
            raise click.ClickException(
                f"The stack could not be deleted: {'; '.join(_failures(cloudformation, stack_id))}."
                " Mend that and run the command again."
            )
        with suppress(ClientError):  # executions that have begun since, for drops of this minute
            stop_waiting(target)
        time.sleep(_EVERY)


def _status(cloudformation: Any, stack_id: str) -> str:
    try:
        return str(cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        if code_of(error) == "ValidationError":  # the stack is not known any more
            return "DELETE_COMPLETE"
        raise


def _failures(cloudformation: Any, stack_id: str) -> list[str]:
    resources = cloudformation.describe_stack_resources(StackName=stack_id)["StackResources"]
    return [
        f"{one['LogicalResourceId']}, {one.get('ResourceStatusReason', 'no reason given')}"
        for one in resources
        if one["ResourceStatus"] == "DELETE_FAILED"
    ]


def _resources(target: Target) -> Iterator[tuple[str, str]]:
    """The type and the name of each of the stack's resources."""
    pages = target.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=target.name)
    for page in pages:
        for one in page["StackResourceSummaries"]:
            yield one["ResourceType"], one.get("PhysicalResourceId", "")


def kept(target: Target, resources: list[tuple[str, str]]) -> Iterator[str]:
    """What is left of the stack, a line each: retained resources, log groups written to again, and packages."""
    for kind, name in resources:
        if kind in _KEPT:
            yield f"{_KEPT[kind]}: {name}"
    logs = target.client("logs")
    for name in (name for kind, name in resources if kind == _LOGS):
        found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if any(group["logGroupName"] == name for group in found):
            yield f"log group: {name}"
    yield "the deployment's packages: the bucket of AWS SAM, aws-sam-cli-managed-default-…"
