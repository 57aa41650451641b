"""The provider's limits, and the sentence for each that is not kept.

Every limit comes from the provider's page "Wan - image to animation API reference", parameters `image_url`
and `video_url`. A sentence fits an S3 tag (letters, digits, space and + - = . _ : / @) and a person who is no
engineer.
"""

import math
import re
from dataclasses import dataclass

from motiondrop.domain.formats import FORMATS, Format, Kind
from motiondrop.domain.keys import extension_of
from motiondrop.errors import MotionDropError

#: Pixels, width and height each: "must both be in the range of [200, 4096]" (image), "[200, 2048]" (video).
SIDE_MIN = 200
SIDE_MAX = {Kind.IMAGE: 4096, Kind.VIDEO: 2048}
#: "The aspect ratio must be between 1:3 and 3:1", image and video.
ASPECT_MAX = 3
#: Bytes: "No more than 5 MB" (image), "No more than 200 MB" (video). The page does not say whether its MB has
#: 1,000,000 or 1,048,576 bytes; with the smaller one nothing passes here that is refused there.
MB = 1_000_000
SIZE_MAX = {Kind.IMAGE: 5 * MB, Kind.VIDEO: 200 * MB}
#: Seconds: "Duration: 2 s to 30 s" (video).
SECONDS_MIN = 2
SECONDS_MAX = 30
#: Seconds by which a file may outlast its pictures beyond SECONDS_MAX: sound is coded in blocks of up to 0.1
#: s, so a clip cut to exactly 30 s has a little more of it.
SOUND_OVERHANG = 0.1

#: Characters in a sentence: S3 allows 256 in a tag's value, and `rejected: ` stands before it.
REASON_MAX = 230

#: Ours, not the provider's: what one check may read (bytes), take (seconds) and use (bytes).
READ_MAX = 8 * MB
CHECK_SECONDS = 10
CHECK_MEMORY = 512 * 1024 * 1024

_NOT_TAGGABLE = re.compile(r"[^A-Za-z0-9 +\-=._:/@]+")
_EXPORT = {
    Kind.IMAGE: "export it again as JPG or PNG",
    Kind.VIDEO: "export it again as MP4",
}


class Rejected(MotionDropError):
    """The drop cannot be animated; `reason` says why in one plain line of at most REASON_MAX characters."""

    def __init__(self, reason: str) -> None:
        self.reason = " ".join(_NOT_TAGGABLE.sub(" ", reason).split())[:REASON_MAX].rstrip()
        super().__init__(self.reason)


@dataclass(frozen=True, slots=True)
class Media:
    """A checked image or video.

    Width and height are in pixels as displayed, turned as EXIF or the video's display matrix says; size is in
    bytes, duration in seconds, frame_rate the average in frames per second. The last three are None for an
    image. `format` and `extension` are those of the content (`mov` for a QuickTime file even if it was
    dropped as .mp4).
    """

    kind: Kind
    format: str
    extension: str
    width: int
    height: int
    size: int
    duration: float | None = None
    frame_rate: float | None = None
    codec: str | None = None


def match_name(key: str, found: Format | None, kind: Kind) -> Format:
    """The format `found` in a file's first bytes, if its key's extension agrees; Rejected if not."""
    extension = extension_of(key)
    if found is None:
        raise Rejected(f"file is no {kind} although its name ends in .{extension} - {_EXPORT[kind]}")
    if found.kind is None:
        raise Rejected(f"file is {found.name} but named .{extension} - {_EXPORT[kind]}")
    if extension not in found.extensions:
        raise Rejected(f"file is {found.name} but named .{extension} - rename it to end in .{found.extensions[0]}")
    return FORMATS[found.name]


def check_size(kind: Kind, size: int) -> None:
    """Refuse an empty file and one above SIZE_MAX; `size` in bytes."""
    if size <= 0:
        raise Rejected("file is empty - upload it again")
    if size > SIZE_MAX[kind]:
        measured = math.ceil(size * 100 / MB) / 100
        raise Rejected(f"{kind} is {measured:.2f} MB - needs at most {SIZE_MAX[kind] // MB} MB")


def check_largest(kind: Kind, width: int, height: int) -> None:
    """Refuse sides above SIDE_MAX before anything of that size is made room for; pixels."""
    for side, direction in ((width, "wide"), (height, "tall")):
        if side > SIDE_MAX[kind]:
            raise Rejected(f"{kind} is {side} px {direction} - needs {SIDE_MIN} to {SIDE_MAX[kind]}")


def check_sides(kind: Kind, width: int, height: int) -> None:
    """Refuse sides outside SIDE_MIN to SIDE_MAX and shapes beyond 1:3 to 3:1; pixels as displayed."""
    check_largest(kind, width, height)
    for side, direction in ((width, "wide"), (height, "tall")):
        if side < SIDE_MIN:
            raise Rejected(f"{kind} is {side} px {direction} - needs {SIDE_MIN} to {SIDE_MAX[kind]}")
    if max(width, height) > ASPECT_MAX * min(width, height):
        direction = "wide" if width > height else "tall"
        ratio = math.ceil(max(width, height) * 1000 / min(width, height)) / 1000
        shape = f"{ratio:g}:1" if width > height else f"1:{ratio:g}"
        raise Rejected(f"{kind} is too {direction} - {width} x {height} px is {shape} - needs 1:3 to 3:1")


def check_duration(seconds: float) -> None:
    """Refuse a video outside SECONDS_MIN to SECONDS_MAX; the sentence is rounded away from the limit."""
    # Microseconds, the finest clock of a container: 30 s of 1001/30000 s frames must not fail by a float's
    # last bit.
    exact = round(seconds, 6)
    if exact < SECONDS_MIN:
        raise Rejected(f"video is {math.floor(exact * 100) / 100:g} s long - needs {SECONDS_MIN} to {SECONDS_MAX}")
    if exact > SECONDS_MAX:
        raise Rejected(f"video is {math.ceil(exact * 100) / 100:.10g} s long - needs {SECONDS_MIN} to {SECONDS_MAX}")


def damaged(kind: Kind, what: str = "cannot be opened") -> Rejected:
    """The refusal of a file whose content is broken."""
    return Rejected(f"{kind} {what} - it may be damaged or cut off - upload it again or {_EXPORT[kind]}")


def too_costly(kind: Kind, what: str) -> Rejected:
    """The refusal of a file that cannot be checked within our own bounds; `what` is the bound."""
    return Rejected(f"{kind} needs more than {what} to be checked - {_EXPORT[kind]}")
