"""Opens a video with PyAV, reads all of it and says what it is. Runs in the sandbox."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, NoReturn

import av

# PyAV imports this when it wraps a file's tracks; in the sandbox that would be too late.
import av.subtitles.codeccontext
import av.subtitles.stream
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from motiondrop.domain.formats import AVI, FLV, MKV, MOV, MP4, MPEG, MPEG_TS, WEBM, WMV, Format, Kind
from motiondrop.media.child.job import File
from motiondrop.media.limits import AT_LOWER_RESOLUTION, SOURCE_SIDE_MAX, Rejected, damaged

#: FFmpeg's demuxer of each format: a file is opened with this one only, so that it cannot be taken for a playlist.
_DEMUXERS = {MP4: "mov", MOV: "mov", AVI: "avi", WEBM: "matroska", MKV: "matroska"}
_DEMUXERS |= {FLV: "flv", WMV: "asf", MPEG: "mpeg", MPEG_TS: "mpegts"}
#: What may be decoded: the codecs of cameras, phones and editors.
_CODECS = (
    "h264,hevc,av1,vp9,vp8,mpeg4,msmpeg4v2,msmpeg4v3,mpeg2video,mpeg1video,h263,flv1,mjpeg,prores,dnxhd,dvvideo,"
    "rawvideo,huffyuv,ffvhuff,ffv1,utvideo,png,qtrle,cinepak,svq3,wmv1,wmv2,wmv3,vc1"
)
_SOUND_CODECS = (
    "aac,mp3,mp2,ac3,eac3,opus,vorbis,flac,alac,wmav1,wmav2,amr_nb,amr_wb,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,"
    "pcm_s32le,pcm_s32be,pcm_f32le,pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms"
)
#: FFmpeg's decoders whose names differ from their codecs' names.
_DECODERS = "libdav1d,msmpeg4,flv,libopus,libvorbis,mp3float,mp2float,amrnb,amrwb"
#: How every video is opened: with these decoders only, and without opening any file that it refers to.
OPTIONS = {
    "codec_whitelist": f"{_CODECS},{_SOUND_CODECS},{_DECODERS}",
    "protocol_whitelist": "none",
    "max_streams": "32",
}
#: Bytes that are read from the file at a time.
READ_BYTES = 1024 * 1024
#: The most pictures of a file: one with more is an attack; an hour at 60 a second has fewer.
_PICTURES_MAX = 250_000
#: Packets within which the first picture must be there: an edit list may hide the pictures before it.
_FIRST_PACKETS = 600
#: A claimed duration may exceed the pictures' by this factor and these seconds: the last picture may stay longer.
_CLAIM_FACTOR, _CLAIM_SECONDS = 1.5, 1.0
#: Codecs without long runs of zeros: H.264 and HEVC never code three zeros in a row (ITU-T H.264, emulation
#: prevention), and the other codecs do not code empty content as zeros. So a long run of zeros is a hole.
_DENSE = {"h264", "hevc", "mpeg4", "mjpeg"}
#: Codecs whose pictures begin with a header that is not zero (an uncompressed black picture is all zeros).
_HEADED = _DENSE | {"av1", "vp9", "vp8", "mpeg2video", "prores", "dnxhd"}
_HOLE, _ZERO = bytes(256), bytes(1)
#: Seconds by which a picture's time of decoding may precede its predecessor's; with more, another recording begins.
_BACK_SECONDS = 0.5
#: Formats of broadcasts, whose recordings may begin and end within a picture.
_BROADCAST = {MPEG, MPEG_TS}
#: Degrees of rotation, in either direction, that display a picture on its side.
_SIDEWAYS = range(45, 136)


def open_video(source: File, found: Format, **options: str) -> InputContainer:
    """Open a video of a known format, but no file that it refers to."""
    return av.open(
        source.again(),
        mode="r",
        format=_DEMUXERS[found],
        options=OPTIONS | options,
        metadata_errors="ignore",
        io_open=refuse,
        buffer_size=READ_BYTES,
    )


def refuse(*_: object) -> NoReturn:
    """Reject a container that refers to another file, which is not opened."""
    raise damaged(Kind.VIDEO, "refers to other files")


def sideways(frame: VideoFrame) -> bool:
    """Whether a picture is displayed on its side."""
    return abs(frame.rotation) in _SIDEWAYS


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks that are used: the pictures and, if there is sound that can be decoded, the sound."""

    picture: VideoStream
    sound: AudioStream | None
    sound_left_out: bool

    def __iter__(self) -> Iterator[VideoStream | AudioStream]:
        return iter([self.picture, self.sound] if self.sound else [self.picture])


