"""Every file that phones, editors and accidents leave, and what becomes of it."""

import io

import av
import pytest
from PIL import Image

from motiondrop.domain.formats import Kind
from motiondrop.domain.job import words
from motiondrop.media.report import Plan, Report, Trim
from tests.support.media import planned, prepared, reason, turned
from tests.support.media_cases import CASES, LATITUDE, filmed, heic, hlg, saved, with_sound

IMAGES = [
    ("ztxt.png", "png", (400, 500), ""),
    ("exif-garbage.png", "png", (400, 500), ""),
    ("text-crc.png", "png", (400, 500), ""),
    ("raw-exif.png", "png", (400, 500), ""),
    ("second-picture.jpg", "jpeg", (400, 500), ""),
    ("located.jpg", "jpeg", (400, 500), ""),
    ("really-png.jpg", "png", (400, 500), "converted: .jpg to .png"),
    ("photo.heic", "jpeg", (400, 500), "converted: HEIC to JPEG"),
    ("mif1.avif", "jpeg", (400, 500), "converted: AVIF to JPEG"),
    ("wide.png", "png", (4096, 2048), "converted: 5000x2500 to 4096x2048 px"),
]
VIDEOS = [
    ("still-end.mp4", (480, 640), 12.967, ""),
    ("fragments.mp4", (480, 640), 30, ""),
    ("no-index.avi", (480, 640), 4, "converted: AVI to MP4 - MJPEG to H.264"),
    ("first-not-key.mp4", (480, 640), 4, ""),
    ("located.mov", (480, 640), 3, ""),
    ("uhd.mp4", (2048, 1152), 2, "converted: 3840x2160 to 2048x1152 px"),
    ("web.webm", (480, 640), 3, "converted: WEBM to MP4 - VP9 to H.264"),
    ("stream.ts", (480, 640), 3, "converted: MPEG-TS to MP4"),
    ("hlg.mov", (2048, 1152), 2, "converted: H.265 to H.264 - 3840x2160 to 2048x1152 px - HDR to SDR"),
]
REJECTED = [
    (
        "long.mp4",
        (
            "video is 42 s long - the limit is 30 s"
            " - cut the video to 30 s or less and drop it again"
            " - or upload it whole on the drop page and choose which part to use"
            " - or set trim=0-30 in the upload metadata to keep the first 30 s"
        ),
    ),
    ("protected.mp4", "video is encrypted - export it again as MP4 without copy protection"),
    ("photo.jxl.jpg", "file is in JPEG XL format - this cannot be converted - export it again as JPG or PNG"),
]


def test_every_case_has_an_outcome() -> None:
    told = {case[0] for case in [*IMAGES, *VIDEOS, *REJECTED]}
    assert told | {"photo.jpg"} == set(CASES)


