"""Videos, as encoders write them and as accidents and attackers leave them."""

import struct
import time
from fractions import Fraction

import pytest

from motiondrop.media.check import check
from motiondrop.media.limits import Media, Rejected
from tests.support.media import Padded, box, checked, clip, trimmed, turned


def refused(key: str, data: bytes) -> str:
    with pytest.raises(Rejected) as refusal:
        checked(key, data)
    return refusal.value.reason


def seen(media: Media) -> tuple[str, int, int, float | None, float | None, str | None]:
    return media.extension, media.width, media.height, media.duration, media.frame_rate, media.codec


@pytest.mark.parametrize(
    ("key", "container", "codec", "expected"),
    [
        ("a.mp4", "mp4", "libx264", ("mp4", 320, 240, 2.4, 10.0, "h264")),
        ("a.MOV", "mov", "libx264", ("mov", 320, 240, 2.4, 10.0, "h264")),
        ("a.mp4", "mov", "libx264", ("mov", 320, 240, 2.4, 10.0, "h264")),
        ("a.mov", "mp4", "libx264", ("mp4", 320, 240, 2.4, 10.0, "h264")),
        ("a.mp4", "mp4", "libx265", ("mp4", 320, 240, 2.4, 10.0, "hevc")),
        ("a.mp4", "mp4", "mpeg4", ("mp4", 320, 240, 2.4, 10.0, "mpeg4")),
        ("a.mov", "mov", "mjpeg", ("mov", 320, 240, 2.4, 10.0, "mjpeg")),
        ("a.avi", "avi", "mpeg4", ("avi", 320, 240, 2.4, 10.0, "mpeg4")),
        ("a.Avi", "avi", "libx264", ("avi", 320, 240, 2.4, 10.0, "h264")),
        ("a.avi", "avi", "mjpeg", ("avi", 320, 240, 2.4, 10.0, "mjpeg")),
        ("a.avi", "avi", "rawvideo", ("avi", 320, 240, 2.4, 10.0, "rawvideo")),
    ],
)
def test_whole_videos_are_accepted(
    key: str, container: str, codec: str, expected: tuple[str, int, int, float, float, str]
) -> None:
    assert seen(checked(key, clip(container, codec))) == expected


@pytest.mark.parametrize(
    "movflags", ["faststart", "frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof"]
)
def test_the_index_may_stand_anywhere(movflags: str) -> None:
    assert seen(checked("a.mp4", clip(movflags=movflags))) == ("mp4", 320, 240, 2.4, 10.0, "h264")


def test_a_phones_portrait_clip_has_the_sides_it_is_displayed_with() -> None:
    media = checked("a.mov", turned(clip("mov")))
    assert (media.width, media.height) == (240, 320)


@pytest.mark.parametrize(("start", "length"), [(0, 4.0), (3.5, 4.0), (7.5, 2.5)])
@pytest.mark.parametrize("group", [12, 250])
def test_a_clip_that_a_phone_trimmed_is_what_it_shows(start: float, length: float, group: int) -> None:
    data = trimmed(clip(frames=100, group=group), start, length)
    assert seen(checked("a.mp4", data)) == ("mp4", 320, 240, length, 10.0, "h264")


def test_sound_and_an_odd_frame_rate_change_nothing() -> None:
    media = checked("a.mp4", clip(rate=Fraction(30000, 1001), frames=90, sound=2.9))
    assert media.duration == pytest.approx(3.003)
    assert media.frame_rate == pytest.approx(29.97)


