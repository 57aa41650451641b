"""Alarms, metrics, dashboard and their documents name the same things."""

import inspect
import json
import re
from typing import Any

import pytest

from local.stack import PROJECT
from motiondrop.aws import metrics
from motiondrop.domain import operator_messages
from tests.support.template import RESOURCES

ALARMS = {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
DOCUMENT = (PROJECT / "docs" / "metrics.md").read_text()

#: Metric by metric, the further dimensions it is published with.
PUBLISHED: dict[str, set[str]] = {
    name: set(re.findall(r"`([A-Z]\w+)`", dimension))
    | ({""} if "none" in dimension or not dimension.strip() else set())
    for name, dimension in re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) ?\| ", DOCUMENT, re.MULTILINE)
}


def widgets() -> list[dict[str, Any]]:
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_operator_and_leads_to_its_paragraph(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "OperationsTopic"}]
    anchor = re.search(r"docs/runbook\.md#([a-z-]+)$", alarm["AlarmDescription"])
    assert anchor
    assert f"\n## {anchor[1]}\n" in RUNBOOK
    assert alarm["AlarmName"]["Fn::Sub"] == f"${{AWS::StackName}}-{anchor[1]}"


def test_the_runbook_has_no_paragraph_without_an_alarm_or_an_email() -> None:
    names = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in ALARMS.values()}
    names |= set(re.findall(r"docs/runbook\.md#([a-z-]+)", inspect.getsource(operator_messages)))
    assert set(re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)) == names


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_a_metric_that_is_published_so(name: str) -> None:
    alarm = ALARMS[name]
    if alarm["Namespace"] == metrics.NAMESPACE:
        further = {dimension["Name"] for dimension in alarm["Dimensions"]} - {"service"}
        assert (further or {""}) <= PUBLISHED[alarm["MetricName"]]


def test_the_dashboard_shows_metrics_that_are_published_so() -> None:
    for widget in widgets():
        for metric in widget["properties"]["metrics"]:
            namespace, name, service, _, *rest = metric
            assert (namespace, service) == (metrics.NAMESPACE, "service")
            further = {rest[0]} if rest and isinstance(rest[0], str) else {""}
            assert further <= PUBLISHED[name]


def test_the_dashboards_widgets_fill_its_rows() -> None:
    rows: dict[int, int] = {}
    for widget in widgets():
        rows[widget["y"]] = rows.get(widget["y"], 0) + widget["width"]
    assert set(rows.values()) == {24}


def test_every_metric_that_the_code_publishes_is_documented_and_no_other() -> None:
    source = inspect.getsource(metrics)
    assert set(re.findall(r'"([A-Z][a-z]\w+)": \(', source)) == set(PUBLISHED)
