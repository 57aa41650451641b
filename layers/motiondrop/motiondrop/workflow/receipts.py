"""Receipts: object tags that say what became of a drop, derived from its record and its jobs' records."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from motiondrop.aws.inbox import RECEIPT_LENGTH, Inbox, receipt_text
from motiondrop.domain.delivery import expected_briefly
from motiondrop.domain.job import Job, State, words
from motiondrop.domain.outcome import what_to_do, why_in_brief
from motiondrop.domain.pricing import usd_as_tag
from motiondrop.errors import NoRoom
from motiondrop.storage.drops import Drop, Drops
from motiondrop.storage.jobs import Jobs

_logger = Logger(child=True)

#: A function that makes the link to a job's page from the job's id.
PageOf = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Receipts:
    """Writes receipts. Losing one loses nothing: it is written again with the job's next step."""

    inbox: Inbox
    drops: Drops
    jobs: Jobs

    def follow(self, job: Job, page_of: PageOf | None = None) -> dict[str, str]:
        """Update the receipts of the job's drops, as `sync` does."""
        return self.sync(job.drops, page_of)

    def sync(self, keys: Collection[str], page_of: PageOf | None = None) -> dict[str, str]:
        """Update the receipts of the drops at these keys from the table; return, by key, the new receipts that could
        not be written because the drop has no room for a tag.

        With `page_of`, every drop is tagged with its receipt and its link. Without `page_of`, no secret is needed: only
        receipts that changed are written, and links stay.

        Another function may change a job or a drop meanwhile, and write the newer receipt before this one writes the
        older one. So the records are read again after each write, until the receipts that were written are up to date.
        """
        written: dict[str, str] = {}
        unsaid: dict[str, str] = {}
        while keys:
            drops = self.drops.find(sorted(keys))
            jobs = {job.job_id: job for job in self.jobs.find(sorted({one for d in drops.values() for one in d.jobs}))}
            due = {
                key: receipt
                for key, drop in drops.items()
                if (receipt := _receipt(drop, [jobs[one] for one in sorted(drop.jobs) if one in jobs]))
                and receipt != written.get(key, None if page_of else drop.receipt)
            }
            full = {key for key, said in due.items() if not self._write(drops[key], said, page_of)}
            unsaid |= {key: due[key] for key in full if due[key] != drops[key].receipt}
            written |= due
            keys = due.keys()
        return unsaid

    def _write(self, drop: Drop, receipt: str, page_of: PageOf | None) -> bool:
        """Tag the drop; return False if it has no room for a tag. An error of S3 is logged and does no harm."""
        room = True
        try:
            if self.inbox.write_receipt(drop.key, receipt, _page(drop, page_of)):
                self.drops.note_receipt(drop.key, receipt)
        except NoRoom:
            self.drops.note_receipt(drop.key, receipt)
            room = False
        except (ClientError, BotoCoreError) as error:
            _logger.warning("a receipt was not written", extra={"reason": type(error).__name__})
        return room


def _page(drop: Drop, page_of: PageOf | None) -> str | None:
    """The link to the page of the drop's only job; empty if it has several or none; None without `page_of`."""
    if page_of is None:
        return None
    return page_of(next(iter(drop.jobs))) if len(drop.jobs) == 1 else ""


def _receipt(drop: Drop, jobs: list[Job]) -> str | None:
    """The drop's receipt: that it was rejected, what has become of its jobs, or why it has none."""
    if drop.rejected:
        receipt: str | None = of_rejected(drop.rejected)
    else:
        receipt = of_jobs(jobs) if jobs else drop.waiting
    if receipt:
        receipt = receipt_text(receipt)
        for line in (drop.note, words(drop.media) if drop.media else ""):
            receipt = _with_room(receipt, line) if line else receipt
    return _with_room(receipt, expected_briefly(jobs[0])) if receipt and _is_unpaid(jobs) else receipt


def _is_unpaid(jobs: list[Job]) -> bool:
    """Whether there is exactly one job, and it still waits to be sent: only then the receipt says what to expect."""
    return len(jobs) == 1 and jobs[0].state in {State.PREPARING, State.QUEUED} and not jobs[0].stopped


def _with_room(receipt: str, more: str) -> str:
    """The receipt with `more` added, if all of `more` fits."""
    longer = f"{receipt} - {more}"
    return longer if len(longer) <= RECEIPT_LENGTH else receipt


def of_rejected(reason: str) -> str:
    """The receipt of a drop that cannot be used."""
    return f"rejected: {reason}"


def of_job(job: Job) -> str:
    """The receipt of a drop with one job."""
    if job.stopped and not job.closed:
        return "being canceled"
    said = {
        State.PREPARING: f"accepted and waiting for conversion - the animation will cost {usd_as_tag(job.quote)}",
        State.QUEUED: " - ".join(
            [f"accepted and in the queue - the animation will cost {usd_as_tag(job.quote)}", *job.advice[:1]]
        ),
        State.ADMITTED: "animating: being sent to the animation service",
        State.SUBMITTING: "animating: being sent to the animation service",
        State.PENDING: "animating: waiting at the animation service",
        State.RUNNING: "animating",
        State.SAVING: "animating: result is being saved",
        State.SUCCEEDED: f"done: {job.result.key}",
        State.FAILED: " - ".join(filter(None, [f"failed: {why_in_brief(job)}", what_to_do(job).rstrip(".")])),
        State.CANCELED: "canceled",
    }
    return receipt_text(said[job.state])


def of_jobs(jobs: list[Job]) -> str:
    """The receipt of a drop with these jobs: for a shared file, how many have ended in which way."""
    if len(jobs) == 1:
        return of_job(jobs[0])
    count = Counter(job.state for job in jobs)
    parts = [f"{count[State.SUCCEEDED]} of {len(jobs)} done"]
    parts += [f"{count[state]} {state.lower()}" for state in (State.FAILED, State.CANCELED) if count[state]]
    return " - ".join(parts)
