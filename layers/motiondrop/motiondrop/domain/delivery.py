"""What comes out, known before one pays: size, frame rate, sound and background by model and mode.

Source: the provider's overview page of its image-to-video models (2026-02), which its users confirm; the reference page
says nothing of it.
"""

from motiondrop.domain.job import Job

#: The provider's name for the size: the short side has 720 pixels.
RESOLUTION = "720p"

#: Frames per second by mode.
FRAME_RATE = {"wan-std": 15, "wan-pro": 25}

#: Whose background is kept, by model: animate-mix replaces the person in the video, animate-move moves the picture's.
BACKGROUND = {"wan2.2-animate-move": "image", "wan2.2-animate-mix": "video"}

#: The result has the reference video's sound, and none where that has none.
_SOUND = {
    True: "with the sound of your video and",
    False: "without sound, since your video has none, and with",
    None: "with the sound of your video, if it has any, and",
}


def expected(job: Job) -> str:
    """What the job's video will be like, as a sentence."""
    rate, sound = FRAME_RATE[job.options.mode], _SOUND[job.video.sound]
    background = BACKGROUND[job.options.model]
    return f"It will be {RESOLUTION} at {rate} frames a second, {sound} the background of your {background}."


def expected_briefly(job: Job) -> str:
    """The same for a receipt, which has little room; the background is left out, since it is the stack's choice."""
    sound = {True: " with sound", False: " without sound", None: ""}[job.video.sound]
    return f"will be {RESOLUTION} {FRAME_RATE[job.options.mode]} frames/s{sound}"
