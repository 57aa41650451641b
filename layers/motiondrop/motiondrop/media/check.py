"""The check of a drop before a cent is spent: what it is, if the provider takes it, what would do better.

This is the door to the library's media check; the numbers stand in `limits`, the formats in `formats`.
"""

from fractions import Fraction

from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import ignored, kind_of
from motiondrop.media.limits import Media, Rejected, check_duration, check_sides, check_size, damaged
from motiondrop.media.sandbox import Reader, SandboxError, probe

__all__ = ["Kind", "Media", "Reader", "Rejected", "SandboxError", "advice", "check", "ignored", "kind_of"]

#: Ours: below these the page's advice is worth repeating ("use a reference video that has a higher resolution
#: and frame rate", "Avoid blurry images or low-frame-rate videos"; it names no numbers). 480 px is the short
#: side of the smallest common video size, 24 the frame rate of film; 23.9 lets 24000/1001 pass.
ADVISED_SHORT_SIDE = 480
ADVISED_FRAME_RATE = 23.9
#: Ours: "Make sure the person occupies a similar portion of the frame in both" cannot hold if one frame is
#: this many times as wide, for its height, as the other; 16:9 beside 4:3 (1.33) still is close, 4:3 beside
#: 3:4 (1.78) is not.
ADVISED_ASPECT_FACTOR = Fraction(3, 2)


def check(key: str, size: int, read: Reader) -> Media:
    """Check the drop `key` of `size` bytes, which `read(offset, length)` reads; at most 8 MB of it are read.

    Rejected if it is no media that the provider takes, within 10 s beside the reading and 512 MB of memory.
    Whatever `read` raises comes through, and SandboxError says that the sandbox failed: neither is a word
    about the file.
    """
    kind = expect(key, size)
    media = probe(key, kind, size, read)
    # Said again on this side of the pipe: the sandbox has met the file, and its word alone is not enough.
    check_sides(media.kind, media.width, media.height)
    if media.kind is Kind.VIDEO:
        if media.duration is None:
            raise damaged(media.kind)
        check_duration(media.duration)
    return media


def expect(key: str, size: int) -> Kind:
    """What the drop claims to be; Rejected where its name or its size, in bytes, is enough to tell that it is not."""
    kind = kind_of(key)
    if kind is None:
        raise Rejected("file is neither an image nor a video - needs JPG PNG BMP or WEBP and MP4 MOV or AVI")
    check_size(kind, size)
    return kind


def advice(image: Media, video: Media) -> tuple[str, ...]:
    """What would make a better video of these two: plain lines in the alphabet of S3 tags, often none."""
    lines = []
    short = min(video.width, video.height)
    if short < ADVISED_SHORT_SIDE:
        lines.append(
            f"the video is only {video.width} x {video.height} px - one of at least {ADVISED_SHORT_SIDE} px"
            " on its short side gives a better result"
        )
    if video.frame_rate is not None and video.frame_rate < ADVISED_FRAME_RATE:
        lines.append(f"the video has only {video.frame_rate:.3g} frames per second - 24 or more give a better result")
    shapes = (Fraction(image.width, image.height), Fraction(video.width, video.height))
    if max(shapes) > ADVISED_ASPECT_FACTOR * min(shapes):
        lines.append(
            f"the image is {image.width} x {image.height} px and the video {video.width} x {video.height} px"
            " - two of the same shape give a better result"
        )
    return tuple(lines)
