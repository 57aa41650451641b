"""A month's cost as CSV: each charged job once, in the month its video was finished."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.spend import cell, of_month, row, summary
from motiondrop.domain.job import Billing, Job, State, Task
from tests.support.bench import Bench
from tests.support.builders import make_input

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def charged(bench: Bench, name: str, ended_at: datetime, cost: int = 624_000) -> Job:
    return bench.job(
        name,
        state=State.SUCCEEDED,
        billing=Billing(5.2, "wan-std", cost),
        task=Task("t", ended_at=ended_at),
    )


def test_a_month_has_the_jobs_whose_videos_were_finished_in_it(bench: Bench) -> None:
    charged(bench, "before", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
    first = charged(bench, "first", JANUARY)
    last = charged(bench, "last", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    charged(bench, "after", datetime(2026, 2, 1, tzinfo=UTC))
    bench.job("never-charged")
    assert {job.job_id for job in of_month(bench.jobs, JANUARY)} == {first.job_id, last.job_id}


def test_december_ends_with_the_year(bench: Bench) -> None:
    job = charged(bench, "eve", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert [found.job_id for found in of_month(bench.jobs, datetime(2025, 12, 1, tzinfo=UTC))] == [job.job_id]


def test_a_line_has_the_task_and_exact_micro_usd_and_no_formula(bench: Bench) -> None:
    job = charged(bench, "hero", JANUARY)
    assert row(job)[3:] == ("wan-std", "5.2", "0.624000", "t", "", "")
    assert row(replace(job, billing=replace(job.billing, estimated=True)))[5:] == ("0.624000", "t", "yes", "")
    evil = bench.job(
        "x", image=make_input("=cmd()/x.png", "i"), billing=Billing(1.0, cost=1), task=Task(ended_at=JANUARY)
    )
    assert row(evil)[2].startswith("'=")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_compute_is_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "films/", "0.624000", "a=b", "2026-11-01T00:00:00Z"])
def test_another_cell_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_every_cell_of_a_line_is_made_safe(bench: Bench) -> None:
    job = charged(bench, "hero", JANUARY)
    assert row(replace(job, task=replace(job.task, id="@task")))[6] == "'@task"


@pytest.mark.parametrize(
    ("image", "video", "said"),
    [
        ("AWS:AIDA1, 203.0.113.7", "AWS:AIDA1, 203.0.113.7", "AWS:AIDA1, 203.0.113.7"),
        ("AWS:AIDA1, 203.0.113.7", "AWS:AIDA2, 203.0.113.8", "AWS:AIDA1, 203.0.113.7; AWS:AIDA2, 203.0.113.8"),
        (None, "=AIDA2", "'=AIDA2"),
        (None, None, ""),
    ],
)
def test_a_line_says_once_who_dropped_the_two_files(
    bench: Bench, image: str | None, video: str | None, said: str
) -> None:
    job = charged(bench, "hero", JANUARY)
    by = replace(job, image=replace(job.image, dropped_by=image), video=replace(job.video, dropped_by=video))
    assert row(by)[8] == said


def test_the_sums_are_by_mode_and_folder(bench: Bench) -> None:
    jobs = [charged(bench, "a", JANUARY), charged(bench, "films/b", JANUARY, cost=376_000)]
    assert list(summary(jobs)) == ["$1.00 in all", "  $1.00  wan-std", "  $0.62  /", "  $0.38  films/"]
