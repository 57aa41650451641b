"""Prepares a video for the provider: remuxed if its pictures can stay, otherwise transcoded. Runs in the sandbox."""

import math
import time
from dataclasses import dataclass
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from motiondrop.domain.formats import FLV, MKV, MOV, MP4, WEBM, Kind
from motiondrop.media.child.job import Job
from motiondrop.media.child.output import measured, remux
from motiondrop.media.child.still import frame_poster
from motiondrop.media.child.transcode import HLG, PQ, Recipe, transcode
from motiondrop.media.child.video import Scan, Tracks, codec_of, hides, open_video, scan, sideways, tracks
from motiondrop.media.limits import (
    MB,
    RATE_MAX,
    SECONDS_MAX,
    SECONDS_MIN,
    SIDE_MAX,
    SIZE_MAX,
    SOUND_OVERHANG,
    Rejected,
    check_duration,
    check_smallest,
    damaged,
)

#: Containers whose packets have the times that MP4 wants.
_REMUXED = {MP4, MOV, MKV, WEBM, FLV}
#: Codecs that are kept: phones record them, every player plays them, and the provider's own results use them.
_KEPT = {"h264", "hevc"}
_KEPT_PIXELS, _BYTE = {"yuv420p", "yuvj420p"}, 8
_NAMES = {"h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2", "mpeg1video": "MPEG-1"}
#: What a receipt says if a file is transcoded only because its packets' times or its first picture rule out a remux.
_REPAIRED = "file repaired"
#: Frames per second by which an average may exceed a camera's own rate.
_RATE_SLACK = 0.5
#: A pixel counts as square if its aspect ratio differs from 1 by no more than this.
_SQUARE = 0.01
#: The most pixels and seconds that are decoded from the last key picture to the end.
_TAIL_PIXELS, _TAIL_SECONDS = 250_000_000, 4.0


@dataclass(frozen=True, slots=True)
class _Source:
    """A video that was read: `width` and `height` are as displayed."""

    used: Tracks
    scan: Scan
    first: VideoFrame
    width: int
    height: int
    hides: bool


def prepare(job: Job) -> dict[str, Any]:
    """Write the copy and the poster, but only the poster if the copy needs transcoding and the order is to check.

    Raise Rejected if the video is damaged or nothing that the provider takes can be made of it.
    """
    with open_video(job.source, job.format) as container:
        source = _read(job, container)
        frame_poster(source.first, job.poster)
        recipe, converted = _recipe(job, source)
        notes = ["its sound cannot be read and is left out"] if source.used.sound_left_out else []
        said = {"converted": converted, "notes": notes}
        if not recipe.needed:
            _check_tail(container, source)
            if _remuxed(job, source):
                return {"report": _report(job, source.width, source.height) | said}
            said["converted"] = [*converted, _REPAIRED]
        if job.mode == "check":
            cut = (recipe.start, recipe.end) != (source.scan.start, source.scan.end)
            trim = [job.trim.start, job.trim.end] if job.trim and cut else None
            sound = source.used.sound is not None and source.scan.sound_end > recipe.start
            return {"plan": recipe.plan() | said | {"trim": trim, "sound": sound}}
    # Opened again: the decoder of the first picture had one thread.
    with open_video(job.source, job.format) as container:
        transcode(container, tracks(container), recipe, job.copy)
    return {"report": _report(job, recipe.width, recipe.height) | said}


def _remuxed(job: Job, source: _Source) -> bool:
    with open_video(job.source, job.format) as container:
        return remux(container, tracks(container), source.scan, job.copy)


def _read(job: Job, container: InputContainer) -> _Source:
    used = tracks(container)
    found = scan(container, used, job.format, job.source.size)
    first = found.first
    if first is None:  # ruled out by scan, which the type checker does not know
        raise damaged(Kind.VIDEO)
    shape = used.picture.codec_context.sample_aspect_ratio
    width, height = first.width, first.height
    if shape and abs(shape - 1) > _SQUARE:
        width = round(width * shape)
    if sideways(first):
        width, height = height, width
    check_smallest(Kind.VIDEO, width, height)
    return _Source(used, found, first, width, height, hides(job.source, job.format))


