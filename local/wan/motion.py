"""Where the reference video moves: the nearest that a stand-in comes to following the person in it."""

from dataclasses import dataclass

from PIL import Image, ImageChops

_GRID = 32
_NOISE = 12
"""Levels, of 255, that compression alone may change a pixel by."""
_LEAST = 60
"""The sum of changed levels below which nothing has moved."""
_QUICK, _SLOW = 6.0, 0.6
"""Shares of a distance that are made up for in a second: by the character, and by the place it moves about."""
_GAIN = 1.6
_REST = (0.5, 0.48)
_REACH = (0.16, 0.08)
_FULL_LEAN = 0.5
"""Widths of the frame in a second."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """Where the character's middle belongs, in shares of the frame, and how far it leans, from -1 to 1."""

    x: float
    y: float
    lean: float


class Motion:
    """Follows the middle of what changes from picture to picture; without any change the character rests."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._before: Image.Image | None = None
        self._quick: Point | None = None
        self._slow: Point = (0.5, 0.5)

    def follow(self, picture: Image.Image) -> Place:
        """Look at the next picture of the video and say where the character goes."""
        small = picture.convert("L").resize((_GRID, _GRID), Image.Resampling.BOX)
        before, self._before = self._before, small
        middle = _middle_of_change(before, small) if before is not None else None
        was = self._quick
        if middle is not None:
            self._quick = _nearer(self._quick or middle, middle, _QUICK / self._rate)
            self._slow = _nearer(self._slow if was else middle, middle, _SLOW / self._rate)
        if self._quick is None:
            return Place(*_REST, 0)
        x, y = (
            rest + max(-reach, min(reach, _GAIN * (quick - slow)))
            for rest, reach, quick, slow in zip(_REST, _REACH, self._quick, self._slow, strict=True)
        )
        speed = (self._quick[0] - (was or self._quick)[0]) * self._rate
        return Place(x, y, max(-1.0, min(1.0, -speed / _FULL_LEAN)))


def _middle_of_change(before: Image.Image, now: Image.Image) -> Point | None:
    """Return the middle of the changed pixels in shares of the picture; None if nothing moved."""
    levels = ImageChops.difference(before, now).tobytes()
    changed = [(number, level) for number, level in enumerate(levels) if level > _NOISE]
    total = sum(level for _, level in changed)
    if total < _LEAST:
        return None
    x = sum((number % _GRID + 0.5) * level for number, level in changed) / total
    y = sum((number // _GRID + 0.5) * level for number, level in changed) / total
    return x / _GRID, y / _GRID


def _nearer(place: Point, aim: Point, share: float) -> Point:
    share = min(1.0, share)
    return place[0] + share * (aim[0] - place[0]), place[1] + share * (aim[1] - place[1])
