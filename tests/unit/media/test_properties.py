"""Whatever the bytes are, a check ends in a report, a plan or in Rejected."""

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motiondrop.media.limits import Rejected
from motiondrop.media.report import Plan, Report
from tests.support.media import clip, picture, planned

SEEDS = st.sampled_from(["jpg", "png", "bmp", "webp", "mp4", "avi", "mov"])


def _seed(extension: str) -> bytes:
    if extension in {"mp4", "mov"}:
        return clip(extension, movflags="faststart" if extension == "mp4" else "")
    return clip("avi", "mpeg4") if extension == "avi" else picture(extension)


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real file with a few bytes changed, most of them where the structure is, cut and padded at will."""
    extension = draw(SEEDS)
    data = bytearray(_seed(extension))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, min(len(data), 2000) - 1))
        if draw(st.booleans()):
            place = len(data) - 1 - place
        data[place : place + 4] = draw(st.binary(min_size=1, max_size=4))
    if draw(st.booleans()):
        del data[draw(st.integers(0, len(data))) :]
    return extension, bytes(data) + draw(st.binary(max_size=16))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_a_mutated_file_is_prepared_or_rejected(file: tuple[str, bytes]) -> None:
    extension, data = file
    try:
        found = planned(f"a.{extension}", data)
    except Rejected as refusal:
        reason = refusal.reason
    else:
        assert isinstance(found, Report | Plan)
        return
    assert re.fullmatch(r"[A-Za-z0-9 +\-=._:/@]{1,230}", reason)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.binary(max_size=300), st.booleans())
def test_random_bytes_are_rejected(extension: str, noise: bytes, begins_well: bool) -> None:
    data = _seed(extension)[:16] + noise if begins_well else noise
    try:
        planned(f"a.{extension}", data)
    except Rejected:
        return
    raise AssertionError(data)
