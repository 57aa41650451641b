"""The short form of the fault suite: a few kills of each function, and a job in no other way than it should be."""

from collections.abc import Iterator

import pytest

from benchmarks.thousand import READS, WRITES
from tests.faults.calls import all_calls
from tests.faults.scenarios import Scenario, by_name
from tests.faults.suite import play
from tests.support.driver import image
from tests.support.histories import secrets_in
from tests.support.stand import SLOTS, Kill, Stand, faulty_cloud

_PLAIN = (
    ("submit", "dynamodb:TransactWriteItems", "before"),
    ("submit", "stepfunctions:StartExecution", "before"),
    ("admit", "dynamodb:UpdateItem", "before"),
    ("admit", "dynamodb:UpdateItem", "after"),
    ("create", "dynamodb:TransactWriteItems", "before"),
    ("create", "dynamodb:Query", "after"),
    ("poll", "provider:query", "after"),
    ("poll", "dynamodb:TransactWriteItems", "after"),
    ("finalize", "provider:result", "after"),
    ("finalize", "s3:PutObject", "after"),
    ("finalize", "dynamodb:TransactWriteItems", "before"),
)
_OTHERS = {
    "refused": (("conclude", "stepfunctions:DescribeExecution", "before"), ("conclude", "dynamodb:GetItem", "after")),
    "overwritten in the queue": (
        ("submit", "dynamodb:TransactWriteItems", "before"),
        ("submit", "stepfunctions:StopExecution", "before"),
        ("submit", "stepfunctions:StartExecution", "before"),
    ),
    "refused alike": (("poll", "provider:query", "after"),),
    "one refused": (("poll", "provider:query", "after"),),
    "provider throttles": (("poll", "provider:query", "after"),),
    "answer lost": (("create", "provider:list", "before"), ("create", "provider:list", "after")),
}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with faulty_cloud(tmp_path_factory.mktemp("faults") / "cloud") as one:
        yield one


def kills(scenario: str, points: tuple[tuple[str, str, str], ...]) -> list[Kill]:
    prefix, also = "".join(word[0] for word in scenario.split()), by_name(scenario).events
    return [Kill(f"{prefix}{n}x", *point, f"{prefix}{n}x", also=also) for n, point in enumerate(points)]


@pytest.mark.parametrize("name", ["plain", *_OTHERS])
def test_a_killed_function_loses_nothing_and_nothing_is_paid_twice(stand: Stand, name: str) -> None:
    scenario: Scenario = by_name(name)
    planned = kills(name, _PLAIN if name == "plain" else _OTHERS[name])
    tally = play(stand, scenario, planned, 150)
    assert tally.faults == {}
    assert stand.happened(planned) == planned
    assert stand.most_at_once() <= SLOTS


def test_of_many_that_wait_no_more_are_given_a_slot_than_there_are_and_in_order(stand: Stand) -> None:
    stems = [f"burst{number:02d}" for number in range(2 * SLOTS)]
    stand.plan()
    stand.pause()
    stand.drop(stems)
    stand.wait_for_state(stems, {"QUEUED"}, 120)
    stand.resume()
    stand.settle(stems, 150)
    assert stand.tally(stems).faults == {}
    assert 1 < stand.most_at_once() <= SLOTS


def test_every_call_that_was_made_is_one_that_the_code_is_known_to_make(stand: Stand) -> None:
    known = all_calls()
    assert {(call.function, call.name) for call in stand.traced() if call.name not in known[call.function]} == set()


def test_a_job_makes_no_more_calls_and_states_than_it_is_priced_with(stand: Stand) -> None:
    """Counts do not depend on the machine; benchmarks/RESULTS.md says what they cost. Polls are counted apart.

    A receipt that another function made obsolete meanwhile is read again, which happens as often as the machine
    pleases. So the image's receipt is awaited before the video is dropped, and the fewest of two jobs are counted.
    """
    stand.plan()
    counts = [counted(stand, stem) for stem in ("counted-once", "counted-twice")]
    states, events, writes, reads = map(min, zip(*counts, strict=True))
    assert states <= 7
    assert events <= 30
    assert writes <= 32
    assert reads <= 34


def counted(stand: Stand, stem: str) -> tuple[int, int, int, int]:
    """A job's states, events, writes and reads, without those of its polls."""
    stand.driver.drop(f"{stem}.png", image((200, 200)))
    stand.driver.wait_for_receipt(f"{stem}.png", "waiting")
    stand.driver.drop(f"{stem}.mp4", stand.clip)
    stand.settle([stem], 120)
    calls = [call for call in stand.traced(stem) if call.function not in {"poll", "sweep", "result_page"}]
    writes = [call for call in calls if call.name.removeprefix("dynamodb:") in WRITES]
    reads = [call for call in calls if call.name.removeprefix("dynamodb:") in READS]
    (execution,) = stand.driver.executions(stem)
    states = stand.driver.states(execution["executionArn"])
    polls = states.count("Poll")
    history = stand.stack.stepfunctions.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)
    return len(states) - 3 * polls, len(history["events"]) - 9 * polls, len(writes), len(reads)


def test_no_history_contains_a_signed_url_or_a_key(stand: Stand) -> None:
    assert secrets_in(stand.driver, set()) == []
