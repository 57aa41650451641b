"""The drops' records: one that cannot be read stands in no other's way."""

from datetime import timedelta

import pytest

from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import folder_of
from motiondrop.storage.drops import Drop, record_key
from motiondrop.storage.items import DropItem
from tests.support.bench import Bench
from tests.support.builders import make_input

#: A value that another version of MotionDrop may have written.
OTHER = "OF ANOTHER VERSION"


@pytest.fixture
def keys(bench: Bench) -> list[str]:
    """Three drops of one folder; the second one's record cannot be read."""
    found = ["f/a.png", "f/b.png", "f/c.png"]
    for key in found:
        bench.drops.record(Drop(key, Kind.IMAGE, f'"of {key}"', media=make_input(key, "i")))
        bench.clock.pass_(seconds=1)
    bench.tables.drop(*record_key("f/b.png")).update(actions=[DropItem.kind.set(OTHER)])
    return found


def test_drops_are_found_beside_one_that_cannot_be_read(bench: Bench, keys: list[str]) -> None:
    assert [*bench.drops.find(keys)] == ["f/a.png", "f/c.png"]
    assert bench.drops.find([]) == {}


def test_drops_are_listed_beside_one_that_cannot_be_read(bench: Bench, keys: list[str]) -> None:
    assert [drop.key for drop in bench.drops.newest(folder_of("f/a.png"), 10)] == ["f/c.png", "f/a.png"]
    lonely = bench.drops.alone_since(bench.clock() + timedelta(days=1), 10)
    assert [drop.key for drop in lonely] == ["f/a.png", "f/c.png"]


def test_what_a_drop_was_when_it_was_recorded_is_known_even_if_its_record_cannot_be_read(
    bench: Bench, keys: list[str]
) -> None:
    assert bench.drops.etags([*keys, "f/unknown.png"]) == {key: f'"of {key}"' for key in keys}
    assert bench.drops.etags([]) == {}
