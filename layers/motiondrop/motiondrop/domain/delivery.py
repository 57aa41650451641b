"""What is known about a result before it is paid for: size, frame rate, sound, background, and how long it takes.

Source: the provider's overview page of its image-to-video models (2026-02), confirmed by its users; the reference page
does not mention these facts. The pages give only examples of times, so the times here are ranges.
"""

import math

from motiondrop.domain.job import Job

#: The provider's name for the size: the short side has 720 pixels.
RESOLUTION = "720p"

#: Frames per second by mode.
FRAME_RATE = {"wan-std": 15, "wan-pro": 25}

#: The file whose background is kept, by model: animate-mix replaces the person in the video, animate-move moves the
#: character in the image.
BACKGROUND = {"wan2.2-animate-move": "image", "wan2.2-animate-mix": "video"}

#: What the model does, as a sentence.
DOES = {
    "wan2.2-animate-move": "The character in the image moves like the person in the video.",
    "wan2.2-animate-mix": "The character in the image replaces the person in the video.",
}

#: Seconds of work per second of video, least and most, by mode. Least: as another app measured with animate-mix.
#: Most: the reference page's sample, 147 s for 5.2 s in standard mode; for professional mode, scaled like the least.
_WORK = {"wan-std": (9.0, 147 / 5.2), "wan-pro": (16.0, 147 / 5.2 * 16 / 9)}

#: Seconds that a range's upper end is never below: the pages of sibling models say 5 to 10 minutes for any length.
_MOST = 600

#: The result has the reference video's sound, or no sound if that video has none.
_SOUND = {
    True: "with the sound of your video and",
    False: "without sound, because your video has none, and with",
    None: "with the sound of your video, if it has any, and",
}


def expected(job: Job) -> str:
    """What the job's video will be like, as a sentence."""
    rate, sound = FRAME_RATE[job.options.mode], _SOUND[job.video.sound]
    background = BACKGROUND[job.options.model]
    return (
        f"The animation will be {RESOLUTION} at {rate} frames per second, {sound} the background of your {background}."
    )


def expected_briefly(job: Job) -> str:
    """What the video will be like, in a few words for a receipt; not the background, which the stack's model fixes."""
    sound = {True: " with sound", False: " without sound", None: ""}[job.video.sound]
    return f"it will be {RESOLUTION} at {FRAME_RATE[job.options.mode]} frames/s{sound}"


def work_seconds(seconds: float, mode: str) -> tuple[float, float]:
    """Least and most seconds that the service works on a video of `seconds` seconds, once it has started."""
    least, most = (seconds * factor for factor in _WORK[mode])
    return least, max(most, _MOST)


def work_minutes(seconds: float, mode: str) -> tuple[int, int]:
    """The two times of `work_seconds` in whole minutes."""
    least, most = work_seconds(seconds, mode)
    return max(1, int(least // 60)), math.ceil(most / 60)


def takes(job: Job) -> str:
    """How long it takes to make the job's video, as a sentence."""
    least, most = work_minutes(job.video.duration or 0, job.options.mode)
    return (
        f"Once the animation service has started, an animation of this length usually takes {least} to {most} minutes."
    )