def tracks(container: InputContainer) -> Tracks:
    """The tracks of a video. Raise Rejected unless it has one picture track, of a codec and size that are decoded."""
    still = Disposition.attached_pic | Disposition.timed_thumbnails
    found = [stream for stream in container.streams.video if not stream.disposition & still]
    if len(found) > 1:
        # A phone's cinematic clip has a second picture track, of depths, that is not enabled.
        found = [stream for stream in found if stream.disposition & Disposition.default]
    if len(found) != 1:
        raise Rejected("video must have exactly 1 picture track - export it again as MP4")
    picture = found[0]
    codec = codec_of(picture)
    if codec not in _CODECS.split(","):
        raise Rejected(
            f"video has {f'the codec {codec}' if codec else 'an unknown codec'} - this cannot be converted"
            " - export it again as MP4 with H.264"
        )
    width, height = picture.codec_context.width, picture.codec_context.height
    if max(width, height) > SOURCE_SIDE_MAX:
        raise Rejected(
            f"video is {width} x {height} px - the limit is {SOURCE_SIDE_MAX} px on each side"
            f" - export it again as MP4 {AT_LOWER_RESOLUTION}"
        )
    picture.codec_context.thread_count = 1
    sounds = [stream for stream in container.streams.audio if codec_of(stream) in _SOUND_CODECS.split(",")]
    return Tracks(picture, sounds[0] if sounds else None, sound_left_out=bool(container.streams.audio) and not sounds)


def has_sound(container: InputContainer) -> bool:
    """Whether a container that was not read yet has a sound track that is not empty."""
    sounds = container.streams.audio
    return bool(sounds) and any(packet.size for packet in container.demux(sounds))


def codec_of(stream: VideoStream | AudioStream) -> str:
    """The codec's name; empty if FFmpeg has no decoder for it, as for a future codec."""
    context: Any = stream.codec_context
    return context.codec.canonical_name if context is not None else ""


@dataclass(slots=True)
class Scan:
    """What was found by reading every packet. `pictures` has the times of the displayed pictures. All times are in
    seconds on the file's own clock.

    `first` is the first picture that decodes. `timed` means that each packet has the times that a remux needs, `keyed`
    that the first packet of pictures can be decoded alone.
    """

    pictures: list[float] = field(default_factory=list)
    end: float = 0
    last_key: float = 0
    sound_end: float = 0
    timed: bool = True
    keyed: bool = True
    first: VideoFrame | None = None

    def add(self, packet: "av.Packet[Any]", seconds: float, length: float, number: int) -> None:
        """Take note of the `number`th packet of pictures."""
        if number == 1:
            self.keyed = packet.is_keyframe
        if packet.is_keyframe:
            self.last_key = max(seconds, self.last_key)
        if self.first is None and number <= _FIRST_PACKETS:
            self.first = next(iter(decoded(packet)), None)
        if not packet.is_discard:
            self.pictures.append(seconds)
            self.end = max(self.end, seconds + length)

    @property
    def start(self) -> float:
        """When the first picture is displayed."""
        return self.pictures[0]

    @property
    def seconds(self) -> float:
        """The time from the first displayed picture's start to the last one's end."""
        return self.end - self.start

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return len(self.pictures) / self.seconds


