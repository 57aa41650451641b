"""Opens a result with PyAV: says what it is, and makes a still of it. Runs in the sandbox."""

from typing import Any

from av.container import InputContainer
from av.video.frame import VideoFrame

from motiondrop.domain.formats import Kind
from motiondrop.media.child.job import Job
from motiondrop.media.child.still import frame_poster
from motiondrop.media.child.video import codec_of, decoded, has_sound, open_video, sideways
from motiondrop.media.limits import damaged

#: Where in the video the still is from, as a share of its length: a first picture is often black or part of a fade.
_STILL_AT = 1 / 3
#: The most pictures that are decoded to get there.
_PICTURES_MAX = 120
_MICROSECONDS = 1_000_000


def look(job: Job) -> dict[str, Any]:
    """Measure the video and write the still. Raise Rejected if no picture of the video decodes."""
    with open_video(job.source, job.format) as container:
        sound = has_sound(container)
        track = container.streams.video[0]
        track.codec_context.thread_count = 1
        seconds = (container.duration or 0) / _MICROSECONDS
        if track.duration and track.time_base:
            seconds = float(track.duration * track.time_base)
        frame = _picture(container, seconds * _STILL_AT)
        frame_poster(frame, job.poster)
        width, height = (frame.height, frame.width) if sideways(frame) else (frame.width, frame.height)
        return {
            "look": {
                "codec": codec_of(track),
                "width": width,
                "height": height,
                "duration": round(seconds, 3),
                "frame_rate": round(float(track.average_rate or 0), 3),
                "sound": sound,
            }
        }


def _picture(container: InputContainer, at: float) -> VideoFrame:
    """The picture at `at` seconds, or the last one before it that _PICTURES_MAX or the end of the video allows."""
    track = container.streams.video[0]
    if track.time_base:
        container.seek(int(at / track.time_base), stream=track)
    picture: VideoFrame | None = None
    for number, packet in enumerate(container.demux(track)):
        for frame in decoded(packet):
            picture = frame
        if picture is not None and ((picture.time or 0) >= at or number >= _PICTURES_MAX):
            break
    if picture is None:
        raise damaged(Kind.VIDEO, "has no frames")
    return picture
