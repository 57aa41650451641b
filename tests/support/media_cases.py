"""The files that phones, editors and accidents leave, written by FFmpeg's libraries and Pillow without a program."""

import io
import struct
import tempfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import pillow_heif
from av.audio.stream import AudioStream
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, PngImagePlugin

from tests.support.media import clip

#: Where the `located` files were taken, as QuickTime writes it.
LATITUDE = "+52.5200+013.4050/"


@cache
def filmed(
    extension: str,
    source: str,
    codec: str = "libx264",
    *,
    pix_fmt: str = "yuv420p",
    options: tuple[tuple[str, str], ...] = (("preset", "ultrafast"),),
    movflags: str = "",
    location: str = "",
    **muxer: str,
) -> bytes:
    """A clip of one of FFmpeg's test sources, such as `testsrc2=s=480x640:r=30:d=3`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"clip.{extension}"
        flags = {"movflags": movflags} if movflags else {}
        with av.open(source, format="lavfi") as made, av.open(file, "w", options=flags | muxer) as output:
            track = made.streams.video[0]
            stream = output.add_stream(codec, rate=track.average_rate, options=dict(options))
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = track.width, track.height, pix_fmt
            if location:
                output.metadata["location"] = location
            for frame in made.decode(track):
                output.mux(stream.encode(frame.reformat(format=pix_fmt)))
            output.mux(stream.encode(None))
        return file.read_bytes()


def drawn(width: int = 400, height: int = 500) -> Image.Image:
    return Image.effect_mandelbrot((width, height), (-2, -1.5, 1, 1.5), 40).convert("RGB")


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or drawn()).save(out, kind, **options)
    return out.getvalue()


def heic(image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image or drawn()).save(out, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right if crc is None else crc)


def png_with(extra: bytes) -> bytes:
    png = saved("PNG")
    return png[:33] + extra + png[33:]


def png_text(key: str, value: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text(key, value, zip=True)
    return saved("PNG", pnginfo=info)


def still_end() -> bytes:
    """Three seconds of motion, then one picture for ten."""
    out, base = io.BytesIO(), 600
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 480, 640, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, base)
        packets = []
        for number in range(90):
            frame = VideoFrame.from_image(Image.effect_noise((480, 640), number + 1).convert("RGB"))
            frame.pts, frame.time_base = number * base // 30, Fraction(1, base)
            packets += stream.encode(frame)
        packets += stream.encode()
        for number, packet in enumerate(packets):
            packet.duration = 10 * base if number == len(packets) - 1 else base // 30
            container.mux(packet)
    return out.getvalue()


def avi_without_index() -> bytes:
    data = bytearray(filmed("avi", "testsrc2=s=480x640:r=24:d=4", "mjpeg", pix_fmt="yuvj420p", options=()))
    data = data[: data.rfind(b"idx1")]
    struct.pack_into("<I", data, 4, len(data) - 8)
    struct.pack_into("<I", data, data.find(b"avih") + 20, 0)
    return bytes(data)


def first_not_key() -> bytes:
    options = (("preset", "veryfast"), ("g", "30"), ("bf", "0"), ("sc_threshold", "0"))
    data = bytearray(filmed("mp4", "testsrc2=s=480x640:r=30:d=4", options=options))
    at = data.find(b"stss")
    data[at + 12 : at + 16] = data[at + 16 : at + 20]
    return bytes(data)


def second_picture() -> bytes:
    return saved("MPO", save_all=True, append_images=[drawn(200, 250)])


def located_jpg() -> bytes:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    return saved("JPEG", exif=exif)


def avif_of_another_brand() -> bytes:
    data = saved("AVIF")
    return data[:8] + b"mif1" + data[12:]


@cache
def hlg(seconds: int = 2, sides: str = "3840x2160", transfer: str = "arib-std-b67") -> bytes:
    """A phone's HDR: HEVC of 10 bits in BT.2020."""
    colours = f"log-level=none:pools=2:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    options = (("preset", "ultrafast"), ("x265-params", colours))
    return filmed("mov", f"testsrc2=s={sides}:r=4:d={seconds}", "libx265", pix_fmt="yuv420p10le", options=options)


def with_sound(codec: str, extension: str) -> bytes:
    """A clip whose sound is encoded with `codec`."""
    out = io.BytesIO()
    with av.open(io.BytesIO(clip()), "r") as source, av.open(out, "w", format=extension) as output:
        picture = output.add_stream_from_template(source.streams.video[0])
        sound = output.add_stream(codec, rate=48_000)
        assert isinstance(sound, AudioStream)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = picture
                output.mux(packet)
        graph = Graph()
        graph.link_nodes(
            graph.add("sine", "d=2.4:r=48000:f=440"),
            graph.add("aformat", _sound_format(codec)),
            graph.add("abuffersink"),
        ).configure()
        graph.set_audio_frame_size(960)
        while True:
            try:
                frame = graph.pull()
            except av.EOFError:
                break
            output.mux(sound.encode(frame))  # type: ignore[arg-type]
        output.mux(sound.encode(None))
    return out.getvalue()


def _sound_format(codec: str) -> str:
    return f"sample_fmts={'s16' if codec.startswith(('pcm', 'libopus')) else 'fltp'}:channel_layouts=stereo"


CASES: dict[str, Callable[[], bytes]] = {
    "still-end.mp4": still_end,
    "fragments.mp4": lambda: filmed(
        "mp4",
        "testsrc2=s=480x640:r=10:d=30,noise=alls=25:allf=t",
        options=(("preset", "ultrafast"), ("b", "8000000")),
        movflags="+empty_moov+default_base_moof",
        frag_duration="250000",
    ),
    "no-index.avi": avi_without_index,
    "first-not-key.mp4": first_not_key,
    "ztxt.png": lambda: png_text("workflow", "a" * 1_048_577),
    "exif-garbage.png": lambda: png_with(chunk(b"eXIf", b"\0\0\x11\0\0\1\4\0" * 4)),
    "text-crc.png": lambda: png_with(chunk(b"tEXt", b"Comment\0hi", 1)),
    "raw-exif.png": lambda: png_text("Raw profile type exif", "\nexif\n 20\n45zz\n"),
    "second-picture.jpg": second_picture,
    "located.jpg": located_jpg,
    "really-png.jpg": lambda: saved("PNG"),
    "uhd.mp4": lambda: filmed("mp4", "testsrc2=s=3840x2160:r=10:d=2"),
    "web.webm": lambda: filmed(
        "webm", "testsrc2=s=480x640:r=30:d=3", "libvpx-vp9", options=(("cpu-used", "8"), ("deadline", "realtime"))
    ),
    "stream.ts": lambda: filmed("ts", "testsrc2=s=480x640:r=30:d=3"),
    "located.mov": lambda: filmed("mov", "testsrc2=s=480x640:r=30:d=3", location=LATITUDE),
    "long.mp4": lambda: filmed("mp4", "testsrc2=s=480x640:r=10:d=42"),
    "photo.heic": heic,
    "photo.jpg": lambda: saved("JPEG", Image.effect_noise((4000, 3000), 40).convert("RGB"), quality=88),
    "wide.png": lambda: saved("PNG", Image.new("RGB", (5000, 2500))),
    "mif1.avif": avif_of_another_brand,
    "hlg.mov": hlg,
    "protected.mp4": lambda: filmed(
        "mp4",
        "testsrc2=s=480x640:r=30:d=3",
        encryption_scheme="cenc-aes-ctr",
        encryption_key="0" * 32,
        encryption_kid="1" * 32,
    ),
    "photo.jxl.jpg": lambda: b"\xff\x0a" + bytes(500),
}
