"""What comes out, said before one pays: by model, mode and the reference video's sound."""

from dataclasses import replace

import pytest

from motiondrop.domain.delivery import BACKGROUND, FRAME_RATE, expected, expected_briefly, takes, work_minutes
from motiondrop.domain.job import Job
from motiondrop.domain.pricing import MODES, PRICES
from tests.support.builders import make_job
from tests.support.fakes import Clock

MOVE, MIX = "wan2.2-animate-move", "wan2.2-animate-mix"


def job(mode: str, model: str, *, sound: bool | None) -> Job:
    made = make_job("hero", Clock()())
    return replace(made, options=replace(made.options, mode=mode, model=model), video=replace(made.video, sound=sound))


def test_what_comes_out_is_known_of_every_model_and_mode_that_has_a_price() -> None:
    assert set(BACKGROUND) == set(PRICES)
    assert set(FRAME_RATE) == set(MODES)


@pytest.mark.parametrize(
    ("mode", "model", "sound", "said", "receipt"),
    [
        ("wan-std", MOVE, True, "15|with the sound of your video and|image", "15 frames/s with sound"),
        ("wan-std", MOVE, None, "15|with the sound of your video, if it has any, and|image", "15 frames/s"),
        (
            "wan-pro",
            MIX,
            False,
            "25|without sound, because your video has none, and with|video",
            "25 frames/s without sound",
        ),
    ],
)
def test_a_job_is_told_what_its_own_video_will_be(
    mode: str, model: str, *, sound: bool | None, said: str, receipt: str
) -> None:
    rate, with_sound, background = said.split("|")
    one = job(mode, model, sound=sound)
    sentence = (
        f"The animation will be 720p at {rate} frames per second, {with_sound} the background of your {background}."
    )
    assert (expected(one), expected_briefly(one)) == (sentence, f"it will be 720p at {receipt}")


@pytest.mark.parametrize(
    ("seconds", "mode", "minutes"),
    [
        (5.2, "wan-std", (1, 10)),
        (5.2, "wan-pro", (1, 10)),
        (30, "wan-std", (4, 15)),
        (30, "wan-pro", (8, 26)),
        (0, "wan-std", (1, 10)),
    ],
)
def test_a_time_is_a_range_that_holds_the_providers_sample(seconds: float, mode: str, minutes: tuple[int, int]) -> None:
    assert work_minutes(seconds, mode) == minutes
    least, most = work_minutes(5.2, "wan-std")
    assert least <= 147 / 60 <= most


def test_a_job_is_told_how_long_its_own_video_takes() -> None:
    one = job("wan-std", MOVE, sound=True)
    assert takes(one) == (
        "Once the animation service has started, an animation of this length usually takes 1 to 10 minutes."
    )
