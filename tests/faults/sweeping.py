"""Kills of the sweep: wrecks of every kind, and one round after the other that dies at another call."""

import time

from tests.faults.calls import all_calls
from tests.faults.scenarios import LONG
from tests.support.stand import SLOTS, Kill, Stand
from tests.support.tally import Tally

_WRECKS = 6
_ROUNDS = 3  # tries to reach a kill point; what heals its wreck otherwise makes a new one necessary


def sweep_kills(stand: Stand) -> tuple[str, Tally, list[Kill]]:
    """Let the sweep die before and after each of its calls, and heal all wrecks in the end."""
    waiting = [
        Kill(f"sweep-{number}-{when}", "sweep", call, when)
        for number, call in enumerate(sorted(all_calls()["sweep"]))
        for when in ("before", "after")
    ]
    kills = list(waiting)
    stems: list[str] = []
    for number in range(_ROUNDS):
        if not waiting:
            break
        stems += _wrecks(stand, f"w{number}")
        # A round dies at the first of the calls that none has died at yet, so the next one comes further.
        while waiting:
            stand.plan(waiting)
            stand.new_day()
            stand.end_round()
            stand.sweep()
            left = [kill for kill in waiting if not stand.happened([kill])]
            if left == waiting:
                break
            waiting = left
        stand.plan()
        stand.settle(stems, 300)  # else the next wrecks would find no slot
    tally = stand.tally(stems, may_fail=True)
    tally.killed = len(kills) - len(waiting)
    return "sweep", tally, stand.happened(kills)


def _wrecks(stand: Stand, prefix: str) -> list[str]:
    """Jobs of which nobody was told how their execution ended, drops that nobody was told of, unopened videos."""
    unopened = [f"{prefix}v{number}" for number in range(2)]
    _videos_unopened(stand, unopened)
    stopped = [f"{prefix}s{number}" for number in range(_WRECKS)]
    broken = [f"{prefix}b{number}" for number in range(_WRECKS)]
    unseen = [f"{prefix}u{number}" for number in range(_WRECKS)]
    unwoken = [f"{prefix}a{number}" for number in range(2)]
    pending = [f"{prefix}p{number}" for number in range(2)]
    with stand.no_drop_events():
        stand.drop(unseen)
    with stand.no_status_events():
        stand.driver.control("settings", task_seconds=LONG, concurrency=1)  # one works, one waits and can be canceled
        stand.drop(pending)
        stand.wait_for_state(pending, {"PENDING", "RUNNING"})
        stand.plan([Kill(f"{stem}-crash", "create", "dynamodb:Query", "after", stem) for stem in broken])
        stand.drop(broken)
        stand.wait(lambda: len([stem for stem in broken if stem in stand.jobs()]) == len(broken))
        time.sleep(4)
        stand.plan()
        stand.drop(unwoken + stopped)
        stand.wait(lambda: all(stem in stand.jobs() for stem in stopped))
        time.sleep(3)
        stand.stop(pending + stopped)
        time.sleep(2)  # an end that is told late is told to nobody either
    stand.driver.control("settings", task_seconds=0.05, concurrency=SLOTS)
    stand.driver.control("clock", advance_seconds=LONG + 1)
    time.sleep(3)  # the sweep's grace
    return unopened + pending + stopped + broken + unseen + unwoken


def _videos_unopened(stand: Stand, stems: list[str]) -> None:
    """Jobs that succeed while Lambda has no room for `media`."""
    stand.driver.control("settings", task_seconds=LONG)
    stand.drop(stems)
    stand.wait_for_state(stems, {"PENDING", "RUNNING"})
    with stand.no_room("media"):
        stand.driver.control("clock", advance_seconds=LONG + 1)
        stand.wait_for_state(stems, {"SUCCEEDED"})
