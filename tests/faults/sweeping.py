"""Kills of the sweep: wrecks of every kind, and one round after the other that dies at another call."""

import time

from tests.faults.calls import all_calls
from tests.faults.stand import Kill, Stand, Tally

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
        stems += _wrecks(stand, f"w{number}")
        for kill in list(waiting):
            stand.plan([kill])
            stand.new_day()
            stand.sweep()
            if stand.happened([kill]):
                waiting.remove(kill)
        if not waiting:
            break
    stand.plan()
    stand.way.control("settings", task_seconds=0.05)
    stand.settle(stems, 300)
    return "sweep", stand.tally(stems, may_fail=True), stand.happened(kills)


def _wrecks(stand: Stand, prefix: str) -> list[str]:
    """Jobs of which nobody was told how their run ended, and drops that nobody was told of."""
    stopped = [f"{prefix}s{number}" for number in range(_WRECKS)]
    broken = [f"{prefix}b{number}" for number in range(_WRECKS)]
    unseen = [f"{prefix}u{number}" for number in range(_WRECKS)]
    unwoken = [f"{prefix}a{number}" for number in range(2)]
    with stand.no_drop_events():
        stand.drop(unseen)
    with stand.no_status_events():
        stand.plan([Kill(f"{stem}-crash", "create", "dynamodb:DeleteItem", "after", stem) for stem in broken])
        stand.drop(broken)
        stand.wait(lambda: len([stem for stem in broken if stem in stand.jobs()]) == len(broken))
        time.sleep(4)
        stand.way.control("settings", task_seconds=600)
        stand.plan()
        stand.drop(unwoken + stopped)
        stand.wait(lambda: all(stem in stand.jobs() for stem in stopped))
        time.sleep(3)
        stand.stop(stopped)
    time.sleep(1)
    stand.way.control("settings", task_seconds=0.05)
    stand.way.control("clock", advance_seconds=601)
    time.sleep(3)  # the sweep's grace
    return stopped + broken + unseen + unwoken
