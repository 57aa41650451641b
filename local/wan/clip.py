"""The reference video's pictures: each at its moment, upright, at the size that is asked for."""

import itertools
import math
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from local.wan.scene import Size

_PACE_IF_UNKNOWN = 25
_ROUNDING = 1e-6
_SMALL_PIXELS = 640 * 360
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def frames_at(source: InputContainer, count: int, rate: int) -> Iterator[VideoFrame]:
    """Give `count` frames at `rate` a second: for each moment, the frame shown then; a frame may be repeated."""
    given = 0
    start: float | None = None
    shown: VideoFrame | None = None
    for moment, frame in _timed_frames(source):
        start = moment if start is None else start
        # The picture before this one was on the screen until now.
        due = min(count, math.ceil((moment - start) * rate - _ROUNDING)) - given
        if shown is not None and due > 0:
            yield from itertools.repeat(shown, due)
            given += due
        if given == count:
            return
        shown = frame
    if shown is not None:
        yield from itertools.repeat(shown, count - given)


def _timed_frames(source: InputContainer) -> Iterator[tuple[float, VideoFrame]]:
    """Give each frame with its moment in seconds; a clip that is broken near its end just ends there."""
    stream = source.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > _SMALL_PIXELS:
        stream.thread_type = "AUTO"
    else:
        # Threads cost a small video more time than they save.
        stream.codec_context.thread_count = 1
    pace = float(stream.average_rate or _PACE_IF_UNKNOWN)
    number = -1
    try:
        for number, frame in enumerate(source.decode(stream)):
            # Some AVI files do not say when a frame is due.
            yield number / pace if frame.pts is None else frame.time, frame
    except av.FFmpegError:
        if number < 0:
            raise


def shape_of(source: InputContainer, frame: VideoFrame) -> Size:
    """Return width and height as a player shows them: turned upright, with square pixels."""
    stretch = source.streams.video[0].sample_aspect_ratio or 1
    width, height = max(1, round(frame.width * stretch)), frame.height
    return (height, width) if _turn(frame) in {90, 270} else (width, height)


def _turn(frame: VideoFrame) -> int:
    return round(frame.rotation / 90) * 90 % 360


class Pictures:
    """Turns frames into pictures of one size; what does not fit is cropped equally on both sides."""

    def __init__(self, shape: Size, size: Size) -> None:
        scale = max(size[0] / shape[0], size[1] / shape[1])
        self._size = size
        self._covering = (math.ceil(shape[0] * scale), math.ceil(shape[1] * scale))
        self._scaler = VideoReformatter()
        self._last: tuple[VideoFrame, Image.Image] | None = None

    def of(self, frame: VideoFrame) -> Image.Image:
        """Return the frame as a player shows it; a repeated frame gives the same picture object."""
        if self._last is None or self._last[0] is not frame:
            self._last = frame, self._scaled(frame)
        return self._last[1]

    def _scaled(self, frame: VideoFrame) -> Image.Image:
        turn = _turn(frame)
        width, height = self._covering[::-1] if turn in {90, 270} else self._covering
        scaled = self._scaler.reformat(frame, width, height, "rgb24", interpolation="FAST_BILINEAR", threads=1)
        picture = _picture(scaled)
        if turn:
            picture = picture.transpose(_TURNS[turn])
        if picture.size == self._size:
            return picture
        left, top = (picture.width - self._size[0]) // 2, (picture.height - self._size[1]) // 2
        return picture.crop((left, top, left + self._size[0], top + self._size[1]))


def _picture(frame: VideoFrame) -> Image.Image:
    """Copy an RGB frame's bytes into a picture, without the padding at its lines' ends."""
    plane = frame.planes[0]
    size = (frame.width, frame.height)
    return Image.frombuffer("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)
