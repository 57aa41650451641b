"""A thousand pairs dropped at once, and the calls, states and events of a job, with few jobs and with many."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import cloud, events_of, progress, states_of
from tests.support.driver import image
from tests.support.stand import Stand

SIZES = (10, 100, 1000)
SLOTS = 2  # as many as a stack has by default
TASK_SECONDS = 0.05
WAIT_SCALE = 0.005  # a poll every 0.075 s
_DROPPERS = 8
_FOLDER = 50  # pairs of a folder

READS = ("GetItem", "BatchGetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
#: What is counted for each job, in the table's order, without polls and the sweep: what these do depends on how long a
#: job waits.
COUNTED = ("state transitions", "history events", "invocations", "DynamoDB reads", "DynamoDB writes", "calls to S3")


def run() -> Section:
    """Run each size on a cloud of its own."""
    measured = {size: _run(size) for size in SIZES}
    largest = measured[SIZES[-1]]
    return Section(
        "thousand",
        "A thousand drops at once",
        f"Pairs dropped as fast as {_DROPPERS} connections can, a task of {TASK_SECONDS} s, one running at a time, "
        f"{SLOTS} slots, our waits {1 / WAIT_SCALE:.0f} times shorter. Polls are counted separately, since their "
        "number depends on how long a job waits for the provider and not on how many jobs there are.",
        _rows(measured),
        _goals(measured),
        plot("thousand", lambda axes: _draw(axes, measured)),
        {
            "a job": largest["a job"],
            "a poll": largest["a poll"],
            "calls": largest["calls"],
        },
    )


def _rows(measured: dict[int, dict[str, Any]]) -> list[list[str]]:
    """The table: a column for each size."""
    rows = [["", *(f"{size} jobs" for size in SIZES)]]
    rows += [[f"{what} a job", *(f"{measured[size]['a job'][what]:.1f}" for size in SIZES)] for what in COUNTED]
    rows += [[f"{what} a poll", *(f"{measured[size]['a poll'][what]:.1f}" for size in SIZES)] for what in COUNTED]
    rows.append(["jobs a minute", *(f"{measured[size]['a minute']:.0f}" for size in SIZES)])
    for what in ("lost", "paid twice", "unsaved", "slots leaked", "out of order"):
        rows.append([what, *(str(measured[size]["wrong"][what]) for size in SIZES)])
    rows.append(["most unfinished tasks at a time", *(str(measured[size]["peak"]) for size in SIZES)])
    return rows


def _goals(measured: dict[int, dict[str, Any]]) -> list[Goal]:
    """Nothing wrong at the largest size, and the same counts for each job at every size."""
    largest = measured[SIZES[-1]]
    wrong = largest["wrong"]
    growth = {
        what: max(one["a job"][what] for one in measured.values())
        / min(one["a job"][what] for one in measured.values())
        for what in COUNTED
    }
    worst = max(growth, key=lambda what: growth[what])
    return [
        Goal("nothing lost", str(wrong["lost"]), not wrong["lost"]),
        Goal("nothing paid twice", str(wrong["paid twice"]), not wrong["paid twice"]),
        Goal("no inversion of order", str(wrong["out of order"]), not wrong["out of order"]),
        Goal(f"at most {SLOTS} unfinished tasks", str(largest["peak"]), largest["peak"] <= SLOTS),
        Goal(
            "constant per job",
            f"at most {growth[worst]:.2f} times as many at one size as at another ({worst})",
            growth[worst] < 1.1,
        ),
    ]


def _draw(axes: Any, measured: dict[int, dict[str, Any]]) -> None:
    """What a job costs, over the sizes."""
    for what in COUNTED:
        axes.plot(SIZES, [measured[size]["a job"][what] for size in SIZES], marker="o", label=what)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("jobs dropped at once")
    axes.set_ylabel("a job")
    axes.legend(fontsize=8, frameon=False, ncols=2)


def _run(size: int) -> dict[str, Any]:
    with cloud(wait_scale=WAIT_SCALE, task_seconds=TASK_SECONDS, traced=True, MaxInFlight=SLOTS) as driver:
        stand = Stand(driver.cloud)
        driver.control("settings", task_seconds=TASK_SECONDS, concurrency=1)
        stems = [f"j{number:04d}" for number in range(size)]
        began = time.monotonic()

        def drop(number: int) -> None:
            driver.drop_pair(f"set{number // _FOLDER:02d}/{stems[number]}", image((200, 200)), stand.clip)

        with ThreadPoolExecutor(_DROPPERS) as droppers:
            list(droppers.map(drop, range(size)))
        progress(f"{size} pairs dropped in {time.monotonic() - began:.0f} s")
        ended, notified = 0, 0
        while ended < size:
            time.sleep(3)
            ended = stand.notified()
            if ended * 10 // size > notified:
                notified = ended * 10 // size
                progress(f"{ended} of {size} jobs ended after {time.monotonic() - began:.0f} s")
            if time.monotonic() - began > 60 + 4 * size:
                break
        seconds = time.monotonic() - began
        tally = stand.tally(stems)
        return _counted(stand, size) | {
            "a minute": size * 60 / seconds,
            "peak": stand.most_at_once(),
            "wrong": {
                "lost": len(tally.lost),
                "paid twice": len(tally.paid_twice),
                "unsaved": len(tally.unsaved),
                "slots leaked": len(tally.leaked),
                "out of order": len(tally.out_of_order),
            },
        }


def _counted(stand: Stand, size: int) -> dict[str, Any]:
    """States, events and calls: of a job without its polls, and of one poll."""
    arns = [execution["executionArn"] for execution in _executions(stand)]
    with ThreadPoolExecutor(4) as readers:
        histories = list(readers.map(lambda arn: events_of(stand.driver, arn), arns))
    states: Counter[str] = Counter()
    events = 0
    for history in histories:
        events += len(history)
        states.update(name for name, _ in states_of(history))
    polls = states["Poll"]
    calls = Counter((call.function, call.name) for call in stand.traced())
    a_poll = {"state transitions": 3.0, "history events": _EVENTS_OF_A_POLL, "invocations": 1.0}
    ours = {key: number for key, number in calls.items() if key[0] not in {"sweep", "result_page"}}
    others = {key: number for key, number in ours.items() if key[0] != "poll"}
    polling = {key: number for key, number in ours.items() if key[0] == "poll"}
    a_job = {
        "state transitions": (states.total() - 3 * polls) / size,
        "history events": (events - _EVENTS_OF_A_POLL * polls) / size,
        "invocations": _invocations(stand, states) / size,
    }
    for where, found, number in ((a_job, others, size), (a_poll, polling, polls)):
        where["DynamoDB reads"] = _calls(found, "dynamodb", READS) / number
        where["DynamoDB writes"] = _calls(found, "dynamodb", WRITES) / number
        where["calls to S3"] = _calls(found, "s3", None) / number
    return {
        "a job": a_job,
        "a poll": a_poll,
        "calls": {f"{function} {name}": number / size for (function, name), number in sorted(ours.items())},
    }


_EVENTS_OF_A_POLL = 9.0  # of the wait two, of the task five, of the choice two


def _executions(stand: Stand) -> list[Any]:
    pages = stand.stack.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=stand.stack.state_machine_arn
    )
    return [execution for page in pages for execution in page["executions"]]


_TASKS = ("Claim the job", "Wait for a slot", "Create task", "Finalize")


def _invocations(stand: Stand, states: Counter[str]) -> int:
    """Invocations without the polls: those of the executions' states, and `submit`, which looks at the drop first."""
    submitted = sum((call.function, call.name) == ("submit", "s3:HeadObject") for call in stand.traced())
    return sum(states[name] for name in _TASKS) + submitted


def _calls(found: dict[tuple[str, str], int], service: str, names: tuple[str, ...] | None) -> int:
    return sum(
        number
        for (_, call), number in found.items()
        if call.startswith(f"{service}:") and (names is None or call.partition(":")[2] in names)
    )
