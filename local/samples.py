"""Two sample files that the project draws itself: a character, and somebody dancing."""

import math
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

_SIZE = (480, 640)
_FRAME_RATE = 24
SECONDS = 5

Point = tuple[float, float]


def given_or_drawn(image: str, video: str, folder: Path, seconds: int = SECONDS) -> tuple[Path, Path]:
    """The files that were named; for a name that is empty one that is drawn into the folder."""
    picture = Path(image).expanduser() if image else folder / "hero.png"
    clip = Path(video).expanduser() if video else folder / "hero.mp4"
    if not image:
        draw_character(picture)
    if not video:
        draw_dance(clip, seconds)
    return picture, clip


def draw_character(path: Path) -> None:
    """Draw the character image, a PNG."""
    picture = Image.new("RGB", _SIZE, (24, 34, 58))
    _person(ImageDraw.Draw(picture), 0.0, body=(244, 162, 60), skin=(250, 222, 190))
    picture.save(path)


def draw_dance(path: Path, seconds: int = SECONDS) -> None:
    """Draw the reference video, an H.264 MP4 of five seconds unless it is told otherwise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FRAME_RATE, options={"preset": "ultrafast", "crf": "28"})
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, _FRAME_RATE)
        for index in range(seconds * _FRAME_RATE):
            picture = Image.new("RGB", _SIZE, (225, 229, 236))
            beat = 2 * math.pi * index / _FRAME_RATE
            _person(ImageDraw.Draw(picture), beat, body=(70, 110, 190), skin=(214, 164, 130))
            frame = av.VideoFrame.from_image(picture)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _person(draw: ImageDraw.ImageDraw, beat: float, *, body: tuple[int, int, int], skin: tuple[int, int, int]) -> None:
    """Draw a person who faces the camera; `beat` is how far the dance is, in radians."""
    width, height = _SIZE
    sway = 24 * math.sin(beat)
    bounce = 10 * abs(math.sin(beat))
    neck = (width / 2 + sway, height * 0.36 - bounce)
    hip = (width / 2 - sway / 3, height * 0.64 - bounce)
    for side in (-1, 1):
        knee = (hip[0] + side * 40 + sway / 2, height * 0.79)
        foot = (width / 2 + side * 55, height * 0.94)
        _limb(draw, [(hip[0] + side * 24, hip[1]), knee, foot], 30, (52, 58, 74))
        lift = math.sin(beat + side * math.pi / 2)
        elbow = (neck[0] + side * 84, neck[1] + 56 - 50 * lift)
        hand = (elbow[0] + side * 22, elbow[1] + 62 - 116 * max(0.0, lift))
        _limb(draw, [(neck[0] + side * 44, neck[1] + 24), elbow, hand], 24, skin)
    draw.polygon(
        [(neck[0] - 56, neck[1] + 8), (neck[0] + 56, neck[1] + 8), (hip[0] + 44, hip[1]), (hip[0] - 44, hip[1])],
        fill=body,
    )
    head = (neck[0], neck[1] - 56)
    _disc(draw, head, 54, skin)
    for side in (-1, 1):
        _disc(draw, (head[0] + side * 20, head[1] - 8), 6, (30, 30, 36))
    draw.arc([head[0] - 22, head[1] - 4, head[0] + 22, head[1] + 28], 20, 160, fill=(150, 50, 50), width=5)


def _limb(draw: ImageDraw.ImageDraw, points: list[Point], width: int, colour: tuple[int, int, int]) -> None:
    draw.line(points, fill=colour, width=width, joint="curve")
    for point in (points[0], points[-1]):
        _disc(draw, point, width / 2, colour)


def _disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, colour: tuple[int, int, int]) -> None:
    draw.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=colour)
