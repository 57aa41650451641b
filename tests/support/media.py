"""Real images and videos, made small and cheap by the encoders themselves, and what is prepared of them."""

import io
import struct
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from PIL import Image

from motiondrop.media.limits import Rejected
from motiondrop.media.prepare import COPY, POSTER, check, convert
from motiondrop.media.report import Order, Plan, Report, Trim

KNOWN_AS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "bmp": "BMP", "webp": "WEBP"}


@dataclass(frozen=True)
class Prepared:
    """What became of a file: a report with its copy, or the plan for it."""

    report: Report
    plan: Plan | None
    copy: bytes
    poster: bytes


def planned(name: str, data: bytes, trim: Trim | None = None) -> Report | Plan:
    """The outcome of a check."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.write_bytes(data)
        return check(source, Order(name, trim), Path(folder))


def prepared(name: str, data: bytes, trim: Trim | None = None) -> Prepared:
    """The copy of a file, converted where that is needed."""
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        source, order = folder / "source", Order(name, trim)
        source.write_bytes(data)
        found = check(source, order, folder)
        plan = found if isinstance(found, Plan) else None
        report = convert(source, order, found, folder) if isinstance(found, Plan) else found
        return Prepared(report, plan, (folder / COPY).read_bytes(), (folder / POSTER).read_bytes())


def reason(name: str, data: bytes, trim: Trim | None = None) -> str:
    """Why a file is rejected, empty if it is not."""
    try:
        prepared(name, data, trim)
    except Rejected as refusal:
        return refusal.reason
    return ""


@cache
def picture(extension: str, width: int = 300, height: int = 240, orientation: int = 1) -> bytes:
    """A noisy picture, so that every part of its file matters; a large one is plain."""
    noisy = width * height < 1_000_000
    image = Image.effect_noise((width, height), 60).convert("RGB") if noisy else Image.new("RGB", (width, height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, extension, exif=exif) if orientation != 1 else saved(image, extension)


def saved(image: Image.Image, extension: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, KNOWN_AS[extension], **options)
    return file.getvalue()


@cache
def clip(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    width: int = 320,
    height: int = 240,
    rate: Fraction | int = 10,
    frames: int = 24,
    group: int = 12,
    movflags: str = "",
    tracks: int = 1,
    sound: float = 0,
    filler: int = 0,
    noisy: bool = False,
) -> bytes:
    """A clip of moving stripes; `filler` bytes that no decoder shows are added to every picture of H.264."""
    with tempfile.TemporaryDirectory() as folder:
        # A file with a name: `faststart` reads it again while it moves the index to the front.
        file = Path(folder) / f"clip.{container}"
        with av.open(file, "w", format=container, options={"movflags": movflags} if movflags else {}) as output:
            videos = [_track(output, codec, rate, width=width, height=height, group=group) for _ in range(tracks)]
            audio = output.add_stream("aac", rate=48_000) if sound else None
            stripes = bytes(range(16, 216)) * (width * height * 3 // 200 + 1)
            texture = Image.effect_noise((width * 3, height), 80).tobytes() if noisy else stripes
            for video in videos:
                _encode_pictures(output, video, texture, frames, filler)
            if audio is not None:
                _encode_silence(output, audio, sound)
        return file.read_bytes()


def _track(
    output: OutputContainer, codec: str, rate: Fraction | int, *, width: int, height: int, group: int
) -> VideoStream:
    video = output.add_stream(codec, rate=rate)
    assert isinstance(video, VideoStream)
    video.width, video.height, video.gop_size = width, height, group
    odd = width % 2 or height % 2
    video.pix_fmt = {"mjpeg": "yuvj420p", "rawvideo": "bgr24"}.get(codec, "yuv444p" if odd else "yuv420p")
    if codec == "libx264":
        video.options = {"preset": "ultrafast", "g": str(group)}
    if codec == "libx265":
        video.options = {"preset": "ultrafast", "x265-params": f"log-level=none:keyint={group}:pools=1"}
    return video


def _encode_pictures(output: OutputContainer, video: VideoStream, texture: bytes, frames: int, filler: int) -> None:
    for number in range(frames):
        frame = av.VideoFrame(video.width, video.height, video.pix_fmt or "")
        for plane in frame.planes:
            start = number * 101 % len(texture)
            plane.update((texture[start:] + texture[:start])[: plane.buffer_size])
        frame.pts = number
        _mux(output, video.encode(frame), filler)
    _mux(output, video.encode(None), filler)


def _encode_silence(output: OutputContainer, audio: AudioStream, seconds: float) -> None:
    for number in range(int(seconds * 48_000) // 1024):
        silence = av.AudioFrame("fltp", "stereo", 1024)
        for channel in silence.planes:
            channel.update(bytes(channel.buffer_size))
        silence.sample_rate = 48_000
        silence.pts = number * 1024
        output.mux(audio.encode(silence))
    output.mux(audio.encode(None))


def _mux(output: OutputContainer, packets: "list[av.Packet[VideoStream]]", filler: int) -> None:
    for packet in packets:
        if filler:
            # A filler NAL unit (type 12) of H.264, as encoders of constant bit rate write it.
            padded = av.Packet(bytes(packet) + b"\x00\x00\x00\x01\x0c" + b"\xff" * filler + b"\x80")
            padded.pts, padded.dts, padded.duration = packet.pts, packet.dts, packet.duration
            padded.time_base, padded.stream = packet.time_base, packet.stream
            padded.is_keyframe = packet.is_keyframe
            output.mux(padded)
        else:
            output.mux(packet)


def box(name: bytes, content: bytes) -> bytes:
    """One box of ISO base media."""
    return struct.pack(">I", 8 + len(content)) + name + content


def turned(data: bytes) -> bytes:
    """The same MP4, to be displayed on its side: the matrix of its track header turned by 90 degrees."""
    start = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 0x40000000)
    return data[:start] + matrix + data[start + 36 :]


def both_enabled(data: bytes) -> bytes:
    """The same MP4, of whose two picture tracks the second one is enabled as well: the lowest flag of its header."""
    enabled = bytearray(data)
    enabled[data.index(b"tkhd", data.index(b"tkhd") + 4) + 7] |= 1
    return bytes(enabled)


def trimmed(data: bytes, start: float, length: float) -> bytes:
    """The same MP4, of which an edit list shows `length` seconds from `start` on."""
    cut = bytearray(data)
    edit, media = data.index(b"elst"), data.index(b"mdhd")
    (timescale,) = struct.unpack_from(">I", data, media + 16)
    struct.pack_into(">Ii", cut, edit + 12, round(length * 1000), round(start * timescale))
    for name, place in ((b"tkhd", 24), (b"mvhd", 20)):
        struct.pack_into(">I", cut, data.index(name) + place, round(length * 1000))
    return bytes(cut)
