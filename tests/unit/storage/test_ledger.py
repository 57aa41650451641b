"""The running total, and the list of all jobs by time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from motiondrop.domain.execution import Execution
from motiondrop.domain.job import Billing, Job, Result, State
from motiondrop.errors import Contended, JobClosed, NotOwner
from motiondrop.storage.ledger import Ledger, Totals
from tests.support.bench import Bench


@pytest.fixture
def ledger(bench: Bench) -> Ledger:
    return Ledger(bench.tables, bench.jobs)


def saving(bench: Bench, name: str = "hero") -> tuple[Job, Execution]:
    job, execution = bench.pending(name)
    return bench.jobs.transition(
        job, execution.owner, State.SAVING, billing=Billing(5.2, "wan-std", 624_000)
    ), execution


def test_a_job_succeeds_and_is_counted_in_one_step(bench: Bench, ledger: Ledger) -> None:
    assert ledger.totals() == Totals(0, 0, 0.0)
    for name in ("a", "b"):
        job, execution = saving(bench, name)
        ended = ledger.succeed(job, execution.owner, Result(codec="h264"))
        assert ended.state == State.SUCCEEDED
        assert ended.closing.at
        assert ended.result.codec == "h264"
    assert ledger.totals() == Totals(2, 1_248_000, 10.4)


@pytest.mark.parametrize(("ended_after", "counted"), [(61, 61), (-1, 0), (10**9, 3 * 3600)])
def test_one_wrong_time_of_the_provider_does_not_spoil_the_total(
    bench: Bench, ledger: Ledger, ended_after: int, counted: int
) -> None:
    job, execution = saving(bench)
    start = bench.clock()
    task = replace(job.task, scheduled_at=start, ended_at=start + timedelta(seconds=ended_after))
    ledger.succeed(bench.jobs.transition(job, execution.owner, task=task), execution.owner, Result())
    assert ledger.totals().work == counted


def test_a_job_that_ended_already_is_not_counted_twice(bench: Bench, ledger: Ledger) -> None:
    job, execution = saving(bench)
    ledger.succeed(job, execution.owner, Result())
    with pytest.raises(JobClosed):
        ledger.succeed(job, execution.owner, Result())
    assert ledger.totals().results == 1


def test_a_run_that_does_not_own_the_job_counts_nothing(bench: Bench, ledger: Ledger) -> None:
    job, _ = saving(bench)
    with pytest.raises((NotOwner, Contended)):
        ledger.succeed(job, "another execution", Result())
    assert ledger.totals().results == 0
    assert bench.read(job).state == State.SAVING


def test_jobs_come_newest_first_in_pages_that_neither_miss_nor_repeat_one(bench: Bench) -> None:
    names = [bench.job(f"job{number:02d}").job_id for number in range(25)]
    found: list[str] = []
    mark = None
    pages = 0
    while True:
        jobs, mark = bench.jobs.newest(10, mark)
        found += [job.job_id for job in jobs]
        pages += 1
        if mark is None:
            break
    assert found == names[::-1]
    assert pages == 3


def test_a_page_that_ends_with_the_last_job_leads_no_further(bench: Bench) -> None:
    bench.job("a")
    bench.job("b")
    assert bench.jobs.newest(2)[1] is None


@pytest.mark.parametrize("mark", ["", "nonsense", "1-2", "0123456789012345-0123456789abcdef012"])
def test_a_mark_that_is_none_begins_at_the_beginning(bench: Bench, mark: str) -> None:
    job = bench.job()
    assert bench.jobs.newest(5, mark) == ([job], None)


def test_only_jobs_are_in_the_list(bench: Bench) -> None:
    job, _ = bench.pending()
    assert [found.job_id for found in bench.jobs.newest(10)[0]] == [job.job_id]
