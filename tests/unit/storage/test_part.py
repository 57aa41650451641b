"""The attribute that stores a dataclass as a map."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from motiondrop.storage.items import UNREADABLE
from motiondrop.storage.part import Part


@dataclass(frozen=True)
class Everything:
    text: str
    yes: bool
    whole: int
    real: float
    moment: datetime
    lines: tuple[str, ...]
    number: int | None = None
    later: datetime | None = None


PART = Part(Everything)
WHOLE = Everything("a", True, 3, 2.5, datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), ("x", "y"))
STORED: dict[str, dict[str, Any]] = {
    "text": {"S": "a"},
    "yes": {"BOOL": True},
    "whole": {"N": "3"},
    "real": {"N": "2.5"},
    "moment": {"S": "2026-01-02T03:04:05.000678+0000"},
    "lines": {"L": [{"S": "x"}, {"S": "y"}]},
}


def test_every_type_is_stored_as_pynamodb_stores_it_and_none_is_not() -> None:
    assert PART.serialize(WHOLE) == STORED


@pytest.mark.parametrize(
    "value", [WHOLE, replace(WHOLE, number=7, later=WHOLE.moment), replace(WHOLE, text="", yes=False, lines=())]
)
def test_what_is_stored_is_read_as_it_was(value: Everything) -> None:
    assert PART.deserialize(PART.serialize(value)) == value


def test_an_entry_that_is_no_field_is_passed_over() -> None:
    assert PART.deserialize(STORED | {"newer": {"S": "x"}}) == WHOLE


@pytest.mark.parametrize(
    "broken", [{"whole": {"S": "3"}}, {"whole": {"N": "three"}}, {"moment": {"S": "yesterday"}}, {"lines": {"S": "x"}}]
)
def test_an_entry_that_cannot_be_read_raises(broken: dict[str, Any]) -> None:
    with pytest.raises(UNREADABLE):
        PART.deserialize(STORED | broken)


def test_an_entry_that_is_missing_raises_where_it_has_no_default() -> None:
    with pytest.raises(UNREADABLE):
        PART.deserialize({name: entry for name, entry in STORED.items() if name != "text"})


def test_a_type_that_cannot_be_stored_is_refused_at_once() -> None:
    @dataclass(frozen=True)
    class Odd:
        parts: bytes

    with pytest.raises(KeyError):
        Part(Odd)
