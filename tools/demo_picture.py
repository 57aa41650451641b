"""`make demo-picture`: docs/images/demo.gif, a looping picture of `make demo` as it really ran."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

from local.stack import PROJECT

PICTURE = PROJECT / "docs" / "images" / "demo.gif"

_COLUMNS, _ROWS = 112, 30
_SIZE = 12  # of the letters, in px
_BACK, _FORE = (24, 26, 31), (222, 224, 228)
_SKIPPED = re.compile(
    r"Local cloud|Python for|emulator and|Code and packages|Uploading|Deploying|key  |Ready after|Logs:"
)
_EVERY = 0.5  # seconds between two frames
_FASTER = 3
_LAST_SECONDS = 5
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def main() -> int:
    """Run the demo and draw it; return the exit status."""
    screens = list(_screens())
    path = re.search(r"demo-output/\S+\.mp4", screens[-1][1])
    if not path:
        print("The demo ended without a video.", file=sys.stderr)
        return 1
    frames, lasting, before = [], [], ""
    for moment, screen in screens:
        if screen != before:
            frames.append(_drawn(screen))
            lasting.append(moment)
        before = screen
    until = [*lasting[1:], screens[-1][0]]
    times = [max(80, round((end - start) * 1000 / _FASTER)) for start, end in zip(lasting, until, strict=True)]
    for still in _stills(PROJECT / path[0]):
        frame = _drawn(before)
        frame.paste(still, (frame.width - still.width - 16, frame.height - still.height - 16))
        frames.append(frame)
        times.append(100)
    times[-1] = 2500
    palette = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    palette[0].save(PICTURE, save_all=True, append_images=palette[1:], duration=times, loop=0, optimize=True)
    print(f"{PICTURE.relative_to(PROJECT)}: {len(frames)} frames, {PICTURE.stat().st_size / 1e6:.2f} MB")
    return 0


def _screens() -> Iterator[tuple[float, str]]:
    """Moments of the demo's terminal: seconds, and what stands there."""
    leader, follower = pty.openpty()
    environment = os.environ | {"COLUMNS": str(_COLUMNS), "LINES": str(_ROWS), "TERM": "xterm"}
    command = [sys.executable, "-m", "local.demo"]
    demo = subprocess.Popen(command, cwd=PROJECT, stdout=follower, stderr=follower, env=environment)  # noqa: S603  # this project's own
    os.close(follower)
    said, began = "", time.monotonic()
    while True:
        ready, _, _ = select.select([leader], [], [], _EVERY)
        if ready:
            try:
                piece = os.read(leader, 65536)
            except OSError:  # Linux says the end of a terminal so
                piece = b""
            if not piece:
                break
            said += piece.decode(errors="replace")
        yield time.monotonic() - began, _screen(said)
    demo.wait()
    yield time.monotonic() - began, _screen(said)


def _screen(said: str) -> str:
    """The last rows of what was said, with lines that were drawn over as they were last."""
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in said.split("\n")]
    shown = [_CONTROL.sub("", line)[:_COLUMNS] for line in lines]
    shown = [line for line in shown if not _SKIPPED.search(line)]
    return "\n".join(["$ make demo", *shown][-_ROWS:])


def _drawn(screen: str) -> Image.Image:
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"), _SIZE)
    width = round(font.getlength("x") * _COLUMNS) + 32
    frame = Image.new("RGB", (width, _ROWS * (_SIZE + 5) + 32), _BACK)
    ImageDraw.Draw(frame).multiline_text((16, 16), screen, _FORE, font, spacing=3)
    return frame


def _stills(path: Path) -> Iterator[Image.Image]:
    """The video's pictures, ten a second, small."""
    with av.open(str(path)) as container:
        every = max(1, round(float(container.streams.video[0].average_rate or 10) / 10))
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0 and (frame.time or 0) < _LAST_SECONDS:
                still = frame.to_image()
                still.thumbnail((320, 320))
                yield still


if __name__ == "__main__":
    sys.exit(main())