def scan(container: InputContainer, used: Tracks, found: Format, size: int) -> Scan:
    """Read all of a video of `size` bytes. Raise Rejected if a part of it is missing, empty or encrypted."""
    result, codec = Scan(), codec_of(used.picture)
    last, count, decoded_at = 0.0, 0, -math.inf
    _check_index(used.picture, found, size)
    indexed = len(used.picture.index_entries) if found == AVI else 0
    for packet in container.demux(tuple(used)):
        base = float(packet.time_base or 0)
        if packet.size == 0 or not base:
            continue
        result.timed &= packet.pts is not None and packet.dts is not None
        moment = packet.pts if packet.pts is not None else packet.dts
        seconds, length = last if moment is None else moment * base, (packet.duration or 0) * base
        if packet.stream is used.sound:
            result.sound_end = max(result.sound_end, seconds + length)
            continue
        count += 1
        if count > _PICTURES_MAX:
            raise damaged(Kind.VIDEO, f"claims to have more than {_PICTURES_MAX} frames")
        _check_picture(packet, codec, found, last)
        if packet.dts is not None:
            if packet.dts * base < decoded_at - _BACK_SECONDS:
                raise damaged(Kind.VIDEO, f"has frames in the wrong order after {last:.1f} s")
            decoded_at = packet.dts * base
        result.add(packet, seconds, length, count)
        last = seconds if moment is not None else last + length
    if count < indexed:
        raise damaged(Kind.VIDEO, f"lacks {indexed - count} of its {indexed} frames")
    return _finished(result, used.picture)


def _check_index(picture: VideoStream, found: Format, size: int) -> None:
    """Raise Rejected if the index names a place beyond the end of the file."""
    if found in {MP4, MOV}:
        for entry in picture.index_entries:
            if entry.pos < 0 or entry.size < 0 or entry.pos + entry.size > size:
                seconds = float(entry.timestamp * (picture.time_base or 0))
                raise damaged(Kind.VIDEO, f"ends early - only {max(seconds, 0):.1f} s of it arrived")


def _check_picture(packet: "av.Packet[Any]", codec: str, found: Format, at: float) -> None:
    """Raise Rejected if a packet is encrypted, cut off, or has a hole."""
    if packet.has_sidedata("encryption_info"):
        raise Rejected("video is encrypted - export it again as MP4 without copy protection")
    if found in _BROADCAST:
        return
    if packet.is_corrupt:
        raise damaged(Kind.VIDEO, f"ends early - only {at:.1f} s of it arrived")
    if packet.size >= len(_HOLE) and codec in _HEADED:
        data = bytes(packet)
        if not any(data[: len(_HOLE)]) or (codec in _DENSE and _HOLE in data and _HOLE in data.rstrip(_ZERO)):
            raise damaged(Kind.VIDEO, f"has a gap at {at:.1f} s")


def _finished(result: Scan, picture: VideoStream) -> Scan:
    """The scan with its end. Raise Rejected if no picture decodes, or if the header claims far too many seconds."""
    if not result.pictures:
        raise damaged(Kind.VIDEO, "has no frames")
    if result.first is None:
        result.first = next(iter(picture.codec_context.decode(None)), None)
    if result.first is None:
        raise damaged(Kind.VIDEO, "has no first frame that can be opened")
    result.pictures.sort()
    steps = [after - before for before, after in pairwise(result.pictures)]
    result.end = max(result.end, result.pictures[-1])
    if result.end - result.pictures[-1] <= 0 and steps:
        result.end = result.pictures[-1] + median(steps)
    if result.seconds <= 0:
        raise damaged(Kind.VIDEO, "has no frames")
    claimed = float(picture.duration * picture.time_base) if picture.duration and picture.time_base else 0.0
    if claimed > result.seconds * _CLAIM_FACTOR + _CLAIM_SECONDS:
        raise damaged(Kind.VIDEO, f"claims to be {claimed:.10g} s long but has only {result.seconds:.1f} s")
    return result


def hides(source: File, found: Format) -> bool:
    """Whether an edit list leaves out or rearranges pictures, rather than only making up for a decoder's delay."""
    if found not in {MP4, MOV}:
        return False

    def times(ignore: str) -> list[int]:
        with open_video(source, found, ignore_editlist=ignore) as container:
            entries = tracks(container).picture.index_entries
            shown = [entry.timestamp for entry in entries if not entry.is_discard]
            return [moment - shown[0] for moment in shown]

    return times("0") != times("1")


def decoded(packet: "av.Packet[Any]") -> list[Any]:
    """The pictures or sounds of a packet; none if it does not decode."""
    try:
        return list(packet.decode())
    except av.InvalidDataError:
        return []
