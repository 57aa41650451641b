"""What is known without opening a file: kind, format by first bytes, sentences, advice."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiondrop.domain.formats import (
    AVI,
    AVIF,
    BMP,
    GIF,
    HEAD_BYTES,
    HEIC,
    JPEG,
    MKV,
    MOV,
    MP4,
    MPEG_TS,
    PNG,
    WEBM,
    WEBP,
    Format,
    Kind,
    sniff,
)
from motiondrop.domain.job import Input
from motiondrop.domain.keys import ignored, kind_of
from motiondrop.media.advice import advice
from motiondrop.media.limits import REASON_MAX, Rejected, check_duration, check_sides, expect, match_name
from tests.support.builders import make_input

TAGGABLE = re.compile(r"[A-Za-z0-9 +\-=._:/@]{1,230}")


@pytest.mark.parametrize(
    "extension", ["jpg", "JPG", "jpeg", "Jpeg", "png", "PNG", "bmp", "webp", "WebP", "HEIC", "avif", "gif", "tif"]
)
def test_image_extensions_in_any_letter_case(extension: str) -> None:
    assert kind_of(f"folder/été.v2.{extension}") is Kind.IMAGE


@pytest.mark.parametrize("extension", ["mp4", "MP4", "mov", "MOV", "Mov", "avi", "AVI", "webm", "mkv", "ts", "m4v"])
def test_video_extensions_in_any_letter_case(extension: str) -> None:
    assert kind_of(f"ダンス.{extension}") is Kind.VIDEO


@pytest.mark.parametrize(
    "key", ["", "mp4", ".mp4", "a/.png", "a.mp4/", "a.mp4/readme", "a.psd", "a.mp4.txt", "a.", "a.jxl"]
)
def test_other_names_are_no_media(key: str) -> None:
    assert kind_of(key) is None


@pytest.mark.parametrize(
    "key",
    ["folder/", "a/.DS_Store", "Thumbs.db", "a/THUMBS.DB", "desktop.ini", "a/._hero.png", "._hero.mp4", ""],
)
def test_litter_of_desktops_is_ignored(key: str) -> None:
    assert ignored(key)


@pytest.mark.parametrize(
    "key", ["hero.png", "a/notes.txt", "._a/hero.png", "part.png", "hero.aae.png", "eaDir/hero.png"]
)
def test_other_files_are_not_ignored(key: str) -> None:
    assert not ignored(key)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"\xff\xd8\xff\xe0", JPEG),
        (b"\x89PNG\r\n\x1a\n", PNG),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00", BMP),
        (b"BMW is a car, not a bitmap", None),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", WEBP),
        (b"RIFF\x10\x00\x00\x00AVI LIST", AVI),
        (b"\x00\x00\x00\x20ftypisom", MP4),
        (b"\x00\x00\x00\x20ftypmp42", MP4),
        (b"\x00\x00\x00\x14ftypqt  ", MOV),
        (b"\x00\x00\x00\x08wide", MOV),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", HEIC),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic", HEIC),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", AVIF),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", AVIF),
        (b"GIF89a", GIF),
        (b"\x1aE\xdf\xa3" + bytes(20) + b"\x42\x82\x84webm", WEBM),
        (b"\x1aE\xdf\xa3" + bytes(20) + b"\x42\x82\x88matroska", MKV),
        ((b"G" + bytes(187)) * 5, MPEG_TS),
        ((bytes(4) + b"G" + bytes(187)) * 5, MPEG_TS),
        (b"Great, a text that begins with a G", None),
        (b"", None),
        (b"\x00" * HEAD_BYTES, None),
    ],
)
def test_first_bytes_tell_the_format(head: bytes, found: Format | None) -> None:
    assert sniff(head) == found


@pytest.mark.parametrize(
    ("head", "key", "sentence"),
    [
        (b"\xff\xd8\xff", "a.mp4", "file is in JPEG format but its name ends in .mp4 - rename it to end in .jpg"),
        (b"....ftypisom", "a.jpg", "file is in MP4 format but its name ends in .jpg - rename it to end in .mp4"),
        (b"%PDF", "a.png", "file is in PDF format - this cannot be converted - export it again as JPG or PNG"),
        (b"\xff\x0a", "a.jpg", "file is in JPEG XL format - this cannot be converted - export it again as JPG or PNG"),
        (b"#EXTM3U\n", "a.mp4", "file is in M3U format - this cannot be converted - export it again as MP4"),
        (b"ID3", "a.mp4", "file is in MP3 format - this cannot be converted - export it again as MP4"),
        (b"hello", "a.mp4", "file is not a video although its name ends in .mp4 - export it again as MP4"),
    ],
)
def test_what_is_no_media_of_its_kind_is_refused_with_advice(head: bytes, key: str, sentence: str) -> None:
    kind = kind_of(key)
    assert kind is not None
    with pytest.raises(Rejected) as refusal:
        match_name(key, sniff(head), kind)
    assert refusal.value.reason == sentence


@pytest.mark.parametrize(
    ("head", "key", "found"),
    [
        (b"\xff\xd8\xff", "a.jpeg", JPEG),
        (b"\xff\xd8\xff", "a.png", JPEG),
        (b"....ftypheic", "a.jpg", HEIC),
        (b"....ftypqt  ", "a.mp4", MOV),
        (b"RIFF....AVI ", "a.mp4", AVI),
    ],
)
def test_a_wrong_extension_of_the_same_kind_is_no_matter(head: bytes, key: str, found: Format) -> None:
    kind = kind_of(key)
    assert kind is not None
    assert match_name(key, sniff(head), kind) == found


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("sides", [(200, 200), (200, 600), (600, 200), (2048, 2048), (2048, 683)])
def test_sides_within_the_limits_pass(kind: Kind, sides: tuple[int, int]) -> None:
    check_sides(kind, *sides)


@pytest.mark.parametrize(
    ("kind", "sides", "sentence"),
    [
        (
            Kind.IMAGE,
            (199, 300),
            (
                "image is 199 px wide - needs at least 200 px on each side"
                " - export it again as JPG or PNG at a higher resolution"
            ),
        ),
        (
            Kind.IMAGE,
            (300, 199),
            (
                "image is 199 px tall - needs at least 200 px on each side"
                " - export it again as JPG or PNG at a higher resolution"
            ),
        ),
        (Kind.IMAGE, (4097, 3000), "image is 4097 px wide - needs 200 to 4096 px on each side"),
        (Kind.IMAGE, (3000, 4097), "image is 4097 px tall - needs 200 to 4096 px on each side"),
        (
            Kind.VIDEO,
            (199, 300),
            "video is 199 px wide - needs at least 200 px on each side - export it again as MP4 at a higher resolution",
        ),
        (
            Kind.VIDEO,
            (300, 199),
            "video is 199 px tall - needs at least 200 px on each side - export it again as MP4 at a higher resolution",
        ),
        (Kind.VIDEO, (2049, 1000), "video is 2049 px wide - needs 200 to 2048 px on each side"),
        (Kind.VIDEO, (1000, 2049), "video is 2049 px tall - needs 200 to 2048 px on each side"),
        (
            Kind.IMAGE,
            (601, 200),
            (
                "image is too wide - at 601 x 200 px it is 3.005 times as wide as it is tall"
                " - the limit is 3 times - crop it"
            ),
        ),
        (
            Kind.IMAGE,
            (200, 601),
            (
                "image is too tall - at 200 x 601 px it is 3.005 times as tall as it is wide"
                " - the limit is 3 times - crop it"
            ),
        ),
        (
            Kind.VIDEO,
            (2000, 666),
            (
                "video is too wide - at 2000 x 666 px it is 3.004 times as wide as it is tall"
                " - the limit is 3 times - crop it"
            ),
        ),
        (
            Kind.VIDEO,
            (0, 0),
            "video is 0 px wide - needs at least 200 px on each side - export it again as MP4 at a higher resolution",
        ),
    ],
)
def test_sides_outside_the_limits_are_named(kind: Kind, sides: tuple[int, int], sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        check_sides(kind, *sides)
    assert refusal.value.reason == sentence


@pytest.mark.parametrize(
    ("key", "size", "kind"),
    [("a.png", 1, Kind.IMAGE), ("a.heic", 50_000_000, Kind.IMAGE), ("a.ts", 1_000_000_000, Kind.VIDEO)],
)
def test_sizes_that_can_be_converted_pass(key: str, size: int, kind: Kind) -> None:
    assert expect(key, size) is kind


@pytest.mark.parametrize(
    ("key", "size", "sentence"),
    [
        ("a.png", 0, "file is empty - upload it again"),
        (
            "a.png",
            50_000_001,
            "image is 50.01 MB - the limit is 50 MB - export it again as a smaller file",
        ),
        (
            "a.mp4",
            1_234_567_890,
            "video is 1234.57 MB - the limit is 1000 MB - export it again as a smaller file",
        ),
    ],
)
def test_what_name_and_size_rule_out_is_refused_unread(key: str, size: int, sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        expect(key, size)
    assert refusal.value.reason == sentence


def test_other_files_are_told_what_is_accepted() -> None:
    with pytest.raises(Rejected, match="not supported - export it as JPG or PNG for an image or as MP4 for a video"):
        expect("a.txt", 10)


@pytest.mark.parametrize("seconds", [2, 2.0000001, 1.9999999, 30, 30.0000001])
def test_durations_within_the_limits_pass(seconds: float) -> None:
    check_duration(seconds)


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (1.999, "video is 1.99 s long - must be at least 2 s long - use a longer video"),
        (0.5, "video is 0.5 s long - must be at least 2 s long - use a longer video"),
        (
            30.001,
            (
                "video is 30.01 s long - the limit is 30 s"
                " - cut the video to 30 s or less and drop it again"
                " - or upload it whole on the drop page and choose which part to use"
                " - or set trim=0-30 in the upload metadata to keep the first 30 s"
            ),
        ),
        (
            86_399.001,
            (
                "video is 86399.01 s long - the limit is 30 s"
                " - cut the video to 30 s or less and drop it again"
                " - or upload it whole on the drop page and choose which part to use"
                " - or set trim=0-30 in the upload metadata to keep the first 30 s"
            ),
        ),
    ],
)
def test_durations_outside_the_limits_are_never_rounded_into_them(seconds: float, sentence: str) -> None:
    with pytest.raises(Rejected) as refusal:
        check_duration(seconds)
    assert refusal.value.reason == sentence


@given(st.text(max_size=400))
def test_every_reason_fits_a_tag(text: str) -> None:
    reason = Rejected(f"x{text}").reason
    assert TAGGABLE.fullmatch(reason)
    assert len(reason) <= REASON_MAX


def reason_of(attempt: Callable[[], object]) -> str:
    """Why it was rejected, empty if it was not."""
    try:
        attempt()
    except Rejected as refusal:
        return refusal.reason
    return ""


@given(st.sampled_from(Kind), st.integers(0, 10_000), st.integers(0, 10_000))
def test_sides_pass_exactly_within_the_limits(kind: Kind, width: int, height: int) -> None:
    most = 4096 if kind is Kind.IMAGE else 2048
    fits = 200 <= width <= most and 200 <= height <= most and width <= 3 * height and height <= 3 * width
    reason = reason_of(lambda: check_sides(kind, width, height))
    assert fits == (not reason)
    if reason:
        assert TAGGABLE.fullmatch(reason)
        assert str(width) in reason or str(height) in reason


@given(st.floats(0, 1e9))
def test_durations_pass_exactly_within_the_limits(seconds: float) -> None:
    reason = reason_of(lambda: check_duration(seconds))
    if reason:
        measured = float(reason.split()[2])
        assert measured < 2 or measured > 30
    else:
        assert 1.999999 <= seconds <= 30.000001


def _image(width: int, height: int) -> Input:
    return replace(make_input("hero.png", "i"), width=width, height=height)


def _video(width: int, height: int, rate: float = 30.0) -> Input:
    return replace(make_input("hero.mp4", "v", seconds=5.0), width=width, height=height, frame_rate=rate)


@pytest.mark.parametrize(
    ("image", "video"),
    [
        (_image(720, 1280), _video(720, 1280)),
        (_image(1000, 1000), _video(480, 480, 24000 / 1001)),
        (_image(1600, 900), _video(640, 480, 24)),
    ],
)
def test_good_pairs_get_no_advice(image: Input, video: Input) -> None:
    assert advice(image, video) == ()


@pytest.mark.parametrize(
    ("image", "video", "words"),
    [
        (_image(720, 1280), _video(270, 480), "270 x 480 px"),
        (_image(720, 1280), _video(720, 1280, 12.5), "12.5 frames per second"),
        (_image(1280, 720), _video(720, 1280), "your image is 1280 x 720 px and your video is 720 x 1280 px"),
        (_image(600, 1800), _video(480, 480), "a similar shape"),
    ],
)
def test_advice_says_what_was_measured(image: Input, video: Input, words: str) -> None:
    (line,) = advice(image, video)
    assert words in line
    assert TAGGABLE.fullmatch(line)


def test_all_advice_is_given_at_once() -> None:
    assert len(advice(_image(900, 300), _video(240, 320, 8))) == 3
