"""What a file is: by its name, for finding it, and by its first bytes, for believing it.

The accepted formats are those of the provider's page "Wan - image to animation API reference": JPG, JPEG,
PNG, BMP or WEBP for the image, MP4, AVI or MOV for the video.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The two halves of a job."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: what a person calls it, and the extensions it may be dropped under, the true one first.

    `kind` is None for a format that is recognised only to be named in a refusal.
    """

    name: str
    kind: Kind | None
    extensions: tuple[str, ...] = ()


JPEG = Format("JPEG", Kind.IMAGE, ("jpg", "jpeg"))
PNG = Format("PNG", Kind.IMAGE, ("png",))
BMP = Format("BMP", Kind.IMAGE, ("bmp",))
WEBP = Format("WEBP", Kind.IMAGE, ("webp",))
# MP4 and MOV are one container (ISO base media), opened by one demuxer here and at the provider, and phones
# and editors swap the two names; so each may carry the other's. The copy that the provider gets is named
# after the content.
MP4 = Format("MP4", Kind.VIDEO, ("mp4", "mov"))
MOV = Format("MOV", Kind.VIDEO, ("mov", "mp4"))
AVI = Format("AVI", Kind.VIDEO, ("avi",))

#: The formats that a drop may have.
ACCEPTED = (JPEG, PNG, BMP, WEBP, MP4, MOV, AVI)
FORMATS = {accepted.name: accepted for accepted in ACCEPTED}

#: How many of a file's first bytes `sniff` looks at.
HEAD_BYTES = 64

_MAGIC = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF8", Format("GIF", None)),
    (0, b"II*\x00", Format("TIFF", None)),
    (0, b"MM\x00*", Format("TIFF", None)),
    (0, b"8BPS", Format("PSD", None)),
    (0, b"%PDF", Format("PDF", None)),
    (0, b"PK\x03\x04", Format("ZIP", None)),
    (0, b"\x1aE\xdf\xa3", Format("MKV or WEBM", None)),
    (0, b"FLV\x01", Format("FLV", None)),
    (0, b"OggS", Format("OGG", None)),
    (0, b"\x30\x26\xb2\x75", Format("WMV", None)),
    (0, b"\x00\x00\x01\xba", Format("MPEG", None)),
    (0, b"\x00\x00\x01\xb3", Format("MPEG", None)),
    (0, b"#EXTM3U", Format("M3U", None)),
    (0, b"ID3", Format("MP3", None)),
)

# Major brands of ISO base media that are pictures or sound: a phone's HEIC under the name .jpg is the usual
# one.
_OTHER_BRANDS = {
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"hevc": "HEIC",
    b"mif1": "HEIC",
    b"msf1": "HEIC",
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"M4A ": "M4A",
    b"M4B ": "M4A",
    b"crx ": "CR3",
}
# What a QuickTime file from before the `ftyp` box may begin with.
_OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
# The sizes a BMP's second header can have; two letters alone would make a bitmap of many a text.
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(head: bytes) -> Format | None:
    """The format that a file's first HEAD_BYTES bytes prove; None if they prove none."""
    for offset, magic, found in _MAGIC:
        if head.startswith(magic, offset):
            return found
    if head.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"AVI ": AVI, b"WAVE": Format("WAV", None)}.get(head[8:12])
    if head.startswith(b"BM"):
        return BMP if int.from_bytes(head[14:18], "little") in _BMP_HEADERS else None
    box, brand = head[4:8], head[8:12]
    if box == b"ftyp":
        if brand in _OTHER_BRANDS:
            return Format(_OTHER_BRANDS[brand], None)
        return MOV if brand == b"qt  " else MP4
    return MOV if box in _OLD_QUICKTIME else None
