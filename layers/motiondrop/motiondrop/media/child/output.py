"""Writes MP4 files that are safe to send and quick to play, and measures them. Runs in the sandbox."""

from collections.abc import Iterator
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph

from motiondrop.domain.formats import MP4, Kind
from motiondrop.media.child.job import File
from motiondrop.media.child.video import READ_BYTES, Scan, Tracks, codec_of, decoded, has_sound, open_video
from motiondrop.media.limits import SECONDS_MAX, SOUND_OVERHANG, check_duration, damaged

#: The index comes first, so that playback can start before the whole file has arrived; no date, no encoder's name.
_OPTIONS = {"movflags": "faststart", "fflags": "+bitexact"}
#: Codecs of sound that is copied unchanged.
_KEPT_SOUND = {"aac"}
#: Samples and bits per second of re-encoded sound: enough to hear no difference with two channels.
_SAMPLE_RATE, _BIT_RATE = 48_000, 160_000
_AAC_SAMPLES = 1024
_MICROSECONDS = 1_000_000


def open_output(copy: File) -> OutputContainer:
    """Open an empty MP4 in place of whatever was written before."""
    copy.empty()

    def again(*_: object) -> File:
        """Let FFmpeg read what it wrote, which it does to move the index to the front."""
        return copy.again()

    return av.open(copy.again(), mode="w", format="mp4", options=_OPTIONS, io_open=again, buffer_size=READ_BYTES)


def pulled(graph: Graph | None) -> Iterator[Any]:
    """The frames that a filter graph has ready: pictures or sound, whichever went in."""
    while graph is not None:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return


class Sound:
    """Re-encodes sound as AAC: the part from `start` to `end`, in seconds on its file's clock, moved to begin at 0."""

    def __init__(self, output: OutputContainer, source: AudioStream, start: float, end: float) -> None:
        self._output, self._source = output, source
        self._start, self._end = start, end
        self._graph: Graph | None = None
        mono = source.codec_context.layout.nb_channels == 1
        self._layout = "mono" if mono else "stereo"
        self._stream = output.add_stream("aac", rate=_SAMPLE_RATE, layout=self._layout)
        self._stream.bit_rate = _BIT_RATE

    def write(self, packet: "av.Packet[Any]") -> None:
        """Take the next packet; if it does not decode, it becomes silence."""
        for frame in decoded(packet):
            if frame.time is None or frame.time >= self._end:
                continue
            if self._graph is None:
                self._graph = self._filters(frame)
            self._graph.push(frame)
            self._drain()

    def finish(self) -> None:
        """Write what is left."""
        if self._graph is not None:
            self._graph.push(None)
            self._drain()
        self._output.mux(self._stream.encode(None))

    def _filters(self, frame: Any) -> Graph:
        graph = Graph()
        base = frame.time_base
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name, time_base=base
        )
        graph.link_nodes(
            source,
            graph.add("atrim", f"start={self._start:.6f}:end={self._end:.6f}"),
            graph.add("asetpts", f"PTS-({self._start:.6f}/TB)"),
            # Gaps become silence, so that the sound stays in step with the pictures.
            graph.add("aresample", f"{_SAMPLE_RATE}:async=1:first_pts=0"),
            graph.add("aformat", f"sample_fmts=fltp:channel_layouts={self._layout}"),
            graph.add("abuffersink"),
        ).configure()
        graph.set_audio_frame_size(_AAC_SAMPLES)
        return graph

    def _drain(self) -> None:
        for frame in pulled(self._graph):
            self._output.mux(self._stream.encode(frame))


def remux(container: InputContainer, used: Tracks, found: Scan, copy: File) -> bool:
    """Copy pictures and sound of a container that was not read yet, so that the first picture is at zero.

    Return False if the packets' times do not allow it, or FFmpeg fails.
    """
    try:
        with open_output(copy) as output:
            picture = output.add_stream_from_template(used.picture, opaque=True)
            if used.picture.codec_context.codec_tag == "hvc1":
                picture.codec_context.codec_tag = "hvc1"  # else it would be `hev1`, which Apple's players do not play
            sound = _sound(output, used.sound, found)
            for packet in container.demux(tuple(used)):
                if packet.size == 0 or not packet.time_base:
                    continue
                if packet.stream is used.sound and isinstance(sound, Sound):
                    sound.write(packet)
                    continue
                moved = round(found.start / packet.time_base)
                if (
                    packet.pts is None
                    or packet.dts is None
                    or packet.pts + (packet.duration or 0) <= moved < packet.pts
                ):
                    return False
                packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
                packet.stream = picture if packet.stream is used.picture else sound
                output.mux(packet)
            if isinstance(sound, Sound):
                sound.finish()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _sound(output: OutputContainer, source: AudioStream | None, found: Scan) -> Any:
    """The output's sound track: a copy if the source is AAC, else a re-encoded one; None without sound."""
    if source is None:
        return None
    if codec_of(source) in _KEPT_SOUND:
        return output.add_stream_from_template(source, opaque=True)
    return Sound(output, source, found.start, found.end)


def measured(copy: File) -> dict[str, Any]:
    """Measure an MP4 that was written here. Raise Rejected if it is too long or too short."""
    with open_video(copy, MP4) as container:
        picture = container.streams.video[0]
        if not picture.duration or not picture.time_base:
            raise damaged(Kind.VIDEO)
        seconds = round(float(picture.duration * picture.time_base), 6)
        check_duration(seconds)
        whole = (container.duration or 0) / _MICROSECONDS
        if whole > SECONDS_MAX + SOUND_OVERHANG:
            check_duration(whole)
        return {
            "duration": seconds,
            "frame_rate": round(picture.frames / seconds, 3),
            "codec": codec_of(picture),
            "sound": has_sound(container),
        }
