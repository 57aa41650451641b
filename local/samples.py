"""Two sample files that the project draws itself: a character, and somebody dancing."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

_SIZE = (480, 640)
_FINE = 2
"""Pictures are drawn this many times larger and then reduced, so that edges are smooth."""
_FRAME_RATE = 24
SECONDS = 5

Point = tuple[float, float]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class _Look:
    """The colours of a person, and of the room."""

    wall: Colour
    floor: Colour
    shadow: Colour
    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour


_CHARACTER = _Look(
    wall=(56, 62, 124),
    floor=(50, 56, 116),
    shadow=(36, 40, 88),
    skin=(250, 222, 190),
    hair=(206, 74, 110),
    top=(246, 168, 62),
    trousers=(92, 190, 186),
    shoes=(246, 246, 250),
)
_DANCER = _Look(
    wall=(228, 232, 238),
    floor=(204, 210, 220),
    shadow=(176, 183, 196),
    skin=(206, 152, 116),
    hair=(62, 44, 40),
    top=(66, 110, 196),
    trousers=(54, 62, 82),
    shoes=(236, 92, 72),
)


def given_or_drawn(image: str, video: str, folder: Path, seconds: int = SECONDS) -> tuple[Path, Path]:
    """Return the paths of the image and the video; where a name is empty, draw that file into the folder."""
    picture = Path(image).expanduser() if image else folder / "hero.png"
    clip = Path(video).expanduser() if video else folder / "hero.mp4"
    if not image:
        draw_character(picture)
    if not video:
        draw_dance(clip, seconds)
    return picture, clip


def draw_character(path: Path) -> None:
    """Draw the character image, a PNG."""
    _picture(0.0, _CHARACTER).save(path)


def draw_dance(path: Path, seconds: int = SECONDS) -> None:
    """Draw the reference video, an H.264 MP4 that lasts `seconds`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FRAME_RATE, options={"preset": "ultrafast", "crf": "28"})
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, _FRAME_RATE)
        for index in range(seconds * _FRAME_RATE):
            frame = av.VideoFrame.from_image(_picture(2 * math.pi * index / _FRAME_RATE, _DANCER))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _picture(beat: float, look: _Look) -> Image.Image:
    """Draw a person who faces the camera; `beat` is how far the dance has got, in radians."""
    width, height = _SIZE
    picture = Image.new("RGB", (width * _FINE, height * _FINE), look.wall)
    pen = _Pen(ImageDraw.Draw(picture))
    pen.box((0, height * 0.86), (width, height), look.floor)
    _person(pen, beat, look)
    return picture.reduce(_FINE)


def _person(pen: "_Pen", beat: float, look: _Look) -> None:
    width, height = _SIZE
    sway = 24 * math.sin(beat)
    bounce = 10 * abs(math.sin(beat))
    neck = (width / 2 + sway, height * 0.36 - bounce)
    hip = (width / 2 - sway / 3, height * 0.63 - bounce)
    pen.oval((hip[0], height * 0.935), 120, 15, look.shadow)
    for side in (-1, 1):
        foot = (width / 2 + side * 52, height * 0.92)
        pen.limb(
            [(hip[0] + side * 24, hip[1]), (hip[0] + side * 38 + sway / 2, height * 0.78), foot], 34, look.trousers
        )
        pen.oval((foot[0] + side * 9, foot[1] + 8), 27, 13, look.shoes)
    for side in (-1, 1):
        lift = math.sin(beat + side * math.pi / 2)
        elbow = (neck[0] + side * 82, neck[1] + 58 - 46 * lift)
        hand = (elbow[0] + side * 24, elbow[1] + 62 - 116 * max(0.0, lift))
        shoulder = (neck[0] + side * 44, neck[1] + 26)
        pen.limb([shoulder, elbow, hand], 26, look.skin)
        pen.limb([shoulder, _between(shoulder, elbow, 0.6)], 36, look.top)
    pen.limb([(neck[0], neck[1] - 20), (neck[0], neck[1] + 8)], 30, look.skin)
    left, right = neck[0] - 44, neck[0] + 44
    chest = [(left, neck[1] + 26), (right, neck[1] + 26), (hip[0] + 32, hip[1]), (hip[0] - 32, hip[1])]
    pen.limb([*chest, chest[0]], 36, look.top)
    pen.shape(chest, look.top)
    _head(pen, (neck[0] + sway / 5, neck[1] - 62), look)


def _head(pen: "_Pen", middle: Point, look: _Look) -> None:
    x, y = middle
    pen.oval((x, y - 12), 60, 58, look.hair)
    pen.oval((x, y + 2), 50, 54, look.skin)
    pen.arc((x, y - 14), (52, 42), (190, 350), 20, look.hair)
    for side in (-1, 1):
        pen.oval((x + side * 19, y), 6, 7, (34, 32, 40))
        pen.disc((x + side * 33, y + 18), 8, _mixed(look.skin, (236, 110, 100)))
    pen.arc((x, y + 12), (20, 18), (20, 160), 5, (150, 50, 58))


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def _mixed(one: Colour, other: Colour) -> Colour:
    red, green, blue = ((2 * a + b) // 3 for a, b in zip(one, other, strict=True))
    return red, green, blue


class _Pen:
    """Draws in the coordinates of the finished picture, on one that is `_FINE` times larger."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def box(self, top_left: Point, bottom_right: Point, colour: Colour) -> None:
        self._draw.rectangle([_fine(top_left), _fine(bottom_right)], fill=colour)

    def disc(self, middle: Point, radius: float, colour: Colour) -> None:
        self.oval(middle, radius, radius, colour)

    def oval(self, middle: Point, across: float, down: float, colour: Colour) -> None:
        self._draw.ellipse(_around(middle, across, down), fill=colour)

    def arc(self, middle: Point, radii: Point, span: Point, width: float, colour: Colour) -> None:
        self._draw.arc(_around(middle, *radii), *span, fill=colour, width=round(width * _FINE))

    def shape(self, points: list[Point], colour: Colour) -> None:
        self._draw.polygon([_fine(point) for point in points], fill=colour)

    def limb(self, points: list[Point], width: float, colour: Colour) -> None:
        """Draw a thick line with round joints."""
        self._draw.line([_fine(point) for point in points], fill=colour, width=round(width * _FINE))
        for point in points:
            self.disc(point, width / 2, colour)


def _fine(point: Point) -> Point:
    return point[0] * _FINE, point[1] * _FINE


def _around(middle: Point, across: float, down: float) -> list[Point]:
    return [_fine((middle[0] - across, middle[1] - down)), _fine((middle[0] + across, middle[1] + down))]
