"""The count of a batch finds each job in the emails as they are worded."""

import pytest

from local.stack import PROJECT
from tests.support.tally import names_in

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
