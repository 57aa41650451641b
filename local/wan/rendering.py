"""Render the stand-in's video: the character, moving as the reference moves, and a label on every frame.

The notes, "What comes out": 720P tier, wan-std at 15 and wan-pro at 25 frames a second, with the reference's sound.
"""

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from local.wan.clip import Pictures, frames_at, shape_of
from local.wan.errors import ProviderError
from local.wan.media import VideoFacts
from local.wan.motion import Motion
from local.wan.scene import Order, Scene, Size
from local.wan.sound import sound_packets, sound_stream

FRAMES_PER_SECOND = {"wan-std": 15, "wan-pro": 25}
_CRF = {"wan-std": "28", "wan-pro": "23"}
"""The page calls wan-pro's results better: here they have a finer quantiser."""


def render(image: Path, video: Path, facts: VideoFacts, order: Order, target: Path) -> float:
    """Write an H.264 MP4 as long as the reference, in whole frames, and return its seconds; raises ProviderError."""
    rate = FRAMES_PER_SECOND[order.mode]
    # Whole frames, and never longer than the reference: this is how the provider's published code counts them.
    count = max(1, round(facts.seconds * 1000) * rate // 1000)
    faststart = {"movflags": "faststart"}
    try:
        with av.open(str(video)) as source, av.open(str(target), "w", format="mp4", options=faststart) as sink:
            frames = frames_at(source, count, rate)
            first = next(frames, None)
            if first is None:
                raise ProviderError("InvalidFile.Openerror", "The video has no frame that can be decoded.")
            film = _Film(source, sink, first, Scene(image, shape_of(source, first), order), order.mode)
            film.add_sound(video, count / rate)
            film.add(first)
            for frame in frames:
                film.add(frame)
            film.end()
    except av.FFmpegError as error:
        raise ProviderError("InvalidFile.Openerror", "The video cannot be decoded.") from error
    return count / rate


class _Film:
    """The video as it is being written, frame by frame."""

    def __init__(
        self, source: InputContainer, sink: OutputContainer, first: VideoFrame, scene: Scene, mode: str
    ) -> None:
        self._source, self._sink, self._scene = source, sink, scene
        self._rate = FRAMES_PER_SECOND[mode]
        self._stream = _video_stream(sink, scene.size, self._rate, mode)
        self._pictures = Pictures(shape_of(source, first), scene.clip_size)
        self._motion = Motion(self._rate)
        self._scaler = VideoReformatter()
        self._written = 0

    def add_sound(self, video: Path, seconds: float) -> None:
        """Write the reference's sound, if it has any; the sound has to be written before the first frame."""
        stream = sound_stream(self._sink, self._source)
        if stream is not None:
            for packet in sound_packets(video, stream, seconds):
                self._sink.mux(packet)

    def add(self, frame: VideoFrame) -> None:
        """Write the result's frame for this frame of the reference."""
        clip = self._pictures.of(frame)
        drawn = VideoFrame.from_image(self._scene.drawn(clip, self._motion.follow(clip)))
        # One thread: left to itself the encoder's own conversion makes new threads for every frame.
        converted = self._scaler.reformat(drawn, *self._scene.size, "yuv420p", threads=1)
        converted.pts, converted.time_base = self._written, Fraction(1, self._rate)
        self._written += 1
        self._sink.mux(self._stream.encode(converted))

    def end(self) -> None:
        """Write what the encoder still holds back."""
        self._sink.mux(self._stream.encode(None))


def _video_stream(sink: OutputContainer, size: Size, rate: int, mode: str) -> VideoStream:
    """Add the video's stream, which encodes in one thread."""
    stream = sink.add_stream("libx264", rate=rate)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, rate)
    stream.codec_context.thread_count = 1
    stream.options = {"preset": "ultrafast", "crf": _CRF[mode]}
    return stream
