"""A table of drops, made with real encoders, and the receipt that each gets at the door."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from PIL import Image

from tests.support.media import clip, picture, saved, turned

WAITING_IMAGE = "waiting for a video"
WAITING_VIDEO = "waiting for an image"
NOTHING = ""


@dataclass(frozen=True)
class Row:
    """One drop: its name, what makes its bytes, and the receipt's beginning; NOTHING for none at all."""

    name: str
    body: Callable[[], bytes]
    receipt: str
    metadata: dict[str, str] = field(default_factory=dict)


def rows() -> list[Row]:
    """The table."""
    return [*_images(), *_videos(), *_other_names(), *_options(), *_names()]


def _half(make: Callable[..., bytes], *arguments: object, **options: object) -> bytes:
    data = make(*arguments, **options)
    return data[: len(data) // 2]


def _images() -> Iterator[Row]:
    for name in ("jpg", "jpeg", "png", "bmp", "webp"):
        kind = "jpg" if name == "jpeg" else name
        yield Row(f"whole.{name}", partial(picture, kind), WAITING_IMAGE)
        yield Row(f"loud.{name.upper()}", partial(picture, kind), WAITING_IMAGE)
        yield Row(f"at.{name}", partial(picture, kind, 600, 200), WAITING_IMAGE)
        for sides, found in (
            ((199, 300), "image is 199 px wide - needs 200 to 4096"),
            ((300, 199), "image is 199 px tall - needs 200 to 4096"),
            ((601, 200), "image is too wide - 601 x 200 px is 3.005:1 - needs 1:3 to 3:1"),
            ((200, 601), "image is too tall - 200 x 601 px is 1:3.005 - needs 1:3 to 3:1"),
        ):
            yield Row(f"sides.{name}", partial(picture, kind, *sides), f"rejected: {found}")
        yield Row(f"cut.{name}", partial(_half, picture, kind), "rejected: image ")
    yield Row("turned.jpg", lambda: picture("jpg", 300, 240, 6), WAITING_IMAGE)
    yield Row("largest.png", lambda: picture("png", 4096, 4096), WAITING_IMAGE)
    yield Row("larger.png", lambda: picture("png", 4097, 2000), "rejected: image is 4097 px wide - needs 200 to 4096")
    yield Row("tall.png", lambda: picture("png", 2000, 4097), "rejected: image is 4097 px tall - needs 200 to 4096")
    yield Row("5mb.png", lambda: picture("png").ljust(5_000_000, b"\0"), WAITING_IMAGE)
    yield Row(
        "6mb.png", lambda: picture("png").ljust(5_000_001, b"\0"), "rejected: image is 5.01 MB - needs at most 5 MB"
    )
    for name in ("png", "webp"):
        yield Row(f"moving.{name}", partial(_animated, name), "rejected: image is animated - needs a still one")
    for mode in ("L", "P", "RGBA"):
        yield Row(f"mode-{mode}.png", partial(_of_mode, mode), WAITING_IMAGE)


def _animated(extension: str) -> bytes:
    frames = [Image.new("RGB", (300, 240), (shade, 0, 0)) for shade in (0, 120)]
    return saved(frames[0], extension, save_all=True, append_images=frames[1:])


def _of_mode(mode: str) -> bytes:
    return saved(Image.new("RGBA", (300, 240)).convert(mode), "png")


def _videos() -> Iterator[Row]:
    for name in ("mp4", "mov", "avi"):
        yield Row(f"whole.{name}", partial(clip, name), WAITING_VIDEO)
        yield Row(f"loud.{name.upper()}", partial(clip, name), WAITING_VIDEO)
        yield Row(f"two.{name}", partial(clip, name, frames=20), WAITING_VIDEO)
        yield Row(f"thirty.{name}", partial(clip, name, frames=300), WAITING_VIDEO)
        for frames, found in (
            (19, "video is 1.9 s long - needs 2 to 30"),
            (301, "video is 30.1 s long - needs 2 to 30"),
        ):
            yield Row(f"length.{name}", partial(clip, name, frames=frames), f"rejected: {found}")
        for width, height, found in (
            (199, 300, "video is 199 px wide - needs 200 to 2048"),
            (300, 199, "video is 199 px tall - needs 200 to 2048"),
            (601, 200, "video is too wide - 601 x 200 px is 3.005:1 - needs 1:3 to 3:1"),
            (200, 601, "video is too tall - 200 x 601 px is 1:3.005 - needs 1:3 to 3:1"),
            (2049, 1000, "video is 2049 px wide - needs 200 to 2048"),
        ):
            yield Row(
                f"sides.{name}",
                partial(clip, name, width=width, height=height, rate=2, frames=4),
                f"rejected: {found}",
            )
        yield Row(f"cut.{name}", partial(_half, clip, name, noisy=True), "rejected: video ")
    yield Row("largest.mp4", lambda: clip(width=2048, height=2048, rate=2, frames=4), WAITING_VIDEO)
    yield Row("at.mp4", lambda: clip(width=600, height=200), WAITING_VIDEO)
    yield Row("turned.mov", lambda: turned(clip("mov")), WAITING_VIDEO)
    yield Row(
        "turned-off.mov", lambda: turned(clip("mov", width=601, height=200)), "rejected: video is too tall - 200 x 601"
    )
    yield Row("hevc.mp4", lambda: clip("mp4", "libx265"), WAITING_VIDEO)
    yield Row("mpeg4.avi", lambda: clip("avi", "mpeg4"), WAITING_VIDEO)
    yield Row("mjpeg.mov", lambda: clip("mov", "mjpeg"), WAITING_VIDEO)
    yield Row("fragments.mp4", lambda: clip(movflags="frag_keyframe+empty_moov"), WAITING_VIDEO)
    yield Row("index-first.mp4", lambda: clip(movflags="faststart"), WAITING_VIDEO)
    yield Row("sound.mp4", lambda: clip(sound=2.4), WAITING_VIDEO)
    yield Row("mute.mp4", lambda: clip(tracks=0, sound=3), "rejected: video has no picture tracks - needs exactly 1")
    yield Row("double.mp4", lambda: clip(tracks=2), "rejected: video has 2 picture tracks - needs exactly 1")


def _other_names() -> Iterator[Row]:
    """Content that is not what the name says."""
    for name, body, found in (
        ("png.jpg", lambda: picture("png"), "file is PNG but named .jpg - rename it to end in .png"),
        ("png.mp4", lambda: picture("png"), "file is PNG but named .mp4 - rename it to end in .png"),
        ("jpg.png", lambda: picture("jpg"), "file is JPEG but named .png - rename it to end in .jpg"),
        ("webp.jpeg", lambda: picture("webp"), "file is WEBP but named .jpeg - rename it to end in .webp"),
        ("bmp.webp", lambda: picture("bmp"), "file is BMP but named .webp - rename it to end in .bmp"),
        ("mp4.png", clip, "file is MP4 but named .png - rename it to end in .mp4"),
        ("mp4.avi", clip, "file is MP4 but named .avi - rename it to end in .mp4"),
        ("avi.mp4", lambda: clip("avi"), "file is AVI but named .mp4 - rename it to end in .avi"),
        ("gif.png", _gif, "file is GIF but named .png"),
        ("heic.jpg", lambda: b"\0\0\0\x18ftypheic" + bytes(300), "file is HEIC but named .jpg"),
        ("mkv.mp4", lambda: b"\x1aE\xdf\xa3" + bytes(300), "file is MKV or WEBM but named .mp4"),
        ("pdf.png", lambda: b"%PDF-1.7 hello", "file is PDF but named .png"),
        ("text.png", lambda: b"hello", "file is no image although its name ends in .png"),
        ("text.mp4", lambda: b"hello", "file is no video although its name ends in .mp4"),
        ("playlist.mov", lambda: b"#EXTM3U\nhttp://127.0.0.1/\n", "file is M3U but named .mov"),
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
        "rejected: metadata mode is fast - needs wan-std or wan-pro",
        {"mode": "fast"},
    )
    yield Row(
        "maybe.png",
        lambda: picture("png"),
        "rejected: metadata check-image is maybe - needs true or false",
        {"check-image": "maybe"},
    )
    yield Row("odd.mp4", clip, WAITING_VIDEO, {"mode": "of a video is not looked at"})


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
        yield Row(name, lambda: b"something", "rejected: file is neither an image nor a video")
