import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import requests
from PIL import Image, ImageChops, ImageDraw, ImageStat

from local.wan.results import ResultStore
from local.wan.scene import LABEL, Size, tier_size
from tests.support.stand_in import MIX, MOVE, Caller, MediaServer, frames, image_bytes, picture_bytes, video_file


def rendered(caller: Caller, **inputs: Any) -> bytes:
    return requests.get(caller.result_url(**inputs), timeout=10).content


def rotated(data: bytes) -> bytes:
    """Write a quarter turn into a video's track header, as phones do."""
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30) + data[at + 36 :]


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return how far apart two pictures are, 0 to 255 on average."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def below_the_insets(picture: Image.Image) -> Image.Image:
    return picture.crop((0, round(picture.height * 0.45), *picture.size))


def pixels(picture: Image.Image) -> list[tuple[int, int, int]]:
    data = picture.convert("RGB").tobytes()
    return list(zip(data[0::3], data[1::3], data[2::3], strict=True))


def color_at(picture: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    color = picture.convert("RGB").getpixel(at)
    assert isinstance(color, tuple)
    return tuple(round(level) for level in color)


def test_result_is_h264_that_starts_at_once(caller: Caller) -> None:
    data = rendered(caller)
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("mode", "rate"), [("wan-std", 15), ("wan-pro", 25)])
@pytest.mark.parametrize(
    ("seconds", "pace", "frames_made"),
    [
        (2, 30, {"wan-std": 30, "wan-pro": 50}),
        (5.2, 10, {"wan-std": 78, "wan-pro": 130}),
        (3.4, 5, {"wan-std": 51, "wan-pro": 85}),
        (2.05, 20, {"wan-std": 30, "wan-pro": 51}),  # whole frames, never longer than the reference
    ],
)
def test_result_has_the_modes_pace_and_the_references_length_in_whole_frames(
    *,
    caller: Caller,
    media: MediaServer,
    folder: Path,
    mode: str,
    rate: int,
    seconds: float,
    pace: int,
    frames_made: dict[str, int],
) -> None:
    media.files["/long.mp4"] = video_file(folder / "long.mp4", seconds=seconds, rate=pace)
    answer = caller.finished(caller.create(video="/long.mp4", mode=mode))
    expected = frames_made[mode] / rate
    assert answer["usage"] == {
        "video_duration": pytest.approx(expected),
        "video_ratio": {"wan-std": "standard", "wan-pro": "pro"}[mode],
    }
    data = requests.get(answer["output"]["results"]["video_url"], timeout=10).content
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        assert stream.frames == frames_made[mode]
        assert (container.duration or 0) / av.time_base == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1920, 1080), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((480, 640), (832, 1104)),
        ((200, 200), (960, 960)),
        ((200, 600), (560, 1664)),
    ],
)
def test_size_has_the_tiers_area_the_sources_shape_and_sides_of_sixteens(shape: Size, expected: Size) -> None:
    assert tier_size(*shape, 720) == expected
    assert expected[0] * expected[1] == pytest.approx(1280 * 720, rel=0.02)
    assert expected[0] % 16 == expected[1] % 16 == 0


@pytest.mark.parametrize(
    ("model", "size"),
    [(MOVE, {720: (832, 1104), 180: (208, 272)}), (MIX, {720: (1056, 880), 180: (256, 224)})],
)
def test_move_has_the_images_shape_and_mix_the_videos_whatever_their_sizes(
    caller: Caller, media: MediaServer, model: str, size: dict[int, Size]
) -> None:
    media.files["/large.png"] = image_bytes((1800, 2400))
    for short_side, image in ((720, "/image.png"), (180, "/image.png"), (180, "/large.png")):
        caller.control("settings", {"short_side": short_side})
        assert frames(rendered(caller, image=image, model=model))[0].size == size[short_side]


@pytest.mark.parametrize("model", [MOVE, MIX])
@pytest.mark.parametrize("shape", [(240, 240), (200, 600), (640, 360)])
def test_every_frame_says_what_it_is(caller: Caller, media: MediaServer, folder: Path, shape: Size, model: str) -> None:
    assert LABEL == "PLACEHOLDER · not the real model"
    caller.control("settings", {"short_side": 360})
    # White everywhere: what is dark at the bottom is the label's band, and what is light in it is words.
    media.files["/white.png"] = picture_bytes(Image.new("RGB", shape, "white"))
    media.files["/white.mp4"] = video_file(folder / "w.mp4", shape, paint=lambda _: Image.new("RGB", shape, "white"))
    pictures = frames(rendered(caller, image="/white.png", video="/white.mp4", model=model))
    width, height = pictures[0].size
    bands = [picture.convert("L").crop((0, height - 16, width, height)) for picture in pictures]
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


