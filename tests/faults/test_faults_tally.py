"""The count of a batch: jobs in emails as they are worded, and the order in which slots were given."""

from typing import Any

import pytest

from local.stack import PROJECT
from tests.support.tally import inversions, names_in

GOLDEN = PROJECT / "tests" / "unit" / "domain" / "golden"


@pytest.mark.parametrize(
    ("email", "names"),
    [
        ("succeeded", {"hero"}),
        ("failed_by_moderation", {"hero"}),
        ("canceled", {"hero"}),
        ("digest", {"a", "hero", "käfer"}),
        ("digest_of_all_kinds", {"hero", "small"}),
        ("digest_of_one", {"hero"}),
    ],
)
def test_every_job_that_an_email_is_about_is_found_in_it(email: str, names: set[str]) -> None:
    _, _, body = (GOLDEN / f"{email}.txt").read_text().partition("\n\n")
    assert names <= names_in(body)


def _job(recorded: str, admitted: str, attempt: int = 1) -> dict[str, Any]:
    day = "2026-11-25T10:00:"
    return {"recorded_at": day + recorded, "turn": {"admitted_at": day + admitted}, "call": {"attempt": attempt}}


@pytest.mark.parametrize(("attempts", "found"), [((1, 1), 1), ((1, 2), 1), ((2, 1), 0)])
def test_a_job_may_be_overtaken_only_if_it_was_sent_more_than_once(attempts: tuple[int, int], found: int) -> None:
    overtaken, faster = attempts
    jobs = [_job("00.000", "20.000", overtaken), _job("04.000", "10.000", faster)]
    assert len(inversions(jobs)) == found
