"""The messages to operators: what is wrong, what to do, and what MotionDrop does by itself meanwhile."""

from collections.abc import Sequence
from datetime import datetime

from motiondrop.domain.job import Job
from motiondrop.domain.messages import Message, headline, pair, paragraphs, subject_name
from motiondrop.domain.pricing import usd
from motiondrop.domain.provider_errors import RetryPolicy, WanError
from motiondrop.sanitize import SUBJECT_LENGTH, ascii_line, named, quoted

_ON_HOLD = "docs/runbook.md#on-hold"

_PROBES = (
    "The queue is on hold. Every five minutes MotionDrop sends one waiting job to see whether the animation service"
    " accepts it. If it does, that job runs and is charged as usual, and the queue resumes."
)
_NOBODY_FAILS = "Waiting jobs stay in the queue: they will not fail, and nothing is charged for them."

#: The most characters of a code. Anything longer is not a code and is left out of the subject.
_CODE = 40


def held(refusal: WanError) -> Message:
    """The queue is held until something is fixed; no job fails because of it."""
    said = ": ".join(filter(None, (refusal.code, refusal.message)))
    answered = f"The animation service answered {quoted(said, 400)}" if said else "The animation service gave no code"
    series = refusal.retry is not RetryPolicy.HELD
    reason = f"{refusal.what_happened(refusal.code)} {_CHECK}" if series else refusal.sentence
    body = paragraphs(
        f"{_PROBES} The other {_NOBODY_FAILS[:1].lower()}{_NOBODY_FAILS[1:]}",
        _SERIES if series else "",
        reason,
        f"{answered} (request ID {named(refusal.request_id or 'unknown')}).",
    )
    brief = f"on hold, {'several jobs were refused' if series else refusal.in_brief(refusal.code)}"
    code = f" ({refusal.code})" if refusal.code and len(refusal.code) <= _CODE else ""
    facts = {"reason": reason, "code": refusal.code}
    return Message("held", headline(_US, brief + code), body, "held", facts=facts, help_page=_ON_HOLD)


def over_budget(job: Job, reserve: int) -> Message:
    """The queue waits for the next day, since today's budget has no room for its first job."""
    reason = "What is left of today's budget (DailyBudgetUSD) does not cover the first job in the queue."
    body = paragraphs(
        f"The queue is on hold until 00:00 UTC. {_NOBODY_FAILS}",
        f"{reason} That job, {job.job_id}, needs {usd(reserve)}: its quote plus 10%.",
        "To run more jobs today, raise DailyBudgetUSD and deploy. Otherwise, you don't need to do anything: the queue"
        " resumes on its own.",
    )
    said = headline(_US, "on hold, not enough of today's budget is left")
    facts = {"reason": reason, "code": None}
    return Message("held", said, body, "over budget", facts=facts, help_page="docs/runbook.md#budget")


def undecided(job: Job) -> Message:
    """It is not known whether a create call made a task: the provider's list of tasks does not show whether it did."""
    reason = (
        "The connection to the animation service was lost while the job was being sent, and the service's list of tasks"
        " does not show yet whether a task was created."
    )
    at = f"{job.call.asked_at:%Y-%m-%d %H:%M:%S} UTC" if job.call.asked_at else "that time"
    body = paragraphs(
        f"The job for {pair(job, 'and')} is waiting. {reason}",
        "MotionDrop does not send the job again until this is clear, because a second task would be charged too. The"
        " other jobs continue.",
        "You don't need to do anything. MotionDrop checks again every few minutes. If it still does not know after 23"
        " hours, the job fails, and its email says how much may have been charged.",
        f"To check for yourself, look in the animation service's console for a task created at {at}. The job is"
        f" {job.job_id}, quoted {usd(job.quote)}.",
    )
    start, end = f"{_US}: not clear whether job ", " was sent, checking again"
    said = f"{start}{ascii_line(subject_name(job), SUBJECT_LENGTH - len(start) - len(end))}{end}"
    facts = {"reason": reason, "code": None}
    page = "docs/runbook.md#undecided"
    return Message("undecided", said, body, f"undecided {job.job_id}", facts=facts, help_page=page)


