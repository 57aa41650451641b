"""The file formats: the extension of a drop's name claims one, and the file's first bytes prove one.

The provider takes JPG, JPEG, PNG, BMP or WEBP for the image and MP4, AVI or MOV for the video (its page "Wan - image to
animation API reference"). All other formats accepted here are converted before they are sent.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a file: a job has one of each."""

    IMAGE = "image"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: what a person calls it, and the extensions that claim it, the usual one first.

    `kind` is None for a format that is recognised only so that a rejection can name it.
    """

    name: str
    kind: Kind | None
    extensions: tuple[str, ...] = ()


JPEG = Format("JPEG", Kind.IMAGE, ("jpg", "jpeg"))
PNG = Format("PNG", Kind.IMAGE, ("png",))
BMP = Format("BMP", Kind.IMAGE, ("bmp",))
WEBP = Format("WEBP", Kind.IMAGE, ("webp",))
HEIC = Format("HEIC", Kind.IMAGE, ("heic", "heif", "hif"))
AVIF = Format("AVIF", Kind.IMAGE, ("avif",))
GIF = Format("GIF", Kind.IMAGE, ("gif",))
TIFF = Format("TIFF", Kind.IMAGE, ("tif", "tiff"))
# MP4 and MOV are one container (ISO base media), opened by one demuxer, and phones and editors swap the two names.
MP4 = Format("MP4", Kind.VIDEO, ("mp4", "m4v", "3gp", "3g2"))
MOV = Format("MOV", Kind.VIDEO, ("mov", "qt"))
AVI = Format("AVI", Kind.VIDEO, ("avi",))
WEBM = Format("WEBM", Kind.VIDEO, ("webm",))
MKV = Format("MKV", Kind.VIDEO, ("mkv",))
FLV = Format("FLV", Kind.VIDEO, ("flv",))
WMV = Format("WMV", Kind.VIDEO, ("wmv", "asf"))
MPEG = Format("MPEG", Kind.VIDEO, ("mpg", "mpeg", "vob"))
MPEG_TS = Format("MPEG-TS", Kind.VIDEO, ("ts", "mts", "m2ts"))

#: The formats that a drop may have.
ACCEPTED = (JPEG, PNG, BMP, WEBP, HEIC, AVIF, GIF, TIFF, MP4, MOV, AVI, WEBM, MKV, FLV, WMV, MPEG, MPEG_TS)
FORMATS = {accepted.name: accepted for accepted in ACCEPTED}

#: How many of a file's first bytes `sniff` looks at.
HEAD_BYTES = 1024

_JPEG_XL = Format("JPEG XL", None)

_MAGIC = (
    (0, b"\xff\xd8\xff", JPEG),
    (0, b"\x89PNG\r\n\x1a\n", PNG),
    (0, b"GIF8", GIF),
    (0, b"II*\x00", TIFF),
    (0, b"MM\x00*", TIFF),
    (0, b"\xff\x0a", _JPEG_XL),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", _JPEG_XL),
    (0, b"8BPS", Format("PSD", None)),
    (0, b"%PDF", Format("PDF", None)),
    (0, b"PK\x03\x04", Format("ZIP", None)),
    (0, b"FLV\x01", FLV),
    (0, b"OggS", Format("OGG", None)),
    (0, b"\x30\x26\xb2\x75", WMV),
    (0, b"\x00\x00\x01\xba", MPEG),
    (0, b"\x00\x00\x01\xb3", MPEG),
    (0, b"#EXTM3U", Format("M3U", None)),
    (0, b"ID3", Format("MP3", None)),
)

# Brands of ISO base media that are pictures or sound. A picture's major brand may name no codec (`mif1`); then the
# other brands in the box decide. AVIF is checked first, since its files may list brands of HEIC's structure too.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_PICTURE_BRANDS = {b"mif1", b"msf1", b"mif2"}
_OTHER_BRANDS = {b"M4A ": Format("M4A", None), b"M4B ": Format("M4A", None), b"crx ": Format("CR3", None)}
_EBML = b"\x1aE\xdf\xa3"
# Offset and step in bytes: MPEG-TS repeats its first byte every 188 bytes. In a camera's files (Blu-ray's BDAV), a
# time of four bytes comes before each packet.
_TS_PACKETS = ((0, 188), (4, 192))
_TS_SYNC = 0x47
# The boxes that a QuickTime file may begin with if it is older than the `ftyp` box.
_OLD_QUICKTIME = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
# The sizes in bytes that a BMP's second header can have: its first two letters alone would match many a text file.
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
    if head.startswith(_EBML):
        return WEBM if b"webm" in head[:64] else MKV
    if any(_repeats(head, start, step) for start, step in _TS_PACKETS):
        return MPEG_TS
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    return MOV if head[4:8] in _OLD_QUICKTIME else None


def _repeats(head: bytes, start: int, step: int) -> bool:
    """Whether `head` has at least two packets of MPEG-TS, and all of them begin with the sync byte."""
    firsts = head[start::step]
    return len(firsts) > 1 and set(firsts) == {_TS_SYNC}


def _of_brands(head: bytes) -> Format:
    """The format that an ISO base media file claims in its first box."""
    major, length = head[8:12], int.from_bytes(head[:4], "big")
    brands = {major} | {head[place : place + 4] for place in range(16, min(length, len(head)), 4)}
    if major in _OTHER_BRANDS:
        return _OTHER_BRANDS[major]
    if major in _AVIF_BRANDS or (major in _PICTURE_BRANDS and brands & _AVIF_BRANDS):
        return AVIF
    if major in _HEIC_BRANDS | _PICTURE_BRANDS:
        return HEIC
    return MOV if major == b"qt  " else MP4
