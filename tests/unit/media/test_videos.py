"""Videos, as encoders write them and as accidents and attackers leave them."""

import io
import os
import struct
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest

from motiondrop.domain.job import words
from motiondrop.media.prepare import check
from motiondrop.media.report import Order, Report, Trim
from tests.support.media import both_enabled, box, clip, planned, prepared, trimmed, turned
from tests.support.media import reason as refused
from tests.support.media_cases import filmed

SMALL = " - export it again as MP4 at a higher resolution"
TRIM = (
    " long - the limit is 30 s - cut the video to 30 s or less and drop it again"
    " - or upload it whole on the drop page and choose which part to use"
    " - or set trim=0-30 in the upload metadata to keep the first 30 s"
)


def seen(report: Report) -> tuple[int, int, float | None, float | None, str | None, str]:
    return report.width, report.height, report.duration, report.frame_rate, report.codec, words(report)


def report(key: str, data: bytes) -> Report:
    found = prepared(key, data).report
    assert found.format == "mp4"
    return found


@pytest.mark.parametrize(
    ("key", "container", "codec", "kept", "receipt"),
    [
        ("a.mp4", "mp4", "libx264", "h264", ""),
        ("a.MOV", "mov", "libx264", "h264", ""),
        ("a.mp4", "mov", "libx264", "h264", ""),
        ("a.mp4", "mp4", "libx265", "hevc", ""),
        ("a.mkv", "matroska", "mjpeg", "h264", "converted: MKV to MP4 - MJPEG to H.264"),
        ("a.mp4", "mp4", "mpeg4", "h264", "converted: MPEG-4 to H.264"),
        ("a.mov", "mov", "mjpeg", "h264", "converted: MJPEG to H.264"),
        ("a.avi", "avi", "mpeg4", "h264", "converted: AVI to MP4 - MPEG-4 to H.264"),
        ("a.Avi", "avi", "libx264", "h264", "converted: AVI to MP4"),
        ("a.mp4", "avi", "mjpeg", "h264", "converted: AVI to MP4 - MJPEG to H.264"),
        ("a.avi", "avi", "rawvideo", "h264", "converted: AVI to MP4 - RAWVIDEO to H.264"),
    ],
)
def test_whole_videos_are_accepted(key: str, container: str, codec: str, kept: str, receipt: str) -> None:
    assert seen(report(key, clip(container, codec))) == (320, 240, 2.4, 10.0, kept, receipt)


@pytest.mark.parametrize(
    "movflags", ["faststart", "frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof"]
)
def test_the_index_may_stand_anywhere(movflags: str) -> None:
    assert seen(report("a.mp4", clip(movflags=movflags))) == (320, 240, 2.4, 10.0, "h264", "")


def test_a_phones_portrait_clip_has_the_sides_it_is_displayed_with() -> None:
    media = report("a.mov", turned(clip("mov")))
    assert (media.width, media.height) == (240, 320)


@pytest.mark.parametrize(("start", "length"), [(0, 4.0), (3.5, 4.0), (7.5, 2.5)])
@pytest.mark.parametrize("group", [12, 250])
def test_a_clip_that_a_phone_trimmed_is_what_it_shows(start: float, length: float, group: int) -> None:
    data = trimmed(clip(frames=100, group=group), start, length)
    found = prepared("a.mp4", data)
    assert seen(found.report) == (320, 240, length, 10.0, "h264", "converted: hidden parts left out")
    with av.open(io.BytesIO(found.copy), "r", options={"ignore_editlist": "1"}) as copy:
        assert len(list(copy.demux(video=0))) == length * 10 + 1  # and the one that ends it


def test_sound_and_an_odd_frame_rate_change_nothing() -> None:
    media = report("a.mp4", clip(rate=Fraction(30000, 1001), frames=90, sound=2.9))
    assert media.duration == pytest.approx(3.003)
    assert media.frame_rate == pytest.approx(29.97)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"], ids=["remuxed", "transcoded"])
@pytest.mark.parametrize("sound", [0, 2.4])
def test_whether_the_copy_has_sound_is_told_before_and_after_it_is_made(codec: str, sound: float) -> None:
    found = prepared("a.mp4", clip(codec=codec, sound=sound))
    assert found.report.sound == bool(sound)
    assert found.plan is None or found.plan.sound == bool(sound)
    with av.open(io.BytesIO(found.copy), "r") as copy:
        assert len(copy.streams.audio) == bool(sound)


def test_a_trim_behind_the_end_of_the_sound_leaves_none() -> None:
    found = prepared("a.mp4", clip(frames=80, sound=3), Trim(4, 8))
    assert found.plan is not None
    assert (found.plan.sound, found.report.sound) == (False, False)
    assert prepared("a.mp4", clip(frames=80, sound=3), Trim(0, 4)).report.sound


@pytest.mark.parametrize("sides", [(200, 200), (600, 200), (200, 600), (2048, 2048)])
def test_videos_of_sides_at_the_limits_are_accepted(sides: tuple[int, int]) -> None:
    media = report("a.mp4", clip(width=sides[0], height=sides[1], rate=2, frames=4))
    assert (media.width, media.height) == sides


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        ((199, 300), "video is 199 px wide - needs at least 200 px on each side" + SMALL),
        ((300, 199), "video is 199 px tall - needs at least 200 px on each side" + SMALL),
        (
            (601, 200),
            (
                "video is too wide - at 601 x 200 px it is 3.005 times as wide as it is tall"
                " - the limit is 3 times - crop it"
            ),
        ),
        (
            (200, 601),
            (
                "video is too tall - at 200 x 601 px it is 3.005 times as tall as it is wide"
                " - the limit is 3 times - crop it"
            ),
        ),
    ],
)
def test_videos_of_sides_beyond_the_limits_are_refused(sides: tuple[int, int], reason: str) -> None:
    assert refused("a.mp4", clip(width=sides[0], height=sides[1], rate=2, frames=4)) == reason


