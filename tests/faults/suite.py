"""`python -m tests.faults.suite [SEED [NAME…]]`: the fault suite; prints its table, fails where a count is not zero.

Every call that a function can make is a kill point, before it and after it. Each is tried on a pair of its own, so that
no job meets more than one; then storms of kills, doubled and lost events, stops and faults of the provider.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tests.faults.calls import all_calls
from tests.faults.scenarios import SCENARIOS, Scenario, by_name
from tests.faults.storm import Point, storm
from tests.faults.sweeping import sweep_kills
from tests.support.stand import SLOTS, Call, Kill, Stand, faulty_cloud
from tests.support.tally import Tally

#: Functions that write no record: there is nothing to lose in them (test_faults_calls looks at their policies).
READERS = {"result_page", "drop_page"}

#: Calls that are made for one job of a scenario only, such as the one that opens the breaker, or that `create` makes
#: under the lock, where a kill takes a minute. Each kill has its job alone, on a cloud beside.
ALONE = {
    "held": {"dynamodb:PutItem", "dynamodb:UpdateItem", "sns:Publish"},
    "stopped while created": {"provider:cancel"},
    "overdue": {"sns:Publish"},
}

#: Storms are aimed at the kill points that nothing has reached, and end when one of them reaches none.
_FEWEST_STORMS, _STORMS = 3, 8

#: Kills at one point in scenarios after the first, which kills at every call of its jobs.
_FEW = 12


@dataclass
class Table:
    """What the suite prints."""

    rows: list[tuple[str, Tally]] = field(default_factory=list)
    points: set[Point] = field(default_factory=set)
    most_at_once: int = 0
    whole: bool = True

    def add(self, name: str, tally: Tally, kills: Iterable[Kill] = ()) -> None:
        self.rows.append((name, tally))
        self.points |= {(kill.function, kill.call, kill.when) for kill in kills}
        _say(_line(name, tally))
        for kind, found in tally.faults.items():
            for one in found:
                _say(f"    {kind}: {one}")

    def take(self, name: str, part: Callable[[], tuple[str, Tally, list[Kill]]]) -> None:
        """Add what a part of the suite came to; one that does not come about is a fault, and hinders no other part."""
        try:
            self.add(*part())
        except TimeoutError as error:
            self.add(name, Tally(lost=[f"{name} did not come about: {error}"]))

    @property
    def unreached(self) -> set[Point]:
        """Kill points of the code that no kill has reached."""
        calls = {
            (function, call) for function, found in all_calls().items() for call in found if function not in READERS
        }
        return {(*call, when) for call in calls for when in ("before", "after")} - self.points

    @property
    def passed(self) -> bool:
        """Whether every count is nothing and, where all of it was run, every kill point was reached."""
        reached = not (self.whole and self.unreached)
        return reached and self.most_at_once <= SLOTS and not any(tally.faults for _, tally in self.rows)


_HEAD = ("scenario", "kills", "jobs", "lost", "paid twice", "unsaved", "leaked", "emails", "out of order")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _line(name: str, tally: Tally) -> str:
    lists = (tally.lost, tally.paid_twice, tally.unsaved, tally.leaked, tally.emails, tally.out_of_order)
    return _columns(name, str(tally.killed), str(tally.jobs), *(str(len(found)) for found in lists))


def _columns(*cells: str) -> str:
    first, *rest = cells
    return first.ljust(26) + "".join(cell.rjust(13) for cell in rest)


def kills_of(calls: Iterable[Call], scenario: Scenario, prefix: str) -> list[Kill]:
    """A kill before each of the calls, and after each that is the first of its name, each for a pair of its own.

    After a call is before the next one: between them nothing leaves the process.
    """
    found = [
        (call, when)
        for call in calls
        if call.function in scenario.functions
        for when in ("before", "after")
        if when == "before" or call.number == 0
    ]
    stems = [f"{prefix}{number:03d}x" for number in range(len(found))]
    return [
        Kill(stem, call.function, call.name, when, stem, call.number, scenario.events)
        for stem, (call, when) in zip(stems, found, strict=True)
    ]


def play(stand: Stand, scenario: Scenario, kills: list[Kill], seconds: float = 900, every: float = 2) -> Tally:
    """Play the scenario with these kills, each on its pair, sweeping `every` so many seconds; count what came of it."""
    stems = [kill.event for kill in kills]
    for group in scenario.groups(stems):
        stand.plan([kill for kill in kills if kill.event in group] + scenario.crashes(group))
        scenario.begin(stand, group)
        scenario.end(stand, group)
        stand.settle(stand.with_helpers(group), seconds, every)
    tally = stand.tally(stand.with_helpers(stems) if stems else [], kills, may_fail=scenario.may_fail)
    for stem in stems if scenario.ends else []:
        states = [job["state"] for job in stand.versions().get(stem, [])]
        if states and (states[0], states[-1]) != scenario.ends:
            tally.paid_twice.append(f"{stem} {states}, not {scenario.ends}")
    if not scenario.in_order:
        tally.out_of_order = []
    if scenario.expires:
        tally.unsaved = [one for one in tally.unsaved if one not in stems]  # those beside them are saved all the same
    return tally


def reference(stand: Stand, scenario: Scenario, stem: str) -> list[Call]:
    """The calls that the scenario makes of one pair, without a kill."""
    stand.plan(scenario.crashes([stem]))
    scenario.begin(stand, [stem])
    scenario.end(stand, [stem])
    stand.settle([stem], 60)
    return stand.traced(stem, scenario.events)


def under_the_lock(calls: list[Call]) -> list[Call]:
    """The calls of `create` between taking the lock and saving the task: after a kill the queue waits a minute."""
    inside: list[Call] = []
    begun = False
    for call in (call for call in calls if call.function == "create"):
        if call.name == "dynamodb:TransactWriteItems":
            inside.append(call)
            if begun:
                break
            begun = True
        elif begun:
            inside.append(call)
    return inside


def main(seed: int, names: list[str]) -> int:
    """Run all of it, or the parts of these names; return the exit status."""
    began = time.monotonic()
    table = Table(whole=not names)
    wanted = names or [scenario.name for scenario in SCENARIOS] + ["under the lock", "rejected", "sweep", "storm"]
    _say(_columns(*_HEAD))
    with tempfile.TemporaryDirectory(prefix="faults-") as folder, ThreadPoolExecutor() as beside:
        aside = []
        if "under the lock" in wanted:
            aside = [beside.submit(_locked, Path(folder) / f"locked-{number}", number) for number in range(3)]
            aside += [beside.submit(_alone, Path(folder) / name, name, calls) for name, calls in ALONE.items()]
        with faulty_cloud(Path(folder) / "main") as stand:
            _main(stand, table, wanted)
            table.most_at_once = stand.most_at_once()
        if "storm" in wanted:
            # On a cloud of their own: scenarios move the provider's clock by hours, after which the times of its tasks
            # prove nothing, and jobs whose calls were lost in a row wait for a day (decision 0015).
            with faulty_cloud(Path(folder) / "storms") as stand:
                _storms(stand, table, seed)
        for one in aside:
            table.take("a cloud beside", one.result)
    for point in sorted(table.unreached if table.whole else ()):
        _say(" ".join(("no kill reached", *point)))
    _say(f"at most {table.most_at_once} unfinished tasks or given slots at a time, of {SLOTS}")
    tallies = [tally for _, tally in table.rows]
    _say(
        f"{len(table.points)} kill points, {sum(tally.killed for tally in tallies)} kills, "
        f"{sum(tally.jobs for tally in tallies)} jobs, {time.monotonic() - began:.0f} s, seed {seed}: "
        + ("all well" if table.passed else "NOT WELL")
    )
    return 0 if table.passed else 1


def _main(stand: Stand, table: Table, wanted: list[str]) -> None:
    for number, scenario in enumerate(SCENARIOS):
        if scenario.name in wanted:
            table.take(scenario.name, partial(_played, stand, scenario, number, table))
    if "rejected" in wanted:
        table.take("rejected", partial(_rejections, stand))
    if "sweep" in wanted:
        table.take("sweep", partial(sweep_kills, stand))


def _storms(stand: Stand, table: Table, seed: int) -> None:
    """Storms, until one reaches no new kill point; first one job, by which the provider's list can prove itself."""
    stand.drop(["before"])
    stand.settle(["before"], 120)
    for number in range(_STORMS):
        before = len(table.points)
        dice = random.Random(seed + number)  # noqa: S311  # no secret
        aims = table.unreached if table.whole else ()
        table.add(f"storm {seed + number}", *storm(stand, dice, seed + number, aims))
        if number + 1 >= _FEWEST_STORMS and len(table.points) == before:
            break
    table.most_at_once = max(table.most_at_once, stand.most_at_once())


