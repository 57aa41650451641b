"""Jobs and what they consist of, as `submit` records them."""

from datetime import datetime
from typing import Any

from motiondrop.domain.execution import Execution
from motiondrop.domain.identity import identity, job_id_of
from motiondrop.domain.job import Input, Job, Options, State
from motiondrop.domain.pricing import Prices

REGION = "ap-southeast-1"
PRICES = Prices.of("wan2.2-animate-move", "singapore")


def make_input(key: str, digest: str, *, seconds: float | None = None) -> Input:
    extension = key.rpartition(".")[2]
    return Input(
        key,
        '"etag"',
        digest,
        size=1000,
        poster="inputs/poster.jpg",
        width=640,
        height=480,
        duration=seconds,
        frame_rate=25 if seconds else None,
        sound=True if seconds else None,
        copy=f"inputs/{digest}.{extension}",
    )


def make_job(name: str, moment: datetime, **changes: Any) -> Job:
    options = Options("wan-std", check_image=True, model="wan2.2-animate-move")
    image, video = make_input(f"{name}.png", f"i-{name}"), make_input(f"{name}.mp4", f"v-{name}", seconds=5.2)
    job_id = job_id_of(image.key, video.key, identity(image.digest, video.digest, options))
    values: dict[str, Any] = {
        "job_id": job_id,
        "state": State.QUEUED,
        "image": image,
        "video": video,
        "options": options,
        "recorded_at": moment,
        "quote": 624_000,
        "drops": frozenset({image.key, video.key}),
    }
    return Job(**(values | changes))


def execution_of(job: Job, name: str | None = None, redrive: int = 0) -> Execution:
    name = name or job.execution_name
    return Execution(job.job_id, name, f"arn:aws:states:{REGION}:1:execution:m:{name}", redrive)
