"""What a job is called, and how it may change."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity, identity_of, job_id_of, slug
from motiondrop.domain.job import CLOSED, LEGAL, Options, State
from motiondrop.domain.keys import stem_of
from motiondrop.errors import NoSuchJob

OPTIONS = Options("wan-std", check_image=True, model="m")


def test_only_the_failed_and_the_canceled_are_opened_again() -> None:
    assert {state for state in CLOSED if LEGAL[state]} == {State.FAILED, State.CANCELED}
    held = {State.ADMITTED, State.SUBMITTING, State.PENDING, State.RUNNING}
    assert {state for state, targets in LEGAL.items() if State.QUEUED in targets} == held | {
        State.PREPARING,
        State.FAILED,
        State.CANCELED,
    }


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached, ways = {State.PREPARING}, [State.PREPARING]
    while ways:
        for state in LEGAL[ways.pop()] - reached:
            reached.add(state)
            ways.append(state)
    assert reached == set(State)
    assert all(LEGAL[state] & (CLOSED | {State.SAVING}) for state in set(State) - CLOSED)


def test_the_identity_is_the_content_and_the_options_and_no_name() -> None:
    same = identity("i", "v", OPTIONS)
    assert same == identity("i", "v", OPTIONS)
    others = [
        identity("v", "i", OPTIONS),
        identity("i", "w", OPTIONS),
        identity("i", "v", Options("wan-pro", check_image=True, model="m")),
        identity("i", "v", Options("wan-std", check_image=False, model="m")),
        identity("i", "v", Options("wan-std", check_image=True, model="n")),
        identity("i", "v", Options("wan-std", check_image=True, model="m", trim="0-5")),
    ]
    assert len({same, *others}) == 7


@pytest.mark.parametrize(
    ("image", "video", "expected"),
    [
        ("hero.png", "hero.mp4", "hero"),
        ("a/b/Hero Büste.png", "a/b/dance.mp4", "hero-buste-dance"),
        ("日本.png", "日本.mp4", "job"),
        ("日本.png", "dance.mp4", "dance"),
        ("a.b.c.png", "a.b.c.mp4", "a-b-c"),
        (".png", ".mp4", "png-mp4"),
    ],
)
def test_the_slug_is_what_a_person_finds_a_job_by(image: str, video: str, expected: str) -> None:
    assert slug(image, video) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_names_make_a_job_id_that_names_an_execution_and_gives_its_identity_back(image: str, video: str) -> None:
    job_id = job_id_of(image, video, identity(image, video, OPTIONS))
    assert re.fullmatch(r"[a-z0-9-]{1,69}", job_id)
    assert len(f"{job_id}-999999") <= 80
    assert identity_of(job_id) == identity(image, video, OPTIONS)


@given(st.text(max_size=80))
def test_no_other_text_is_taken_for_a_job_id(text: str) -> None:
    name = identity_of(text)
    assert name is None or text.endswith(name)


def test_a_stem_is_the_name_without_folder_and_extension() -> None:
    assert [stem_of(key) for key in ("a/b.c.png", "b", "a/.png", "x.y/z")] == ["b.c", "b", ".png", "z"]


@pytest.mark.parametrize("execution", [{}, {"Input": {}}, {"Input": None}, {"Input": []}, {"Input": "job"}])
def test_a_run_without_a_job_id_is_told_what_its_input_is(execution: dict[str, object]) -> None:
    with pytest.raises(NoSuchJob, match="job_id"):
        Execution.of(execution)


def test_a_redriven_run_is_another_owner_than_before() -> None:
    execution = {"Input": {"job_id": "j"}, "Name": "n", "Id": "arn", "RedriveCount": 0}
    assert Execution.of(execution).owner == "n"
    assert Execution.of(execution | {"RedriveCount": 2}).owner == "n~2"
