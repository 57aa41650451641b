"""Opens a video with PyAV and looks where damage shows: index, first and last pictures.

Runs in the sandbox.
"""

import time
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import av

# PyAV imports this when it wraps a file's tracks; in the sandbox that would be too late.
import av.subtitles.codeccontext
import av.subtitles.stream
from av.container import InputContainer
from av.stream import Discard, Disposition

from motiondrop.domain.formats import AVI, Format, Kind
from motiondrop.media.child.source import Source
from motiondrop.media.child.video_index import Picture, check_pictures
from motiondrop.media.limits import SECONDS_MAX, SOUND_OVERHANG, Rejected, check_duration, check_largest, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What may be decoded: the codecs of cameras, phones and editors. A sound's codec is never opened.
_CODECS = (
    "h264,hevc,av1,vp9,vp8,mpeg4,msmpeg4v2,msmpeg4v3,mpeg2video,mpeg1video,h263,mjpeg,prores,dnxhd,dvvideo,"
    "rawvideo,huffyuv,ffvhuff,ffv1,utvideo,png,qtrle,cinepak,svq3,wmv1,wmv2,wmv3"
)
#: How every video is opened.
OPTIONS = {
    # Decoders by FFmpeg's names, which differ from the codecs' for two.
    "codec_whitelist": f"{_CODECS},libdav1d,msmpeg4",
    "protocol_whitelist": "none",
    # Bytes: the index already says what a longer look would find.
    "probesize": "1000000",
    "max_streams": "32",
}
#: Pictures: above this an index is an attack, not 30 s of video (1,000 a second).
_PICTURES_MAX = 30_000
#: Packets within which the first picture must be there; reordering holds back at most 16.
_FIRST_PACKETS = 64
#: Pixels and seconds: how much is decoded from the last key picture to the end.
_TAIL_PIXELS = 250_000_000
_TAIL_SECONDS = 4.0
#: Packets that are read whole at the end, where that is too much.
_TAIL_PACKETS = 3
#: Bytes: reading ahead and the container's own needs, left unspent by the choice of what to decode.
_RESERVE = 1_000_000
#: A claimed duration may exceed the pictures' by this factor and these seconds: a last picture that stays.
_CLAIM_FACTOR, _CLAIM_SECONDS = 1.5, 1.0
_MICROSECONDS = 1_000_000
#: Degrees, either way, by which a picture lies on its side.
SIDEWAYS = range(45, 136)


def open_video(source: Source, found: Format) -> dict[str, Any]:
    """Open the video: its sides (pixels as displayed), duration (seconds), frame rate (per second) and codec.

    Rejected if it is damaged, has not exactly one picture track, or is outside the limits.
    """
    with av.open(
        source,
        mode="r",
        format="avi" if found == AVI else "mov",
        options=OPTIONS,
        metadata_errors="ignore",
        io_open=refuse,
    ) as container:
        return _Video(source, container, found).examine()


def refuse(*_: object) -> NoReturn:
    """A container that refers to another file gets none."""
    raise damaged(Kind.VIDEO, "refers to other files")


