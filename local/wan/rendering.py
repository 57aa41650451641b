"""Render the stand-in's video: the character over the reference video, and on every frame what it is."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont, ImageOps

from local.wan.errors import ProviderError
from local.wan.media import VideoFacts

LABEL = "STAND-IN · not the real model"
LONG_SIDE = 640
FRAMES_PER_SECOND = {"wan-std": 12, "wan-pro": 30}
"""The page calls wan-pro smoother and better: here it has more frames and a finer quantiser."""
_CRF = {"wan-std": "30", "wan-pro": "23"}
_SWAYS_PER_SECOND = 0.7
_TILT_DEGREES = 6
_TILT_STEP = 2
_CHARACTER_SHARE = 0.62
_PACE_IF_UNKNOWN = 25
_ROUNDING = 1e-6
_SMALL_PIXELS = 640 * 360
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def render(image: Path, video: Path, facts: VideoFacts, mode: str, target: Path) -> float:
    """Write an H.264 MP4 as long as the reference and return its seconds; raises ProviderError."""
    milliseconds = round(facts.seconds * 1000)
    count = max(1, math.ceil(milliseconds * FRAMES_PER_SECOND[mode] / 1000))
    # Frames at one pace that fills the reference's length exactly, whatever the reference's own pace was.
    rate = Fraction(count * 1000, milliseconds)
    try:
        with (
            av.open(str(video)) as source,
            av.open(
                str(target),
                "w",
                format="mp4",
                options={"movflags": "faststart"},
            ) as sink,
        ):
            stream = None
            scene: Scene | None = None
            scaler = VideoReformatter()
            for number, background in enumerate(_backgrounds(source, count, float(rate))):
                if stream is None or scene is None:
                    scene = Scene(image, background.size)
                    stream = _stream(sink, background.size, rate, mode)
                picture = scene.drawn(background, float(number / rate))
                drawn = VideoFrame.from_image(picture)
                # One thread: left to itself the encoder's own conversion makes new threads for every frame.
                frame = scaler.reformat(drawn, stream.width, stream.height, "yuv420p", threads=1)
                frame.pts = number
                frame.time_base = 1 / rate
                sink.mux(stream.encode(frame))
            if stream is None:
                raise ProviderError("InvalidVideo.Openerror", "The video has no frame that can be decoded.")
            sink.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise ProviderError("InvalidVideo.Openerror", "The video cannot be decoded.") from error
    return milliseconds / 1000


def _stream(sink: OutputContainer, size: tuple[int, int], rate: Fraction, mode: str) -> VideoStream:
    """Add the video's one stream, which encodes in one thread."""
    stream = sink.add_stream("libx264", rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = 1 / rate
    stream.codec_context.thread_count = 1
    stream.options = {"preset": "ultrafast", "crf": _CRF[mode]}
    return stream


def output_size(width: int, height: int) -> tuple[int, int]:
    """Scale a size down until its long side is 640 px at most, with even sides."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def _backgrounds(source: InputContainer, count: int, rate: float) -> Iterator[Image.Image]:
    """Give `count` upright pictures of the reference video, each the one shown at its moment."""
    scaler = VideoReformatter()
    given = 0
    start: float | None = None
    shown: VideoFrame | None = None
    for moment, frame in _timed_frames(source):
        start = moment if start is None else start
        # The picture before this one was on the screen until now.
        due = min(count, math.ceil((moment - start) * rate - _ROUNDING)) - given
        if shown is not None and due > 0:
            yield from itertools.repeat(_upright(shown, scaler), due)
            given += due
        if given == count:
            return
        shown = frame
    if shown is not None:
        yield from itertools.repeat(_upright(shown, scaler), count - given)


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


def _upright(frame: VideoFrame, scaler: VideoReformatter) -> Image.Image:
    """Return the frame as a phone would show it, scaled to the output's size."""
    turn = round(frame.rotation / 90) * 90 % 360
    width, height = output_size(frame.width, frame.height)
    scaled = scaler.reformat(frame, width, height, "rgb24", interpolation="FAST_BILINEAR", threads=1)
    picture = _picture(scaled)
    return picture.transpose(_TURNS[turn]) if turn else picture


def _picture(frame: VideoFrame) -> Image.Image:
    """Copy an RGB frame's bytes into a picture, without the padding at its lines' ends."""
    plane = frame.planes[0]
    size = (frame.width, frame.height)
    return Image.frombuffer("RGB", size, bytes(plane), "raw", "RGB", plane.line_size, 1)


class Scene:
    """The character and the label, prepared once for all frames of one size."""

    def __init__(self, image: Path, size: tuple[int, int]) -> None:
        self._size = size
        self._label, self._label_at = _label(size)
        character = _character(image, size)
        self._tilts = {
            tilt: character.rotate(tilt, Image.Resampling.BILINEAR, expand=True)
            for tilt in range(-_TILT_DEGREES, _TILT_DEGREES + 1, _TILT_STEP)
        }

    def drawn(self, background: Image.Image, seconds: float) -> Image.Image:
        """Return a copy of the background with the character at its place in the dance, and the label."""
        width, height = self._size
        picture = background.copy()
        phase = 2 * math.pi * _SWAYS_PER_SECOND * seconds
        character = self._tilts[round(_TILT_DEGREES / _TILT_STEP * math.cos(phase)) * _TILT_STEP]
        sway = 0.14 * width * math.sin(phase)
        bounce = 0.08 * height * abs(math.sin(phase * 2))
        x = round((width - character.width) / 2 + sway)
        y = round(height * 0.92 - character.height - bounce)
        picture.paste(character, (x, y), character)
        picture.paste(self._label, self._label_at, self._label)
        return picture


def _character(path: Path, size: tuple[int, int]) -> Image.Image:
    """Return the upright image as a card: rounded corners, a thin light edge, its own transparency kept."""
    width, height = size
    bounds = (max(8, int(width * _CHARACTER_SHARE)), max(8, int(height * _CHARACTER_SHARE)))
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", bounds)
            card = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ProviderError("InvalidImage.Openerror", "The image cannot be decoded.") from error
    card = ImageOps.contain(card, bounds, Image.Resampling.BILINEAR)
    radius = max(2, min(card.size) // 10)
    mask = Image.new("L", card.size, 0)
    box = (0, 0, card.width - 1, card.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
    if card.getchannel("A").getextrema() == (255, 255):
        card.putalpha(mask)
        ImageDraw.Draw(card).rounded_rectangle(box, radius, outline=(255, 255, 255, 255), width=max(1, radius // 4))
    return card


def _label(size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    """Return the label, light on a dark band, as large as the frame's width lets it be, and its place."""
    width, height = size
    points = 22.0
    font = ImageFont.load_default(points)
    too_wide = font.getlength(LABEL) / (width * 0.94)
    if too_wide > 1:
        font = ImageFont.load_default(points / too_wide)
    left, top, right, bottom = font.getbbox(LABEL)
    band_height = int(bottom - top + 10)
    band = Image.new("RGBA", (width, band_height), (0, 0, 0, 190))
    place = ((width - (right - left)) / 2 - left, 5 - top)
    ImageDraw.Draw(band).text(place, LABEL, font=font, fill=(255, 255, 255, 255))
    return band, (0, height - band_height)