def resumed() -> Message:
    """The queue resumes."""
    body = "The animation service accepts jobs again, and the queue has resumed. You don't need to do anything.\n"
    return Message("resumed", headline(_US, "no longer on hold"), body, "resumed")


def unheard(topics: Sequence[str]) -> Message:
    """These topics have no confirmed subscriber; sent once a day.

    The email mentions results and failures only: if nobody reads the operations topic, nobody would get the email.
    """
    body = paragraphs(
        "Emails about results and failures go to nobody: no address has confirmed its subscription.",
        'AWS sent an email with the subject "AWS Notification - Subscription Confirmation" to each address that you'
        " gave the stack. Click the link in that email. If it has expired, choose Request confirmation for the address"
        " in the SNS console. To add an address, subscribe it to the SNS topic. Its ARN is the stack's output"
        " NotificationsTopicArn.",
        "Nothing is lost in the meantime: jobs continue, and a tag on each dropped file says what happened to it.",
    )
    said = headline(_US, "emails about results and failures go to nobody")
    page = "docs/operating.md#who-is-told"
    return Message("unheard", said, body, "unheard", facts={"topics": list(topics)}, help_page=page)


_ADD_LINE = (
    "If the host belongs to the animation service, add the line below, including the |, to the end of the value of"
    " WanResultOrigins."
)
_ADD_LINES = (
    "Each line below that starts with | allows one host. For each host that belongs to the animation service, add its"
    " line, including the |, to the end of the value of WanResultOrigins."
)


def host_refused(hosts: Sequence[str], videos: int, until: datetime) -> Message:
    """Finished videos are at hosts that WanResultOrigins does not allow; sent once a day for the same hosts."""
    several = "1 finished video is" if videos == 1 else f"{videos} finished videos are"
    them, host = "the video" if videos == 1 else "the videos", "the host" if len(hosts) == 1 else "each host"
    first, others = ("the video", "") if videos == 1 else ("the first of these videos", " and the others later")
    allow = "\n".join(f"|https://{host}" for host in hosts).replace(".", "\\.")
    body = paragraphs(
        f"{several} not saved yet. The animation service offers {them} at {' and '.join(hosts)}, which the stack's"
        " parameter WanResultOrigins does not allow, so MotionDrop does not download anything from there.",
        f"First make sure that {host} belongs to the animation service: anyone can create a bucket whose name begins"
        " with dashscope-. If the service's documentation does not name the host, ask its support.",
        f"{_ADD_LINE if len(hosts) == 1 else _ADD_LINES} Then deploy: MotionDrop saves {them} within 15 minutes."
        f"\n\n{allow}",
        f"The animation service deletes {first} at {until:%Y-%m-%d %H:%M} UTC{others}. A video that is deleted before"
        " it is saved is lost, but still charged. Until you deploy, MotionDrop keeps sending new jobs, which are"
        " charged although their videos might not be saved. To prevent this, pause the queue.",
    )
    which = f"{hosts[0]} is" if len(hosts) == 1 else f"{len(hosts)} hosts are"
    said = headline(_US, f"videos not saved, {which} not allowed", "videos not saved, a host is not allowed")
    facts = {"hosts": list(hosts), "videos": videos}
    page = "docs/operating.md#allow-results-from-another-host"
    return Message("host_refused", said, body, "host refused", facts=facts, help_page=page)


_US = "MotionDrop"

_SERIES = (
    "The animation service refused several different jobs in the same way, one after another. So the cause is"
    " probably not the files but the account or the stack's parameters."
)

_CHECK = (
    "In the animation service's console, check that the account has balance and quota left, and is allowed to use the"
    " model. In the stack's parameters, check WanRegion, WanModel and WanBaseUrl."
)
