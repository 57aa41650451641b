"""How long a job takes apart from the provider's work, step by step, with every wait as long as it really is."""

import statistics
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import cloud, events_of, progress, states_of, wait
from tests.support.driver import Driver, image, video

JOBS = 10
TASK_SECONDS = 5.0
GOAL_SECONDS = 2.0

STEPS = {
    "drop to job recorded": "the event, the check, the copy of the inputs",
    "recorded to slot": "the execution begins, joins the queue and is given a slot",
    "slot to task created": "signed URLs, the lock, the create call",
    "task done to seen": "the wait for the next poll (`PollSeconds`)",
    "seen to saved": "the copy, its check, the record beside it",
    "saved to email": "the receipt, the messages",
}
WAITED = "task done to seen"
TASK = "the provider's task"


def run() -> Section:
    """Drop pairs one after the other, so that none waits for another."""
    measured: dict[str, list[float]] = {name: [] for name in STEPS}
    invoked: dict[str, list[float]] = {}
    with cloud(wait_scale=1, task_seconds=TASK_SECONDS) as driver:
        _job(driver, "warmup", {})  # the first job of a day finds no warm function
        for number in range(JOBS):
            for name, seconds in _job(driver, f"latency{number}", invoked).items():
                measured.setdefault(name, []).append(seconds)
            progress(f"{number + 1} of {JOBS} jobs")
    ours = [sum(measured[name][n] for name in STEPS if name != WAITED) for n in range(JOBS)]
    rows = [["Step", "median", "p95", "what happens"]]
    rows += [
        [name, _seconds(values), _seconds(values, 95), STEPS[name]]
        for name, values in measured.items()
        if name in STEPS
    ]
    rows.append(["**all but the poll interval**", _seconds(ours), _seconds(ours, 95), ""])
    middle = statistics.median(ours)
    return Section(
        "latency",
        "Latency",
        f"{JOBS} jobs one after the other through the local cloud, with all waits at their real length; the "
        f"provider's task takes {TASK_SECONDS:.0f} s. Namesakes do not wait for their folder to settle. On "
        "AWS the network adds to every call and a cold start to the first job.",
        rows,
        [
            Goal(
                "under 2 s at the median, poll interval and settle wait aside", f"{middle:.2f} s", middle < GOAL_SECONDS
            )
        ],
        plot("latency", lambda axes: _draw(axes, measured)),
        {"seconds": {name: statistics.mean(values) for name, values in invoked.items()}},
    )


def _draw(axes: Any, measured: dict[str, list[float]]) -> None:
    """One bar of all steps but the wait, one after the other."""
    left = 0.0
    for name, values in measured.items():
        if name in STEPS and name != WAITED:
            width = statistics.median(values)
            axes.barh(["a job"], [width], left=left, label=name)
            left += width
    axes.axvline(GOAL_SECONDS, color="#b00020", linestyle=":")
    axes.set_xlabel("seconds, median (dotted: the goal)")
    axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.35), frameon=False)


def _job(driver: Driver, name: str, invoked: dict[str, list[float]]) -> dict[str, float]:
    """Seconds of each step of one job; drops, functions, stand-in and emails share this machine's clock.

    How long each state's function took goes into `invoked`.
    """
    driver.drop(f"{name}.png", image((400, 400)))
    driver.drop(f"{name}.mp4", video(3))
    dropped = datetime.now(UTC)
    wait(lambda: driver.emails(name), f"the email about {name}", 120)
    (email,) = [path for path in driver.stack.emails() if f"Subject: {name}: " in path.read_text()]
    (execution,) = driver.executions(name)
    job = driver.job(execution["executionArn"])
    (task,) = [one for one in driver.control("tasks") if one["task_id"] == job["task"]["id"]]
    times = (job["recorded_at"], job["turn"]["admitted_at"], job["closing"]["at"])
    recorded, slot, saved = (datetime.fromisoformat(one) for one in times)
    history = events_of(driver, execution["executionArn"])
    states = states_of(history)
    seen = [moment for state, moment in states if state == "Poll"][-1]
    for ended in (event["timestamp"] for event in history if event["type"] == "TaskSucceeded"):
        state, began = [one for one in states if one[1] <= ended][-1]
        invoked.setdefault(state, []).append((ended - began).total_seconds())
    created, done = (datetime.fromtimestamp(task[one], UTC) for one in ("created_at", "ended_at"))
    mailed = datetime.fromtimestamp(email.stat().st_mtime, UTC)
    moments = [dropped, recorded, slot, created, done, seen, saved, mailed]
    lasted = [(after - before).total_seconds() for before, after in pairwise(moments)]
    return dict(zip([*list(STEPS)[:3], TASK, *list(STEPS)[3:]], lasted, strict=True))


def _seconds(values: list[float], percent: int = 50) -> str:
    return f"{statistics.quantiles(values, n=100, method='inclusive')[percent - 1]:.2f} s"
