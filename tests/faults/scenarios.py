"""What happens to jobs while functions are killed: each scenario makes functions reach calls that others do not."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.faults import troubles
from tests.faults.troubles import delete, in_line
from tests.support.driver import image
from tests.support.stand import SLOTS, Kill, Stand

Stems = list[str]
_AHEAD = 20  # seconds of a task that others wait for
LONG = 600  # seconds of a task that waits until the provider's clock is moved


@dataclass(frozen=True)
class Scenario:
    """`begin` drops pairs and makes the trouble, `end` takes it away; then every job has to end as it should.

    `functions` are those whose kill points are of interest here, `events` what their events contain. `together`: many
    pairs at once, or one after the other. `may_fail`: jobs may end as FAILED or CANCELED. `in_order`: they are given
    their slots as they were recorded, and wait neither for a folder to settle nor for the operator. `expires`: the
    provider's day is over, so that what was paid for cannot be saved. `crash`: a call after which a function dies
    anyway. `few`: it is here for its trouble, so at most so many kills are made at each point, reached before or not,
    and of those every first, second or third as `every` says.
    `group`: so many pairs at a time. `ends`: the states in which the jobs of the first and of the last content end.
    """

    name: str
    functions: tuple[str, ...]
    begin: Callable[[Stand, Stems], None]
    end: Callable[[Stand, Stems], None] = lambda _stand, _stems: None
    together: bool = True
    may_fail: bool = False
    in_order: bool = True
    expires: bool = False
    events: str = ""
    crash: tuple[str, str] | None = None
    few: int = 0
    every: int = 1
    group: int = 0
    ends: tuple[str, str] | None = None

    def groups(self, stems: list[str]) -> list[list[str]]:
        """The pairs that go together."""
        size = self.group or (len(stems) if self.together else 1)
        return [stems[first : first + size] for first in range(0, len(stems), size or 1)]

    def crashes(self, stems: Stems) -> list[Kill]:
        """The crashes that belong to the scenario itself."""
        if self.crash is None:
            return []
        return [Kill(f"{stem}-crash", *self.crash, "after", stem) for stem in stems]


def _plain(stand: Stand, stems: Stems) -> None:
    stand.drop(stems)


def _in_folders(stand: Stand, stems: Stems) -> None:
    for stem in stems:
        stand.driver.drop(f"{stem}-folder/{stem}.png", image((200, 200)))
        stand.driver.drop(f"{stem}-folder/clip.mp4", stand.clip)


def _not_taken_in(stand: Stand, stems: Stems) -> None:
    """The door's own calls fail for a moment, and the messages come back."""
    with stand.driver.failing({"service": "s3", "status": 403, "code": "AccessDenied"}):
        stand.drop(stems)
        time.sleep(3)


def _refused(stand: Stand, stems: Stems) -> None:
    _task_fails(stand, stems, "InvalidImage.NoHuman")


def _retried(stand: Stand, stems: Stems) -> None:
    _task_fails(stand, stems, "InternalError")


def _task_fails(stand: Stand, stems: Stems, code: str) -> None:
    fault = {"on": "create", "kind": "task_failed", "code": code, "message": "x", "after_seconds": 0}
    stand.driver.control("faults", times=len(stems), **fault)
    stand.drop(stems)


def _answer_lost(stand: Stand, stems: Stems) -> None:
    stand.driver.control("faults", on="create", kind="accepted_then_lost", times=len(stems))
    stand.drop(stems)


def _held(stand: Stand, stems: Stems) -> None:
    stand.driver.control("settings", api_keys=["another-key"])
    stand.drop(stems)
    stand.wait(lambda: "BREAKER" in stand.driver.queue(), 200)
    time.sleep(1)  # what is to die does


def _refused_alike(stand: Stand, stems: Stems) -> None:
    """As many calls as jobs are refused for a reason that no code tells: the queue is held, and then it is over."""
    both = [*stems, *(f"{stem}-other" for stem in stems)]
    refusal = {"on": "create", "kind": "error", "status": 400, "code": "SomethingNew", "message": "x"}
    stand.driver.control("faults", times=len(both), **refusal)
    stand.drop(both)
    stand.wait(lambda: "BREAKER" in stand.driver.queue(), 200)


def _overdue(stand: Stand, stems: Stems) -> None:
    """Tasks fail, since the account has not paid its bill."""
    _task_fails(stand, stems, "Arrearage")
    stand.wait(lambda: "BREAKER" in stand.driver.queue(), 200)


def _one_refused(stand: Stand, stems: Stems) -> None:
    """A call is refused, and then others are accepted."""
    stand.driver.control("faults", on="create", kind="error", times=1, status=400, code="InvalidParameter", message="x")
    stand.drop([*stems, *(f"{stem}-other" for stem in stems)])


