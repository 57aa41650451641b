"""The stack that a command works on: one on AWS by its name, or the local cloud."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.stack import STATE_DIR, Stack, StackNotRunningError
from motiondrop.aws.secrets import Secrets
from motiondrop.storage.items import Tables, bind
from motiondrop.storage.jobs import Jobs
from motiondrop.web.links import Links

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Finds the stack that the command line names; a command calls it when its own arguments are fine.
Find = Callable[[], "Target"]


@dataclass(frozen=True)
class Target:
    """A stack's parts: its outputs and parameters, its table, and clients of the AWS it is on.

    `option` names the stack on the command line: `--stack motiondrop` or `--local`.
    """

    name: str
    option: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]
    client: Callable[[str], Any]
    tables: Tables

    @property
    def is_local(self) -> bool:
        """Whether it is on the local cloud."""
        return self.option == "--local"

    @property
    def command(self) -> str:
        """How a command line for this stack begins."""
        return f"motiondrop {self.option}"

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client, whose signed URLs are like those of the functions."""
        return self.client("s3")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs' records."""
        return Jobs(self.tables)

    @cached_property
    def links(self) -> Links:
        """The permanent links, signed with the stack's secret."""
        secrets = Secrets(self.client("secretsmanager"))
        return Links(self.outputs["ResultPageUrl"], lambda: secrets.value(f"{self.name}/page-links"))


def connect(name: str, state_dir: Path | None = None) -> Target:
    """Find the stack `name`, with the AWS CLI's credentials and region; without a name, `state_dir`'s local cloud.

    Raise ClickException if there is none.
    """
    return _on_aws(name) if name else _on_local_cloud(state_dir or _state_dir())


def _on_aws(name: str) -> Target:
    session = boto3.Session()

    def client(service: str) -> Any:
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"}) if service == "s3" else None
        return session.client(service, config=config)  # type: ignore[call-overload]  # by name

    try:
        return _target(name, f"--stack {name}", client, session.region_name)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"The stack {name} cannot be reached. AWS says: {error}") from error


def _on_local_cloud(state_dir: Path) -> Target:
    try:
        stack = Stack.load(state_dir)
    except StackNotRunningError as error:
        raise click.ClickException(f"{error}, or name a stack on AWS with --stack NAME.") from error
    # PynamoDB takes credentials from nowhere else.
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = stack.access_key_id, stack.secret_access_key
    os.environ.pop("AWS_SESSION_TOKEN", None)
    return _target(stack.stack_name, "--local", stack.client, stack.region, stack.endpoint_url)


def _target(name: str, option: str, client: Callable[[str], Any], region: str, host: str | None = None) -> Target:
    stack = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    if "JobsTable" not in outputs:
        raise click.ClickException(
            f"The stack {name} is {stack['StackStatus']} and has no outputs, so there is nothing to operate."
        )
    return Target(name, option, outputs, parameters, client, bind(outputs["JobsTable"], region, host))


def _state_dir() -> Path:
    """The folder of the local cloud's state: in the project if it exists there, else in the current directory."""
    return STATE_DIR if STATE_DIR.exists() else Path(STATE_DIR.name)