@pytest.mark.parametrize("sides", [(200, 200), (600, 200), (200, 600), (2048, 2048)])
def test_videos_of_sides_at_the_limits_are_accepted(sides: tuple[int, int]) -> None:
    media = checked("a.mp4", clip(width=sides[0], height=sides[1], rate=2, frames=4))
    assert (media.width, media.height) == sides


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        ((199, 300), "video is 199 px wide - needs 200 to 2048"),
        ((300, 199), "video is 199 px tall - needs 200 to 2048"),
        ((2049, 1000), "video is 2049 px wide - needs 200 to 2048"),
        ((1000, 2049), "video is 2049 px tall - needs 200 to 2048"),
        ((601, 200), "video is too wide - 601 x 200 px is 3.005:1 - needs 1:3 to 3:1"),
        ((200, 601), "video is too tall - 200 x 601 px is 1:3.005 - needs 1:3 to 3:1"),
    ],
)
def test_videos_of_sides_beyond_the_limits_are_refused(sides: tuple[int, int], reason: str) -> None:
    assert refused("a.mp4", clip(width=sides[0], height=sides[1], rate=2, frames=4)) == reason


@pytest.mark.parametrize("container", ["mp4", "avi"])
@pytest.mark.parametrize(("frames", "seconds"), [(20, 2.0), (300, 30.0)])
def test_videos_of_durations_at_the_limits_are_accepted(container: str, frames: int, seconds: float) -> None:
    assert checked(f"a.{container}", clip(container, frames=frames)).duration == seconds


@pytest.mark.parametrize("container", ["mp4", "avi"])
@pytest.mark.parametrize(
    ("frames", "reason"),
    [(19, "video is 1.9 s long - needs 2 to 30"), (301, "video is 30.1 s long - needs 2 to 30")],
)
def test_videos_of_durations_beyond_the_limits_are_refused(container: str, frames: int, reason: str) -> None:
    assert refused(f"a.{container}", clip(container, frames=frames)) == reason


def test_sound_may_outlast_the_pictures_by_no_more_than_a_coded_block() -> None:
    assert checked("a.mp4", clip(rate=4, frames=120, sound=30.02)).duration == 30.0
    assert refused("a.mp4", clip(rate=4, frames=80, sound=31)).startswith("video is 31")


def test_a_video_of_exactly_200_mb_is_accepted_and_hardly_read() -> None:
    data, size = clip(), 200_000_000
    read = Padded(data + struct.pack(">I", size - len(data)) + b"free", size)
    assert check("a.mp4", size, read).size == size
    assert read.total < 1_000_000


@pytest.mark.parametrize("tracks", [0, 2])
def test_anything_but_one_picture_track_is_refused(tracks: int) -> None:
    data = clip(tracks=tracks, sound=3)
    counted = tracks or "no"
    assert refused("a.mp4", data) == f"video has {counted} picture tracks - needs exactly 1 - export it again as MP4"


@pytest.mark.parametrize("container", ["mp4", "mov", "avi"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.98])
def test_cut_off_videos_are_refused(container: str, share: float) -> None:
    # The MOV's index stands at its end, the MP4's at its beginning.
    data = clip(container, movflags="faststart" if container == "mp4" else "", noisy=True)
    assert "video" in refused(f"a.{container}", data[: int(len(data) * share)])


def test_a_cut_off_fragmented_video_is_refused() -> None:
    data = clip(movflags="frag_keyframe+empty_moov", noisy=True)
    assert "video" in refused("a.mp4", data[: int(len(data) * 0.9)])


@pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("avi", "mpeg4"), ("avi", "mjpeg")])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_videos_with_a_hole_are_refused(container: str, codec: str, share: float) -> None:
    data = clip(container, codec, noisy=True, movflags="" if container == "avi" else "faststart")
    start, length = int(len(data) * share), len(data) // 8
    assert "damaged" in refused(f"a.{container}", data[:start] + bytes(length) + data[start + length :])


def test_a_header_that_claims_longer_than_the_index_is_not_believed() -> None:
    data = bytearray(clip())
    for name, place in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        start = data.index(name) + place
        struct.pack_into(">I", data, start, struct.unpack_from(">I", data, start)[0] * 8)
    assert checked("a.mp4", bytes(data)).duration == 2.4