def _played(stand: Stand, scenario: Scenario, number: int, table: Table) -> tuple[str, Tally, list[Kill]]:
    """The scenario with a kill at each of its calls that no other one has reached yet."""
    calls = reference(stand, scenario, f"ref{number}")
    locked = under_the_lock(calls) if scenario.name == "plain" else []
    new = kills_of([call for call in calls if call not in locked], scenario, f"s{number}k")
    if scenario.few:
        new = _few_of_each(new, scenario.few)[:: scenario.every]
    elif scenario.name != "plain":
        new = _few_of_each([kill for kill in new if (kill.function, kill.call, kill.when) not in table.points], _FEW)
    tally = play(stand, scenario, new)
    return scenario.name, tally, stand.happened(new)


def _few_of_each(kills: list[Kill], most: int) -> list[Kill]:
    """The first of the kills at each point: a task that waits is polled again and again, by the same lines."""
    numbers: Counter[Point] = Counter()
    few = []
    for kill in kills:
        numbers[kill.function, kill.call, kill.when] += 1
        if numbers[kill.function, kill.call, kill.when] <= most:
            few.append(kill)
    return few


def _locked(folder: Path, number: int) -> tuple[str, Tally, list[Kill]]:
    """A third of the kills between taking the lock and saving the task, on a cloud of their own."""
    with faulty_cloud(folder) as stand:
        calls = under_the_lock(reference(stand, SCENARIOS[0], "ref"))
        kills = kills_of(calls, SCENARIOS[0], "k")[number::3]
        tally = play(stand, SCENARIOS[0], kills, 900, every=10)
        return f"under the lock, {number + 1} of 3", tally, stand.happened(kills)


