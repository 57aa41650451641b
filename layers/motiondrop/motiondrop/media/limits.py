"""The provider's limits and our own, and the sentence for a drop that breaks one.

The provider's limits come from its page "Wan - image to animation API reference", parameters `image_url` and
`video_url`. A sentence fits an S3 tag (letters, digits, space and + - = . _ : / @) and a reader who is no engineer.
"""

import math
import re

from motiondrop.domain.formats import Format, Kind
from motiondrop.domain.keys import extension_of, kind_of
from motiondrop.errors import MotionDropError

#: Pixels, width and height each: "must both be in the range of [200, 4096]" (image), "[200, 2048]" (video).
SIDE_MIN = 200
SIDE_MAX = {Kind.IMAGE: 4096, Kind.VIDEO: 2048}
#: "The aspect ratio must be between 1:3 and 3:1", image and video.
ASPECT_MAX = 3
#: Bytes: "No more than 5 MB" (image), "No more than 200 MB" (video). The page does not say whether its MB has
#: 1,000,000 or 1,048,576 bytes; the smaller one is used, so whatever passes here is small enough there.
MB = 1_000_000
SIZE_MAX = {Kind.IMAGE: 5 * MB, Kind.VIDEO: 200 * MB}
#: Seconds: "Duration: 2 s to 30 s" (video).
SECONDS_MIN = 2
SECONDS_MAX = 30
#: Seconds by which a file's sound may exceed SECONDS_MAX: sound is coded in blocks of up to 0.1 s, so the sound of a
#: clip cut to exactly 30 s is a little longer.
SOUND_OVERHANG = 0.1

#: Ours: the most frames per second that are kept. The page names no limit; phones record 60 at normal speed, and a
#: result has at most 25.
RATE_MAX = 60
#: Ours, in bytes: the largest file that is opened. A minute of a phone's 4K has 400 MB, a photo of 100 megapixels 40.
SOURCE_MAX = {Kind.IMAGE: 50 * MB, Kind.VIDEO: 1000 * MB}
#: Ours, in pixels: the largest picture that is decoded, which takes 400 MB of memory. Phones make up to 50 million,
#: only a few make 100 million.
PIXELS_MAX = 100_000_000
#: Ours, in pixels: the longer side of the largest video that is decoded; 8K has 7,680.
SOURCE_SIDE_MAX = 8192

#: Seconds that the child may take for a check, while `submit` waits; for a conversion, which has the function's 900 s
#: minus the time to fetch and store the files; and for a look at a result.
CHECK_SECONDS = 40
CONVERT_SECONDS = 780
LOOK_SECONDS = 40
#: Seconds by which a conversion's length may differ from its plan: two pictures at 12 a second, the slowest usual
#: rate, and some rounding by the container's clock.
PLAN_SECONDS = 0.2
#: Bytes of address space that the child may use. Measured: 650 MB for a conversion of 10-bit 4K, 1,500 MB for one of
#: 8K, 1,000 MB for the largest image. The function that starts the child has 3,008 MB.
CHILD_MEMORY = 2560 * 1024**2
#: Bytes that the child may write into one file: a video's SIZE_MAX and room for the container's own data.
WRITE_MAX = SIZE_MAX[Kind.VIDEO] + 10 * MB

#: Characters in a sentence: S3 allows 256 in a tag's value, and `rejected: ` comes before the sentence.
REASON_MAX = 230

_NOT_TAGGABLE = re.compile(r"[^A-Za-z0-9 +\-=._:/@]+")
_A = {Kind.IMAGE: "an image", Kind.VIDEO: "a video"}
#: The advice for too many bytes, and for too many pixels.
SMALLER_FILE = "export it again as a smaller file"
AT_LOWER_RESOLUTION = "at a lower resolution"
_EXPORT = {Kind.IMAGE: "export it again as JPG or PNG", Kind.VIDEO: "export it again as MP4"}


class Rejected(MotionDropError):
    """The drop cannot be animated; `reason` says why in one plain line of at most REASON_MAX characters."""

    def __init__(self, reason: str) -> None:
        self.reason = plain(reason)[:REASON_MAX].rstrip()
        super().__init__(self.reason)


def plain(text: str) -> str:
    """`text` in the alphabet of S3 tags: each run of spaces and of characters outside it becomes one space."""
    return " ".join(_NOT_TAGGABLE.sub(" ", text).split())


