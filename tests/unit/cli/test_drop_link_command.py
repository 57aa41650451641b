"""`motiondrop drop-link`: prints a link that opens its folder, ends one, and refuses what cannot be meant."""

import pytest
from click.testing import CliRunner, Result

from cli.drop_link import drop_link
from cli.stack import Target
from motiondrop.storage.drop_links import DropLinks
from tests.support.bench import Bench, client
from tests.support.target import make_target


@pytest.fixture
def target(bench: Bench) -> Target:
    topic = client("sns").create_topic(Name="notifications")["TopicArn"]
    return make_target(bench, DropPageUrl="https://drop.example/", NotificationsTopicArn=topic)


def run(target: Target, *words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(drop_link, words, obj=lambda: target)


def test_it_prints_a_link_that_opens_the_folder_with_its_expiry_and_limit(target: Target) -> None:
    result = run(target, "/ada/films", "--days", "2", "--usd-a-day", "2.50")
    assert result.exit_code == 0
    address, _, token = result.output.strip().rpartition("/")
    link = DropLinks(target.tables).opened_by(token)
    assert address == "https://drop.example"
    assert link is not None
    assert (link.folder, link.daily) == ("ada/films/", 2_500_000)


def test_an_email_address_is_subscribed_to_the_folder_only(target: Target) -> None:
    result = run(target, "ada/", "--email", "ada@example.com")
    assert "ada@example.com" in result.stderr
    (subscription,) = client("sns").list_subscriptions()["Subscriptions"]
    attributes = client("sns").get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])[
        "Attributes"
    ]
    assert attributes["FilterPolicy"] == '{"folder": ["ada/"]}'


def test_a_link_is_revoked_by_itself_or_its_id(target: Target) -> None:
    first, second = (run(target, "ada/").output.strip() for _ in range(2))
    assert run(target, "--revoke", first).exit_code == 0
    assert run(target, "--revoke", second.rpartition("/")[2].partition(".")[0]).exit_code == 0
    links = DropLinks(target.tables)
    assert [links.opened_by(link.rpartition("/")[2]) for link in (first, second)] == [None, None]
    again = run(target, "--revoke", first)
    assert (again.exit_code, again.stderr) == (1, "Error: There is no such link.\n")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ada/", "--revoke", "x"),
        ("/",),
        ("../bob",),
        ("a\nb",),
        ("ada", "--days", "0"),
        ("ada", "--usd-a-day", "-1"),
    ],
)
def test_what_cannot_be_meant_is_refused(target: Target, words: tuple[str, ...]) -> None:
    assert run(target, *words).exit_code == 2
