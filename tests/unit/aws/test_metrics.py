"""Metrics are lines of the log in CloudWatch's embedded metric format."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from motiondrop.aws.metrics import Metrics, owner
from motiondrop.domain.job import Billing, Call, State, Task, Verdict
from tests.support.bench import Bench
from tests.support.builders import make_job

METRICS = Metrics("a-stack")


def published(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """Name and further dimensions → the document that publishes it."""
    found: dict[str, dict[str, Any]] = {}
    for line in capsys.readouterr().out.splitlines():
        document = json.loads(line)
        directive = document["_aws"]["CloudWatchMetrics"][0]
        assert directive["Namespace"] == "MotionDrop"
        assert document["service"] == "a-stack"
        further = [document[name] for name in directive["Dimensions"][0] if name != "service"]
        found |= {" ".join([metric["Name"], *further]): document for metric in directive["Metrics"]}
    return found


def test_a_finished_job_is_counted_with_its_cost_and_its_times(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = bench.clock()
    job = replace(
        make_job("hero", begun),
        state=State.SUCCEEDED,
        billing=Billing(mode="wan-pro", cost=624_000),
        call=Call(asked_at=begun + timedelta(seconds=3)),
        task=Task(
            submitted_at=begun + timedelta(seconds=4),
            scheduled_at=begun + timedelta(seconds=9),
            ended_at=begun + timedelta(seconds=69),
        ),
    )
    METRICS.end(job, begun + timedelta(seconds=75))
    said = published(capsys)
    assert said["JobsEnded SUCCEEDED"]["JobsEnded"] == [1]
    assert said["Spend"]["Spend"] == said["Spend wan-pro"]["Spend"] == [0.624]
    times = [said[name][name] for name in ("DropToTask", "ProviderWait", "ProviderRun", "DropToMail")]
    assert times == [[3], [5], [60], [75]]
    assert not [name for name in said if name.startswith("JobsFailed")]


@pytest.mark.parametrize(
    ("verdict", "mine"), [("KeyRefused", "operator"), ("MediaUnfit", "user"), (None, "motiondrop")]
)
def test_a_failure_is_somebodys(
    bench: Bench, capsys: pytest.CaptureFixture[str], verdict: str | None, mine: str
) -> None:
    job = replace(make_job("hero", bench.clock()), state=State.FAILED, verdict=Verdict(verdict))
    assert owner(job) == mine
    METRICS.end(job, bench.clock())
    said = published(capsys)
    assert said[f"JobsFailed {mine}"]["JobsFailed"] == [1]
    assert "Spend" not in said


def test_the_queue_and_the_errors_have_the_dimensions_that_alarms_ask_for(capsys: pytest.CaptureFixture[str]) -> None:
    METRICS.queue(3, 12.5, 2, stalled=True)
    METRICS.unsaved(1)
    METRICS.provider_error("Throttled")
    METRICS.drop("rejected")
    said = published(capsys)
    assert (said["OldestWait"]["OldestWait"], said["Stalled"]["Stalled"]) == ([12.5], [1])
    assert {"ProviderErrors", "ProviderErrors Throttled", "Drops rejected", "ResultsUnsaved"} <= set(said)
