"""Drop links: stored, found by their secret only, ended one by one; and what a day of one may cost."""

from datetime import timedelta

import pytest

from motiondrop.domain.job import Limit, State
from motiondrop.storage.budget import reserve_of
from motiondrop.storage.drop_links import DropLinks
from tests.support.bench import Bench
from tests.support.builders import make_job


@pytest.fixture
def links(bench: Bench) -> DropLinks:
    return DropLinks(bench.tables, bench.clock)


def test_a_link_is_opened_by_its_token_until_it_expires(links: DropLinks, bench: Bench) -> None:
    link, token = links.create("ada/", 2, 5_000_000, "ada@example.com")
    assert links.opened_by(token) == link
    bench.clock.pass_(days=2)
    assert links.opened_by(token) is None
    assert links.find(link.link_id) == link


def test_revoking_a_link_ends_that_one_only(links: DropLinks) -> None:
    (link, token), (_, other) = links.create("ada/", 1, 1), links.create("ada/", 1, 1)
    assert links.revoke(link.link_id)
    assert not links.revoke(link.link_id)
    assert links.opened_by(token) is None
    assert links.opened_by(other) is not None


@pytest.mark.parametrize("change", ["", ".", "x", "short", "other secret", "other id", "no dot", "ü", "\ud800"])
def test_a_token_that_is_not_the_links_opens_nothing(links: DropLinks, change: str) -> None:
    link, token = links.create("ada/", 1, 1)
    _, other = links.create("bob/", 1, 1)
    forged = {
        "short": token[:-1],
        "other secret": f"{link.link_id}.{other.partition('.')[2]}",
        "other id": f"{other.partition('.')[0]}.{token.partition('.')[2]}",
        "no dot": token.replace(".", ""),
    }.get(change, change)
    assert links.opened_by(forged) is None


def test_the_table_does_not_hold_the_secret(links: DropLinks, bench: Bench) -> None:
    _, token = links.create("ada/", 1, 1)
    secret = token.partition(".")[2]
    assert secret not in str(bench.client.scan(TableName="jobs")["Items"])


def test_jobs_of_a_link_wait_aside_when_its_day_is_spent_and_others_go_on(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    quote = make_job("x", bench.clock()).quote
    limit = Limit("ada", reserve_of(quote))
    for name in ("first", "second"):
        bench.job(name, limit=limit)
        bench.clock.pass_(seconds=1)
    bench.job("of-somebody-else")
    assert bench.slots.grant() == 2
    states = {name: bench.jobs.get(make_job(name, bench.clock()).job_id).state for name in ("first", "second")}
    assert states == {"first": State.ADMITTED, "second": State.QUEUED}
    second = bench.job_named("second")
    assert bench.job_named("of-somebody-else").state == State.ADMITTED
    assert bench.slots.snapshot().queue == []
    assert "JobsSetAside" not in capsys.readouterr().out  # which would alarm the operator
    assert not bench.budget.within_limit(second)
    bench.clock.pass_(days=1)
    assert bench.budget.within_limit(second)
    assert bench.slots.requeue(second)


def test_more_jobs_of_a_spent_link_than_slots_hold_nobody(bench: Bench) -> None:
    for number in range(20):
        bench.job(f"spent{number}", limit=Limit("ada", 0))
        bench.clock.pass_(seconds=1)
    bench.job("of-somebody-else")
    assert bench.slots.grant() == 1
    assert bench.job_named("of-somebody-else").state == State.ADMITTED


def test_what_a_job_of_a_link_did_not_cost_is_given_back_to_its_day(bench: Bench) -> None:
    job = bench.job("hero", limit=Limit("ada", 10_000_000))
    bench.slots.grant()
    assert bench.budget.of_link("ada") == reserve_of(job.quote)
    bench.slots.release(bench.read(job), None, State.CANCELED)
    assert bench.budget.of_link("ada") == 0


def test_a_link_is_kept_a_while_after_it_has_expired(links: DropLinks, bench: Bench) -> None:
    link, _ = links.create("ada/", 1, 1)
    item = bench.tables.drop_link.get(f"DROP_LINK#{link.link_id}", "DROP_LINK")
    assert item.expires > (link.expires_at + timedelta(days=1)).timestamp()
