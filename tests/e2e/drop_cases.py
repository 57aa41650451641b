"""A table of drops, made with real encoders, and the receipt that each gets while it waits for its partner."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from PIL import Image

from tests.support.media import both_enabled, clip, picture, saved, turned
from tests.support.media_cases import CASES
from tests.support.media_cases import saved as drawn

WAITING_IMAGE = "waiting for a video"
WAITING_VIDEO = "waiting for an image"
NOTHING = ""


@dataclass(frozen=True)
class Row:
    """One drop: its name, what makes its bytes, and its receipt, NOTHING for none at all.

    Where it is not `whole`, the receipt goes on with what the encoders decide.
    """

    name: str
    body: Callable[[], bytes]
    receipt: str
    metadata: dict[str, str] = field(default_factory=dict)
    whole: bool = True

    def gets(self, receipt: str) -> bool:
        """Whether this is the drop's receipt."""
        return receipt == self.receipt if self.whole else receipt.startswith(self.receipt)


SMALL = " - needs at least 200 px on each side - export it again as "
LONG = (
    " long - the limit is 30 s - cut the video to 30 s or less and drop it again"
    " - or upload it whole on the drop page and choose which part to use"
    " - or set trim=0-30 in the upload metadata to keep the first 30 s"
)
UNOPENED = "cannot be opened - it may be damaged or incomplete - upload it again or"
SHAPE = " - the limit is 3 times - crop it"
WIDE = f"too wide - at 601 x 200 px it is 3.005 times as wide as it is tall{SHAPE}"
TALL = f"too tall - at 200 x 601 px it is 3.005 times as tall as it is wide{SHAPE}"


def rows() -> list[Row]:
    """The table."""
    return [
        *_images(),
        *_converted_images(),
        *_videos(),
        *_special_videos(),
        *_converted_videos(),
        *_long_videos(),
        *_other_names(),
        *_options(),
        *_names(),
    ]