def _alone(folder: Path, name: str, calls: set[str]) -> tuple[str, Tally, list[Kill]]:
    """Kills at these calls of another scenario, each with its job alone."""
    scenario = replace(by_name(name), together=False)
    with faulty_cloud(folder) as stand:
        made = [call for call in reference(stand, scenario, "ref") if call.name in calls and call.number == 0]
        kills = kills_of(made, scenario, "k")
        tally = play(stand, scenario, kills, 900, every=5)
        return f"{name}, alone", tally, stand.happened(kills)


def _rejections(stand: Stand) -> tuple[str, Tally, list[Kill]]:
    """Kills while a file is refused: it makes no job, but it is told of."""
    stand.plan()
    stand.drop_unusable(["refref"])
    stand.wait(lambda: stand.rejected("refref"))
    kills = kills_of(stand.traced("refref"), SCENARIOS[0], "r")
    stems = [kill.event for kill in kills]
    stand.plan(kills)
    stand.drop_unusable(stems)
    with suppress(TimeoutError):
        stand.wait(lambda: all(stand.rejected(stem) for stem in stems), 300)
    tally = Tally(len(stems), len(stand.happened(kills)))
    tally.lost = [stem for stem in stems if not stand.rejected(stem)]
    return "rejected", tally, stand.happened(kills)


if __name__ == "__main__":
    _, *given = sys.argv
    sys.exit(main(int(given[0]) if given else random.SystemRandom().randrange(10_000), given[1:]))
