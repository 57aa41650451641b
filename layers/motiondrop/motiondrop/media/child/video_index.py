"""A video's index, held against its file: every picture must be where the index says, and hold something.

Reading a whole video costs more than it tells; what a broken copy lacks or has overwritten with zeros shows
at the places that the index names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from motiondrop.domain.formats import Kind
from motiondrop.media.child.source import Source
from motiondrop.media.limits import damaged

#: Bytes: pictures that together are no more than this are all looked at, otherwise SAMPLES of them.
_WHOLE_MAX = 3_000_000
_SAMPLES = 8
#: Bytes looked at in a picture that is one of a sample.
_LOOK = 4096
#: A coded picture of these codecs begins with a header that is not zero (an uncompressed black one is all
#: zeros).
_HEADED = {"h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video", "mjpeg", "prores", "dnxhd"}
#: H.264 and HEVC never code three zeros in a row, so a run of them is a hole (ITU-T H.264, emulation
#: prevention).
_ESCAPED = {"h264", "hevc"}
_HOLE = bytes(256)
#: Some encoders pad a picture with zeros.
_ZERO = bytes(1)


@dataclass(frozen=True, slots=True)
class Picture:
    """One entry of the index: offset and size in bytes, time in seconds and in the track's own clock.

    One that is not shown was cut away by an edit list, and is there to be decoded from.
    """

    offset: int
    size: int
    timestamp: int
    seconds: float
    is_key: bool
    is_shown: bool


def check_pictures(source: Source, pictures: Sequence[Picture], codec: str) -> None:
    """Rejected if a picture lies outside the file, or one of those that are looked at is empty."""
    for picture in pictures:
        if picture.offset < 0 or picture.size < 0:
            raise damaged(Kind.VIDEO, "has a broken index")
        if picture.offset + picture.size > source.size:
            raise damaged(Kind.VIDEO, f"ends early - only {picture.seconds:.1f} s of it are there")
    if codec not in _HEADED:
        return
    for picture, length in _looked_at(pictures):
        data = source.at(picture.offset, length)
        if not any(data[: len(_HOLE)]) or (codec in _ESCAPED and _HOLE in data.rstrip(_ZERO)):
            raise damaged(Kind.VIDEO, f"has a hole at {picture.seconds:.1f} s")


def _looked_at(pictures: Sequence[Picture]) -> list[tuple[Picture, int]]:
    """Pictures to look at, with how many bytes; one too short to tell from a skipped picture is left out."""
    telling = [picture for picture in pictures if picture.size >= len(_HOLE)]
    if sum(picture.size for picture in telling) <= _WHOLE_MAX:
        return [(picture, picture.size) for picture in telling]
    step = (len(telling) - 1) / (_SAMPLES - 1)
    spread = {round(index * step) for index in range(_SAMPLES)}
    return [(telling[index], min(telling[index].size, _LOOK)) for index in sorted(spread)]
