"""Advice for a better video from two files."""

from fractions import Fraction

from motiondrop.domain.job import Input

#: Ours: below these the page's advice is worth repeating ("use a reference video that has a higher resolution
#: and frame rate", "Avoid blurry images or low-frame-rate videos"; it names no numbers). 480 px is the short
#: side of the smallest common video size, 24 the frame rate of film; 23.9 lets 24000/1001 pass.
ADVISED_SHORT_SIDE = 480
ADVISED_FRAME_RATE = 23.9
#: Ours: "Make sure the person occupies a similar portion of the frame in both" cannot hold if the aspect ratio of
#: one frame is this many times the other's: 16:9 and 4:3 (1.33) are close enough, 4:3 and 3:4 (1.78) are not.
ADVISED_ASPECT_FACTOR = Fraction(3, 2)


def advice(image: Input, video: Input) -> tuple[str, ...]:
    """Advice for a better video of these two files: plain lines in the alphabet of S3 tags, often none."""
    lines = []
    short = min(video.width, video.height)
    if short < ADVISED_SHORT_SIDE:
        lines.append(
            f"your video is only {video.width} x {video.height} px - use one with at least"
            f" {ADVISED_SHORT_SIDE} px on its short side"
        )
    if video.frame_rate is not None and video.frame_rate < ADVISED_FRAME_RATE:
        lines.append(f"your video has only {video.frame_rate:.3g} frames per second - use one with 24 or more")
    shapes = (Fraction(image.width, image.height), Fraction(video.width, video.height))
    if max(shapes) > ADVISED_ASPECT_FACTOR * min(shapes):
        lines.append(
            f"your image is {image.width} x {image.height} px and your video is {video.width} x {video.height} px"
            " - use files of a similar shape"
        )
    return tuple(lines)