def test_watermark_is_written_at_the_bottom_right_of_every_frame_if_it_is_asked_for(
    caller: Caller, media: MediaServer, folder: Path
) -> None:
    caller.control("settings", {"short_side": 360})
    size = (640, 360)
    media.files["/gray.mp4"] = video_file(folder / "g.mp4", size, paint=lambda _: Image.new("RGB", size, "gray"))
    plain, marked, refused = (
        frames(rendered(caller, video="/gray.mp4", model=MIX, **fields))
        for fields in ({}, {"watermark": True}, {"watermark": False})
    )
    assert likeness(plain[0], refused[0]) == 0
    for without, with_it in zip(plain, marked, strict=True):
        difference = ImageChops.difference(without, with_it).convert("L")
        box = difference.point(lambda level: 255 * (level > 40)).getbbox()
        assert box is not None
        assert box[0] > 640 * 0.75
        assert box[1] > 360 * 0.8
        lightest = [picture.convert("L").crop(box).getextrema()[1] for picture in (without, with_it)]
        assert lightest == [pytest.approx(128, abs=8), pytest.approx(255, abs=25)]
        label = without.crop((0, 344, 640, 360))
        assert likeness(label, with_it.crop((0, 344, 640, 360))) < 6


def walking(size: Size, at: Callable[[int], int | None]) -> Callable[[int], Image.Image]:
    """Paint a blue video with a lime walker, whose left edge `at` gives by the frame's number."""

    def paint(number: int) -> Image.Image:
        picture = Image.new("RGB", size, "blue")
        left = at(number)
        if left is not None:
            ImageDraw.Draw(picture).rectangle((left, 60, left + 40, 200), fill="lime")
        return picture

    return paint


def yellow_figure() -> bytes:
    picture = Image.new("RGB", (400, 300), "black")
    picture.paste("yellow", (170, 150, 230, 260))
    return picture_bytes(picture)


def middles(pictures: list[Image.Image]) -> list[float]:
    """Return where the yellow character of each picture is, in shares of its width."""
    found = []
    for picture in pictures:
        red, green, blue = below_the_insets(picture).split()
        box = (
            ImageChops.subtract(ImageChops.darker(red, green), blue).point(lambda level: 255 * (level > 215)).getbbox()
        )
        assert box is not None
        found.append((box[0] + box[2]) / 2 / picture.width)
    return found


@pytest.mark.parametrize("model", [MOVE, MIX])
def test_character_moves_as_the_person_in_the_video_moves(
    caller: Caller, media: MediaServer, folder: Path, model: str
) -> None:
    media.files["/yellow.png"] = yellow_figure()
    size = (400, 300)
    ways: dict[str, Callable[[int], int | None]] = {
        "right": lambda number: 20 + 16 * number,
        "left": lambda number: 340 - 16 * number,
        "still": lambda _: 180,
    }
    moved = {}
    for way, at in ways.items():
        media.files[f"/{way}.mp4"] = video_file(folder / way, size, paint=walking(size, at))
        places = middles(frames(rendered(caller, image="/yellow.png", video=f"/{way}.mp4", model=model)))
        assert places[0] == pytest.approx(0.5, abs=0.02)
        moved[way] = places[20] - places[0]
    assert moved["right"] > 0.03
    assert moved["left"] < -0.03
    assert abs(moved["still"]) < 0.01


