import io
import struct
from pathlib import Path

import av
import pytest
import requests
from PIL import Image, ImageChops, ImageDraw, ImageStat

from local.wan.rendering import LABEL, output_size
from local.wan.results import ResultStore
from tests.support.stand_in import Caller, MediaServer, frames, image_bytes, video_file


def rendered(caller: Caller, **inputs: str) -> bytes:
    return requests.get(caller.result_url(**inputs), timeout=10).content


def rotated(data: bytes) -> bytes:
    """Write a quarter turn into a video's track header, as phones do."""
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30) + data[at + 36 :]


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return how far apart two pictures are, 0 to 255 on average."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def test_result_is_h264_that_starts_at_once(caller: Caller) -> None:
    data = rendered(caller)
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("mode", ["wan-std", "wan-pro"])
@pytest.mark.parametrize(("seconds", "rate"), [(2, 30), (5.2, 10), (3.4, 5)])
def test_result_is_as_long_as_the_reference_video(
    *,
    caller: Caller,
    media: MediaServer,
    folder: Path,
    mode: str,
    seconds: float,
    rate: int,
) -> None:
    media.files["/long.mp4"] = video_file(folder / "long.mp4", seconds=seconds, rate=rate)
    answer = caller.finished(caller.create(video="/long.mp4", mode=mode))
    assert answer["usage"] == {
        "video_duration": seconds,
        "video_ratio": {"wan-std": "standard", "wan-pro": "pro"}[mode],
    }
    data = requests.get(answer["output"]["results"]["video_url"], timeout=10).content
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(seconds, abs=0.001)
        assert (container.duration or 0) / av.time_base == pytest.approx(seconds, abs=0.002)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((200, 200), (200, 200)),
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((201, 603), (200, 602)),
    ],
)
def test_output_is_scaled_down_to_640_with_even_sides(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert output_size(*size) == expected


def test_large_video_becomes_small(caller: Caller, media: MediaServer, folder: Path) -> None:
    media.files["/large.mp4"] = video_file(folder / "large.mp4", (1280, 720), rate=5)
    assert frames(rendered(caller, video="/large.mp4"))[0].size == (640, 360)


@pytest.mark.parametrize("size", [(240, 200), (200, 600), (640, 360)])
def test_every_frame_says_what_it_is(
    caller: Caller,
    media: MediaServer,
    folder: Path,
    size: tuple[int, int],
) -> None:
    assert LABEL == "STAND-IN · not the real model"
    # White everywhere: what is dark at the bottom is the label's band, and what is light in it is words.
    media.files["/white.mp4"] = video_file(folder / "w.mp4", size, paint=lambda _: Image.new("RGB", size, "white"))
    pictures = frames(rendered(caller, video="/white.mp4"))
    bands = [picture.convert("L").crop((0, size[1] - 18, size[0], size[1])) for picture in pictures]
    for band in bands:
        histogram = band.histogram()
        light = sum(histogram[180:]) / (band.width * band.height)
        dark = sum(histogram[:110]) / (band.width * band.height)
        assert dark > 0.6
        assert 0.03 < light < 0.3
        assert likeness(band, bands[0]) < 6
    words = bands[0].point(lambda level: 255 if level > 180 else 0).getbbox()
    assert words is not None
    assert words[2] - words[0] > 150


def test_character_moves_over_the_reference_video(caller: Caller, media: MediaServer, folder: Path) -> None:
    media.files["/red.png"] = image_bytes(color="red")
    size = (320, 240)

    def blue_with_a_walking_square(number: int) -> Image.Image:
        picture = Image.new("RGB", size, "blue")
        ImageDraw.Draw(picture).rectangle((number * 10, 2, number * 10 + 30, 20), fill="lime")
        return picture

    media.files["/blue.mp4"] = video_file(folder / "b.mp4", size, paint=blue_with_a_walking_square)
    pictures = frames(rendered(caller, image="/red.png", video="/blue.mp4"))
    characters, squares = [], []
    for picture in pictures:
        red, green, blue = picture.split()
        characters.append(ImageChops.subtract(red, blue).point(lambda level: 255 * (level > 100)).getbbox())
        squares.append(ImageChops.subtract(green.crop((0, 0, 320, 30)), blue.crop((0, 0, 320, 30))).getbbox())
    lefts = [box[0] for box in characters if box]
    tops = [box[1] for box in characters if box]
    assert len(lefts) == len(pictures)
    assert max(lefts) - min(lefts) > 40
    assert max(tops) - min(tops) > 8
    assert squares[0] is not None
    assert squares[-1] is not None
    assert squares[-1][0] - squares[0][0] > 100


def test_phone_clip_is_shown_upright(caller: Caller, media: MediaServer, folder: Path) -> None:
    size = (320, 240)

    def left_half_red(_: int) -> Image.Image:
        picture = Image.new("RGB", size, "blue")
        picture.paste("red", (0, 0, 160, 240))
        return picture

    media.files["/phone.mp4"] = rotated(video_file(folder / "p.mp4", size, paint=left_half_red))
    picture = frames(rendered(caller, video="/phone.mp4"))[0]
    assert picture.size == (240, 320)
    # A quarter turn clockwise brings the left half to the top.
    top, bottom = picture.getpixel((5, 10)), picture.getpixel((5, 280))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200
    assert top[2] < 50
    assert bottom[2] > 200
    assert bottom[0] < 50


def test_image_with_exif_orientation_is_shown_upright(caller: Caller, media: MediaServer) -> None:
    picture = Image.new("RGB", (400, 240), "lime")
    picture.paste("red", (0, 0, 200, 240))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, upright = io.BytesIO(), io.BytesIO()
    picture.save(turned, "JPEG", exif=exif, quality=95)
    picture.transpose(Image.Transpose.ROTATE_270).save(upright, "JPEG", quality=95)
    media.files |= {"/turned.jpg": turned.getvalue(), "/upright.jpg": upright.getvalue()}
    one, other = frames(rendered(caller, image="/turned.jpg")), frames(rendered(caller, image="/upright.jpg"))
    assert likeness(one[0], other[0]) < 3


def test_transparent_image_shows_the_video_behind_it(caller: Caller, media: MediaServer) -> None:
    ghost = io.BytesIO()
    Image.new("RGBA", (240, 320), (255, 0, 0, 0)).save(ghost, "PNG")
    media.files["/ghost.png"] = ghost.getvalue()
    middle = frames(rendered(caller, image="/ghost.png"))[0].getpixel((120, 100))
    assert isinstance(middle, tuple)
    assert middle[0] < 60


def test_store_forgets_the_least_recently_used_result(folder: Path) -> None:
    store = ResultStore(max_bytes=250)

    def make(path: Path) -> float:
        path.write_bytes(bytes(100))
        return 2.0

    first, second = (store.get_or_make(digest * 8, make) for digest in "ab")
    assert store.get_or_make("a" * 8, make) is first
    store.get_or_make("c" * 8, make)
    assert first.path.exists()
    assert not second.path.exists()
    store.close()
    assert not store.folder.exists()