def _half(make: Callable[..., bytes], *arguments: object, **options: object) -> bytes:
    data = make(*arguments, **options)
    return data[: len(data) // 2]


def _images() -> Iterator[Row]:
    for name in ("jpg", "jpeg", "png", "bmp", "webp"):
        kind = "jpg" if name == "jpeg" else name
        accepted = {"bmp": _as_image("BMP to PNG"), "webp": _as_image("WEBP to PNG")}.get(name, WAITING_IMAGE)
        yield Row(f"whole.{name}", partial(picture, kind), accepted)
        yield Row(f"loud.{name.upper()}", partial(picture, kind), accepted)
        yield Row(f"at.{name}", partial(picture, kind, 600, 200), accepted)
        for sides, found in (
            ((199, 300), f"image is 199 px wide{SMALL}JPG or PNG at a higher resolution"),
            ((300, 199), f"image is 199 px tall{SMALL}JPG or PNG at a higher resolution"),
            ((601, 200), f"image is {WIDE}"),
            ((200, 601), f"image is {TALL}"),
        ):
            yield Row(f"sides.{name}", partial(picture, kind, *sides), f"rejected: {found}")
        yield Row(f"cut.{name}", partial(_half, picture, kind), "rejected: image ", whole=False)
    yield Row("turned.jpg", lambda: picture("jpg", 300, 240, 6), WAITING_IMAGE)
    yield Row("largest.png", lambda: picture("png", 4096, 4096), WAITING_IMAGE)
    yield Row("5mb.png", lambda: picture("png").ljust(5_000_000, b"\0"), WAITING_IMAGE)
    for mode in ("L", "P", "RGBA"):
        yield Row(f"mode-{mode}.png", partial(_of_mode, mode), WAITING_IMAGE)
    yield Row("located.jpg", CASES["located.jpg"], WAITING_IMAGE)
    yield Row("second-picture.jpg", CASES["second-picture.jpg"], WAITING_IMAGE)


def _as_image(*converted: str) -> str:
    return f"{WAITING_IMAGE} - converted: {' - '.join(converted)}"


def _as_video(*converted: str) -> str:
    return f"{WAITING_VIDEO} - converted: {' - '.join(converted)}"


def _converted_images() -> Iterator[Row]:
    """Images of other formats, and those beyond the provider's limits."""
    yield Row("photo.heic", CASES["photo.heic"], _as_image("HEIC to JPEG"))
    yield Row("photo.avif", lambda: drawn("AVIF"), _as_image("AVIF to JPEG"))
    yield Row("drawing.gif", lambda: drawn("GIF"), _as_image("GIF to PNG"))
    yield Row("scan.tif", lambda: drawn("TIFF"), _as_image("TIFF to PNG"))
    yield Row("larger.png", lambda: picture("png", 4097, 2000), _as_image("4097x2000 to 4096x2000 px"))
    yield Row("tall.png", lambda: picture("png", 2000, 4097), _as_image("2000x4097 to 2000x4096 px"))
    yield Row(
        "6mb.png",
        lambda: picture("png").ljust(5_000_001, b"\0"),
        _as_image("PNG to JPEG", "5.0 MB to 0.1 MB"),
    )
    yield Row("photo.jpg", _large_photo, _as_image("6."), whole=False)
    animated = "it is animated and only its first frame is used"
    yield Row("moving.png", lambda: _animated("png"), f"{WAITING_IMAGE} - {animated}")
    yield Row("moving.webp", lambda: _animated("webp"), _as_image("WEBP to PNG", animated))


def _large_photo() -> bytes:
    """A JPEG of 6 MB."""
    return drawn("JPEG", Image.effect_noise((3000, 2200), 60).convert("RGB"), quality=95)


def _animated(extension: str) -> bytes:
    frames = [Image.new("RGB", (300, 240), (shade, 0, 0)) for shade in (0, 120)]
    return saved(frames[0], extension, save_all=True, append_images=frames[1:])


def _of_mode(mode: str) -> bytes:
    return saved(Image.new("RGBA", (300, 240)).convert(mode), "png")


def _videos() -> Iterator[Row]:
    for name in ("mp4", "mov", "avi"):
        # AVI has no times of its own for each picture, so it is made anew.
        accepted = _as_video("AVI to MP4") if name == "avi" else WAITING_VIDEO
        yield Row(f"whole.{name}", partial(clip, name), accepted)
        yield Row(f"loud.{name.upper()}", partial(clip, name), accepted)
        yield Row(f"two.{name}", partial(clip, name, frames=20), accepted)
        yield Row(f"thirty.{name}", partial(clip, name, frames=300), accepted)
        for frames, found in (
            (19, "video is 1.9 s long - must be at least 2 s long - use a longer video"),
            (301, f"video is 30.1 s{LONG}"),
        ):
            yield Row(f"length.{name}", partial(clip, name, frames=frames), f"rejected: {found}")
        for width, height, found in (
            (199, 300, f"video is 199 px wide{SMALL}MP4 at a higher resolution"),
            (300, 199, f"video is 199 px tall{SMALL}MP4 at a higher resolution"),
            (601, 200, f"video is {WIDE}"),
            (200, 601, f"video is {TALL}"),
        ):
            yield Row(
                f"sides.{name}",
                partial(clip, name, width=width, height=height, rate=2, frames=4),
                f"rejected: {found}",
            )
        yield Row(f"cut.{name}", partial(_half, clip, name, noisy=True), "rejected: video ", whole=False)


def _special_videos() -> Iterator[Row]:
    """Videos at the limits, and those that players show and programs stumble over."""
    yield Row("largest.mp4", lambda: clip(width=2048, height=2048, rate=2, frames=4), WAITING_VIDEO)
    yield Row("at.mp4", lambda: clip(width=600, height=200), WAITING_VIDEO)
    yield Row("turned.mov", lambda: turned(clip("mov")), WAITING_VIDEO)
    yield Row(
        "turned-off.mov",
        lambda: turned(clip("mov", width=601, height=200)),
        f"rejected: video is {TALL}",
    )
    yield Row("hevc.mp4", lambda: clip("mp4", "libx265"), WAITING_VIDEO)
    yield Row("fragments.mp4", lambda: clip(movflags="frag_keyframe+empty_moov"), WAITING_VIDEO)
    yield Row("index-first.mp4", lambda: clip(movflags="faststart"), WAITING_VIDEO)
    yield Row("sound.mp4", lambda: clip(sound=2.4), WAITING_VIDEO)
    yield Row("located.mov", CASES["located.mov"], WAITING_VIDEO)
    one_track = "rejected: video must have exactly 1 picture track - export it again as MP4"
    yield Row("mute.mp4", lambda: clip(tracks=0, sound=3), one_track)
    yield Row("cinematic.mp4", lambda: clip(tracks=2), WAITING_VIDEO)
    yield Row("double.mp4", lambda: both_enabled(clip(tracks=2)), one_track)
    yield Row(
        "protected.mp4",
        CASES["protected.mp4"],
        "rejected: video is encrypted - export it again as MP4 without copy protection",
    )


def _converted_videos() -> Iterator[Row]:
    """Videos of other formats, and those beyond the provider's limits; a receipt says it before it is done."""
    yield Row("web.webm", lambda: clip("webm", "libvpx-vp9"), _as_video("WEBM to MP4", "VP9 to H.264"))
    yield Row("stream.ts", lambda: clip("mpegts"), _as_video("MPEG-TS to MP4"))
    yield Row("screen.mkv", lambda: clip("matroska"), _as_video("MKV to MP4"))
    yield Row("mpeg4.avi", lambda: clip("avi", "mpeg4"), _as_video("AVI to MP4", "MPEG-4 to H.264"))
    yield Row("mjpeg.mov", lambda: clip("mov", "mjpeg"), _as_video("MJPEG to H.264"))
    yield Row("fast.mp4", lambda: clip(rate=120, frames=260), _as_video("120 to 60 frames/s"))
    for name, width, height, found in (
        ("uhd.mp4", 3840, 2160, "3840x2160 to 2048x1152 px"),
        ("wider.mp4", 2050, 1000, "2050x1000 to 2048x998 px"),
        ("taller.mov", 1000, 2050, "1000x2050 to 998x2048 px"),
    ):
        container = name.rpartition(".")[2]
        yield Row(name, partial(clip, container, width=width, height=height, rate=2, frames=4), _as_video(found))


def _long_videos() -> Iterator[Row]:
    """A video is cut only where its metadata asks for it."""
    advice = f"rejected: video is 42 s{LONG}"
    yield Row("long.mp4", _long, advice)
    yield Row("long-cut.mp4", _long, _as_video("cut to 0-5 s"), {"trim": "0-5"})
    yield Row("long-middle.mp4", _long, _as_video("cut to 2.5-32.5 s"), {"trim": "2.5-32.5"})
    yield Row("uncut.mp4", clip, WAITING_VIDEO, {"trim": "0-30"})
    for number, (trim, found) in enumerate(
        (
            (
                "first",
                (
                    "option trim in the upload metadata is first - must be a start and an end in seconds"
                    " - write it like trim=0-30"
                ),
            ),
            ("5-6", "option trim=5-6 does not keep 2 to 30 s of the video - change its start or end"),
            ("0-31", "option trim=0-31 does not keep 2 to 30 s of the video - change its start or end"),
            ("43-45", "video is 42.0 s long - trim=43-45 starts after that - choose an earlier start"),
        )
    ):
        yield Row(f"trim-{number}.mp4", _long, f"rejected: {found}", {"trim": trim})


def _long() -> bytes:
    return clip(frames=420)


def _other_names() -> Iterator[Row]:
    """Content that is not what the name says: converted, unless it is no image or no video at all."""
    for name, body, found in (
        ("png.jpg", lambda: picture("png"), ".jpg to .png"),
        ("jpg.png", lambda: picture("jpg"), ".png to .jpg"),
        ("webp.jpeg", lambda: picture("webp"), "WEBP to PNG"),
        ("bmp.webp", lambda: picture("bmp"), "BMP to PNG"),
        ("gif.png", _gif, "GIF to PNG"),
        ("heic.jpg", CASES["photo.heic"], "HEIC to JPEG"),
    ):
        yield Row(name, body, _as_image(found))
    yield Row("mp4.avi", clip, WAITING_VIDEO)
    yield Row("avi.mp4", lambda: clip("avi"), _as_video("AVI to MP4"))
    yield Row("mkv.mp4", lambda: clip("matroska"), _as_video("MKV to MP4"))
    again = {"image": "export it again as JPG or PNG", "video": "export it again as MP4"}
    for name, body, found in (
        (
            "png.mp4",
            partial(picture, "png"),
            "file is in PNG format but its name ends in .mp4 - rename it to end in .png",
        ),
        ("mp4.png", clip, "file is in MP4 format but its name ends in .png - rename it to end in .mp4"),
        ("pdf.png", lambda: b"%PDF-1.7 hello", f"file is in PDF format - this cannot be converted - {again['image']}"),
        ("jxl.jpg", CASES["photo.jxl.jpg"], f"file is in JPEG XL format - this cannot be converted - {again['image']}"),
        ("text.png", lambda: b"hello", f"file is not an image although its name ends in .png - {again['image']}"),
        ("text.mp4", lambda: b"hello", f"file is not a video although its name ends in .mp4 - {again['video']}"),
        (
            "playlist.mov",
            lambda: b"#EXTM3U\nhttp://127.0.0.1/\n",
            f"file is in M3U format - this cannot be converted - {again['video']}",
        ),
        ("head.heic", lambda: b"\0\0\0\x18ftypheic" + bytes(300), f"image {UNOPENED} {again['image']}"),
        ("head.mkv", lambda: b"\x1aE\xdf\xa3" + bytes(300), f"video {UNOPENED} {again['video']}"),
    ):
        yield Row(name, body, f"rejected: {found}")


def _gif() -> bytes:
    file = io.BytesIO()
    Image.new("P", (300, 240)).save(file, "GIF")
    return file.getvalue()


def _options() -> Iterator[Row]:
    yield Row("pro.png", lambda: picture("png"), WAITING_IMAGE, {"mode": "wan-pro"})
    yield Row("unchecked.png", lambda: picture("png"), WAITING_IMAGE, {"check-image": "false"})
    yield Row(
        "fast.png",
        lambda: picture("png"),
        (
            "rejected: option mode in the upload metadata is fast - must be wan-std or wan-pro"
            " - correct it and drop the file again"
        ),
        {"mode": "fast"},
    )
    yield Row(
        "maybe.png",
        lambda: picture("png"),
        (
            "rejected: option check-image in the upload metadata is maybe - must be true or false"
            " - correct it and drop the file again"
        ),
        {"check-image": "maybe"},
    )
    yield Row("odd.mp4", clip, WAITING_VIDEO, {"mode": "of a video is not looked at"})
    yield Row("odd.png", lambda: picture("png"), WAITING_IMAGE, {"trim": "of an image is not looked at"})


def _names() -> Iterator[Row]:
    """Names that trip programs up, and what is no drop at all."""
    for name in (
        "Ünï cödé.png",
        "日本語.png",
        "a+b%20c.png",
        "semi;colon&and=.png",
        "two..dots.png",
        'quote\'s "x".png',
        "x" * 200 + ".png",
    ):
        yield Row(name, lambda: picture("png"), WAITING_IMAGE)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._hero.png", "marker/"):
        yield Row(name, lambda: b"litter", NOTHING)
    for name in ("empty.png", "empty.mp4"):
        yield Row(name, bytes, NOTHING)
    for name in ("notes.txt", "README", "archive.tar.gz", "figure.psd"):
        yield Row(
            name,
            lambda: b"something",
            "rejected: this file type is not supported - export it as JPG or PNG for an image or as MP4 for a video",
        )
