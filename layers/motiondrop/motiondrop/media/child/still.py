"""Small JPEG pictures for pages: posters of drops and stills of results. Runs in the sandbox."""

import io
from typing import TYPE_CHECKING

from PIL import Image

from motiondrop.media.child.job import File

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Pillow imports its formats when the first file is written; in the sandbox that would be too late.
Image.preinit()

#: Pixels of the longer side, twice those of a card in the gallery, for high-resolution screens; the JPEG's quality.
POSTER_SIDE, _QUALITY = 640, 82


def write_poster(picture: Image.Image, poster: File) -> None:
    """Write a picture that is upright already as a small JPEG, with white for what is transparent."""
    small = picture.copy()
    small.thumbnail((POSTER_SIDE, POSTER_SIDE))
    poster.empty()
    buffer = io.BytesIO()
    opaque(small).save(buffer, "JPEG", quality=_QUALITY, progressive=True, optimize=True)
    poster.write(buffer.getvalue())


def opaque(picture: Image.Image) -> Image.Image:
    """The picture without transparency: what shows through is white."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def frame_poster(frame: "VideoFrame", poster: File) -> None:
    """Write a picture of a video as a small JPEG, turned as it is to be shown."""
    factor = min(1, POSTER_SIDE / max(frame.width, frame.height))
    small = frame.to_image(
        width=max(1, round(frame.width * factor)),
        height=max(1, round(frame.height * factor)),
        threads=1,  # the sandbox may start no threads, though root is not held to that limit
    )
    write_poster(small.rotate(frame.rotation, expand=True) if frame.rotation else small, poster)