@pytest.mark.parametrize(("name", "kind", "sides", "receipt"), IMAGES)
def test_an_image_becomes_a_clean_copy(name: str, kind: str, sides: tuple[int, int], receipt: str) -> None:
    found = prepared(name, CASES[name]())
    report = found.report
    assert (report.kind, report.format, (report.width, report.height)) == (Kind.IMAGE, kind, sides)
    assert words(report) == receipt
    with Image.open(io.BytesIO(found.copy)) as copy, Image.open(io.BytesIO(found.poster)) as poster:
        assert (copy.format, copy.size) == (kind.upper(), sides)
        assert set(copy.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert not copy.getexif()
        assert (poster.format, max(poster.size)) == ("JPEG", min(640, max(sides)))


@pytest.mark.parametrize(("name", "sides", "seconds", "receipt"), VIDEOS)
def test_a_video_becomes_a_clean_mp4(name: str, sides: tuple[int, int], seconds: float, receipt: str) -> None:
    found = prepared(name, CASES[name]())
    report = found.report
    assert (report.kind, report.format, (report.width, report.height)) == (Kind.VIDEO, "mp4", sides)
    assert report.duration == pytest.approx(seconds, abs=0.001)
    assert words(report) == receipt
    assert (found.plan is not None) == bool(receipt)
    assert found.copy.index(b"moov") < found.copy.index(b"mdat")
    with av.open(io.BytesIO(found.copy), "r") as copy:
        assert [stream.type for stream in copy.streams] == ["video"]
        assert set(copy.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        frames = list(copy.decode(video=0))
    assert len(frames) == pytest.approx((report.frame_rate or 0) * seconds, abs=0.1)
    assert not any(frame.is_corrupt for frame in frames)
    assert found.poster.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(("name", "why"), REJECTED)
def test_what_cannot_be_converted_is_named(name: str, why: str) -> None:
    assert reason(name, CASES[name]()) == why


def test_a_photo_of_seven_megabytes_is_made_smaller() -> None:
    data = CASES["photo.jpg"]()
    report = prepared("photo.jpg", data).report
    assert len(data) > 7_000_000
    assert report.size <= 5_000_000
    assert words(report).startswith("converted: ")
    assert f"7.1 MB to {report.size / 1_000_000:.1f} MB" in words(report)


@pytest.mark.parametrize("name", ["located.jpg", "located.mov"])
def test_where_it_was_taken_stays_in_the_inbox(name: str) -> None:
    data = CASES[name]()
    found = prepared(name, data)
    mark = LATITUDE[:8].encode() if name.endswith("mov") else b"Exif"
    assert mark in data
    assert mark not in found.copy + found.poster


def test_the_same_file_has_the_same_copy() -> None:
    for name in ("located.mov", "web.webm", "located.jpg"):
        data = CASES[name]()
        assert prepared(name, data).report.sha256 == prepared(name, data).report.sha256


def test_a_plan_says_what_the_conversion_will_be() -> None:
    data = CASES["uhd.mp4"]()
    plan = planned("uhd.mp4", data)
    assert plan == Plan(2048, 1152, 2.0, 10.0, None, ("3840x2160 to 2048x1152 px",), ())
    report = prepared("uhd.mp4", data).report
    assert (report.width, report.height, report.duration, report.converted) == (2048, 1152, 2.0, plan.converted)


@pytest.mark.parametrize(
    ("trim", "seconds"), [(Trim(0, 30), 30.0), (Trim(3, 20), 17.0), (Trim(12.5, 15.25), 2.75), (Trim(30, 60), 12.0)]
)
def test_a_long_video_is_cut_where_its_metadata_asks_for_it(trim: Trim, seconds: float) -> None:
    found = prepared("long.mp4", CASES["long.mp4"](), trim)
    assert found.report.duration == pytest.approx(seconds, abs=0.05)
    assert words(found.report) == f"converted: cut to {trim} s"


def test_a_trim_that_leaves_all_of_it_cuts_nothing() -> None:
    report = planned("located.mov", CASES["located.mov"](), Trim(0, 30))
    assert isinstance(report, Report)
    assert report.converted == ()


def test_a_trim_that_leaves_too_little_is_refused() -> None:
    data = CASES["located.mov"]()
    assert (
        reason("a.mov", data, Trim(2, 10))
        == "video is 3.0 s long - trim=2-10 keeps only 1 s of it - the least is 2 s - choose an earlier start"
    )
    assert (
        reason("a.mov", data, Trim(5, 10))
        == "video is 3.0 s long - trim=5-10 starts after that - choose an earlier start"
    )


def test_a_turned_video_that_is_converted_is_upright() -> None:
    found = prepared("a.mov", turned(filmed("mov", "testsrc2=s=2560x1440:r=10:d=2")))
    assert (found.report.width, found.report.height) == (1152, 2048)
    with av.open(io.BytesIO(found.copy), "r") as copy:
        frame = next(copy.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (1152, 2048, 0)


def test_a_turned_video_that_is_remuxed_keeps_its_turn() -> None:
    found = prepared("a.mov", turned(filmed("mov", "testsrc2=s=640x480:r=10:d=2")))
    assert (found.report.width, found.report.height) == (480, 640)
    with av.open(io.BytesIO(found.copy), "r") as copy:
        frame = next(copy.decode(video=0))
        assert (frame.width, frame.height, abs(frame.rotation)) == (640, 480, 90)
    with Image.open(io.BytesIO(found.poster)) as poster:
        assert poster.size == (480, 640)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084"])
def test_hdr_becomes_eight_bits_of_bt709(transfer: str) -> None:
    found = prepared("a.mov", hlg(2, "640x480", transfer))
    assert words(found.report) == "converted: H.265 to H.264 - HDR to SDR"
    with av.open(io.BytesIO(found.copy), "r") as copy:
        context = copy.streams.video[0].codec_context
        assert (context.pix_fmt, context.color_trc, context.color_primaries) == ("yuv420p", 1, 1)


def test_more_than_60_pictures_a_second_are_thinned() -> None:
    found = prepared("a.mp4", filmed("mp4", "testsrc2=s=320x240:r=120:d=3"))
    assert words(found.report) == "converted: 120 to 60 frames/s"
    assert found.report.frame_rate == pytest.approx(60, abs=0.5)


@pytest.mark.parametrize(("codec", "extension"), [("aac", "mov"), ("pcm_s16le", "mov"), ("libopus", "mp4")])
def test_sound_is_aac_afterwards(codec: str, extension: str) -> None:
    report = prepared(f"a.{extension}", with_sound(codec, extension))
    assert report.plan is None
    with av.open(io.BytesIO(report.copy), "r") as copy:
        assert [stream.type for stream in copy.streams] == ["video", "audio"]
        sound = copy.streams.audio[0]
        assert sound.codec_context.name == "aac"
        assert sound.duration is not None
        assert sound.time_base is not None
        assert float(sound.duration * sound.time_base) == pytest.approx(2.4, abs=0.1)


def test_a_heic_that_lies_on_its_side_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = prepared("a.heic", heic(Image.new("RGB", (300, 240), "red"), exif=exif.tobytes()))
    assert (found.report.width, found.report.height) == (240, 300)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP"])
def test_drawings_become_png(kind: str) -> None:
    report = prepared(f"a.{kind.lower()}".replace("tiff", "tif"), saved(kind)).report
    assert (report.format, words(report)) == ("png", f"converted: {kind} to PNG")
