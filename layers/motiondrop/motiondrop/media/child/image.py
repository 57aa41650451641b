"""Opens an image with Pillow, all of it: only a decoded picture is known to be whole. Runs in the sandbox."""

import importlib
import io
import re
import struct
from typing import Any

from PIL import Image

from motiondrop.domain.formats import JPEG, WEBP, Format, Kind
from motiondrop.media.child.source import Source
from motiondrop.media.limits import SIDE_MAX, Rejected, check_sides, damaged

_ORIENTATION = 0x0112
#: EXIF orientations in which the picture is displayed on its side.
_SIDEWAYS = {5, 6, 7, 8}
#: In a scan, 0xFF begins a marker unless a zero (a stuffed byte), a restart marker or another 0xFF follows.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_END_OF_IMAGE = 0xD9

# Pillow imports these when an image calls for them; in the sandbox that would be too late.
Image.preinit()
for plugin in ("Bmp", "Jpeg", "Mpo", "Png", "Tiff", "WebP"):
    importlib.import_module(f"PIL.{plugin}ImagePlugin")
Image.MAX_IMAGE_PIXELS = SIDE_MAX[Kind.IMAGE] ** 2


def open_image(source: Source, found: Format) -> dict[str, Any]:
    """Decode the image: its width and height in pixels as displayed.

    Rejected if it is damaged, animated or outside the limits.
    """
    data = source.read()
    if found == JPEG and not _ends(data):
        raise damaged(Kind.IMAGE, "has no end")
    if found == WEBP:
        # libwebp makes room for the whole picture when it opens one.
        check_sides(Kind.IMAGE, *_webp_sides(data))
    with _opened(data, found) as image:
        check_sides(Kind.IMAGE, *image.size)
        # A JPEG with several pictures is a phone's (depth, brightness): its first one is the photograph.
        if found != JPEG and getattr(image, "n_frames", 1) != 1:
            raise Rejected("image is animated - needs a still one - export one frame as JPG or PNG")
        width, height = image.size
        image.load()
        if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
    return {"width": width, "height": height}


def _opened(data: bytes, found: Format) -> Image.Image:
    """The image with only its header read; beyond the pixel cap, a refusal that says how large it is."""
    try:
        return Image.open(io.BytesIO(data), formats=(found.name,))
    except Image.DecompressionBombError:
        Image.MAX_IMAGE_PIXELS = None
        with Image.open(io.BytesIO(data), formats=(found.name,)) as image:
            check_sides(Kind.IMAGE, *image.size)
        raise


def _ends(data: bytes) -> bool:
    """Whether a JPEG runs to its end marker; Pillow is content with zeros in its place."""
    position = 2
    while True:
        found = _MARKER.search(data, position)
        if found is None:
            return False
        marker = found[1][0]
        position = found.end()
        if marker == _END_OF_IMAGE:
            return True
        # Markers without a length: TEM, and a stray start of image.
        if marker not in {0x01, 0xD8}:
            if position + 2 > len(data):
                return False
            position += struct.unpack_from(">H", data, position)[0]


def _webp_sides(data: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the header of a WEBP file's first chunk."""
    chunk, body = data[12:16], data[20:30]
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        return (int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF)
    raise damaged(Kind.IMAGE)