def _recipe(job: Job, source: _Source) -> tuple[Recipe, list[str]]:
    """How the copy is made, and what the receipt says of that. Raise Rejected if the video is too long or too short."""
    start, end, cut = _kept(job, source.scan)
    width, height = _fitting(source.width, source.height)
    rate = source.scan.rate
    wanted = rate if rate <= RATE_MAX + _RATE_SLACK else rate / math.ceil(rate / (RATE_MAX + _RATE_SLACK))
    reasons = _of_pictures(source, width, height)
    if wanted != rate:
        reasons.append(f"{rate:.4g} to {wanted:.4g} frames/s")
    if job.source.size > SIZE_MAX[Kind.VIDEO]:
        reasons.append(f"{job.source.size / MB:.0f} MB made smaller")
    if cut:
        reasons.append(f"cut to {job.trim} s")
    codec = codec_of(source.used.picture)
    needed = bool(reasons) or codec not in _KEPT or job.format not in _REMUXED
    if not needed and not (source.scan.timed and source.scan.keyed):
        needed, reasons = True, [_REPAIRED] if job.format in {MP4, MOV} else []
    if needed and codec != "h264":
        reasons.insert(0, f"{_NAMES.get(codec, codec.upper().replace('_', ' '))} to H.264")
    if job.format not in {MP4, MOV}:
        reasons.insert(0, f"{job.format.name} to MP4")
    recipe = Recipe(
        needed=needed,
        start=start,
        end=end,
        width=width,
        height=height,
        frame_rate=wanted,
        thins=wanted != rate,
        seeks=start > source.scan.start and job.format in _REMUXED,
        transfer=source.first.color_trc,
    )
    return recipe, reasons


def _of_pictures(source: _Source, width: int, height: int) -> list[str]:
    """The changes to the pictures themselves, in a receipt's words, to display them as `width` x `height` pixels."""
    first, reasons = source.first, []
    stored = (first.height, first.width) if sideways(first) else (first.width, first.height)
    if stored != (width, height):
        reasons.append("{}x{} to {}x{} px".format(*stored, width, height))
    bits = first.format.components[0].bits
    if first.color_trc in {PQ, HLG}:
        reasons.append("HDR to SDR")
    elif bits > _BYTE:
        reasons.append(f"{bits} bit to 8 bit color")
    elif first.format.name not in _KEPT_PIXELS and codec_of(source.used.picture) in _KEPT:
        reasons.append("color format changed")
    if source.hides:
        reasons.append("hidden parts left out")
    return reasons


def _kept(job: Job, found: Scan) -> tuple[float, float, bool]:
    """Start and end of the part that is kept, in seconds on the video's own clock, and whether anything is cut off."""
    seconds = found.seconds
    if job.trim is None or (job.trim.start == 0 and job.trim.end >= seconds and seconds <= SECONDS_MAX):
        check_duration(seconds)
        if found.sound_end - found.start > SECONDS_MAX + SOUND_OVERHANG:
            check_duration(found.sound_end - found.start)
        return found.start, found.end, False
    if job.trim.start >= seconds:
        raise Rejected(f"video is {seconds:.1f} s long - trim={job.trim} starts after that - choose an earlier start")
    start, end = found.start + job.trim.start, found.start + min(job.trim.end, seconds)
    if round(end - start, 6) < SECONDS_MIN:
        kept = math.floor((end - start) * 100) / 100
        raise Rejected(
            f"video is {seconds:.1f} s long - trim={job.trim} keeps only {kept:g} s of it"
            f" - the least is {SECONDS_MIN} s - choose an earlier start"
        )
    return start, end, True


def _fitting(width: int, height: int) -> tuple[int, int]:
    """The sides of the copy: as they are, or reduced to what is allowed; made even numbers, as H.264 needs."""
    most = SIDE_MAX[Kind.VIDEO]
    factor = min(1, most / max(width, height))
    return tuple(int(side * factor + 1e-6) // 2 * 2 for side in (width, height))  # type: ignore[return-value]  # two


def _check_tail(container: InputContainer, source: _Source) -> None:
    """Raise Rejected if the last picture is not whole. Decodes from the last key picture, as far as there is time."""
    began, picture = time.monotonic(), source.used.picture
    try:
        container.seek(int(source.scan.last_key / (picture.time_base or 1)), stream=picture)
    except av.FFmpegError:
        return  # the index lacks a key picture, but the pictures are there all the same
    budget = _TAIL_PIXELS // (source.first.width * source.first.height)
    whole = False
    for number, packet in enumerate(container.demux(picture)):
        try:
            for frame in packet.decode():
                whole = not frame.is_corrupt
        except av.InvalidDataError:
            whole = False
        if whole and (number > budget or time.monotonic() - began > _TAIL_SECONDS):
            return
    if not whole:
        raise damaged(Kind.VIDEO, "ends in a broken frame")


def _report(job: Job, width: int, height: int) -> dict[str, Any]:
    """The report of the copy: its sides as given, all else measured from the copy, not from its source."""
    return measured(job.copy) | {
        "kind": Kind.VIDEO,
        "format": MP4.name.lower(),
        "width": width,
        "height": height,
    }
