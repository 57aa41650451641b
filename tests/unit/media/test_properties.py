"""Whatever the bytes are, a check ends in Media or in Rejected."""

import re
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motiondrop.media.child.source import BLOCK, Source
from motiondrop.media.limits import Media, Rejected
from tests.support.media import checked, clip, picture

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
def test_a_mutated_file_is_media_or_rejected(file: tuple[str, bytes]) -> None:
    extension, data = file
    try:
        media = checked(f"a.{extension}", data)
    except Rejected as refusal:
        reason = refusal.reason
    else:
        assert isinstance(media, Media)
        assert media.size == len(data)
        return
    assert re.fullmatch(r"[A-Za-z0-9 +\-=._:/@]{1,230}", reason)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.binary(max_size=300), st.booleans())
def test_random_bytes_are_rejected(extension: str, noise: bytes, begins_well: bool) -> None:
    data = _seed(extension)[:16] + noise if begins_well else noise
    try:
        checked(f"a.{extension}", data)
    except Rejected:
        return
    raise AssertionError(data)


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 40 * BLOCK), st.integers(0, 3 * BLOCK)), max_size=12),
)
def test_a_source_reads_like_a_file_and_fetches_no_byte_twice(blocks: int, reads: list[tuple[int, int]]) -> None:
    data = bytes(range(251)) * (blocks * BLOCK // 251)
    fetched: list[tuple[int, int]] = []

    def fetch(offset: int, length: int) -> bytes:
        assert 0 < length <= len(data) - offset
        fetched.append((offset, length))
        return data[offset : offset + length]

    source = Source(fetch, len(data), len(data))
    for offset, length in reads:
        assert source.at(offset, length) == data[offset : offset + length]
        source.seek(offset)
        assert source.read(length) == data[offset : offset + length]
    fetched.sort()
    assert all(first[0] + first[1] <= second[0] for first, second in pairwise(fetched))
    assert source.left == len(data) - sum(length for _, length in fetched)
