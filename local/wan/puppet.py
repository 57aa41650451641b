"""The character as a puppet: its image bends as the person in the video moves, and its edges stay where they are."""

import math
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from local.wan.motion import Pose

_COLUMNS, _ROWS = 8, 9
_SWAY, _BOUNCE, _ARM = 2.6, 3.0, 1.2
"""How much further than the person the puppet goes: it has no joints to move."""
_MOST = 0.065
"""The largest shift, as a share of the picture's width or height, so that nothing folds over."""

Point = tuple[float, float]
Box = tuple[int, int, int, int]
Quad = tuple[float, ...]


@dataclass(frozen=True)
class _Knot:
    """A knot of the grid, in pixels, and how closely it follows the movement of each part."""

    x: int
    y: int
    middle: float
    """1 in the middle, where the character is, and 0 at the sides."""
    head: float
    hips: float
    chest: float
    left: float
    right: float

    def source(self, pose: Pose, width: int, height: int) -> Point:
        """Return the place in the picture that is shown at this knot."""
        right = _SWAY * (pose.head * self.head + pose.hips * self.hips)
        down = _BOUNCE * pose.body[1] * self.chest + _ARM * (pose.left * self.left + pose.right * self.right)
        x = self.x - self.middle * _limited(right) * width
        y = self.y - self.middle * _limited(down) * height
        return min(max(x, 0), width), min(max(y, 0), height)


class Puppet:
    """A picture on a grid, whose knots follow a pose."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture
        width, height = picture.size
        self._xs = [round(width * column / _COLUMNS) for column in range(_COLUMNS + 1)]
        self._ys = [round(height * row / _ROWS) for row in range(_ROWS + 1)]
        self._knots = [[_knot(x, y, width, height) for x in self._xs] for y in self._ys]

    def posed(self, pose: Pose) -> Image.Image:
        """Return the picture in this pose."""
        source = [[knot.source(pose, *self._picture.size) for knot in row] for row in self._knots]
        mesh: list[tuple[Box, Quad]] = []
        for (top, bottom), (above, below) in zip(pairwise(self._ys), pairwise(source), strict=True):
            for number, (left, right) in enumerate(pairwise(self._xs)):
                quad = (*above[number], *below[number], *below[number + 1], *above[number + 1])
                mesh.append(((left, top, right, bottom), quad))
        # The nearest pixel: interpolating between pixels takes four times as long.
        return self._picture.transform(self._picture.size, Image.Transform.MESH, mesh, Image.Resampling.NEAREST)


def _knot(x: int, y: int, width: int, height: int) -> _Knot:
    across, down = x / width, y / height
    return _Knot(
        x=x,
        y=y,
        middle=math.sin(math.pi * across),
        head=_bump(down, 0.2, 0.35),
        hips=_bump(down, 0.65, 0.25),
        chest=_bump(down, 0.3, 0.25),
        left=_bump(across, 0.22, 0.12) * _bump(down, 0.48, 0.2),
        right=_bump(across, 0.78, 0.12) * _bump(down, 0.48, 0.2),
    )


def _bump(at: float, middle: float, width: float) -> float:
    return math.exp(-(((at - middle) / width) ** 2))


def _limited(share: float) -> float:
    return _MOST * math.tanh(share / _MOST)
