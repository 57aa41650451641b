"""A factory for each function. It reads the function's environment, and its result is kept for the container's life.

Each factory imports what it makes, so that a function imports nothing that only other functions need.
"""

import os
import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from motiondrop.settings import EventQueueSettings, LinkSettings, PublishingSettings, Settings, load

if TYPE_CHECKING:
    from motiondrop.aws.event_queue import EventQueue
    from motiondrop.web.drop_page import DropPage
    from motiondrop.web.result_page import ResultPage
    from motiondrop.workflow.admit import Admission
    from motiondrop.workflow.conclude import ConcludeExecution
    from motiondrop.workflow.create import CreateTask
    from motiondrop.workflow.finalize import FinalizeJob
    from motiondrop.workflow.media import PrepareMedia
    from motiondrop.workflow.poll import PollTask
    from motiondrop.workflow.submit import DropIntake
    from motiondrop.workflow.sweep import Sweep
from motiondrop.parts import Parts


@cache
def submit() -> "DropIntake":
    """Make the object that does the work of `submit`."""
    from motiondrop.aws.media import CHECK_TIMEOUT  # noqa: PLC0415
    from motiondrop.workflow.pairs import Defaults, Pairs  # noqa: PLC0415
    from motiondrop.workflow.submit import DropIntake  # noqa: PLC0415
    from motiondrop.workflow.withdrawal import Withdrawal  # noqa: PLC0415

    parts = Parts(load(EventQueueSettings, os.environ))
    settings = parts.settings
    withdrawal = Withdrawal(jobs=parts.jobs, drops=parts.drops, executions=parts.executions, closing=parts.closing)
    return DropIntake(
        inbox=parts.inbox,
        drops=parts.drops,
        pairs=Pairs(
            drops=parts.drops,
            folders=parts.folders,
            changes=parts.changes,
            drop_links=parts.drop_links,
            queue=parts.event_queue,
            jobs=parts.jobs,
            executions=parts.executions,
            receipts=parts.receipts,
            withdrawal=withdrawal,
            closing=parts.closing,
            publisher=parts.publisher,
            links=parts.links,
            defaults=Defaults(settings.default_mode, settings.wan_model, parts.prices),
            daily_budget=parts.daily_budget,
            settle_seconds=settings.settle_seconds,
        ),
        receipts=parts.receipts,
        withdrawal=withdrawal,
        publisher=parts.publisher,
        media=parts.media(CHECK_TIMEOUT),
        metrics=parts.metrics,
    )


@cache
def event_queue() -> "EventQueue":
    """The queue that invokes `submit`."""
    return Parts(load(EventQueueSettings, os.environ)).event_queue


@cache
def admit() -> "Admission":
    """Make the object that does the work of `admit`."""
    from motiondrop.workflow.admit import Admission  # noqa: PLC0415

    parts = Parts(load(PublishingSettings, os.environ))
    return Admission(
        jobs=parts.jobs,
        slots=parts.slots,
        executions=parts.executions,
        closing=parts.closing,
        receipts=parts.receipts,
        prices=parts.prices,
    )


@cache
def create() -> "CreateTask":
    """Make the object that does the work of `create`."""
    from motiondrop.workflow.create import CreateTask  # noqa: PLC0415
    from motiondrop.workflow.reconcile import Reconcile  # noqa: PLC0415

    parts = Parts(load(PublishingSettings, os.environ))
    return CreateTask(
        jobs=parts.jobs,
        slots=parts.slots,
        lock=parts.submission_lock,
        refusals=parts.refusals,
        wan=parts.wan,
        key=parts.provider_key,
        results=parts.results,
        receipts=parts.receipts,
        closing=parts.closing,
        reconcile=Reconcile(
            jobs=parts.jobs,
            slots=parts.slots,
            lock=parts.submission_lock,
            wan=parts.wan,
            publisher=parts.publisher,
            closing=parts.closing,
            margin=timedelta(seconds=parts.settings.reconcile_margin_seconds),
        ),
        poll_seconds=parts.settings.poll_seconds,
        watermark=parts.settings.watermark,
        metrics=parts.metrics,
    )