def expect(name: str, size: int) -> Kind:
    """The kind that a file's name claims. Raise Rejected if the name or the size, in bytes, rules out an animation."""
    kind = kind_of(name)
    if kind is None:
        raise Rejected("this file type is not supported - export it as JPG or PNG for an image or as MP4 for a video")
    if size <= 0:
        raise Rejected("file is empty - upload it again")
    if size > SOURCE_MAX[kind]:
        measured = math.ceil(size * 100 / MB) / 100
        most = SOURCE_MAX[kind] // MB
        raise Rejected(f"{kind} is {measured:.10g} MB - the limit is {most} MB - {SMALLER_FILE}")
    return kind


def match_name(name: str, found: Format | None, kind: Kind) -> Format:
    """The format `found` in a file's first bytes, whatever its extension. Raise Rejected if it is not of `kind`."""
    extension = extension_of(name)
    if found is None:
        raise Rejected(f"file is not {_A[kind]} although its name ends in .{extension} - {_EXPORT[kind]}")
    if found.kind is None:
        raise Rejected(f"file is in {found.name} format - this cannot be converted - {_EXPORT[kind]}")
    if found.kind is not kind:
        raise Rejected(
            f"file is in {found.name} format but its name ends in .{extension}"
            f" - rename it to end in .{found.extensions[0]}"
        )
    return found


def check_smallest(kind: Kind, width: int, height: int) -> None:
    """Reject sides below SIDE_MIN and shapes beyond 1:3 to 3:1, which no conversion can fix; pixels as displayed."""
    for side, direction in ((width, "wide"), (height, "tall")):
        if side < SIDE_MIN:
            raise Rejected(
                f"{kind} is {side} px {direction} - needs at least {SIDE_MIN} px on each side"
                f" - {_EXPORT[kind]} at a higher resolution"
            )
    if max(width, height) > ASPECT_MAX * min(width, height):
        long, short = ("wide", "tall") if width > height else ("tall", "wide")
        ratio = math.ceil(max(width, height) * 1000 / min(width, height)) / 1000
        raise Rejected(
            f"{kind} is too {long} - at {width} x {height} px it is {ratio:g} times as {long} as it is {short}"
            f" - the limit is {ASPECT_MAX} times - crop it"
        )


def check_sides(kind: Kind, width: int, height: int) -> None:
    """Reject what the provider would refuse: sides outside SIDE_MIN to SIDE_MAX, shapes beyond 1:3 to 3:1."""
    for side, direction in ((width, "wide"), (height, "tall")):
        if side > SIDE_MAX[kind]:
            raise Rejected(f"{kind} is {side} px {direction} - needs {SIDE_MIN} to {SIDE_MAX[kind]} px on each side")
    check_smallest(kind, width, height)


def check_pixels(width: int, height: int) -> None:
    """Reject an image above PIXELS_MAX, before memory is allocated for one of that size."""
    if width * height > PIXELS_MAX:
        raise Rejected(
            f"image is {width} x {height} px - the limit is {PIXELS_MAX // 1_000_000} megapixels"
            f" - {_EXPORT[Kind.IMAGE]} {AT_LOWER_RESOLUTION}"
        )


def check_duration(seconds: float) -> None:
    """Reject a video outside SECONDS_MIN to SECONDS_MAX; the sentence's number is rounded away from the limit."""
    # Microseconds, the finest clock of a container: 30 s of 1001/30000 s frames must not fail by a float's last bit.
    exact = round(seconds, 6)
    if exact < SECONDS_MIN:
        raise Rejected(
            f"video is {math.floor(exact * 100) / 100:g} s long - must be at least {SECONDS_MIN} s long"
            " - use a longer video"
        )
    if exact > SECONDS_MAX:
        raise Rejected(
            f"video is {math.ceil(exact * 100) / 100:.10g} s long - the limit is {SECONDS_MAX} s"
            f" - cut the video to {SECONDS_MAX} s or less and drop it again"
            " - or upload it whole on the drop page and choose which part to use"
            f" - or set trim=0-{SECONDS_MAX} in the upload metadata to keep the first {SECONDS_MAX} s"
        )


def damaged(kind: Kind, what: str = "cannot be opened") -> Rejected:
    """The rejection of a file whose content is broken."""
    return Rejected(f"{kind} {what} - it may be damaged or incomplete - upload it again or {_EXPORT[kind]}")


def too_costly(kind: Kind, what: str) -> Rejected:
    """The rejection of a file that cannot be opened within our own bounds; `what` is the bound."""
    return Rejected(f"{kind} would take more than {what} to process - {_EXPORT[kind]} {AT_LOWER_RESOLUTION}")


def time_of(seconds: float) -> str:
    """A deadline in words, in minutes if it is a whole number of them."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:g} minutes" if minutes and not rest else f"{seconds:g} seconds"
