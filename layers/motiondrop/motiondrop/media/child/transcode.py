"""Transcodes a video to H.264 and AAC in MP4. Runs in the sandbox."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.video.frame import VideoFrame

from motiondrop.domain.formats import Kind
from motiondrop.media.child.job import File
from motiondrop.media.child.output import Sound, open_output, pulled
from motiondrop.media.child.video import Tracks, sideways
from motiondrop.media.limits import damaged

#: Ticks per second of the copy's clock: MPEG's own, a multiple of all usual whole frame rates.
_CLOCK = 90_000
#: Transfer functions of HDR, by their numbers in ITU-T H.273: PQ of HDR10, and HLG.
PQ, HLG = 16, 18
#: x264's options: quality 20 is hard to tell from the source, two processors finish `veryfast` in time, and 40 Mbit/s
#: for 30 s is 150 MB of the 200 MB that the provider takes.
_X264 = {"preset": "veryfast", "crf": "20", "maxrate": "40M", "bufsize": "40M", "profile": "high"}
#: The most seconds between two key pictures.
_KEY_SECONDS = 2
#: Seconds by which two times of the same moment may differ.
_SLACK = 1e-4
#: Seconds by which a container rounds a picture's time.
_JITTER = 1e-3
#: How many packets of pictures may fail to decode: this share of all, plus this number.
_BROKEN_SHARE, _BROKEN = 0.02, 2
_BT709 = 1
_QUARTER, _HALF = 90, 180


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a copy is made: `start` and `end` in seconds on the source's clock, sides in pixels as displayed.

    `thins` means that pictures are left out to lower the frame rate, `seeks` that reading begins near `start`, and
    `transfer` is the transfer function of the source's pictures, by its number in ITU-T H.273.
    """

    needed: bool
    start: float
    end: float
    width: int
    height: int
    frame_rate: float
    thins: bool
    seeks: bool
    transfer: int

    def plan(self) -> dict[str, Any]:
        """The size, the length and the frame rate of the copy."""
        return {
            "width": self.width,
            "height": self.height,
            "duration": round(self.end - self.start, 6),
            "frame_rate": round(self.frame_rate, 3),
        }


def transcode(container: InputContainer, used: Tracks, recipe: Recipe, copy: File) -> None:
    """Write the copy. Raise Rejected if too much of the source does not decode."""
    context = used.picture.codec_context
    context.thread_type, context.thread_count = "AUTO", 0
    if recipe.seeks:
        container.seek(int(recipe.start * av.time_base), backward=True)
    with open_output(copy) as output:
        pictures = _Pictures(output, recipe)
        sound = Sound(output, used.sound, recipe.start, recipe.end) if used.sound else None
        tried = broken = 0
        for packet in container.demux(tuple(used)):
            if packet.stream is used.sound:
                if sound is not None:
                    sound.write(packet)
                continue
            tried += 1
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                broken += pictures.begun
                continue
            for frame in frames:
                pictures.write(frame)  # type: ignore[arg-type]  # a picture track's frames are pictures
            if pictures.over and packet.dts is not None and (packet.dts * packet.time_base) > recipe.end + 1:
                break
        if broken > tried * _BROKEN_SHARE + _BROKEN:
            raise damaged(Kind.VIDEO, f"has {broken} broken frames")
        pictures.finish()
        if sound is not None:
            sound.finish()


class _Pictures:
    """Filters and encodes pictures. Each keeps its time, and the last one is shown until the end."""

    def __init__(self, output: OutputContainer, recipe: Recipe) -> None:
        self._output, self._recipe = output, recipe
        rate = Fraction(recipe.frame_rate).limit_denominator(1001)
        self._stream = output.add_stream("libx264", rate=rate, options=_X264)
        self._stream.width, self._stream.height, self._stream.pix_fmt = recipe.width, recipe.height, "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, _CLOCK)
        context.gop_size = max(1, round(_KEY_SECONDS * recipe.frame_rate))
        if recipe.transfer in {PQ, HLG}:
            context.color_primaries = context.color_trc = context.colorspace = _BT709
        self._graph: Graph | None = None
        self._shape: tuple[object, ...] = ()
        self._kept = 0
        self._last: int | None = None
        self._durations: dict[int, int] = {}
        self.over = False

    @property
    def begun(self) -> bool:
        """Whether a picture has been taken yet."""
        return self._kept > 0

    def write(self, frame: VideoFrame) -> None:
        """Take the next picture, unless it is outside the part that is kept or one too many for the frame rate."""
        moment = frame.time - self._recipe.start if frame.time is not None else self._kept / self._recipe.frame_rate
        if moment < -_SLACK:
            return
        if moment >= self._recipe.end - self._recipe.start - _SLACK:
            self.over = True
            return
        ticks = max(round(moment * _CLOCK), 0)
        too_many = self._recipe.thins and moment < self._kept / self._recipe.frame_rate - _JITTER
        if too_many or (self._last is not None and ticks <= self._last):
            return
        if self._last is not None:
            self._durations[self._last] = ticks - self._last
        self._last, self._kept = ticks, self._kept + 1
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            self._flush()
            self._graph, self._shape = _filters(frame, self._recipe), shape
        frame.pts, frame.time_base = ticks, Fraction(1, _CLOCK)
        if self._graph is not None:
            self._graph.push(frame)
        self._drain()

    def finish(self) -> None:
        """Write what is left. Raise Rejected if no picture was taken."""
        if self._last is None:
            raise damaged(Kind.VIDEO, "has no frames")
        self._durations[self._last] = round((self._recipe.end - self._recipe.start) * _CLOCK) - self._last
        self._flush()
        self._mux(self._stream.encode(None))

    def _flush(self) -> None:
        if self._graph is not None:
            self._graph.push(None)
            self._drain()

    def _drain(self) -> None:
        for frame in pulled(self._graph):
            frame.pict_type = 0  # the encoder chooses
            self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, packet.duration)
            self._output.mux(packet)


def _filters(frame: VideoFrame, recipe: Recipe) -> Graph:
    """The filters that turn decoded pictures like `frame` into pictures to encode."""
    width, height = (recipe.height, recipe.width) if sideways(frame) else (recipe.width, recipe.height)
    steps = [("scale", f"{width}:{height}:flags=bilinear:out_range=tv")]
    if recipe.transfer == HLG:
        # HLG is made to be watched unchanged on a BT.2020 screen (ITU-R BT.2390). Its primaries stay, a little pale in
        # BT.709: converting them costs as much again as scaling, and a reference video is there for its motion.
        steps.append(("colorspace", "iall=bt2020:itrc=bt2020-10:all=bt709:format=yuv420p:fast=1"))
    elif recipe.transfer == PQ:
        steps.append(("scale", "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:intent=perceptual"))
    if sideways(frame):
        steps.append(("transpose", "cclock" if frame.rotation > 0 else "clock"))
    elif abs(frame.rotation) > _HALF - _QUARTER // 2:
        steps += [("hflip", ""), ("vflip", "")]
    steps += [("format", "yuv420p"), ("setsar", "1"), ("buffersink", "")]
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, _CLOCK)
    )
    graph.link_nodes(source, *(graph.add(name, arguments or None) for name, arguments in steps)).configure()
    return graph
