"""What the operator is told: what is wrong, what to do, and what MotionDrop does by itself meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from motiondrop.domain.job import Job
from motiondrop.domain.messages import Message, headline, pair, paragraphs, subject_name
from motiondrop.domain.pricing import usd
from motiondrop.domain.provider_errors import RetryPolicy, WanError
from motiondrop.sanitize import SUBJECT_LENGTH, ascii_line, named, quoted

_ON_HOLD = "docs/runbook.md#on-hold"

_NOBODY_FAILS = "No jobs are being sent to the animation service, and none will fail because of this."

#: Characters that a code has at most; what is longer is none, and is left out of the subject.
_CODE = 40


def held(refusal: WanError) -> Message:
    """The queue is held until something is fixed; no job fails for it."""
    said = ": ".join(filter(None, (refusal.code, refusal.message)))
    answered = f"The service answered {quoted(said, 400)}" if said else "The service gave no code"
    body = paragraphs(
        _NOBODY_FAILS,
        _SERIES if refusal.retry is not RetryPolicy.HELD else "",
        refusal.sentence,
        f"{answered} (request id {named(refusal.request_id or 'unknown')}).",
        "MotionDrop sends one job every five minutes as a test, and carries on by itself once one is accepted.",
    )
    brief = f"on hold, {refusal.in_brief(refusal.code)}"
    code = f" ({refusal.code})" if refusal.code and len(refusal.code) <= _CODE else ""
    facts = {"reason": refusal.sentence, "code": refusal.code}
    return Message("held", headline(_US, brief + code), body, "held", facts=facts, help_page=_ON_HOLD)


def over_budget(job: Job, reserve: int) -> Message:
    """The queue waits for the next day, since today's budget has no room for its first job."""
    reason = "The day's budget (DailyBudgetUSD) has no room for the first job of the queue."
    body = paragraphs(
        _NOBODY_FAILS,
        f"{reason} Job {job.job_id} needs {usd(reserve)}, which is its quote plus 10 %.",
        "Raise the budget if the work is wanted today. Otherwise do nothing: MotionDrop carries on by itself when the"
        " next day begins (UTC).",
    )
    said = headline(_US, "on hold, not enough of today's budget is left")
    facts = {"reason": reason, "code": None}
    return Message("held", said, body, "over budget", facts=facts, help_page="docs/runbook.md#budget")


def undecided(job: Job) -> Message:
    """It is not known whether a create call made a task, and the provider's list does not tell."""
    reason = (
        "A call to the animation service broke off, and its list of tasks does not tell yet whether it made a task."
    )
    at = f"{job.call.asked_at:%Y-%m-%d %H:%M:%S} UTC" if job.call.asked_at else "that time"
    body = paragraphs(
        f"The job of {pair(job)} waits. {reason}",
        "It is not sent again until that is known, since it could be paid for twice. Other jobs go on.",
        "You don't need to do anything. MotionDrop looks again every few minutes. If it still does not know after 23"
        " hours, the job fails, and its email says whether it may have been charged.",
        f"To see for yourself, look in the service's console for a task of {at}. The job is {job.job_id}.",
    )
    said = _of_job(job, "waits, it is not known whether its task was made")
    facts = {"reason": reason, "code": None}
    page = "docs/runbook.md#undecided"
    return Message("undecided", said, body, f"undecided {job.job_id}", facts=facts, help_page=page)


def resumed() -> Message:
    """The queue goes on."""
    body = "The animation service accepts jobs again, and the queue goes on. You don't need to do anything.\n"
    return Message("resumed", headline(_US, "no longer on hold"), body, "resumed")


def unheard(topics: Sequence[str]) -> Message:
    """These topics have no confirmed subscriber; it is said once a day."""
    body = paragraphs(
        f"Nobody gets the emails about {', nor those about '.join(topics)}: no subscriber is confirmed.",
        'An address that was given to the stack has to be confirmed by the link in the email that AWS sent there: "AWS'
        ' Notification - Subscription Confirmation". To add another, subscribe it to the topic that the outputs name.',
        "Nothing is lost meanwhile: jobs go on, and the receipts on the dropped files say what became of them.",
    )
    said = headline(_US, f"no confirmed subscribers: {', '.join(topics)}")
    page = "docs/operating.md#who-is-told"
    return Message("unheard", said, body, "unheard", facts={"topics": list(topics)}, help_page=page)


def host_refused(hosts: Sequence[str], videos: int, until: datetime) -> Message:
    """Finished videos lie at hosts that WanResultOrigins does not allow; it is said once a day."""
    several = "1 finished video is" if videos == 1 else f"{videos} finished videos are"
    allow = "\n".join(f"|https://{host}" for host in hosts).replace(".", "\\.")
    body = paragraphs(
        f"{several} not saved: WanResultOrigins does not allow {' and '.join(hosts)}, so nothing is fetched there.",
        "First make sure that each host is the provider's: anybody can make a bucket whose name begins with dashscope-."
        " If the provider's documents do not name it, ask its support.",
        "Then append the line of each host that you have confirmed to the value of WanResultOrigins, and deploy. The"
        f" videos are saved within a quarter of an hour:\n\n{allow}",
        f"The provider starts deleting these videos at {until:%Y-%m-%d %H:%M} UTC. New jobs are sent and charged"
        " meanwhile, unless you pause the queue.",
    )
    which = f"{hosts[0]} is" if len(hosts) == 1 else f"{len(hosts)} hosts are"
    said = headline(
        _US, f"videos cannot be saved, {which} not allowed", "videos cannot be saved, a host is not allowed"
    )
    facts = {"hosts": list(hosts), "videos": videos}
    page = "docs/operating.md#allow-another-host-of-results"
    return Message("host_refused", said, body, "host refused", facts=facts, help_page=page)


_US = "MotionDrop"

_SERIES = (
    "Different jobs were refused alike, one after the other. So the cause is more likely the account or the stack's"
    " configuration than the files."
)


def _of_job(job: Job, said: str) -> str:
    """A subject with our name before the job's."""
    start = f"{_US}: "
    return f"{start}{ascii_line(subject_name(job), SUBJECT_LENGTH - len(start) - len(said) - 1)} {said}"