def _fixed(stand: Stand, stems: Stems) -> None:
    stand.sweep()
    time.sleep(3.5)  # the sweep tells the operator where the function could not
    stand.sweep()
    stand.driver.control("settings", api_keys=["sk-local-demo"])
    stand.driver.probe_is_due()


def _behind_another(stand: Stand, stems: Stems) -> None:
    stand.driver.control("settings", task_seconds=LONG, concurrency=1)
    ahead = [f"{stem}-ahead" for stem in stems]
    stand.drop(ahead)
    stand.wait_for_state(ahead, {"RUNNING"})
    stand.drop(stems)
    stand.wait_for_state(stems, {"PENDING"})
    stand.stop(stems)


def _cancel_fails(stand: Stand, stems: Stems) -> None:
    stand.driver.control("faults", on="cancel", kind="error", times=1, status=500)
    _behind_another(stand, stems)


def _move_on(stand: Stand, stems: Stems) -> None:
    time.sleep(1)
    stand.driver.control("settings", task_seconds=0.05, concurrency=SLOTS)
    stand.driver.control("clock", advance_seconds=LONG + 1)


def _stopped_while_created(stand: Stand, stems: Stems) -> None:
    # The provider's clock is left alone: what it made is looked for by the moment of the call.
    stand.driver.control("settings", task_seconds=_AHEAD, concurrency=1)
    ahead = [f"{stem}-ahead" for stem in stems]
    stand.drop(ahead)
    stand.wait_for_state(ahead, {"RUNNING"})
    stand.driver.control("faults", on="create", kind="hang", times=1, seconds=4)
    stand.drop(stems)
    stand.wait_for_state(stems, {"SUBMITTING"})
    stand.stop(stems)
    time.sleep(4)


def _let_all_work(stand: Stand, stems: Stems) -> None:
    stand.driver.control("settings", task_seconds=0.05, concurrency=SLOTS)


def _unserved_line(stand: Stand, stems: Stems) -> None:
    """A line with free slots that nobody gives: who ends next gives them. Nor is there room for its email."""
    (stem,) = stems
    stand.pause()
    in_line(stand, [f"{stem}-first"])
    in_line(stand, [stem])
    stand.stale_place()
    stand.no_room_for_emails()
    stand.resume()


def _stopped_in_unserved_line(stand: Stand, stems: Stems) -> None:
    with stand.no_rounds():
        _unserved_line(stand, stems)
        stand.stop(stems)
        time.sleep(3)


def _deleted_in_unserved_line(stand: Stand, stems: Stems) -> None:
    with stand.no_rounds():
        _unserved_line(stand, stems)
        delete(stand, stems)
        time.sleep(3)


def _refused_before_unserved_line(stand: Stand, stems: Stems) -> None:
    """Throttled until the queue is as it should be, and then refused."""
    (stem,) = stems
    stand.driver.control("faults", on="create", kind="error", times=60, status=429, code="Throttling.RateQuota")
    stand.driver.control("faults", on="create", kind="error", status=400, code="DataInspectionFailed", message="x")
    with stand.no_rounds():
        stand.drop([stem])
        stand.wait_for_state([stem], {"ADMITTED", "SUBMITTING"})
        stand.pause()
        in_line(stand, [f"{stem}-first"])
        stand.stale_place()
        stand.resume()
        stand.wait_for_state([stem], {"FAILED"})
        time.sleep(1)


def _expired_before_unserved_line(stand: Stand, stems: Stems) -> None:
    """Lambda has no room for finalize until the queue is as it should be; then the link is found to have expired."""
    (stem,) = stems
    stand.driver.control("settings", task_seconds=LONG)
    with stand.no_rounds():
        stand.drop([stem])
        stand.wait_for_state([stem], {"PENDING", "RUNNING"})
        stand.over_a_day_ago(stem)
        stand.driver.control("settings", task_seconds=0.05)
        stand.pause()
        in_line(stand, [f"{stem}-first"])
        stand.stale_place()
        stand.driver.control("faults", on="result", kind="expired", times=2)
        with stand.no_room("finalize"):
            stand.driver.control("clock", advance_seconds=LONG + 1)
            # Not the job's state: its poll gives free slots after it has entered SAVING.
            stand.driver.wait_for_state(stem, "Finalize")
            stand.resume()
        stand.wait_for_state([stem], {"FAILED"})
        time.sleep(1)


def _told_by_the_next_run(stand: Stand, stems: Stems) -> None:
    """A job's end that nobody heard of, when a person starts it again."""
    with stand.no_status_events(), stand.no_rounds():
        _task_fails(stand, stems, "InvalidImage.NoHuman")
        stand.wait_for_state(stems, {"FAILED"})
        time.sleep(2)
        stand.no_room_for_emails()
        stand.stale_place()
        stand.begin_cold("admit")
        for stem in stems:
            stand.run_again(stem)
        time.sleep(3)


