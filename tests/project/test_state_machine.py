"""The state machine that ships: whole, bounded, and in step with the code."""

import inspect
import re
from types import ModuleType
from typing import Any

import pytest
import yaml

from local.stack import PROJECT
from motiondrop.domain.provider_errors import FAMILIES
from motiondrop.domain.step import Next
from motiondrop.workflow import create, poll, reconcile, refusals

MACHINE: dict[str, Any] = yaml.safe_load((PROJECT / "statemachine" / "animation.asl.yaml").read_text())
STATES: dict[str, Any] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def targets(state: dict[str, Any]) -> set[str]:
    nexts = [state.get("Next"), state.get("Default")]
    nexts += [choice["Next"] for choice in state.get("Choices", [])]
    nexts += [catch["Next"] for catch in state.get("Catch", [])]
    return {name for name in nexts if name}


def test_every_state_is_reached_and_every_next_exists() -> None:
    reached, ways = {MACHINE["StartAt"]}, [MACHINE["StartAt"]]
    while ways:
        for name in targets(STATES[ways.pop()]) - reached:
            reached.add(name)
            ways.append(name)
    assert reached == set(STATES)


def test_the_machine_and_every_task_have_a_timeout() -> None:
    assert MACHINE["TimeoutSeconds"]
    assert [name for name, state in TASKS.items() if "TimeoutSeconds" not in state] == []


def test_the_states_are_named_as_a_person_would_say_them() -> None:
    for name in STATES:
        assert re.fullmatch(r"[A-Z][a-z ]+", name), name
        assert len(name) <= 80


def test_nothing_but_what_was_not_done_is_tried_again_where_money_is_spent() -> None:
    assert [retry["ErrorEquals"] for retry in STATES["Create task"]["Retry"]] == [
        ["Lambda.TooManyRequestsException", "Saturated"],
        ["Contended"],
    ]


@pytest.mark.parametrize("name", TASKS)
def test_saturation_is_waited_out_by_every_step_for_days(name: str) -> None:
    retry = TASKS[name]["Retry"][0]
    ours = set() if name == "Convert the files" else {"Saturated"}  # it works on no table
    assert set(retry["ErrorEquals"]) == {"Lambda.TooManyRequestsException"} | ours
    assert (retry["MaxAttempts"], retry["MaxDelaySeconds"], retry["JitterStrategy"]) == (1000, 900, "FULL")
    assert retry["IntervalSeconds"] * retry["BackoffRate"] ** 9 >= retry["MaxDelaySeconds"]


def test_the_providers_last_word_is_not_asked_for_twice() -> None:
    first = STATES["Poll"]["Retry"][1]
    assert first["MaxAttempts"] == 0
    families = {family.__name__ for family in FAMILIES}
    assert families < set(first["ErrorEquals"])


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"Claim the job", "Convert the files"}))
def test_a_step_that_finds_its_job_closed_or_taken_claims_it_anew(name: str) -> None:
    caught = {error: catch["Next"] for catch in TASKS[name]["Catch"] for error in catch["ErrorEquals"]}
    assert caught["JobClosed"] == caught["NotOwner"] == "Claim the job"


def choices(name: str) -> dict[str, str]:
    """The answers that a choice knows, and where each leads."""
    found = {}
    for choice in STATES[name]["Choices"]:
        if match := re.search(r'next = "([^"]+)"', choice["Condition"]):
            found[match.group(1)] = choice["Next"]
    return found


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Choice"])
def test_a_choice_follows_the_state_that_the_answer_names(name: str) -> None:
    assert all(answer == target for answer, target in choices(name).items())


@pytest.mark.parametrize(
    ("choice", "modules"), [("Was a task created", (create, reconcile, refusals)), ("Is it over", (poll, refusals))]
)
def test_every_state_that_an_answer_names_is_reached(choice: str, modules: tuple[ModuleType, ...]) -> None:
    """What a choice does not know claims the job again, which is right for a job that was closed."""
    source = "".join(inspect.getsource(module) for module in modules)
    named = {Next[name] for name in re.findall(r"go\(Next\.(\w+)", source)}
    made = {"later(": Next.LATER, "find_out_after(": Next.FIND_OUT, "created(": Next.WAIT, "unfinished(": Next.WAIT}
    named |= {to for call, to in made.items() if f"return {call}" in source}
    assert named - {Next.CLAIM} <= set(choices(choice))
    assert STATES[choice]["Default"] == Next.CLAIM


def test_every_answer_names_a_state() -> None:
    assert set(Next) <= set(STATES)


def test_no_state_says_only_that_the_execution_failed() -> None:
    """*Redrive* starts at the state that failed, and a Fail state would fail again."""
    assert [name for name, state in STATES.items() if state["Type"] == "Fail"] == []
