"""The count of what came of the jobs that were dropped: lost, paid twice, unsaved, leaked, untold, out of order."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.driver import Driver

CLOSED = {"SUCCEEDED", "FAILED", "CANCELED"}

#: Images in an email of their own, and the names that the lines of a digest begin with.
_NAMED = re.compile(r"\S+(?=\.png)|(?:(?<=^Ready: )|(?<=^Failed: )|(?<=^Canceled: ))\S+?(?=\.? )", re.MULTILINE)


@dataclass
class Tally:
    """What came of a batch. Everything but `jobs` and `killed` has to be empty."""

    jobs: int = 0
    killed: int = 0
    lost: list[str] = field(default_factory=list)
    paid_twice: list[str] = field(default_factory=list)
    unsaved: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, list[str]]:
        """What must not be, by kind; empty if all is well."""
        kinds = ("lost", "paid_twice", "unsaved", "leaked", "emails", "out_of_order")
        return {kind: found for kind in kinds if (found := getattr(self, kind))}


@dataclass(frozen=True)
class Counting:
    """What is counted: all jobs' records, whether functions were killed, and the events of those that were."""

    driver: Driver
    jobs: dict[str, list[dict[str, Any]]]
    killed: bool
    events: set[str]

    def count(self, stems: list[str], *, may_fail: bool) -> Tally:
        """Count what came of the pairs; a job may have FAILED or been CANCELED only where that is what it should."""
        jobs = self.jobs
        tally = Tally(jobs=len(stems), leaked=self.driver.in_queue())
        tasks = self._tasks()
        events, emails = self._told()
        for stem in stems:
            if stem not in jobs:
                tally.lost.append(f"{stem} no record")
            for number, job in enumerate(reversed(jobs.get(stem, []))):
                if not is_over(job) or (job["state"] != "SUCCEEDED" and not may_fail and number == 0):
                    tally.lost.append(f"{stem} {job['state']} {job['closing'].get('reason', '')}")
                    continue
                self._count_money(tally, stem, job, tasks)
                most = 2 if not self.killed or any(stem.startswith(one) for one in self.events) else 1
                notified = max((many for (job_id, _), many in events.items() if job_id == job["job_id"]), default=0)
                if not 1 <= notified <= most or not emails[stem]:
                    tally.emails.append(f"{stem} {notified} events, {emails[stem]} emails")
        tally.out_of_order = inversions(job for stem in stems for job in jobs.get(stem, []))
        return tally

    def _count_money(
        self, tally: Tally, stem: str, job: dict[str, Any], tasks: dict[str, list[dict[str, Any]]]
    ) -> None:
        """Count what was paid for a job that is over, and what was saved of it."""
        paid = [task for task in tasks.get(job["image"]["copy"], []) if task["status"] == "SUCCEEDED"]
        if len(paid) > 1:
            tally.paid_twice.append(f"{stem} {[task['task_id'] for task in paid]}")
        if any(job["state"] != "SUCCEEDED" or job["task"].get("id") != task["task_id"] for task in paid):
            tally.unsaved.append(stem)
        if job["state"] == "SUCCEEDED" and not self._is_saved(job):
            tally.unsaved.append(f"{stem} no object")

    def _tasks(self) -> dict[str, list[dict[str, Any]]]:
        """All tasks, by the copy of the image that they were made of."""
        tasks: dict[str, list[dict[str, Any]]] = {}
        for task in self.driver.control("tasks"):
            copy = "inputs/" + task["input"]["image_url"].partition("/inputs/")[2].partition("?")[0]
            tasks.setdefault(copy, []).append(task)
        return tasks

    def _is_saved(self, job: dict[str, Any]) -> bool:
        listed = self.driver.stack.s3.list_objects_v2(
            Bucket=self.driver.stack.results_bucket, Prefix=f"videos/{job['job_id']}."
        )
        sizes = {item["Key"].rpartition(".")[2]: item["Size"] for item in listed.get("Contents", [])}
        return sizes.get("mp4") == int(job["result"]["size"]) and "json" in sizes

    def _told(self) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        """How often programs were told of each end of a job, and how many emails tell of an image, alone or not."""
        events: Counter[tuple[str, str]] = Counter()
        emails: Counter[str] = Counter()
        for path in self.driver.stack.emails():
            head, _, body = path.read_text().partition("\n\n")
            if "EventsTopic" in head:
                said = json.loads(body)
                events[said.get("job_id", ""), said["event"]] += 1
            else:
                emails.update(names_in(body))
        return events, emails


def names_in(body: str) -> set[str]:
    """The names, without folder and extension, of the images and jobs that an email is about."""
    return {name.rpartition("/")[2] for name in _NAMED.findall(body)}


def is_over(job: dict[str, Any] | None) -> bool:
    return job is not None and job["state"] in CLOSED and bool(job["closing"]["notified"])


def inversions(jobs: Iterable[dict[str, Any]]) -> list[str]:
    """Jobs that were given their slot before one that was recorded more than a second earlier.

    A job whose create call was refused, or lost, passes its turn, so one that was sent more than once may be overtaken.
    """
    times = [
        (
            datetime.fromisoformat(job["recorded_at"]),
            datetime.fromisoformat(job["turn"]["admitted_at"]),
            job["call"].get("attempt", 0) > 1,
        )
        for job in jobs
        if "admitted_at" in job["turn"]
    ]
    return [
        f"recorded {later:%H:%M:%S.%f} before {earlier:%H:%M:%S.%f}"
        for earlier, before, sent_again in times
        for later, moment, _ in times
        if later > earlier + timedelta(seconds=1) and moment < before and not sent_again
    ]
