"""The one place where the parts are put together: built on first use, kept for the container's life."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from motiondrop.drops import Drops
from motiondrop.drops_queue import DropsQueue
from motiondrop.ending import Ending
from motiondrop.errors import SettingsError
from motiondrop.folders import Folders
from motiondrop.inbox import Inbox
from motiondrop.jobs import Jobs
from motiondrop.ledger import Ledger
from motiondrop.links import Links
from motiondrop.listeners import Listeners
from motiondrop.lost_drops import LostDrops
from motiondrop.measures import Measures
from motiondrop.messenger import Messenger, Topics
from motiondrop.outbox import Outbox
from motiondrop.pricing import Prices
from motiondrop.receipts import Receipts
from motiondrop.records import Tables, bind
from motiondrop.results import Results
from motiondrop.runs import Runs
from motiondrop.secrets import Kept, Secret
from motiondrop.settings import load
from motiondrop.slots import Slots

if TYPE_CHECKING:
    import requests
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

    from motiondrop.wan import Wan


#: After so many seconds a new link secret has revoked the links that were sent.
_LINK_SECRET_SECONDS = 30


@dataclass(frozen=True)
class Settings:
    """What every function is told by template.yaml, in the environment. Times in seconds."""

    aws_region: str
    stack: str
    table: str
    inbox_bucket: str
    results_bucket: str
    state_machine_arn: str
    notifications_topic_arn: str
    operations_topic_arn: str
    events_topic_arn: str
    provider_key_secret: str
    link_secret: str
    wan_base_url: str
    wan_region: str
    wan_model: str
    wan_prices: str
    wan_result_origins: str
    default_mode: str
    max_in_flight: int
    max_fan_out: int
    mails_per_minute: int
    daily_budget_usd: float
    poll_seconds: int
    settle_seconds: int
    reconcile_margin_seconds: int
    grace_seconds: int


@dataclass(frozen=True)
class Telling(Settings):
    """What a function is told beside that if it sends mails, which carry links."""

    watch_url: str


@dataclass(frozen=True)
class Queueing(Telling):
    """What `submit` and the sweep are told beside that, about the drops queue. Times in seconds."""

    drops_queue_url: str
    drops_queue_visibility: int


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
    def session(self) -> "requests.Session":
        """The HTTP connections to the provider and its result hosts; proxies and the like are the environment's."""
        import requests  # noqa: PLC0415  # not every function calls the provider

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
    def ledger(self) -> Ledger:
        """The running total."""
        return Ledger(self.tables, self.jobs)

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
        size = self.settings.max_in_flight
        return Slots(self.tables, self.jobs, self.runs, size, daily_budget=self.daily_budget)

    @property
    def prices(self) -> Prices:
        """What the provider charges."""
        return Prices.of(self.settings.wan_model, self.settings.wan_region, self.settings.wan_prices)

    @property
    def daily_budget(self) -> int:
        """What a day may cost, in micro-USD."""
        return round(self.settings.daily_budget_usd * 1_000_000)

    @cached_property
    def inbox(self) -> Inbox:
        """The inbox bucket."""
        return Inbox(self.s3, self.settings.inbox_bucket, self.settings.results_bucket)

    @cached_property
    def folders(self) -> Folders:
        """The inbox's folders, as the pairing rule sees them."""
        return Folders(self.inbox, self.drops, self.settings.max_fan_out)

    @cached_property
    def receipts(self) -> Receipts:
        """The drops' receipts."""
        return Receipts(self.inbox, self.drops, self.jobs)

    @cached_property
    def measures(self) -> Measures:
        """The metrics."""
        return Measures(self.settings.stack)

    @cached_property
    def _sns(self) -> "SNSClient":
        return boto3.client("sns", config=self._config)

    @cached_property
    def topics(self) -> Topics:
        """The topics' ARNs."""
        told = self.settings
        return Topics(told.notifications_topic_arn, told.operations_topic_arn, told.events_topic_arn)

    @cached_property
    def messenger(self) -> Messenger:
        """The topics."""
        return Messenger(self._sns, self.topics, Outbox(self.tables, self.settings.mails_per_minute))

    @cached_property
    def listeners(self) -> Listeners:
        """The topics' subscribers."""
        return Listeners(self._sns, self.topics, self.tables, self.messenger)

    @cached_property
    def _secretsmanager(self) -> Secret:
        return Secret(boto3.client("secretsmanager", config=self._config))

    def key(self) -> str:
        """The provider's key, read at use; KeyRefused where it has no value yet."""
        return self._secretsmanager.key(self.settings.provider_key_secret)

    @cached_property
    def wan(self) -> "Wan":
        """The provider."""
        from motiondrop.wan import Wan  # noqa: PLC0415  # the same

        return Wan(self.session, self.settings.wan_base_url, self.key)

    @cached_property
    def links(self) -> Links:
        """The permanent links."""
        base_url = self.settings.watch_url if isinstance(self.settings, Telling) else ""
        secret = Kept(lambda: self._secretsmanager.value(self.settings.link_secret), _LINK_SECRET_SECONDS)
        return Links(base_url, secret)

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
            pause=self.grace / 2,
            measures=self.measures,
        )

    @cached_property
    def grace(self) -> timedelta:
        """How long a job may be silent before the sweep looks after it."""
        return timedelta(seconds=self.settings.grace_seconds)

    @cached_property
    def drops_queue(self) -> DropsQueue:
        """The queue before `submit`; SettingsError for a function that is told nothing of it."""
        if not isinstance(self.settings, Queueing):
            raise SettingsError("this function is told nothing of the drops queue")
        sqs = boto3.client("sqs", config=self._config)
        return DropsQueue(sqs, self.settings.drops_queue_url, self.settings.drops_queue_visibility)

    @cached_property
    def lost_drops(self) -> LostDrops:
        """The inbox beside the drops' records; an event is given up only after a message's time in the queue."""
        inbox = self.settings.inbox_bucket
        return LostDrops(self.s3, self.drops_queue, self.tables, self.drops, inbox, 10 * self.grace)

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
