"""The CloudWatch metrics (docs/metrics.md), which Powertools writes in the embedded metric format.

A metric is a line in a function's log, which CloudWatch reads: measuring costs no call and cannot fail a job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from motiondrop.domain.job import Job, State
from motiondrop.domain.pricing import dollars
from motiondrop.domain.provider_errors import Owner, by_name

NAMESPACE = "MotionDrop"

#: CloudWatch's units; it has none for money.
COUNT, SECONDS, PERCENT, USD = "Count", "Seconds", "Percent", "None"

_OWNERS = {Owner.USER: "user", Owner.OPERATOR: "operator", Owner.PROVIDER: "provider", Owner.OURS: "motiondrop"}


@dataclass(frozen=True)
class Metrics:
    """The metrics of one stack; the stack's name is the dimension `service` of each metric."""

    stack: str

    def drop(self, outcome: str) -> None:
        """A drop was `accepted` or `rejected`."""
        self._put({"Drops": (1, COUNT)}, Outcome=outcome)

    def provider_error(self, family: str) -> None:
        """The provider refused a call, failed a task or could not be reached."""
        self._put({"ProviderErrors": (1, COUNT)})
        self._put({"ProviderErrors": (1, COUNT)}, Family=family)

    def end(self, job: Job, moment: datetime) -> None:
        """A job has ended, and people were notified at `moment`."""
        self._put({"JobsEnded": (1, COUNT)}, State=str(job.state))
        if job.state == State.FAILED:
            self._put({"JobsFailed": (1, COUNT)}, Owner=owner(job))
        if job.billing.cost:
            self._put({"Spend": (dollars(job.billing.cost), USD)})
            self._put({"Spend": (dollars(job.billing.cost), USD)}, Mode=job.billing.mode or job.options.mode)
        spans = {
            "DropToTask": (job.recorded_at, job.call.asked_at),
            "ProviderWait": (job.task.submitted_at, job.task.scheduled_at),
            "ProviderRun": (job.task.scheduled_at, job.task.ended_at),
            "DropToMail": (job.recorded_at, moment),
        }
        known = {name: (end - begin).total_seconds() for name, (begin, end) in spans.items() if begin and end}
        # The provider's clock may differ from ours: a span that seems to end before it begins counts as 0.
        self._put({name: (max(0.0, seconds), SECONDS) for name, seconds in known.items()})

    def queue(self, waiting: int, oldest: float, taken: int, *, stalled: bool) -> None:
        """The queue as a round of the sweep found it: `oldest` is how long the first job has waited, in seconds."""
        self._put(
            {
                "JobsWaiting": (waiting, COUNT),
                "OldestWait": (oldest, SECONDS),
                "SlotsTaken": (taken, COUNT),
                "Stalled": (int(stalled), COUNT),
            }
        )

    def set_aside(self) -> None:
        """A job that cannot be given a slot has left the queue."""
        self._put({"JobsSetAside": (1, COUNT)})

    def sweep_failed(self) -> None:
        """A part of the sweep's round has failed."""
        self._put({"SweepFailures": (1, COUNT)})

    def unsaved(self, results: int) -> None:
        """How many results have been waiting to be saved for so long that the provider may soon forget them."""
        self._put({"ResultsUnsaved": (results, COUNT)})

    def budget(self, used: float) -> None:
        """How much of the day's budget is spent or reserved, in percent."""
        self._put({"BudgetUsed": (used, PERCENT)})

    def _put(self, values: Mapping[str, tuple[float, str]], **dimensions: str) -> None:
        # Imported only when something is measured: most invocations measure nothing.
        from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

        metrics = EphemeralMetrics(namespace=NAMESPACE, service=self.stack)
        for name, (value, unit) in values.items():
            metrics.add_metric(name=name, unit=unit, value=value)
        for name, value_ in dimensions.items():
            metrics.add_dimension(name=name, value=value_)
        metrics.flush_metrics()


def owner(job: Job) -> str:
    """Who can fix the failure; MotionDrop if the provider gave no verdict, so that somebody looks into it."""
    return _OWNERS[by_name(job.verdict.family).owner] if job.verdict.family else _OWNERS[Owner.OURS]
