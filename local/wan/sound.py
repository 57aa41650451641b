"""The reference video's sound, if it has any, which the result keeps: as AAC, and no longer than the result."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph

if TYPE_CHECKING:
    from av.packet import Packet

_RATE = 48_000
_BIT_RATE = 128_000


def sound_stream(sink: OutputContainer, source: InputContainer) -> AudioStream | None:
    """Add a stream for the sound, mono or stereo; None if the reference has none that can be decoded."""
    if not source.streams.audio or not source.streams.audio[0].codec_context:
        return None
    layout = "mono" if source.streams.audio[0].channels == 1 else "stereo"
    stream = sink.add_stream("aac", rate=_RATE, layout=layout)
    stream.bit_rate = _BIT_RATE
    return stream


def sound_packets(video: Path, stream: AudioStream, seconds: float) -> Iterator["Packet[AudioStream]"]:
    """Give the sound of the video's first `seconds`; a sound track that breaks off just ends there."""
    with av.open(str(video)) as source:
        for frame in _trimmed(source, stream.layout.name, seconds):
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _trimmed(source: InputContainer, layout: str, seconds: float) -> Iterator[AudioFrame]:
    """Give the sound from the first picture's moment on, in the encoder's form."""
    pictures = source.streams.video[0]
    start = float((pictures.start_time or 0) * (pictures.time_base or 0))
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(template=source.streams.audio[0]),
        graph.add("atrim", f"start={start}:duration={seconds}"),
        graph.add("asetpts", f"PTS-{start}/TB"),
        graph.add("aformat", f"sample_fmts=fltp:sample_rates={_RATE}:channel_layouts={layout}"),
        graph.add("abuffersink"),
    ).configure()
    try:
        for frame in source.decode(audio=0):
            graph.push(frame)
            yield from _ready(graph)
        graph.push(None)
        yield from _ready(graph)
    except av.FFmpegError:
        return


def _ready(graph: Graph) -> Iterator[AudioFrame]:
    """Give the frames that the filters have finished so far."""
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(frame, AudioFrame):
            yield frame
