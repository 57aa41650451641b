"""Which image and which video of a folder belong together."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import kind_of
from motiondrop.domain.pairing import Folder, Pair, Why

MAX = 3


def folder(*names: str, of: str = "f/") -> Folder:
    kinds = {of + name: kind for name in names if (kind := kind_of(name))}
    return Folder.of(of, kinds, MAX)


def pairs(*names: str, of: str = "f/") -> set[tuple[str, str]]:
    here = folder(*names, of=of)
    found = {pair for key in here.kinds for pair in here.verdict(key).pairs}
    return {(image.removeprefix(of), video.removeprefix(of)) for image, video in found}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["hero.png", "hero.mp4"], {("hero.png", "hero.mp4")}),
        (["a.png", "b.mp4"], {("a.png", "b.mp4")}),
        (["a.png", "b.png", "v.mp4"], {("a.png", "v.mp4"), ("b.png", "v.mp4")}),
        (["a.png", "v.mp4", "w.mov"], {("a.png", "v.mp4"), ("a.png", "w.mov")}),
        (["a.png", "b.png", "v.mp4", "w.mp4"], set()),
        (["a.png", "a.mp4", "b.png", "v.mp4"], {("a.png", "a.mp4"), ("b.png", "v.mp4")}),
        (["a.png", "a.mp4", "b.png"], {("a.png", "a.mp4")}),
        (["a.png", "a.jpg", "a.mp4"], {("a.png", "a.mp4"), ("a.jpg", "a.mp4")}),
        (["a.png"], set()),
        (["a.png", "b.png", "c.png", "v.mp4"], {(f"{name}.png", "v.mp4") for name in "abc"}),
        (["a.png", "b.png", "c.png", "d.png", "v.mp4"], set()),
        (["A.png", "a.mp4"], {("A.png", "a.mp4")}),
    ],
)
def test_a_folders_names_say_what_belongs_together(names: list[str], expected: set[Pair]) -> None:
    assert pairs(*names) == expected


def test_at_the_root_only_namesakes_pair() -> None:
    assert pairs("a.png", "b.mp4", of="") == set()
    assert pairs("a.png", "a.mp4", "b.png", of="") == {("a.png", "a.mp4")}


def test_a_folder_pairs_its_own_files_only() -> None:
    kinds = {"f/a.png": Kind.IMAGE, "f/g/a.mp4": Kind.VIDEO}
    assert Folder.of("f/", kinds, MAX).verdict("f/a.png").why is Why.ALONE


def test_what_is_ambiguous_or_too_many_is_called_so() -> None:
    assert folder("a.png", "b.png", "v.mp4", "w.mp4").verdict("f/a.png").why is Why.AMBIGUOUS
    crowd = folder("a.png", "b.png", "c.png", "d.png", "v.mp4")
    assert {crowd.verdict(key).why for key in crowd.kinds} == {Why.TOO_MANY}


NAMES = st.sets(
    st.builds("{}.{}".format, st.sampled_from("abcdef"), st.sampled_from(["png", "jpg", "mp4", "mov"])), max_size=9
)


@given(NAMES)
def test_both_files_of_a_pair_agree_that_they_are_one(names: set[str]) -> None:
    here = folder(*names)
    for key in here.kinds:
        for pair in here.verdict(key).pairs:
            assert key in pair
            assert all(pair in here.verdict(other).pairs for other in pair)


@given(NAMES)
def test_the_pairs_are_those_of_namesakes_and_of_the_files_left(names: set[str]) -> None:
    here = folder(*names)
    of_namesakes = {
        pair for key in here.kinds if here.verdict(key).why is Why.NAMESAKE for pair in here.verdict(key).pairs
    }
    everything = {pair for key in here.kinds for pair in here.verdict(key).pairs}
    assert of_namesakes | set(here.shared_pairs()) == everything
    assert not of_namesakes & set(here.shared_pairs())


@given(NAMES, st.sampled_from("abcdef"))
def test_a_pair_of_namesakes_stays_one_whatever_other_stems_arrive(names: set[str], stem: str) -> None:
    alone = {name for name in names if name.startswith(stem)}
    before = {pair for pair in pairs(*alone) if pair[0][0] == pair[1][0]}
    assert before <= pairs(*names)


def test_no_order_of_arrival_changes_the_pairs() -> None:
    names = ["a.png", "a.mp4", "b.png", "v.mp4"]
    assert len({frozenset(pairs(*order)) for order in permutations(names)}) == 1
