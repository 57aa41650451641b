"""Decodes an image with Pillow, once and whole, and writes it upright without metadata. Runs in the sandbox."""

import contextlib
import importlib
import io
import re
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, ImageFile

from motiondrop.domain.formats import AVIF, HEIC, JPEG, PNG, Format, Kind
from motiondrop.media.child.job import Job
from motiondrop.media.child.still import opaque, write_poster
from motiondrop.media.limits import (
    MB,
    SIDE_MAX,
    SIZE_MAX,
    SMALLER_FILE,
    Rejected,
    check_pixels,
    check_smallest,
    damaged,
)

# Pillow imports these when an image calls for them; in the sandbox that would be too late.
Image.preinit()
for plugin in ("Bmp", "Gif", "Jpeg", "Mpo", "Png", "Tiff", "WebP"):
    importlib.import_module(f"PIL.{plugin}ImagePlugin")
ImageFile.LOAD_TRUNCATED_IMAGES = False
# Our own limit applies instead: check_pixels names the measured size.
Image.MAX_IMAGE_PIXELS = None

_SIDE = SIDE_MAX[Kind.IMAGE]
_BYTES = SIZE_MAX[Kind.IMAGE]
#: JPEG qualities that are tried until the picture fits, and the factor by which it is made smaller if none does.
_QUALITIES = (95, 90, 85, 75)
_SHRINK, _TRIES = 0.75, 6
#: Cameras' formats, which are saved as JPEG. Other files are drawn and may be transparent, so they become PNG.
_PHOTOGRAPHS = {JPEG, HEIC, AVIF}
_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: In a scan, 0xFF begins a marker unless a zero (a stuffed byte), a restart marker or another 0xFF follows.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_END_OF_IMAGE = 0xD9
_PNG_START = 8
#: The chunks that say what a PNG's pixels look like. The others are texts, times and animation, and one that is broken
#: would get the whole picture rejected.
_LOOKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"eXIf"}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def import_decoder(found: Format) -> None:
    """Import what decodes HEIC or AVIF: few images need it."""
    if found == HEIC:
        import pi_heif  # noqa: PLC0415

        pi_heif.register_heif_opener(thumbnails=False)
        pi_heif.options.DECODE_THREADS = 1
    elif found == AVIF:
        from PIL import AvifImagePlugin  # noqa: PLC0415

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1


def check(job: Job) -> dict[str, Any]:
    """Write the clean copy and the poster; return the report. Raise Rejected if the image cannot be used."""
    data = job.source.read()
    if job.format == JPEG and not _ends(data):
        raise damaged(Kind.IMAGE, "ends early")
    animated = False
    if job.format == PNG:
        animated = b"acTL" in data[: data.find(b"IDAT")]
        data = _without_extras(data)
    with Image.open(io.BytesIO(data), formats=(_pillow_name(job),)) as image:
        check_pixels(*image.size)
        check_smallest(Kind.IMAGE, *image.size)
        # A phone's JPEG or HEIC may hold several pictures (depth, brightness): its first one is the photograph.
        animated = animated or (job.format not in _PHOTOGRAPHS and getattr(image, "n_frames", 1) != 1)
        stored = image.size
        image.draft("RGB", (_SIDE, _SIDE))  # decodes a huge JPEG at half its size, or less
        image.load()
        orientation = _orientation(image)  # reading it earlier loads some images, and hides what is wrong with them
        picture = _upright(image, orientation)
        measured = stored[::-1] if orientation in _SIDEWAYS else stored
    kind, saved = _saved(job, picture)
    job.copy.write(saved[1])
    write_poster(picture, job.poster)
    width, height = saved[0]
    return {
        "report": {
            "kind": Kind.IMAGE,
            "format": kind.lower(),
            "width": width,
            "height": height,
            "converted": _converted(job, kind, measured, saved),
            "notes": ["it is animated and only its first frame is used"] if animated else [],
        }
    }


def _pillow_name(job: Job) -> str:
    return {"HEIC": "HEIF"}.get(job.format.name, job.format.name)