def _deleted_in_line(stand: Stand, stems: Stems) -> None:
    stand.pause()
    in_line(stand, stems)
    delete(stand, stems)
    with suppress(TimeoutError):
        stand.wait_for_state(stems, {"CANCELED"}, 30)


def _held_in_silence(stand: Stand, stems: Stems) -> None:
    """The queue is held, and the operator's topic takes no word of it."""
    with stand.driver.failing(troubles.refusing(stand.stack.operations_topic_arn)):
        _held(stand, stems)
        stand.sweep()


def _go_on(stand: Stand, _stems: Stems) -> None:
    stand.resume()


_PARTS = "CompleteMultipartUpload"
_OLD_WITHDRAWN = ("CANCELED", "SUCCEEDED")
_NOTHING_PAID = ("CANCELED", "CANCELED")

_OVERWRITTEN = (
    Scenario(
        "overwritten in the queue",
        ("submit",),
        troubles.overwritten_in_line,
        _go_on,
        events=_PARTS,
        few=2,
        ends=_OLD_WITHDRAWN,
    ),
    Scenario(
        "overwritten, admitted",
        ("submit",),
        troubles.overwritten_admitted,
        group=SLOTS,
        events=_PARTS,
        few=1,
        ends=_OLD_WITHDRAWN,
    ),
    Scenario(
        "overwritten while sent",
        ("submit",),
        troubles.overwritten_while_sent,
        together=False,
        events=_PARTS,
        few=1,
        every=3,
        ends=("SUCCEEDED", "SUCCEEDED"),
    ),
    Scenario(
        "overwritten and deleted",
        ("submit",),
        troubles.overwritten_and_deleted,
        _go_on,
        may_fail=True,
        events=_PARTS,
        few=1,
        ends=_NOTHING_PAID,
    ),
    Scenario(
        "overwritten by rubbish",
        ("submit",),
        troubles.overwritten_by_rubbish,
        _go_on,
        may_fail=True,
        events=_PARTS,
        few=1,
        ends=_NOTHING_PAID,
    ),
)
#: Nobody waits in order: what is throttled comes later.
_SATURATED = (
    Scenario("table throttles", ("poll", "finalize"), troubles.table_throttles, in_order=False, few=1),
    Scenario("no room at Lambda", ("admit", "poll"), troubles.no_room, in_order=False, few=1),
    Scenario("provider throttles", ("poll",), troubles.provider_throttles, in_order=False, few=1),
    Scenario("emails refused", ("finalize",), troubles.no_emails, few=1),
    Scenario("events refused", ("finalize",), troubles.no_events, few=1),
    Scenario("operator refused", ("conclude",), _held_in_silence, _fixed, in_order=False, few=1),
)
SCENARIOS = (
    Scenario("plain", ("submit", "media", "admit", "create", "poll", "finalize"), _plain),
    Scenario("own folder", ("submit",), _in_folders, in_order=False),
    Scenario("not taken in", ("submit",), _not_taken_in),
    Scenario("refused", ("conclude", "poll"), _refused, may_fail=True),
    Scenario("retried", ("poll", "create"), _retried, may_fail=True),
    Scenario("broken off", ("conclude", "admit"), _plain, crash=("create", "dynamodb:Query")),
    Scenario("answer lost", ("create",), _answer_lost),
    Scenario("deleted", ("submit",), _deleted_in_line, _go_on, may_fail=True, events="ObjectRemoved"),
    Scenario("stopped", ("conclude",), _behind_another, _move_on, together=False, may_fail=True),
    Scenario("cancel fails", ("poll",), _cancel_fails, _move_on, together=False, may_fail=True),
    Scenario("unserved, stopped", ("conclude",), _stopped_in_unserved_line, together=False, may_fail=True),
    Scenario(
        "unserved, deleted",
        ("submit",),
        _deleted_in_unserved_line,
        together=False,
        may_fail=True,
        events="ObjectRemoved",
    ),
    Scenario("unserved, refused", ("create",), _refused_before_unserved_line, together=False, may_fail=True),
    Scenario(
        "unserved, expired", ("finalize",), _expired_before_unserved_line, together=False, may_fail=True, expires=True
    ),
    Scenario("told by the next execution", ("admit",), _told_by_the_next_run, together=False, may_fail=True),
    Scenario("refused alike", ("poll",), _refused_alike, _fixed, in_order=False, few=1),
    Scenario("overdue", ("poll",), _overdue, _fixed, in_order=False, few=2),
    Scenario("one refused", ("poll",), _one_refused, in_order=False, few=1),
    *_OVERWRITTEN,
    *_SATURATED,
)
BESIDE = (
    Scenario("held", ("create",), _held, _fixed, together=False, in_order=False),
    Scenario(
        "stopped while created", ("create",), _stopped_while_created, _let_all_work, together=False, may_fail=True
    ),
)


def by_name(name: str) -> Scenario:
    """The scenario of that name."""
    return next(one for one in (*SCENARIOS, *BESIDE) if one.name == name)