class _Video:
    """One opened container and its picture track."""

    def __init__(self, source: Source, container: InputContainer, found: Format) -> None:
        self._source = source
        self._container = container
        self._is_avi = found == AVI
        still = Disposition.attached_pic | Disposition.timed_thumbnails
        tracks = [stream for stream in container.streams.video if not stream.disposition & still]
        if len(tracks) != 1:
            raise Rejected(f"video has {len(tracks) or 'no'} picture tracks - needs exactly 1 - export it again as MP4")
        self._track = tracks[0]
        for stream in container.streams:
            stream.discard = Discard.all

    def examine(self) -> dict[str, Any]:
        context = self._track.codec_context
        codec = context.codec.canonical_name
        if codec not in _CODECS.split(","):
            raise Rejected(f"video is coded as {codec} - export it again as MP4 with H.264")
        context.thread_count = 1
        check_largest(Kind.VIDEO, context.width, context.height)
        pictures = self._pictures()
        shown = [picture for picture in pictures if picture.is_shown]
        if not shown:
            raise damaged(Kind.VIDEO, "holds no pictures")
        seconds = self._seconds(shown)
        check_pictures(self._source, pictures, codec)
        width, height = self._first(pictures[0])
        self._last(pictures, width * height)
        return {
            "width": width,
            "height": height,
            "duration": round(seconds, 6),
            "frame_rate": round(len(shown) / seconds, 3),
            "codec": codec,
        }

    def _pictures(self) -> list[Picture]:
        """The track's index in the order of decoding, fragments included."""
        track = self._track
        if not self._is_avi:
            # While all tracks are discarded, this reads no picture, only what describes fragments up to the
            # end.
            for _ in self._container.demux(track):
                pass
        track.discard = Discard.default
        entries, base = track.index_entries, track.time_base
        if not len(entries) or base is None:
            raise damaged(Kind.VIDEO, "has no index")
        if len(entries) > _PICTURES_MAX:
            # A film of an hour is told that it is too long.
            check_duration(float((entries[len(entries) - 1].timestamp - entries[0].timestamp) * base))
            raise damaged(Kind.VIDEO, f"claims to hold {len(entries)} pictures")
        # An AVI's index points to the chunk, whose name and length come first.
        header = 8 if self._is_avi else 0
        return [
            Picture(
                entry.pos + header,
                entry.size,
                entry.timestamp,
                float(entry.timestamp * base),
                entry.is_keyframe,
                not entry.is_discard,
            )
            for entry in entries
        ]

    def _seconds(self, pictures: list[Picture]) -> float:
        """The duration, if the header and the pictures' times agree on it and it is within the limits."""
        track = self._track
        span = pictures[-1].seconds - pictures[0].seconds
        held = span + (span / (len(pictures) - 1) if len(pictures) > 1 else 0)
        claimed = float(track.duration * track.time_base) if track.duration and track.time_base else 0.0
        if claimed > held * _CLAIM_FACTOR + _CLAIM_SECONDS:
            raise damaged(Kind.VIDEO, f"claims {claimed:.10g} s but holds {held:.1f} s")
        # The claim knows how long the last picture stays, unless it is a lie on the short side.
        seconds = claimed if claimed > span else held
        check_duration(seconds)
        whole = (self._container.duration or 0) / _MICROSECONDS
        if whole > SECONDS_MAX + SOUND_OVERHANG:
            check_duration(whole)
        return seconds

    def _packets(self, start: Picture, *, decodable: bool = True) -> "Iterator[av.Packet[av.VideoStream]]":
        """The track's packets from the picture on, and at the end the empty one that flushes the decoder.

        If they need not be decodable, from exactly that picture, otherwise from the key picture before it.
        """
        self._container.seek(start.timestamp, stream=self._track, any_frame=not decodable)
        return self._container.demux(self._track)

    def _first(self, start: Picture) -> tuple[int, int]:
        """Width and height as displayed, from the first picture, which must be there and decode."""
        for packet in islice(self._packets(start), _FIRST_PACKETS):
            for frame in _shown(packet).decode():
                if abs(frame.rotation) in SIDEWAYS:
                    return frame.height, frame.width
                return frame.width, frame.height
        raise damaged(Kind.VIDEO, "has no first picture")

    def _last(self, pictures: list[Picture], pixels: int) -> None:
        """Decode from the last key picture to the end; if that is too much, that one, and read the end."""
        key = max((index for index, picture in enumerate(pictures) if picture.is_key), default=0)
        tail = pictures[key:]
        affordable = self._source.left - _RESERVE
        places = [place for picture in tail for place in (picture.offset, picture.offset + picture.size)]
        reach = max(places) - min(places)
        if reach <= affordable and len(tail) * pixels <= _TAIL_PIXELS and self._decodes(tail[0]):
            return
        if tail[0].size <= affordable // 2:
            self._first(tail[0])
        for packet in islice(self._packets(pictures[-_TAIL_PACKETS:][0], decodable=False), _TAIL_PACKETS):
            if packet.is_corrupt:
                raise damaged(Kind.VIDEO, "ends in a broken picture")

    def _decodes(self, start: Picture) -> bool:
        """Whether there was time to decode it all; Rejected if its last picture is not whole."""
        began = time.monotonic()
        whole = False
        for packet in self._packets(start):
            for frame in _shown(packet).decode():
                whole = not frame.is_corrupt
            if time.monotonic() - began > _TAIL_SECONDS:
                return False
        if not whole:
            raise damaged(Kind.VIDEO, "ends in a broken picture")
        return True


def _shown(packet: "av.Packet[Any]") -> "av.Packet[Any]":
    """The packet without the mark of an edit list that makes the decoder keep its picture to itself."""
    if not packet.is_discard:
        return packet
    copy = av.Packet(bytes(packet))
    copy.stream, copy.time_base = packet.stream, packet.time_base
    copy.pts, copy.dts = packet.pts, packet.dts
    return copy
