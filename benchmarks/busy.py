"""How busy the provider is kept: it works on one task at a time, so a gap between two tasks delays all jobs."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import requests

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import cloud, progress, wait
from tests.support.driver import Driver, image, video

JOBS = 30
TASK_SECONDS = 15.0  # a tenth of what the provider's own sample took
WAIT_SCALE = 0.1  # likewise: a poll every 1.5 s instead of 15
POLL_SECONDS = 15 * WAIT_SCALE
UPLOAD_SECONDS = 1.0  # for a pair: some megabytes over a home's connection

REASON = (
    "The table says where the time is lost. MotionDrop's own seconds before the first task and after the last one are "
    "not sped up: at the provider's real pace, their share would be a tenth of that here."
)

ONE, TWO, BATCH = "MotionDrop, 1 slot", "MotionDrop, 2 slots", "MotionDrop, 2 slots, all dropped at once"
PLAIN = "the plain script of the provider's page"
SLOTS = {ONE: 1, TWO: 2, BATCH: 2, PLAIN: 0}


def run() -> Section:
    """Measure three ways at once, on a cloud each, since nearly all of their time is waiting; then the batch alone."""
    measured = _at_once([ONE, TWO, PLAIN]) | _at_once([BATCH])
    rows = [["", "until the first task", "between tasks", "after the last task", "provider busy", "ratio"]]
    ratios = {}
    for name in SLOTS:
        one = measured[name]
        ratios[name] = (one.before + one.between + one.after + one.busy) / one.busy
        parts = (one.before, one.between, one.after, one.busy)
        rows.append([name, *(f"{part:.1f} s" for part in parts), f"{ratios[name]:.3f}"])

    def draw(axes: Any) -> None:
        bars = axes.barh(list(ratios), [(ratio - 1) * 100 for ratio in ratios.values()], color="#35618f")
        axes.bar_label(bars, fmt="%.1f %%", padding=3)
        axes.axvline(1, color="#b00020", linestyle=":")
        axes.set_xlabel("time in which the provider did nothing, in % of its work (dotted: goal, a pair a second)")

    return Section(
        "busy",
        "The provider kept busy",
        f"{JOBS} jobs, one task running at the provider at a time, everything ten times as fast as in real use: a "
        f"task takes {TASK_SECONDS:.0f} s, a poll comes every {POLL_SECONDS} s. A pair is dropped each second, since "
        "files take a while to upload, and in one case all pairs as fast as they can be. One job is run before the "
        "measurement, because cold starts do not become ten times as fast. The ratio is the time from the first drop "
        "to the last email (for the script: from its first call to its last upload), divided by the time in which the "
        "provider worked on a task. The script does what the provider's page shows: create, poll, download, "
        "upload, next.",
        rows,
        [
            Goal(f"at most {most} {when}", f"{ratios[name]:.3f}", ratios[name] <= most, REASON)
            for name, most, when in ((TWO, 1.01, "for a pair a second"), (BATCH, 1.02, "for 30 pairs dropped at once"))
        ],
        plot("busy", draw),
    )


def _at_once(names: list[str]) -> "dict[str, _Measured]":
    all_up = Barrier(len(names), timeout=180)
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: _measure(name, all_up), names), strict=True))


@dataclass(frozen=True)
class _Measured:
    """Seconds in which the provider did nothing before, between and after the tasks, and in which it worked."""

    before: float
    between: float
    after: float
    busy: float


def _measure(name: str, all_up: Barrier) -> _Measured:
    slots = SLOTS[name]
    with cloud(wait_scale=WAIT_SCALE, task_seconds=TASK_SECONDS, MaxInFlight=max(slots, 1)) as driver:
        if slots:
            _one(driver, "warmup")  # the first job of a day finds no warm function, and that does not scale 1:10
        all_up.wait()
        began = time.time()
        if slots:
            _pipeline(driver, name)
        else:
            _script(driver)
        ended = time.time()
        tasks = [task for task in driver.control("tasks") if task["created_at"] >= began]
        assert len(tasks) == JOBS, f"{len(tasks)} tasks"
        first, last = min(task["started_at"] for task in tasks), max(task["ended_at"] for task in tasks)
        busy = sum(task["ended_at"] - task["started_at"] for task in tasks)
        return _Measured(first - began, last - first - busy, ended - last, busy)


def _pipeline(driver: Driver, name: str) -> None:
    for number in range(JOBS):
        driver.drop_pair(f"busy{number:02d}", image((200, 200)), video(2))
        if name != BATCH:
            time.sleep(UPLOAD_SECONDS)
    for number in range(JOBS):
        _mailed(driver, f"busy{number:02d}")
        if number % 10 == 9:
            progress(f"{name}: {number + 1} of {JOBS}")


def _one(driver: Driver, name: str) -> None:
    driver.drop_pair(name, image((200, 200)), video(2))
    _mailed(driver, name)


def _mailed(driver: Driver, name: str) -> None:
    wait(lambda: driver.emails(name), f"the email about {name}", 3 * JOBS * TASK_SECONDS)


def _script(driver: Driver) -> None:
    """Run the script that one would write after reading the provider's page."""
    s3, bucket = driver.stack.s3, driver.stack.inbox_bucket
    base = f"{driver.stack.wan_url}/api/v1"
    headers = {"Authorization": "Bearer sk-local-demo"}
    for number in range(JOBS):
        urls = []
        for extension, body in (("png", image((200, 200))), ("mp4", video(2))):
            key = f"script/{number}/{extension}/file.{extension}"
            s3.put_object(Bucket=driver.stack.results_bucket, Key=key, Body=body)
            urls.append(
                s3.generate_presigned_url("get_object", Params={"Bucket": driver.stack.results_bucket, "Key": key})
            )
        answer = requests.post(
            f"{base}/services/aigc/image2video/video-synthesis",
            headers=headers | {"X-DashScope-Async": "enable"},
            json={
                "model": "wan2.2-animate-move",
                "input": {"image_url": urls[0], "video_url": urls[1]},
                "parameters": {"mode": "wan-std"},
            },
            timeout=30,
        ).json()
        task = f"{base}/tasks/{answer['output']['task_id']}"
        while True:
            output = requests.get(task, headers=headers, timeout=30).json()["output"]
            if output["task_status"] not in {"PENDING", "RUNNING"}:
                break
            time.sleep(POLL_SECONDS)
        result = requests.get(output["results"]["video_url"], timeout=30)
        s3.put_object(Bucket=bucket, Key=f"script/{number}.result", Body=result.content)
        if number % 10 == 9:
            progress(f"script: {number + 1} of {JOBS}")
