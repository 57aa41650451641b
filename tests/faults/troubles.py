"""Trouble that comes from outside: drops that are overwritten, services that ask to slow down, topics that refuse."""

import time
from contextlib import suppress

from tests.support.stand import Stand

Stems = list[str]

#: Seconds of a trouble that is waited out; of a topic's, as long as it takes to tell of an end three times.
_A_WHILE = 4
_TELLING = 70

#: Seconds that the events of many drops take on a busy machine, some of them twice.
_PATIENCE = 300

_TOO_SMALL = (100, 100)


def in_line(stand: Stand, stems: Stems) -> None:
    """Drop pairs, and wait until their executions wait for a slot."""
    stand.drop(stems)
    stand.wait(lambda: all(stem in (jobs := stand.jobs()) and jobs[stem]["turn"].get("token") for stem in stems), 120)


def delete(stand: Stand, stems: Stems) -> None:
    for stem in stems:
        stand.stack.s3.delete_object(Bucket=stand.stack.inbox_bucket, Key=f"{stem}.png")


def overwritten_in_line(stand: Stand, stems: Stems) -> None:
    stand.pause()
    in_line(stand, stems)
    stand.overwrite(stems)
    _until_withdrawn(stand, stems)


def overwritten_admitted(stand: Stand, stems: Stems) -> None:
    """They have their slots, and Lambda has no room to send them."""
    with stand.no_room("create"):
        stand.drop(stems)
        stand.wait_for_state(stems, {"ADMITTED"})
        stand.overwrite(stems)
        _until_withdrawn(stand, stems)


def overwritten_while_sent(stand: Stand, stems: Stems) -> None:
    stand.driver.control("faults", on="create", kind="hang", times=1, seconds=_A_WHILE)
    stand.drop(stems)
    stand.wait_for_state(stems, {"SUBMITTING", "PENDING", "RUNNING", "SAVING", "SUCCEEDED"})  # it is a short state
    stand.overwrite(stems)
    time.sleep(_A_WHILE)


def overwritten_and_deleted(stand: Stand, stems: Stems) -> None:
    stand.pause()
    in_line(stand, stems)
    stand.overwrite(stems)
    with suppress(TimeoutError):
        stand.wait(lambda: all(len(stand.versions()[stem]) > 1 for stem in stems), _PATIENCE)
    delete(stand, stems)
    with suppress(TimeoutError):
        stand.wait(
            lambda: all(job["state"] == "CANCELED" for stem in stems for job in stand.versions()[stem]), _PATIENCE
        )


def overwritten_by_rubbish(stand: Stand, stems: Stems) -> None:
    stand.pause()
    in_line(stand, stems)
    stand.overwrite(stems, _TOO_SMALL)
    _until_withdrawn(stand, stems)


def _until_withdrawn(stand: Stand, stems: Stems) -> None:
    with suppress(TimeoutError):  # else it is counted
        stand.wait(lambda: stand.withdrawn(stems), _PATIENCE)


def table_throttles(stand: Stand, stems: Stems) -> None:
    stand.drop(stems)
    time.sleep(1)
    with stand.driver.failing({"service": "dynamodb", "status": 400, "code": "ThrottlingException"}):
        time.sleep(_A_WHILE)


def no_room(stand: Stand, stems: Stems) -> None:
    stand.drop(stems)
    with stand.no_room("submit", "admit", "create", "poll", "finalize", "conclude"):
        time.sleep(_A_WHILE)


def provider_throttles(stand: Stand, stems: Stems) -> None:
    for call in ("create", "query"):
        throttled = {"on": call, "kind": "error", "status": 429, "code": "Throttling.RateQuota"}
        stand.driver.control("faults", times=3 * len(stems), **throttled)
    stand.drop(stems)


def no_emails(stand: Stand, stems: Stems) -> None:
    _refused(stand, stems, stand.stack.notifications_topic_arn)


def no_events(stand: Stand, stems: Stems) -> None:
    _refused(stand, stems, stand.stack.events_topic_arn)


def _refused(stand: Stand, stems: Stems, topic_arn: str) -> None:
    """The topic refuses while the jobs end, and while the sweep tries again and again to tell."""
    with stand.driver.failing(refusing(topic_arn)):
        stand.drop(stems)
        stand.wait_for_state(stems, {"SUCCEEDED"}, 300)
        deadline = time.monotonic() + _TELLING
        while time.monotonic() < deadline:
            stand.sweep()
            time.sleep(2)


def refusing(topic_arn: str) -> dict[str, str | int]:
    """A fault of the edge: the topic takes no message."""
    name = topic_arn.rpartition(":")[2]
    return {"service": "sns", "operation": "Publish", "about": name, "status": 403, "code": "AuthorizationError"}
