"""Opens a result with PyAV: says what it is, and makes a still of it.

Runs in the sandbox.
"""

import base64
import io
from typing import TYPE_CHECKING, Any

import av
import av.subtitles.codeccontext
import av.subtitles.stream
from PIL import Image

from motiondrop.domain.formats import Format, Kind
from motiondrop.media.child.source import Source
from motiondrop.media.child.video import OPTIONS, SIDEWAYS, refuse
from motiondrop.media.limits import damaged

if TYPE_CHECKING:
    from av.container import InputContainer

# Pillow imports its formats when the first file is written; in the sandbox that would be too late.
Image.preinit()

#: Pixels of the longer side and JPEG qualities that are tried until a still fits into a frame of the pipe, which is
#: 64 KB with base64's third. 640 is twice a gallery's card, for a fine screen.
_ATTEMPTS = ((640, 82), (640, 60), (480, 50), (320, 40), (160, 30))
_STILL_BYTES = 46_000
#: Where the still is from: a first picture is often black or a fade.
_STILL_AT = 1 / 3
#: Pictures that are decoded at most to get there, and the bytes left unread for the container's own needs.
_PICTURES_MAX = 120
_RESERVE = 1_000_000
_MICROSECONDS = 1_000_000


def open_result(source: Source, found: Format) -> dict[str, Any]:  # noqa: ARG001  # one shape for all openers
    """Open the video: codec, sides (pixels as displayed), duration (seconds), frame rate (per second) and a still.

    Rejected if it has no picture that decodes.
    """
    with av.open(
        source, mode="r", format="mov", options=OPTIONS, metadata_errors="ignore", io_open=refuse
    ) as container:
        track = container.streams.video[0]
        track.codec_context.thread_count = 1
        seconds = (
            float(track.duration * track.time_base)
            if track.duration and track.time_base
            else (container.duration or 0) / _MICROSECONDS
        )
        frame = _picture(source, container, seconds * _STILL_AT)
        sideways = abs(frame.rotation) in SIDEWAYS
        return {
            "codec": track.codec_context.codec.canonical_name,
            "width": frame.height if sideways else frame.width,
            "height": frame.width if sideways else frame.height,
            "duration": round(seconds, 3),
            "frame_rate": round(float(track.average_rate or 0), 3),
            "still": base64.b64encode(_still(frame)).decode(),
        }


def _picture(source: Source, container: "InputContainer", at: float) -> av.VideoFrame:
    """The picture at `at` seconds, or the last before it that can be had within the bounds."""
    track = container.streams.video[0]
    if track.time_base:
        container.seek(int(at / track.time_base), stream=track)
    picture = None
    for number, frame in enumerate(container.decode(track)):
        picture = frame
        if (frame.time or 0) >= at or number >= _PICTURES_MAX or source.left < _RESERVE:
            break
    if picture is None:
        raise damaged(Kind.VIDEO, "holds no pictures")
    return picture


def _still(frame: av.VideoFrame) -> bytes:
    """The picture as a small JPEG, turned as it is to be shown."""
    still = b""
    for side, quality in _ATTEMPTS:
        factor = min(1, side / max(frame.width, frame.height))
        small: Image.Image = frame.to_image(
            width=max(1, round(frame.width * factor)),
            height=max(1, round(frame.height * factor)),
            threads=1,  # the sandbox may start none; whoever is root would not notice
        )
        if frame.rotation:
            small = small.rotate(frame.rotation, expand=True)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality, progressive=True, optimize=True)
        still = buffer.getvalue()
        if len(still) <= _STILL_BYTES:
            break
    return still