def _orientation(image: Image.Image) -> int:
    """The orientation by the image's EXIF, from 1 to 8; 1, which turns nothing, if the EXIF is missing or broken."""
    with contextlib.suppress(Exception):
        found = image.getexif().get(_ORIENTATION)
        return found if found in _TURNS else 1
    return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is to be seen: upright, no larger than allowed, in 8-bit sRGB, and as transparent as before."""
    profile = image.info.get("icc_profile")
    picture = image
    if picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture)
    elif picture.has_transparency_data and picture.mode != "RGBA":
        picture = picture.convert("RGBA")
    elif picture.mode not in {"RGB", "RGBA", "CMYK"}:
        picture = picture.convert("RGB")
    picture.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)  # done first, since the later steps take as much memory again
    if profile:
        # A profile that is invalid, or for another kind of picture, is left out like other metadata.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            target = "RGBA" if picture.mode == "RGBA" else "RGB"
            ours = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            picture = ImageCms.profileToProfile(picture, ours, _SRGB, outputMode=target) or picture
    picture = picture.convert("RGBA" if picture.mode == "RGBA" else "RGB")
    picture.info.clear()
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A grey picture of more than eight bits, reduced to eight; 65,535 is white, as in a PNG."""
    return picture.convert("I").point([value >> 8 for value in range(65_536)], "L").convert("RGB")


def _saved(job: Job, picture: Image.Image) -> tuple[str, tuple[tuple[int, int], bytes]]:
    """The format that the picture is saved in, its sides and its bytes; JPEG where PNG would be too large."""
    # A file above the limit is taken for a photograph: PNG would take seconds and be even larger.
    if job.format not in _PHOTOGRAPHS and job.source.size <= _BYTES:
        drawn = _encoded(picture, "PNG", compress_level=6)
        if len(drawn) <= _BYTES:
            return "PNG", (picture.size, drawn)
    smaller = opaque(picture)
    for _ in range(_TRIES):
        for quality in _QUALITIES:
            data = _encoded(smaller, "JPEG", quality=quality)
            if len(data) <= _BYTES:
                return "JPEG", (smaller.size, data)
        width, height = smaller.size
        smaller = smaller.resize((int(width * _SHRINK), int(height * _SHRINK)))
    raise Rejected(f"image is more than {_BYTES // MB} MB even after conversion - {SMALLER_FILE}")


def _encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _converted(job: Job, kind: str, measured: tuple[int, int], saved: tuple[tuple[int, int], bytes]) -> list[str]:
    """What a receipt says was done to the image; nothing if it was only cleaned."""
    lines = []
    if job.format.name != kind:
        lines.append(f"{job.format.name} to {kind}")
    elif job.extension not in job.format.extensions:
        lines.append(f".{job.extension} to .{job.format.extensions[0]}")
    if measured != saved[0]:
        lines.append("{}x{} to {}x{} px".format(*measured, *saved[0]))
    if job.source.size > _BYTES:
        lines.append(f"{job.source.size / MB:.1f} MB to {len(saved[1]) / MB:.1f} MB")
    return lines


def _ends(data: bytes) -> bool:
    """Whether a JPEG goes on to its end marker; Pillow would accept zeros in its place."""
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


def _without_extras(data: bytes) -> bytes:
    """The PNG with only its intact _LOOKS chunks. Raise Rejected if one that the pixels need is broken or unknown."""
    kept, position = [data[:_PNG_START]], _PNG_START
    while position + 12 <= len(data):
        (length,), name = struct.unpack_from(">I", data, position), data[position + 4 : position + 8]
        whole = data[position : position + 12 + length]
        intact = name in _LOOKS and zlib.crc32(whole[4:-4]) == int.from_bytes(whole[-4:], "big")
        if intact:
            kept.append(whole)
        elif name[:1].isupper():  # the pixels need it (PNG specification, "Chunk naming conventions")
            raise damaged(Kind.IMAGE)
        position += len(whole)
    return b"".join(kept)
