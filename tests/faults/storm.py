"""Storms: many jobs, and at random kills, doubled and lost events, stops and faults of the provider."""

import random
import time
from collections.abc import Iterable

from tests.support.stand import Kill, Stand
from tests.support.tally import Tally

Point = tuple[str, str, str]  # function, call, when

_JOBS = 40
_KILLS = 60
_SECONDS = 30.0

_PROVIDER_FAULTS = (
    {"on": "create", "kind": "error", "status": 429, "code": "Throttling.RateQuota"},
    {"on": "create", "kind": "error", "status": 500},
    {"on": "create", "kind": "accepted_then_lost"},
    {"on": "create", "kind": "garbage"},
    {"on": "create", "kind": "task_failed", "code": "InternalError", "message": "x", "after_seconds": 0},
    {"on": "query", "kind": "error", "status": 500},
    {"on": "query", "kind": "garbage"},
    {"on": "query", "kind": "accepted_then_lost"},
    {"on": "list", "kind": "error", "status": 500},
    {"on": "list", "kind": "garbage"},
    {"on": "cancel", "kind": "error", "status": 500},
    {"on": "result", "kind": "truncated"},
    {"on": "result", "kind": "wrong_crc"},
    {"on": "result", "kind": "reset_midway"},
    {"on": "result", "kind": "error", "status": 503},
    {"on": "result", "kind": "expired"},
    {"on": "query", "kind": "success_without_url"},
)


def storm(stand: Stand, dice: random.Random, seed: int, aims: Iterable[Point] = ()) -> tuple[Tally, list[Kill]]:
    """A batch of jobs in a storm; its tally, and the kills at the `aims`, points that no scenario has reached.

    A job may end otherwise than well: it was stopped, or met too many faults.
    """
    stems = [f"storm{seed}j{number:03d}" for number in range(_JOBS)]
    aimed = [Kill(f"aim-{seed}-{number}", *point) for number, point in enumerate(sorted(aims))]
    stand.plan(aimed, storm={"seed": seed, "chance": 0.03, "most": _KILLS})
    stand.drop(stems)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        stem = dice.choice(stems)
        match dice.choice(("fault", "fault", "double", "lose", "stop", "delete", "no key", "nothing")):
            case "fault":
                stand.driver.control("faults", times=1, **dice.choice(_PROVIDER_FAULTS))
            case "double":
                stand.double_event(stem)
            case "lose":
                with stand.no_status_events():
                    time.sleep(0.5)
            case "stop":
                stand.stop([stem] if stem in stand.jobs() else [])
            case "delete" if stem in stand.jobs():
                stand.stack.s3.delete_object(Bucket=stand.stack.inbox_bucket, Key=f"{stem}.png")
            case "no key":
                stand.driver.control("settings", api_keys=["another-key"])
                time.sleep(1)
                stand.driver.control("settings", api_keys=["sk-local-demo"])
        time.sleep(dice.random())
    stand.plan(aimed)
    stand.settle(stems, 900, every=2)
    stand.plan()
    tally = stand.tally(stems, may_fail=True)
    reached = stand.happened(aimed)
    tally.killed = len(stand.storm_kills(seed)) + len(reached)
    # Under a storm a function may die between publishing and noting it more than once.
    tally.emails = [one for one in tally.emails if " 0 events" in one]
    return tally, reached
