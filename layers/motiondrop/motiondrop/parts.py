"""The parts of one stack, from its settings: clients, records and what the functions share, each built when asked for.

A module that only some functions need is imported where it is used, since importing is most of a cold start.
"""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from motiondrop.aws.executions import Executions
from motiondrop.aws.inbox import Inbox
from motiondrop.aws.metrics import Metrics
from motiondrop.aws.results import Results
from motiondrop.aws.secrets import CachedSecret, Secrets
from motiondrop.domain.pricing import Prices
from motiondrop.errors import SettingsError
from motiondrop.settings import EventQueueSettings, LinkSettings, PublishingSettings, Settings
from motiondrop.storage.budget import Budget
from motiondrop.storage.circuit_breaker import CircuitBreaker
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import Tables, bind
from motiondrop.storage.jobs import Jobs
from motiondrop.storage.ledger import Ledger
from motiondrop.storage.slots import Slots
from motiondrop.storage.submission_lock import SubmissionLock
from motiondrop.web.links import Links
from motiondrop.workflow.receipts import Receipts

if TYPE_CHECKING:
    import requests
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

    from motiondrop.aws.event_queue import EventQueue
    from motiondrop.aws.media import MediaFunction
    from motiondrop.aws.topics import Publisher, TopicArns
    from motiondrop.provider.client import WanClient
    from motiondrop.storage.changes import Changes
    from motiondrop.storage.cursors import Cursors
    from motiondrop.storage.drop_links import DropLinks
    from motiondrop.workflow.closing import Closing
    from motiondrop.workflow.folders import Folders
    from motiondrop.workflow.opening import Opening
    from motiondrop.workflow.refusals import Refusals

#: Seconds for which the link secret is cached: after a new one is set, older links still work for at most this long.
_LINK_SECRET_SECONDS = 30


