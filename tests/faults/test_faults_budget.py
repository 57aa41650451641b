"""A day's budget in a storm: never exceeded, nothing lost, and what waits goes on when there is room."""

from collections import Counter
from pathlib import Path

from tests.support.cloud import SPEED, command
from tests.support.driver import image, video
from tests.support.stand import faulty_cloud

_BUDGET = 1.0  # USD: four clips of 2 s at 0.12 USD a second, of which each reserves a tenth more while it is made
_FIT = 4
_JOBS = 8
_KILLS = 6
_SEED = 1


def test_a_storm_never_spends_more_than_the_day_may_cost(tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    with faulty_cloud(folder, "--parameter", f"DailyBudgetUSD={_BUDGET}") as stand:
        stand.driver.drop_pair("dear", image((200, 200)), video(15))
        assert "animation may cost up to 1.98 USD - the budget of a day is 1.00 USD" in stand.driver.wait_for_receipt(
            "dear.mp4", "rejected"
        )

        stems = [f"budget{number:02d}" for number in range(_JOBS)]
        stand.plan(storm={"seed": _SEED, "chance": 0.02, "most": _KILLS})
        stand.drop(stems)

        def states() -> Counter[str]:
            stand.sweep()
            jobs = stand.jobs()
            return Counter(jobs[stem]["state"] for stem in stems if stem in jobs)

        stand.wait(lambda: states() == {"SUCCEEDED": _FIT, "QUEUED": _JOBS - _FIT}, 300)
        stand.plan()
        for _ in range(3):
            stand.sweep()
        assert states() == {"SUCCEEDED": _FIT, "QUEUED": _JOBS - _FIT}
        paid = [task for task in stand.driver.control("tasks") if task["status"] == "SUCCEEDED"]
        assert len(paid) == _FIT
        notified = [email for email in stand.driver.emails("MotionDrop") if "today's budget is left" in email]
        # Once, and once more where a sweep was killed between the email and the record of it.
        killed = [call for call in stand.storm_kills(_SEED) if call.startswith("sweep ")]
        assert 1 <= len(notified) <= 1 + len(killed)

        more = ("--parameter", "DailyBudgetUSD=100", "--parameter", "GraceSeconds=3", "--parameter", "MaxInFlight=6")
        command("up", folder, *SPEED, *more)
        stand.settle(stems, 120)
        assert stand.tally(stems).faults == {}
