"""The character bends as the pose says, part by part, and the picture's edges stay where they are."""

import pytest
from PIL import Image, ImageChops, ImageDraw

from local.wan.motion import Motion, Pose
from local.wan.puppet import Puppet

SIZE = (320, 400)
REST = Pose(body=(0, 0), head=0, hips=0, left=0, right=0)
#: Dots on the parts of a person who faces the camera.
PLACES = {"head": (160, 80), "hips": (160, 260), "left": (70, 192), "right": (250, 192)}
FAR = 0.5  # more than any pose goes


def dotted() -> Image.Image:
    picture = Image.new("RGB", SIZE, "black")
    for x, y in PLACES.values():
        ImageDraw.Draw(picture).ellipse((x - 12, y - 12, x + 12, y + 12), fill="white")
    return picture


def shift(posed: Image.Image, part: str) -> tuple[float, float]:
    """How far the dot of a part has moved, in pixels."""
    x, y = PLACES[part]
    box = posed.convert("L").crop((x - 60, y - 60, x + 60, y + 60)).getbbox()
    assert box is not None
    return (box[0] + box[2]) / 2 - 60.5, (box[1] + box[3]) / 2 - 60.5


def test_at_rest_the_picture_is_as_it_was() -> None:
    assert ImageChops.difference(Puppet(dotted()).posed(REST), dotted()).getbbox() is None


@pytest.mark.parametrize(
    ("pose", "part", "direction"),
    [
        (Pose((0, 0), 0.03, 0, 0, 0), "head", (1, 0)),
        (Pose((0, 0), 0, -0.03, 0, 0), "hips", (-1, 0)),
        (Pose((0, -0.03), 0, 0, 0, 0), "head", (0, -1)),
        (Pose((0, 0), 0, 0, -0.1, 0), "left", (0, -1)),
        (Pose((0, 0), 0, 0, 0, 0.1), "right", (0, 1)),
    ],
)
def test_each_part_goes_where_the_pose_has_it(pose: Pose, part: str, direction: tuple[int, int]) -> None:
    across, down = shift(Puppet(dotted()).posed(pose), part)
    wanted = across * direction[0] + down * direction[1]
    assert wanted > 5
    assert abs(across) + abs(down) - wanted < 3


def test_one_arm_moves_without_the_other_and_without_the_head() -> None:
    posed = Puppet(dotted()).posed(Pose((0, 0), 0, 0, -0.1, 0))
    for part in ("right", "head", "hips"):
        across, down = shift(posed, part)
        assert abs(across) + abs(down) < 3


@pytest.mark.parametrize("far", [FAR, -FAR])
def test_the_wildest_pose_leaves_no_hole_and_keeps_the_sides(far: float) -> None:
    picture = Image.new("RGB", SIZE, "gray")
    ImageDraw.Draw(picture).rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), outline="red", width=3)
    posed = Puppet(picture).posed(Pose((far, far), far, far, far, far))
    assert posed.convert("L").histogram()[0] == 0
    for x in (0, SIZE[0] - 1):
        assert {posed.getpixel((x, y)) for y in range(SIZE[1])} == {(255, 0, 0)}


def test_a_raised_arm_of_the_video_raises_the_arm_at_that_side_only() -> None:
    motion = Motion(15)
    poses = []
    for number in range(15):
        picture = Image.new("RGB", SIZE, "blue")
        ImageDraw.Draw(picture).rectangle((40, 300 - 15 * number, 80, 330 - 15 * number), fill="white")
        poses.append(motion.follow(picture))
    assert poses[-1].left < -0.1
    assert poses[-1].right == 0
