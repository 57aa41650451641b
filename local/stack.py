"""A running local cloud, as its stack.json describes it: names, addresses and clients.

stack = Stack.load()
stack.s3.put_object(Bucket=stack.inbox_bucket, Key="hero.png", Body=...)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

PROJECT = Path(__file__).resolve().parents[1]
STATE_DIR = PROJECT / ".local"
STACK_FILE = "stack.json"


class StackNotRunningError(Exception):
    """There is no stack.json: the local cloud was not started, or was stopped."""


@dataclass(frozen=True)
class Stack:
    """What stack.json says; the clients use its endpoint and its credentials, never the machine's own."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    inbox_bucket: str
    results_bucket: str
    table: str
    state_machine_arn: str
    notifications_topic_arn: str
    operations_topic_arn: str
    events_topic_arn: str
    wan_url: str
    console_url: str
    mail_dir: Path
    stack_name: str
    result_page_url: str
    drop_page_url: str
    gallery_url: str
    event_queue_url: str
    provider_key_secret: str
    log_dir: Path
    functions: dict[str, str]
    """Logical id in the template → name of the deployed function."""
    outputs: dict[str, str]

    @classmethod
    def load(cls, state_dir: Path = STATE_DIR) -> Stack:
        """Read stack.json; raises StackNotRunningError if there is none."""
        path = state_dir / STACK_FILE
        try:
            said = json.loads(path.read_text())
        except FileNotFoundError:
            raise StackNotRunningError(f"{path} is missing: start the local cloud with `make up`") from None
        known = {field.name: said[field.name] for field in fields(cls)}
        return cls(**{**known, "mail_dir": Path(said["mail_dir"]), "log_dir": Path(said["log_dir"])})

    def to_json(self) -> str:
        """Return the stack as the text of stack.json."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self)}, default=str, indent=2) + "\n"

    @cached_property
    def session(self) -> boto3.Session:
        """A session with the local cloud's credentials; its clients still need the endpoint."""
        return boto3.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )

    def client(self, service: str) -> Any:
        """Return a client of any service; the properties below are the typed ones."""
        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=50,
        )
        return self.session.client(service, endpoint_url=self.endpoint_url, config=config)  # type: ignore[call-overload]  # by name

    @cached_property
    def s3(self) -> S3Client:
        """The client of S3."""
        return self.client("s3")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        """The client of DynamoDB."""
        return self.client("dynamodb")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def stepfunctions(self) -> SFNClient:
        """The client of Step Functions."""
        return self.client("stepfunctions")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def lambda_(self) -> LambdaClient:
        """The client of Lambda."""
        return self.client("lambda")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def sns(self) -> SNSClient:
        """The client of SNS."""
        return self.client("sns")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def sqs(self) -> SQSClient:
        """The client of SQS."""
        return self.client("sqs")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        """The client of Secrets Manager."""
        return self.client("secretsmanager")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def events(self) -> EventBridgeClient:
        """The client of EventBridge."""
        return self.client("events")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        return self.client("logs")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def iam(self) -> IAMClient:
        """IAM."""
        return self.client("iam")  # type: ignore[no-any-return]  # client() serves any service

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation."""
        return self.client("cloudformation")  # type: ignore[no-any-return]  # client() serves any service

    def emails(self) -> list[Path]:
        """Return the emails sent so far, oldest first."""
        return sorted(self.mail_dir.glob("[!.]*.txt"))