@pytest.mark.parametrize("container", ["mp4", "avi"])
@pytest.mark.parametrize(("frames", "seconds"), [(20, 2.0), (300, 30.0)])
def test_videos_of_durations_at_the_limits_are_accepted(container: str, frames: int, seconds: float) -> None:
    assert report(f"a.{container}", clip(container, frames=frames)).duration == seconds


@pytest.mark.parametrize("container", ["mp4", "avi"])
@pytest.mark.parametrize(
    ("frames", "reason"),
    [(19, "video is 1.9 s long - must be at least 2 s long - use a longer video"), (301, "video is 30.1 s" + TRIM)],
)
def test_videos_of_durations_beyond_the_limits_are_refused(container: str, frames: int, reason: str) -> None:
    assert refused(f"a.{container}", clip(container, frames=frames)) == reason


def test_sound_may_outlast_the_pictures_by_no_more_than_a_coded_block() -> None:
    assert report("a.mp4", clip(rate=4, frames=120, sound=30.02)).duration == 30.0
    assert refused("a.mp4", clip(rate=4, frames=80, sound=31)).startswith("video is 31")


def padded(folder: Path, size: int) -> Path:
    """A clip in a file of any size, of which only the clip takes room."""
    data, path = clip(), folder / "a.mp4"
    path.write_bytes(data + struct.pack(">I", size - len(data)) + b"free")
    os.truncate(path, size)
    return path


def test_a_video_of_exactly_200_mb_stays_as_it_is(tmp_path: Path) -> None:
    assert isinstance(check(padded(tmp_path, 200_000_000), Order("a.mp4"), tmp_path), Report)


def test_a_video_above_200_mb_is_made_smaller(tmp_path: Path) -> None:
    plan = check(padded(tmp_path, 1_000_000_000), Order("a.mp4"), tmp_path)
    assert words(plan) == "converted: 1000 MB made smaller"


ONE_TRACK = "video must have exactly 1 picture track - export it again as MP4"


def test_of_two_picture_tracks_the_enabled_one_is_used() -> None:
    # As a phone's cinematic clip has them; FFmpeg enables the first one only.
    assert seen(report("a.mp4", clip(tracks=2))) == (320, 240, 2.4, 10.0, "h264", "")


def test_no_picture_track_or_two_that_are_enabled_are_refused() -> None:
    assert refused("a.mp4", both_enabled(clip(tracks=2))) == ONE_TRACK
    assert refused("a.mp4", clip(tracks=0, sound=3)) == ONE_TRACK


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
    assert report("a.mp4", bytes(data)).duration == 2.4


def test_an_avi_that_claims_longer_than_it_holds_is_refused() -> None:
    data = bytearray(clip("avi", "mpeg4"))
    struct.pack_into("<I", data, data.index(b"avih") + 8 + 16, 250)
    struct.pack_into("<I", data, data.index(b"strh") + 8 + 32, 250)
    assert "video claims to be 25 s long but has only 2.4 s" in refused("a.avi", bytes(data))


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
    assert time.monotonic() - began < 40


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
    assert refused("a.mp4", bytes(data)).startswith("video ")


def test_absurd_sides_are_refused_before_anything_is_decoded() -> None:
    data = clip("avi", "mjpeg")
    start = data.index(b"\xff\xc0\x00\x11\x08")
    absurd = data.replace(data[start : start + 9], data[start : start + 5] + struct.pack(">HH", 30_000, 30_000))
    assert refused("a.avi", absurd).startswith("video ")


PLAYLIST = b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAYLIST, id="playlist"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="list of files"),
        pytest.param(b'<?xml version="1.0"?><MPD></MPD>', id="DASH"),
        pytest.param(HEAD + PLAYLIST, id="playlist behind a head"),
        pytest.param(b"RIFF\xff\xff\xff\xffAVI " + PLAYLIST, id="playlist in an AVI"),
        pytest.param((b"G" + bytes(187)) * 3 + PLAYLIST, id="playlist in a broadcast"),
    ],
)
@pytest.mark.parametrize("key", ["a.mp4", "a.ts"])
def test_lists_of_other_files_are_refused(data: bytes, key: str) -> None:
    assert refused(key, data).startswith(("video ", "file is "))


def test_recordings_one_behind_the_other_are_refused_rather_than_mixed() -> None:
    data = filmed("ts", "testsrc2=s=320x240:r=10:d=2")
    assert refused("a.ts", data * 40).startswith("video has frames in the wrong order after ")


def test_planning_measures_the_same_as_converting() -> None:
    data = clip("avi", "mpeg4", rate=Fraction(24000, 1001), frames=60)
    plan, done = planned("a.avi", data), report("a.avi", data)
    assert plan.duration is not None
    assert done.duration == pytest.approx(plan.duration, abs=0.01)
    assert done.frame_rate == pytest.approx(plan.frame_rate, abs=0.1)
