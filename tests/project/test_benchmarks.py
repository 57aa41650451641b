"""The benchmarks' page is made of what they measured, and their sums are right."""

import json

import pytest

from benchmarks import cost, report
from benchmarks.__main__ import ALL
from benchmarks.report import Goal, Section


def test_a_section_becomes_a_part_of_the_page(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MEASURED", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "RESULTS.md")  # type: ignore[operator]  # a path
    goal = Goal("at most 2", "3", met=False, reason="The machine was busy.")
    Section("one", "One", "What it is.", [["what", "number"], ["a", "3 s"]], [goal]).store()
    report.write(["one", "never execution"])
    page = report.RESULTS.read_text()
    assert "## One\n\nWhat it is.\n\n| what | number |\n| --- | ---: |\n| a | 3 s |" in page
    assert "| at most 2 | 3 | **not met** |" in page
    assert "*at most 2*: The machine was busy." in page


def test_a_job_of_the_providers_sample_is_polled_as_often_as_it_says() -> None:
    assert cost._polls(0, 147) == 10
    assert cost._polls(162, 147) == 21


@pytest.mark.parametrize("path", sorted(report.MEASURED.glob("*.json")), ids=lambda path: path.stem)
def test_the_page_has_what_was_measured_last(path: object) -> None:
    said = json.loads(path.read_text())  # type: ignore[attr-defined]  # a path
    assert said["name"] in ALL
    assert f"## {said['title']}" in report.RESULTS.read_text()
    for goal in said["goals"]:
        assert goal["met"] or goal["reason"], f"{said['name']}: {goal['what']}"
