"""What moves in the reference video: the nearest that a stand-in comes to following the person in it."""

from dataclasses import dataclass

from PIL import Image, ImageChops

_GRID = 32
_NOISE = 12
"""Levels, of 255, that compression alone may change a pixel by."""
_LEAST = 60
"""The sum of changed levels below which nothing has moved."""
_QUICK, _SLOW = 9.0, 0.8
"""The share of its distance to what changed that each covers in a second: a part, and the place it moves around."""
_WAIST = 0.5
_SIDE = 0.36
_WHOLE = (0.0, 1.0)

Span = tuple[float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Pose:
    """How far parts of the person are from the places they move around, in shares of the frame; x is right, y down."""

    body: Point
    """The whole person."""
    head: float
    """x of what is above the waist."""
    hips: float
    """x of what is below it."""
    left: float
    right: float
    """y at the two sides of the frame, where arms are."""


class Motion:
    """Follows the middle of what changes from picture to picture, for each part; without a change a part stays put."""

    def __init__(self, rate: int) -> None:
        self._before: Image.Image | None = None
        self._body = _Part(_WHOLE, _WHOLE, rate)
        self._head = _Part(_WHOLE, (0.0, _WAIST), rate)
        self._hips = _Part(_WHOLE, (_WAIST, 1.0), rate)
        self._left = _Part((0.0, _SIDE), _WHOLE, rate)
        self._right = _Part((1 - _SIDE, 1.0), _WHOLE, rate)

    def follow(self, picture: Image.Image) -> Pose:
        """Look at the next picture of the video and return the pose in it."""
        small = picture.convert("L").resize((_GRID, _GRID), Image.Resampling.BOX)
        before, self._before = self._before, small
        levels = ImageChops.difference(before, small).tobytes() if before is not None else b""
        changed = [
            ((number % _GRID + 0.5) / _GRID, (number // _GRID + 0.5) / _GRID, level)
            for number, level in enumerate(levels)
            if level > _NOISE
        ]
        body, head, hips, left, right = (
            part.follow(changed) for part in (self._body, self._head, self._hips, self._left, self._right)
        )
        return Pose(body, head[0], hips[0], left[1], right[1])


class _Part:
    """A part of the frame, and where in it something moves."""

    def __init__(self, columns: Span, rows: Span, rate: int) -> None:
        self._columns, self._rows = columns, rows
        self._rate = rate
        self._quick: Point | None = None
        self._slow: Point = (0.0, 0.0)

    def follow(self, changed: list[tuple[float, float, int]]) -> Point:
        """Return how far this part is from the place it moves around, after these changes."""
        middle = self._middle(changed)
        if middle is not None:
            self._slow = _nearer(self._slow if self._quick else middle, middle, _SLOW / self._rate)
            self._quick = _nearer(self._quick or middle, middle, _QUICK / self._rate)
        if self._quick is None:
            return 0.0, 0.0
        return self._quick[0] - self._slow[0], self._quick[1] - self._slow[1]

    def _middle(self, changed: list[tuple[float, float, int]]) -> Point | None:
        """Return the middle of the changed pixels in shares of the picture; None if nothing moved here."""
        (left, right), (top, bottom) = self._columns, self._rows
        mine = [(x, y, level) for x, y, level in changed if left <= x < right and top <= y < bottom]
        total = sum(level for _, _, level in mine)
        if total < _LEAST:
            return None
        return sum(x * level for x, _, level in mine) / total, sum(y * level for _, y, level in mine) / total


def _nearer(place: Point, aim: Point, share: float) -> Point:
    share = min(1.0, share)
    return place[0] + share * (aim[0] - place[0]), place[1] + share * (aim[1] - place[1])
