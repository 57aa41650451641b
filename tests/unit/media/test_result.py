"""Looking at a result: none of the limits on drops holds, and what cannot be opened is refused in a sentence."""

import io
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from motiondrop.media.limits import Rejected
from motiondrop.media.prepare import POSTER, look
from motiondrop.media.report import Look
from tests.support.media import clip as pictures


def clip(width: int, height: int, frames: int, rate: Fraction = Fraction(10), *, gop: int = 250) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "g": str(gop)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = Image.new("RGB", (width, height), (0, 0, 0) if index < frames // 4 else (0, 200, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return buffer.getvalue()


def looked(body: bytes) -> tuple[Look, bytes]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "result").write_bytes(body)
        return look(folder / "result", folder), (folder / POSTER).read_bytes()


def test_codec_size_length_and_rate_are_found() -> None:
    found, _ = looked(clip(320, 480, 50))
    assert (found.codec, found.width, found.height) == ("h264", 320, 480)
    assert found.duration == pytest.approx(5, abs=0.01)
    assert found.frame_rate == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("movflags", ["", "faststart", "frag_keyframe+empty_moov"])
@pytest.mark.parametrize("sound", [0, 1, 5])
def test_whether_it_has_sound_is_found(sound: float, movflags: str) -> None:
    found, _ = looked(pictures(frames=50, sound=sound, movflags=movflags))
    assert found.sound == bool(sound)


@pytest.mark.parametrize(("width", "height", "frames"), [(64, 64, 10), (2560, 1440, 3), (900, 200, 5), (320, 240, 400)])
def test_a_result_outside_the_limits_on_drops_is_looked_at(width: int, height: int, frames: int) -> None:
    found, _ = looked(clip(width, height, frames))
    assert (found.width, found.height) == (width, height)
    assert found.duration == pytest.approx(frames / 10, abs=0.02)


def test_the_still_is_a_small_jpeg_of_a_picture_after_the_dark_beginning() -> None:
    _, data = looked(clip(1280, 720, 30))
    with Image.open(io.BytesIO(data)) as still:
        assert still.format == "JPEG"
        assert still.size == (640, 360)
        pixel = still.convert("RGB").getpixel((320, 180))
    assert isinstance(pixel, tuple)
    assert pixel[1] > 150


@pytest.mark.parametrize(
    "body", [b"\x00\x00\x00\x18ftypmp42" + bytes(5000), b"<html>" * 1000, clip(320, 240, 20)[:-200]]
)
def test_what_cannot_be_opened_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected):
        looked(body)


_STILL_WITHOUT_THREADS = """
import os, resource, av
from motiondrop.media.child.still import frame_poster
class Poster:
    size = 0
    def empty(self): pass
    def write(self, data): self.size += len(data)
poster = Poster()
frame = av.VideoFrame(1920, 1080, "yuv420p")
if os.geteuid() == 0:
    os.setuid(65534)  # root is exempt from the limit, and a Lambda function is not
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
frame_poster(frame, poster)
print(poster.size)
"""


def test_a_still_is_made_without_threads_which_the_sandbox_forbids() -> None:
    done = subprocess.run([sys.executable, "-c", _STILL_WITHOUT_THREADS], capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert int(done.stdout or 0) > 0, done.stderr