def test_an_avi_that_claims_longer_than_it_holds_is_refused() -> None:
    data = bytearray(clip("avi", "mpeg4"))
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, 250)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, 250)
    assert "video claims 25 s but holds 2.4 s" in refused("a.avi", bytes(data))


def test_a_video_under_another_ones_name_is_refused_with_advice() -> None:
    assert refused("a.mp4", clip("avi", "mpeg4")) == "file is AVI but named .mp4 - rename it to end in .avi"
    assert refused("a.avi", clip()) == "file is MP4 but named .avi - rename it to end in .mp4"


HEAD = box(b"ftyp", b"isom\x00\x00\x02\x00isommp41")


def _nested(depth: int, name: bytes) -> bytes:
    data = b""
    for _ in range(depth):
        data = box(name, data)
    return data


def _with_table(name: bytes, count: int, content: bytes) -> bytes:
    """A clip whose table of this name claims `count` entries."""
    data = bytearray(clip(movflags="faststart"))
    start = data.index(name) + 8
    struct.pack_into(">I", data, start, count)
    data[start + 4 : start + 4 + len(content)] = content
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEAD + box(b"free", b"") * 2_000_000, id="millions of tiny boxes"),
        pytest.param(HEAD + box(b"moov", box(b"udta", b"") * 1_000_000), id="millions of tiny boxes in the index"),
        pytest.param(HEAD + box(b"moov", box(b"trak", b"") * 500_000), id="half a million tracks"),
        pytest.param(HEAD + _nested(3000, b"moov"), id="deep nesting"),
        pytest.param(HEAD + _nested(3000, b"trak"), id="deep nesting of tracks"),
        pytest.param(_with_table(b"stts", 0x7FFFFFF0, b""), id="huge table of times"),
        pytest.param(
            _with_table(b"stts", 1, struct.pack(">II", 0x7FFFFFF0, 1)),
            id="one entry, two thousand million pictures",
        ),
        pytest.param(_with_table(b"stsz", 0x7FFFFFF0, b""), id="pictures of one byte"),
        pytest.param(b"RIFF\xff\xff\xff\xffAVI " + b"LIST\x04\x00\x00\x00movi" * 300_000, id="millions of lists"),
        pytest.param(b"RIFF\xff\xff\xff\xffAVI " + bytes(3_000_000), id="zeros"),
    ],
)
def test_hostile_containers_are_refused_in_time(data: bytes) -> None:
    key = "a.avi" if data.startswith(b"RIFF") else "a.mp4"
    began = time.monotonic()
    assert refused(key, data).startswith("video ")
    assert time.monotonic() - began < 11


def test_pictures_of_a_fixed_size_without_number_are_refused() -> None:
    data = bytearray(clip(movflags="faststart"))
    start = data.index(b"stsz") + 8
    struct.pack_into(">II", data, start, 1, 0x10000000)
    assert refused("a.mp4", bytes(data)).startswith("video ")


def test_an_hour_long_film_is_refused_for_its_length() -> None:
    data = bytearray(_with_table(b"stts", 1, struct.pack(">II", 100_000, 512)))
    struct.pack_into(">II", data, data.index(b"stsz") + 8, 1, 100_000)
    struct.pack_into(">III", data, data.index(b"stsc") + 12, 1, 100_000, 1)
    struct.pack_into(">I", data, data.index(b"mdhd") + 20, 100_000 * 512)
    reason = refused("a.mp4", bytes(data))
    assert reason.startswith("video is ")
    assert reason.endswith("s long - needs 2 to 30")


def test_absurd_sides_are_refused_before_anything_is_decoded() -> None:
    data = clip("avi", "mjpeg")
    start = data.index(b"\xff\xc0\x00\x11\x08")
    absurd = data.replace(data[start : start + 9], data[start : start + 5] + struct.pack(">HH", 30_000, 30_000))
    assert refused("a.avi", absurd).startswith("video ")
