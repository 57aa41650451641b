"""The JSON of orders, plans, reports and looks: what is written is read, and nothing else is believed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.formats import Kind
from motiondrop.domain.job import words
from motiondrop.media.limits import Rejected
from motiondrop.media.report import (
    Look,
    Order,
    Plan,
    Report,
    Trim,
    as_json,
    look_of,
    order_of,
    parse,
    plan_of,
    report_of,
)

IMAGE = Report(Kind.IMAGE, "jpeg", "jpg", 400, 500, 1000, "0" * 64, converted=("HEIC to JPEG",))
VIDEO = Report(Kind.VIDEO, "mp4", "mp4", 640, 480, 1000, "f" * 64, 3.0, 29.97, "h264", sound=True)
PLAN = Plan(2048, 1152, 2.0, 10.0, Trim(0, 2), ("3840x2160 to 2048x1152 px", "cut to 0-2 s"), ("a note",), sound=True)
LOOK = Look("h264", 64, 64, 1.5, 15.0, sound=True)
READERS: list[tuple[Order | Plan | Report | Look, Callable[[object], object]]] = [
    (Order("hero.mov", Trim(0, 30)), order_of),
    (Order("hero.png"), order_of),
    (PLAN, plan_of),
    (IMAGE, report_of),
    (VIDEO, report_of),
    (LOOK, look_of),
]


@pytest.mark.parametrize(("found", "read"), READERS)
def test_what_is_written_is_read(found: Order | Plan | Report | Look, read: Callable[[object], object]) -> None:
    assert read(parse(json.dumps(as_json(found)).encode())) == found


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(READERS), st.data())
def test_a_field_of_junk_is_a_value_error_or_a_legal_value(
    case: tuple[Order | Plan | Report | Look, Callable[[object], object]], data: st.DataObject
) -> None:
    found, read = case
    fields: Any = as_json(found)
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(JUNK)
    try:
        again = read(fields)
    except ValueError:
        return
    assert read(as_json(again)) == again  # type: ignore[arg-type]


@given(JUNK, st.sampled_from([read for _, read in READERS]))
def test_junk_is_a_value_error(junk: object, read: Callable[[object], object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its words are for developers
        read(junk)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"7", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": ' + b"9" * 5000 + b"}", b"[" * 100_000, b"\xff"],
    ids=lambda text: text[:12],
)
def test_text_that_is_no_object_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its words are for developers
        parse(text)


def test_a_number_beyond_all_is_no_number() -> None:
    with pytest.raises(ValueError, match="duration"):
        report_of(parse(json.dumps(as_json(VIDEO)).replace("3.0", "1e999").encode()))


def test_the_receipts_words() -> None:
    assert words(IMAGE) == "converted: HEIC to JPEG"
    assert words(VIDEO) == ""
    assert words(PLAN) == "converted: 3840x2160 to 2048x1152 px - cut to 0-2 s - a note"


@pytest.mark.parametrize(
    ("text", "trim"), [("0-30", Trim(0, 30)), (" 2.5-12 ", Trim(2.5, 12)), ("10-12", Trim(10, 12))]
)
def test_a_trim_is_read(text: str, trim: Trim) -> None:
    assert Trim.parse(text) == trim


@pytest.mark.parametrize(
    "text", ["", "30", "30-0", "0-31", "0-1", "a-b", "0--30", "0-30s", "1e3-1e4", "0-" + "9" * 400]
)
def test_a_trim_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Rejected, match=r"^option trim"):
        Trim.parse(text)
