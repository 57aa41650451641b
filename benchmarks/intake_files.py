"""Files as a phone makes them, drawn: their formats, sizes, bit rates and metadata."""

from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image

RATE = 30  # frames per second
PLACE = "+52.5200+013.4050/"
_GPS, _ORIENTATION, _ON_ITS_SIDE = 0x8825, 0x0112, 6


def photo(path: Path) -> None:
    """A JPEG of 12 megapixels and 3 MB that lies on its side and says where it was taken."""
    size = (4032, 3024)
    drawn = Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 60).convert("RGB")
    grain = Image.effect_noise(size, 30).convert("RGB")
    exif = Image.Exif()
    exif[_ORIENTATION] = _ON_ITS_SIDE
    exif[_GPS] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}
    Image.blend(drawn, grain, 0.2).save(path, "JPEG", quality=88, exif=exif)


def film(path: Path, *, seconds: int, bits: int) -> None:
    """A clip of H.264 and AAC in full HD, of so many bits a second."""
    options = {"preset": "ultrafast", "b": str(bits), "maxrate": str(bits), "bufsize": str(bits)}
    _encoded(path, _sources("1920x1080", seconds, grain=25), "libx264", "yuv420p", options)


def hdr(path: Path, seconds: int) -> None:
    """A clip of HEVC and AAC in 4K with 10 bits of HLG, of 50 Mbit/s."""
    x265 = "log-level=none:pools=2:bitrate=50000:vbv-maxrate=50000:vbv-bufsize=50000"
    colours = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
    options = {"preset": "ultrafast", "x265-params": f"{x265}:{colours}"}
    _encoded(path, _sources("3840x2160", seconds, grain=8), "libx265", "yuv420p10le", options)


def _sources(sides: str, seconds: int, grain: int) -> tuple[str, str]:
    """FFmpeg's filters that draw the picture and play the sound."""
    picture = f"testsrc2=s={sides}:r={RATE}:d={seconds},noise=alls={grain}:allf=t"
    return picture, f"sine=d={seconds}:r=48000,aformat=channel_layouts=stereo"


def _encoded(path: Path, sources: tuple[str, str], codec: str, pixels: str, options: dict[str, str]) -> None:
    with (
        av.open(sources[0], format="lavfi") as drawn,
        av.open(sources[1], format="lavfi") as played,
        av.open(path, "w", options={"movflags": "use_metadata_tags"}) as output,
    ):
        output.metadata["location"] = PLACE
        picture = output.add_stream(codec, rate=Fraction(RATE), options=options)
        sound = output.add_stream("aac", rate=48_000)
        assert isinstance(picture, VideoStream)
        assert isinstance(sound, AudioStream)
        source = drawn.streams.video[0]
        picture.width, picture.height, picture.pix_fmt = source.width, source.height, pixels
        for frame in drawn.decode(source):
            output.mux(picture.encode(frame.reformat(format=pixels)))
        output.mux(picture.encode(None))
        for piece in played.decode(audio=0):
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))
