"""The stack that an operator's command works on: one on AWS by its name, or the local cloud."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.stack import STATE_DIR, Stack, StackNotRunningError
from motiondrop.storage.items import Tables, bind

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient


class NoStackError(Exception):
    """There is no such stack, or no way to it; the sentence says which."""


@dataclass(frozen=True)
class Target:
    """A stack's parts, as far as an operator's commands use them."""

    s3: "S3Client"
    sns: "SNSClient"
    tables: Tables
    inbox_bucket: str
    results_bucket: str
    result_page_url: str
    link_secret: str
    drop_page_url: str
    notifications_topic_arn: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command asks: which stack."""
    parser.add_argument("--stack", default="", help="a stack on AWS; the local cloud without it")
    parser.add_argument("--state-dir", type=Path, default=STATE_DIR, help="folder of another local cloud")


def connect(stack: str, state_dir: Path) -> Target:
    """The stack of that name, with the AWS CLI's credentials and region; without a name the local cloud of a folder."""
    return _on_aws(stack) if stack else _local(state_dir)


def _on_aws(name: str) -> Target:
    try:
        session = boto3.Session()
        stacks = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stacks[0].get("Outputs", [])}
        secret = session.client("secretsmanager").get_secret_value(SecretId=f"{name}/link-secret")["SecretString"]
        s3 = session.client("s3", config=Config(signature_version="s3v4"))
    except (BotoCoreError, ClientError) as error:
        raise NoStackError(f"The stack {name} cannot be reached: {error}") from error
    tables = bind(outputs["JobsTable"], session.region_name)
    return _target(s3, session.client("sns"), tables, outputs, outputs["ResultPageUrl"], secret)


def _local(state_dir: Path) -> Target:
    try:
        stack = Stack.load(state_dir)
    except StackNotRunningError as error:
        raise NoStackError(f"{error}, or name a stack on AWS: STACK=motiondrop") from error
    # PynamoDB has no other way to be notified.
    os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"] = stack.access_key_id, stack.secret_access_key
    os.environ.pop("AWS_SESSION_TOKEN", None)
    secret = stack.secretsmanager.get_secret_value(SecretId=f"{stack.stack_name}/link-secret")["SecretString"]
    tables = bind(stack.table, stack.region, stack.endpoint_url)
    return _target(stack.s3, stack.sns, tables, stack.outputs, stack.result_page_url, secret)


def _target(  # noqa: PLR0917  # what a stack has
    s3: Any, sns: Any, tables: Tables, outputs: Mapping[str, str], result_page_url: str, secret: str
) -> Target:
    return Target(
        s3=s3,
        sns=sns,
        tables=tables,
        inbox_bucket=outputs["InboxBucket"],
        results_bucket=outputs["ResultsBucket"],
        result_page_url=result_page_url,
        link_secret=secret,
        drop_page_url=outputs["DropPageUrl"],
        notifications_topic_arn=outputs["NotificationsTopicArn"],
    )
