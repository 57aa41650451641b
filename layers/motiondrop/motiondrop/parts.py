"""The one place where the parts are put together: built on first use, kept for the container's life."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
import requests
from botocore.config import Config

from motiondrop.drops import Drops
from motiondrop.ending import Ending
from motiondrop.inbox import Inbox
from motiondrop.jobs import Jobs
from motiondrop.links import Links
from motiondrop.messages import Messenger
from motiondrop.receipts import Receipts
from motiondrop.records import Tables, bind
from motiondrop.results import Results
from motiondrop.runs import Runs
from motiondrop.secrets import Secret
from motiondrop.settings import load
from motiondrop.slots import Slots
from motiondrop.wan import Wan

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Settings:
    """What every function is told by template.yaml, in the environment. Times in seconds."""

    aws_region: str
    table: str
    inbox_bucket: str
    results_bucket: str
    state_machine_arn: str
    notifications_topic_arn: str
    operations_topic_arn: str
    provider_key_secret: str
    link_secret: str
    wan_base_url: str
    wan_region: str
    wan_model: str
    wan_result_origins: str
    default_mode: str
    max_in_flight: int
    max_fan_out: int
    poll_seconds: int
    settle_seconds: int
    reconcile_margin_seconds: int
    grace_seconds: int


@dataclass(frozen=True)
class Telling(Settings):
    """What a function is told beside that if it sends mails, which carry links."""

    watch_url: str


class Parts:
    """The parts of one stack, from its settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def of_environment(cls, kind: type[Settings] = Settings) -> "Parts":
        """The parts that the function's environment describes; SettingsError where it does not."""
        return cls(load(kind, os.environ))

    @cached_property
    def _config(self) -> Config:
        # Signature version 4 and virtual addressing are said, since boto3 still signs URLs otherwise in some regions.
        return Config(
            region_name=self.settings.aws_region,
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 4},
            signature_version="v4",
        )

    @cached_property
    def s3(self) -> "S3Client":
        """S3; its signed URLs are what the provider and the page's readers get."""
        config = self._config.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
        return boto3.client("s3", config=config)

    @cached_property
    def session(self) -> requests.Session:
        """The HTTP connections to the provider and its result hosts; proxies and the like are the environment's."""
        return requests.Session()

    @cached_property
    def tables(self) -> Tables:
        """The table."""
        return bind(self.settings.table, self.settings.aws_region)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs' records."""
        return Jobs(self.tables)

    @cached_property
    def drops(self) -> Drops:
        """The drops' records."""
        return Drops(self.tables)

    @cached_property
    def runs(self) -> Runs:
        """The state machine."""
        return Runs(boto3.client("stepfunctions", config=self._config), self.settings.state_machine_arn)

    @cached_property
    def slots(self) -> Slots:
        """Slots, lock, breaker and line."""
        return Slots(self.tables, self.jobs, self.runs, self.settings.max_in_flight)

    @cached_property
    def inbox(self) -> Inbox:
        """The inbox bucket."""
        return Inbox(self.s3, self.settings.inbox_bucket, self.settings.results_bucket)

    @cached_property
    def receipts(self) -> Receipts:
        """The drops' receipts."""
        return Receipts(self.inbox, self.drops, self.jobs)

    @cached_property
    def messenger(self) -> Messenger:
        """The two topics."""
        return Messenger(
            boto3.client("sns", config=self._config),
            self.settings.notifications_topic_arn,
            self.settings.operations_topic_arn,
        )

    @cached_property
    def _secretsmanager(self) -> Secret:
        return Secret(boto3.client("secretsmanager", config=self._config))

    def key(self) -> str:
        """The provider's key, read at use; KeyRefused where it has no value yet."""
        return self._secretsmanager.key(self.settings.provider_key_secret)

    @cached_property
    def wan(self) -> Wan:
        """The provider."""
        return Wan(self.session, self.settings.wan_base_url, self.key)

    @cached_property
    def links(self) -> Links:
        """The permanent links."""
        base_url = self.settings.watch_url if isinstance(self.settings, Telling) else ""
        return Links(base_url, lambda: self._secretsmanager.value(self.settings.link_secret))

    @cached_property
    def ending(self) -> Ending:
        """How jobs end."""
        return Ending(
            self.jobs,
            self.slots,
            self.runs,
            self.receipts,
            self.messenger,
            self.links,
            self.settings.results_bucket,
        )

    @cached_property
    def results(self) -> Results:
        """The results bucket."""
        return Results(self.s3, self.settings.results_bucket)

    @cached_property
    def margin(self) -> timedelta:
        """How long after a broken-off create call its outcome is asked for."""
        return timedelta(seconds=self.settings.reconcile_margin_seconds)

    @cached_property
    def origins(self) -> re.Pattern[str]:
        """Where results may be fetched from."""
        return re.compile(self.settings.wan_result_origins)