class Parts:
    """The parts of one stack. Most are built on first use and kept for the container's life."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def _config(self) -> Config:
        # Signature version 4 and virtual addressing are set, since boto3 has other defaults for URLs in some regions.
        return Config(
            region_name=self.settings.aws_region,
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 4},
            signature_version="v4",
        )

    @cached_property
    def _boto3(self) -> boto3.Session:
        # The table's session is shared: each new one reads all endpoints of AWS again, which is much of a cold start.
        return boto3.Session(botocore_session=self.tables.connection.session)

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client; it signs the URLs that the provider and the pages' readers get."""
        config = self._config.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
        return self._boto3.client("s3", config=config)

    @cached_property
    def sns(self) -> "SNSClient":
        """The SNS client."""
        return self._boto3.client("sns", config=self._config)

    @cached_property
    def session(self) -> "requests.Session":
        """The HTTP connections to the provider and its result hosts; proxies and the like come from the environment."""
        import requests  # noqa: PLC0415

        return requests.Session()

    @cached_property
    def tables(self) -> Tables:
        """The kinds of items, bound to the stack's table."""
        return bind(self.settings.table, self.settings.aws_region)

    @cached_property
    def jobs(self) -> Jobs:
        """The jobs' records."""
        return Jobs(self.tables)

    @cached_property
    def ledger(self) -> Ledger:
        """The running total of all results."""
        return Ledger(self.tables, self.jobs)

    @cached_property
    def drops(self) -> Drops:
        """The drops' records."""
        return Drops(self.tables)

    @cached_property
    def drop_links(self) -> "DropLinks":
        """The drop links."""
        from motiondrop.storage.drop_links import DropLinks  # noqa: PLC0415

        return DropLinks(self.tables)

    @cached_property
    def changes(self) -> "Changes":
        """The folders' last changes."""
        from motiondrop.storage.changes import Changes  # noqa: PLC0415

        return Changes(self.tables)

    @cached_property
    def cursors(self) -> "Cursors":
        """The values that the sweep remembers from one round to the next."""
        from motiondrop.storage.cursors import Cursors  # noqa: PLC0415

        return Cursors(self.tables)

    @cached_property
    def budget(self) -> Budget:
        """The day's budget, with what is spent or reserved of it."""
        return Budget(self.tables, self.daily_budget)

    @cached_property
    def circuit_breaker(self) -> CircuitBreaker:
        """The circuit breaker, which holds the queue while only the operator can fix the cause."""
        return CircuitBreaker(self.tables)

    @cached_property
    def refusals(self) -> "Refusals":
        """The part that decides on jobs that the provider refuses."""
        from motiondrop.workflow.refusals import Refusals  # noqa: PLC0415

        return Refusals(slots=self.slots, breaker=self.circuit_breaker, publisher=lambda: self.publisher)

    @cached_property
    def submission_lock(self) -> SubmissionLock:
        """The right to make a create call."""
        return SubmissionLock(self.tables, self.jobs, self.budget)

    @cached_property
    def slots(self) -> Slots:
        """Slots and queue."""
        return Slots(
            self.tables,
            self.jobs,
            waker=self.executions,
            budget=self.budget,
            breaker=self.circuit_breaker,
            set_aside=self.metrics.set_aside,
            size=self.settings.max_in_flight,
        )

    @cached_property
    def executions(self) -> Executions:
        """The state machine's executions."""
        return Executions(self._boto3.client("stepfunctions", config=self._config), self.settings.state_machine_arn)

    @property
    def prices(self) -> Prices:
        """The provider's prices."""
        return Prices.of(self.settings.wan_model, self.settings.wan_region, self.settings.wan_prices)

    @property
    def daily_budget(self) -> int:
        """The most that a day may cost, in micro-USD."""
        return round(self.settings.daily_budget_usd * 1_000_000)

    @cached_property
    def inbox(self) -> Inbox:
        """The inbox bucket."""
        return Inbox(self.s3, self.settings.inbox_bucket, self.settings.results_bucket)

    @cached_property
    def results(self) -> Results:
        """The results bucket."""
        return Results(self.s3, self.settings.results_bucket)

    @cached_property
    def folders(self) -> "Folders":
        """The inbox's folders, as the pairing rule sees them."""
        from motiondrop.workflow.folders import Folders  # noqa: PLC0415

        return Folders(inbox=self.inbox, drops=self.drops, max_fan_out=self.settings.max_fan_out)

    @cached_property
    def receipts(self) -> Receipts:
        """The drops' receipts."""
        return Receipts(inbox=self.inbox, drops=self.drops, jobs=self.jobs)

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics."""
        return Metrics(self.settings.stack)

    @cached_property
    def topics(self) -> "TopicArns":
        """The topics' ARNs."""
        from motiondrop.aws.topics import TopicArns  # noqa: PLC0415

        settings = self.settings
        return TopicArns(settings.notifications_topic_arn, settings.operations_topic_arn, settings.events_topic_arn)

    @cached_property
    def publisher(self) -> "Publisher":
        """The publisher to the topics."""
        from motiondrop.aws.topics import Publisher  # noqa: PLC0415
        from motiondrop.storage.outbox import Outbox  # noqa: PLC0415

        outbox = Outbox(self.tables, self.settings.emails_per_minute)
        return Publisher(self.sns, self.topics, outbox, self.settings.dashboard_url)

    @cached_property
    def _secrets(self) -> Secrets:
        return Secrets(self._boto3.client("secretsmanager", config=self._config))

    def provider_key(self) -> str:
        """The provider's key, read at use. Raise KeyRefused if it has no valid value yet."""
        return self._secrets.key(self.settings.provider_key_secret)

    @cached_property
    def wan(self) -> "WanClient":
        """The client of the provider's API."""
        from motiondrop.provider.client import WanClient  # noqa: PLC0415

        return WanClient(self.session, self.settings.wan_base_url, self.provider_key)

    @cached_property
    def links(self) -> Links:
        """The permanent links."""
        base_url = self.settings.result_page_url if isinstance(self.settings, LinkSettings) else ""
        secret = CachedSecret(lambda: self._secrets.value(self.settings.link_secret), _LINK_SECRET_SECONDS)
        return Links(base_url, secret)

    def media(self, timeout: int) -> "MediaFunction":
        """A client of the function that opens files; it waits `timeout` seconds for an answer.

        A call is made once: a second call beside the first would cost twice.
        """
        from motiondrop.aws.media import MediaFunction  # noqa: PLC0415

        if not isinstance(self.settings, PublishingSettings):
            raise SettingsError("this function may not have files opened")
        config = self._config.merge(Config(read_timeout=timeout, retries={"total_max_attempts": 1}))
        return MediaFunction(self._boto3.client("lambda", config=config), self.settings.media_function)

    @cached_property
    def opening(self) -> "Opening":
        """The part that has saved videos opened by `media`."""
        from motiondrop.aws.media import LOOK_TIMEOUT  # noqa: PLC0415
        from motiondrop.workflow.opening import Opening  # noqa: PLC0415

        return Opening(media=self.media(LOOK_TIMEOUT), results=self.results, prices=self.prices)

    @cached_property
    def grace(self) -> timedelta:
        """How long a job may go untouched before the sweep checks it."""
        return timedelta(seconds=self.settings.grace_seconds)

    @cached_property
    def closing(self) -> "Closing":
        """The part that ends jobs."""
        from motiondrop.workflow.closing import Closing  # noqa: PLC0415

        return Closing(
            jobs=self.jobs,
            slots=self.slots,
            executions=self.executions,
            receipts=self.receipts,
            publisher=self.publisher,
            links=self.links,
            bucket=self.settings.results_bucket,
            pause=self.grace / 2,
            metrics=self.metrics,
        )

    @cached_property
    def event_queue(self) -> "EventQueue":
        """The queue that invokes `submit`. Raise SettingsError for a function without settings of the queue."""
        from motiondrop.aws.event_queue import EventQueue  # noqa: PLC0415

        if not isinstance(self.settings, EventQueueSettings):
            raise SettingsError("this function has no settings of the event queue")
        sqs = self._boto3.client("sqs", config=self._config)
        return EventQueue(sqs, self.settings.event_queue_url, self.settings.event_queue_visibility)