def test_move_keeps_the_images_background_with_the_video_as_an_inset_alone(
    caller: Caller, media: MediaServer, folder: Path
) -> None:
    picture = Image.new("RGB", (400, 400), "red")
    picture.paste("lime", (100, 100, 300, 300))
    media.files["/red.png"] = picture_bytes(picture)
    size = (320, 200)
    media.files["/blue.mp4"] = video_file(folder / "b.mp4", size, paint=lambda _: Image.new("RGB", size, "blue"))
    for frame in frames(rendered(caller, image="/red.png", video="/blue.mp4")):
        edge = frame.width - 1
        for at in ((1, 1), (1, edge // 2), (edge, edge // 2), (1, edge - 30), (edge // 2, 1)):
            red, green, blue = color_at(frame, at)
            assert red > 120
            assert max(green, blue) < 60
        inset = [number for number, pixel in enumerate(pixels(frame)) if pixel[2] > 150 and pixel[0] < 80]
        assert 0.02 < len(inset) / (frame.width * frame.height) < 0.08
        assert min(number % frame.width for number in inset) > frame.width * 0.6
        assert max(number // frame.width for number in inset) < frame.height * 0.3


@pytest.mark.parametrize("model", [MOVE, MIX])
def test_image_and_moving_video_are_beside_the_result(
    caller: Caller, media: MediaServer, folder: Path, model: str
) -> None:
    media.files["/red.png"] = image_bytes(color="red")
    size = (400, 300)
    media.files["/walk.mp4"] = video_file(folder / "w.mp4", size, paint=walking(size, lambda number: 20 + 8 * number))
    walkers = []
    for picture in frames(rendered(caller, image="/red.png", video="/walk.mp4", model=model)):
        assert color_at(picture, (picture.width // 8, picture.height // 8))[0] > 180
        corner = picture.crop((round(picture.width * 0.66), 0, picture.width, picture.height // 4))
        red, green, blue = corner.split()
        lime = ImageChops.subtract(green, ImageChops.lighter(red, blue)).point(lambda level: 255 * (level > 60))
        walkers.append(lime.getbbox())
    first, last = walkers[0], walkers[20]
    assert first is not None
    assert last is not None
    assert last[0] - first[0] > 5


def test_mix_keeps_the_videos_background(caller: Caller, media: MediaServer, folder: Path) -> None:
    media.files["/red.png"] = image_bytes(color="red")
    size = (320, 240)
    media.files["/walk.mp4"] = video_file(folder / "b.mp4", size, paint=walking(size, lambda number: number * 15))
    pictures = frames(rendered(caller, image="/red.png", video="/walk.mp4", model=MIX))
    walkers = []
    for picture in pictures:
        assert color_at(picture, (2, 2))[2] > 180
        _, green, blue = picture.crop((0, 40, picture.width, 60)).split()
        walkers.append(ImageChops.subtract(green, blue).point(lambda level: 255 * (level > 100)).getbbox())
    assert walkers[0] is not None
    assert walkers[-1] is not None
    assert walkers[-1][0] - walkers[0][0] > 100


def test_nothing_is_stretched(caller: Caller, media: MediaServer, folder: Path) -> None:
    caller.control("settings", {"short_side": 360})

    def round_thing(size: Size, radius: tuple[int, int]) -> Image.Image:
        drawn = Image.new("RGB", size, "blue")
        middle = (size[0] // 2, size[1] // 2)
        box = (middle[0] - radius[0], middle[1] - radius[1], middle[0] + radius[0], middle[1] + radius[1])
        ImageDraw.Draw(drawn).ellipse(box, fill="yellow")
        return drawn

    media.files["/round.png"] = picture_bytes(round_thing((500, 333), (60, 60)))
    media.files["/round.mp4"] = video_file(
        folder / "r.mp4", (444, 250), paint=lambda _: round_thing((444, 250), (40, 40))
    )
    # A third of the width is stored: a player makes three pixels of each.
    media.files["/narrow.mp4"] = video_file(
        folder / "n.mp4", (200, 300), pixel_aspect=3, paint=lambda _: round_thing((200, 300), (15, 45))
    )
    ghost = io.BytesIO()
    Image.new("RGBA", (240, 320), (0, 0, 0, 0)).save(ghost, "PNG")
    media.files["/ghost.png"] = ghost.getvalue()
    media.files["/tall.mp4"] = video_file(folder / "t.mp4", (200, 500), paint=lambda _: Image.new("RGB", (200, 500)))
    for picture in (
        frames(rendered(caller, image="/round.png"))[0],
        frames(rendered(caller, image="/round.png", video="/tall.mp4", model=MIX))[0],
        frames(rendered(caller, image="/ghost.png", video="/round.mp4", model=MIX))[0],
        frames(rendered(caller, image="/ghost.png", video="/narrow.mp4", model=MIX))[0],
    ):
        red, _, blue = picture.crop((0, round(picture.height * 0.3), *picture.size)).split()
        box = ImageChops.subtract(red, blue).point(lambda level: 255 * (level > 190)).getbbox()
        assert box is not None
        assert (box[2] - box[0]) / (box[3] - box[1]) == pytest.approx(1, abs=0.03)


def test_phone_clip_is_shown_upright(caller: Caller, media: MediaServer, folder: Path) -> None:
    size = (320, 240)

    def left_half_red(_: int) -> Image.Image:
        picture = Image.new("RGB", size, "blue")
        picture.paste("red", (0, 0, 160, 240))
        return picture

    media.files["/phone.mp4"] = rotated(video_file(folder / "p.mp4", size, paint=left_half_red))
    picture = frames(rendered(caller, video="/phone.mp4", model=MIX))[0]
    assert picture.size == tier_size(240, 320, 144)
    # A quarter turn clockwise brings the left half to the top.
    top, bottom = color_at(picture, (picture.width // 2, 5)), color_at(picture, (3, picture.height - 40))
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
    picture = frames(rendered(caller, image="/ghost.png", model=MIX))[0]
    assert color_at(picture, (picture.width // 2, picture.height // 2))[0] < 60


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