@cache
def poll() -> "PollTask":
    """Make the object that does the work of `poll`."""
    from motiondrop.workflow.poll import PollTask  # noqa: PLC0415

    parts = Parts(load(Settings, os.environ))
    return PollTask(
        jobs=parts.jobs,
        slots=parts.slots,
        wan=parts.wan,
        receipts=parts.receipts,
        refusals=parts.refusals,
        poll_seconds=parts.settings.poll_seconds,
        prices=parts.prices,
        metrics=parts.metrics,
    )


@cache
def finalize() -> "FinalizeJob":
    """Make the object that does the work of `finalize`."""
    from motiondrop.workflow.finalize import FinalizeJob  # noqa: PLC0415

    parts = Parts(load(PublishingSettings, os.environ))
    return FinalizeJob(
        jobs=parts.jobs,
        slots=parts.slots,
        wan=parts.wan,
        session=parts.session,
        results=parts.results,
        ledger=parts.ledger,
        closing=parts.closing,
        origins=re.compile(parts.settings.wan_result_origins),
        opening=parts.opening,
    )


@cache
def conclude() -> "ConcludeExecution":
    """Make the object that does the work of `conclude`."""
    return _conclude(Parts(load(PublishingSettings, os.environ)))


def _conclude(parts: "Parts") -> "ConcludeExecution":
    from motiondrop.workflow.conclude import ConcludeExecution  # noqa: PLC0415

    return ConcludeExecution(jobs=parts.jobs, executions=parts.executions, wan=lambda: parts.wan, closing=parts.closing)


@cache
def sweep() -> "Sweep":
    """Make the object that does the work of `sweep`."""
    from motiondrop.workflow.missed_events import MissedEvents  # noqa: PLC0415
    from motiondrop.workflow.subscribers import Subscribers  # noqa: PLC0415
    from motiondrop.workflow.sweep import Sweep  # noqa: PLC0415

    parts = Parts(load(EventQueueSettings, os.environ))
    return Sweep(
        jobs=parts.jobs,
        slots=parts.slots,
        breaker=parts.circuit_breaker,
        budget=parts.budget,
        executions=parts.executions,
        closing=parts.closing,
        conclude=_conclude(parts).run,
        missed_events=MissedEvents(
            s3=parts.s3,
            queue=parts.event_queue,
            cursors=parts.cursors,
            drops=parts.drops,
            changes=parts.changes,
            bucket=parts.settings.inbox_bucket,
            age=10 * parts.grace,  # an event counts as lost only after it has had time to pass the queue
        ),
        drops=parts.drops,
        cursors=parts.cursors,
        subscribers=Subscribers(sns=parts.sns, topics=parts.topics, cursors=parts.cursors, publisher=parts.publisher),
        opening=parts.opening,
        publisher=parts.publisher,
        grace=parts.grace,
        metrics=parts.metrics,
    )


@cache
def result_page() -> "ResultPage":
    """Make the object that does the work of `result_page`."""
    from motiondrop.web.result_page import ResultPage  # noqa: PLC0415

    parts = Parts(load(Settings, os.environ))
    return ResultPage(
        jobs=parts.jobs,
        ledger=parts.ledger,
        results=parts.results,
        links=parts.links,
        waiting=lambda: (parts.slots, parts.budget),
    )


@cache
def drop_page() -> "DropPage":
    """Make the object that does the work of `drop_page`."""
    from motiondrop.aws.uploads import Uploads  # noqa: PLC0415
    from motiondrop.web.drop_page import DropPage  # noqa: PLC0415

    parts = Parts(load(LinkSettings, os.environ))
    return DropPage(
        drop_links=parts.drop_links,
        links=parts.links,
        drops=parts.drops,
        jobs=parts.jobs,
        slots=parts.slots,
        budget=parts.budget,
        ledger=parts.ledger,
        results=parts.results,
        uploads=Uploads(parts.s3, parts.settings.inbox_bucket),
        prices=parts.prices,
        mode=parts.settings.default_mode,
        model=parts.settings.wan_model,
    )


@cache
def media() -> "PrepareMedia":
    """Make the object that does the work of `media`."""
    from motiondrop.workflow.media import PrepareMedia  # noqa: PLC0415

    parts = Parts(load(Settings, os.environ))
    return PrepareMedia(inbox=parts.inbox, results=parts.results)
