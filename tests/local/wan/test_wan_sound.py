"""Sound follows the reference: sound in, sound out."""

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import pytest
import requests
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from tests.support.stand_in import MIX, Caller, MediaServer, video_file

Sounding = Callable[..., str]
TONE = 440  # Hz


def with_sound(path: Path, video: bytes, codec: str, *, seconds: float, begins: float = 0) -> bytes:
    """Add a tone to a video; `begins` is how many seconds after the first picture."""
    with (
        av.open(io.BytesIO(video), "r") as source,
        av.open(f"sine=frequency={TONE}:duration={seconds}", format="lavfi") as made,
        av.open(str(path), "w", options={"max_interleave_delta": "0"}) as sink,
    ):
        pictures = sink.add_stream_from_template(source.streams.video[0])
        sound = sink.add_stream(codec, rate=44_100)
        assert isinstance(sound, AudioStream)
        for frame in made.decode(audio=0):
            frame.pts = None if frame.pts is None else frame.pts + round(begins * 44_100)
            sink.mux(sound.encode(frame))
        sink.mux(sound.encode(None))
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                sink.mux(packet)
    return path.read_bytes()


@pytest.fixture
def sounding(media: MediaServer, folder: Path) -> Sounding:
    def serve(name: str = "a.mp4", codec: str = "aac", seconds: float = 2, begins: float = 0) -> str:
        container = name.rpartition(".")[2]
        video = video_file(folder / "silent", container=container, seconds=2)
        media.files[f"/{name}"] = with_sound(folder / name, video, codec, seconds=seconds, begins=begins)
        return f"/{name}"

    return serve


def result(caller: Caller, **inputs: str) -> bytes:
    return requests.get(caller.result_url(**inputs), timeout=10).content


def heard(data: bytes) -> list[tuple[float, float]]:
    """Return the moment and the value of each sample of the left channel."""
    samples = []
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(audio=0):
            assert isinstance(frame, AudioFrame)
            values = memoryview(bytes(frame.planes[0])).cast("f")[: frame.samples]
            assert frame.time is not None
            samples += [(frame.time + at / frame.sample_rate, value) for at, value in enumerate(values)]
    return samples


def loud(data: bytes) -> list[float]:
    return [moment for moment, value in heard(data) if abs(value) > 0.03]


@pytest.mark.parametrize("mode", ["wan-std", "wan-pro"])
@pytest.mark.parametrize("model", ["wan2.2-animate-move", MIX])
def test_sound_of_the_reference_is_in_the_result(caller: Caller, sounding: Sounding, mode: str, model: str) -> None:
    data = result(caller, video=sounding(), mode=mode, model=model)
    with av.open(io.BytesIO(data), "r") as container:
        (stream,) = container.streams.audio
        assert stream.codec_context.name == "aac"
        assert (container.duration or 0) / av.time_base == pytest.approx(2, abs=0.03)
    middle = [value for moment, value in heard(data) if 0.5 <= moment < 1.5]
    crossings = sum(1 for one, other in pairwise(middle) if one < 0 <= other)
    assert crossings == pytest.approx(TONE, abs=2)


def test_reference_without_sound_makes_a_result_without_sound(caller: Caller) -> None:
    with av.open(io.BytesIO(result(caller)), "r") as container:
        assert not container.streams.audio
        assert len(container.streams.video) == 1


@pytest.mark.parametrize(("name", "codec"), [("a.mov", "pcm_s16le"), ("a.avi", "libmp3lame"), ("a.avi", "pcm_s16le")])
def test_sound_of_any_codec_becomes_aac(caller: Caller, sounding: Sounding, name: str, codec: str) -> None:
    data = result(caller, video=sounding(name, codec))
    with av.open(io.BytesIO(data), "r") as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert len(loud(data)) > 40_000


def test_sound_that_is_longer_than_the_pictures_is_cut(caller: Caller, sounding: Sounding) -> None:
    data = result(caller, video=sounding(seconds=3))
    with av.open(io.BytesIO(data), "r") as container:
        assert (container.duration or 0) / av.time_base == pytest.approx(2, abs=0.03)
    assert max(loud(data)) == pytest.approx(2, abs=0.03)


def test_sound_that_begins_late_or_ends_early_does_so_in_the_result(caller: Caller, sounding: Sounding) -> None:
    moments = loud(result(caller, video=sounding(seconds=0.8, begins=0.5)))
    assert min(moments) == pytest.approx(0.5, abs=0.05)
    assert max(moments) == pytest.approx(1.3, abs=0.05)


def test_sound_that_breaks_off_does_not_hinder_the_pictures(
    caller: Caller, media: MediaServer, sounding: Sounding
) -> None:
    path = sounding()
    broken = bytearray(media.files[path])
    with av.open(io.BytesIO(broken), "r") as container:
        for packet in container.demux(audio=0):
            if packet.pos is not None and (packet.pts or 0) > 44_100:
                broken[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    media.files[path] = bytes(broken)
    data = result(caller, video=path)
    assert max(loud(data)) == pytest.approx(1, abs=0.1)
    with av.open(io.BytesIO(data), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 30
