"""What a job costs on AWS, at list prices, from what the other benchmarks counted."""

from datetime import timedelta
from typing import Any

from benchmarks.report import Goal, Section, plot, stored
from motiondrop.domain.pricing import Prices
from motiondrop.workflow.poll import interval

#: USD, list prices of us-east-1 for arm64 and on-demand capacity, beyond the free tiers. Sources: the pricing pages of
#: each service, aws.amazon.com/<service>/pricing.
PRICES_OF = "2025-11"
TRANSITION = 25e-6  # Step Functions, Standard workflow
INVOCATION = 0.20e-6  # Lambda
GB_SECOND = 13.3334e-6  # Lambda on arm64
READ_UNIT = 0.125e-6  # DynamoDB on demand
WRITE_UNIT = 0.625e-6
S3_WRITE = 5e-6  # PUT, COPY, LIST, tagging
S3_READ = 0.4e-6
SQS_REQUEST = 0.4e-6
EMAIL = 20e-6  # SNS, an email beyond the first 1,000
PUBLISH = 0.5e-6
SECRET = 5e-6  # Secrets Manager, a call
LOG_GB = 0.50
TRANSFER_GB = 0.09  # out of AWS to the internet
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6

#: The provider's own sample: 15 s queued, 147 s of work, for 5.2 s of standard video.
SAMPLE_SECONDS, QUEUED, WORKED = 5.2, 15, 147
#: With two slots a job has its slot while another's task runs, and then its own.
IN_SLOT = QUEUED + 2 * WORKED
POLL_SECONDS = 15
STATES_OF_A_POLL = 3

#: Upper bounds of capacity units: a record has under 4 KB, and each write of it goes to an index as well.
UNITS_OF_A_WRITE = 3 * 2  # items of up to 3 KB, in the table and the index of open jobs
UNITS_OF_A_TRANSACTION = 2 * (UNITS_OF_A_WRITE + 3)  # twice the price, with two small items beside the record
UNITS_OF_A_READ = 1

MEMORY_GB = {"submit": 1.0, "finalize": 1.0}  # as in template.yaml; the others have half
LOG_BYTES = 1500  # an invocation's lines, with Lambda's own START, END and REPORT
GOAL = 0.003


def run() -> Section:
    """Price one job of the provider's sample."""
    polls = _polls(QUEUED + WORKED, WORKED)
    parts = of_a_job()
    total = sum(parts.values())
    video = Prices.of("wan2.2-animate-move", "singapore").cost(SAMPLE_SECONDS, "wan-std") / 1e6
    rows = [["Part", "USD a job", "of the video's price"]]
    rows += [[name, _usd(value), f"{value / video:.3%}"] for name, value in parts.items()]
    rows.append(["**all of AWS**", _usd(total), f"{total / video:.3%}"])
    rows.append(["the video, from the provider", _usd(video), ""])
    rows += [[name, _usd(value), f"{value / video:.3%}"] for name, value in _beside().items()]
    rows += [[f"*instead:* {name}", said, ""] for name, said in _alternatives(parts, polls).items()]

    def draw(axes: Any) -> None:
        names = list(reversed(parts))
        axes.barh(names, [parts[name] / video * 100 for name in names], color="#35618f")
        axes.set_xlabel("% of the price of a standard video of 5.2 s")

    return Section(
        "cost",
        "Cost of a job on AWS",
        f"List prices of us-east-1, {PRICES_OF}, without the free tiers; counts of the thousand jobs above, upper "
        f"bounds where AWS counts by size. A job like the provider's sample, with two slots, is {IN_SLOT} s in its "
        f"slot and polled {polls} times.",
        rows,
        [
            Goal(
                f"under {GOAL:.1%} of a standard video of {SAMPLE_SECONDS} s",
                f"{total / video:.2%}",
                total / video < GOAL,
            )
        ],
        plot("cost", draw),
    )


def of_a_job() -> dict[str, float]:
    """USD for one job of the provider's sample, by what it is spent on."""
    counted = stored("thousand").get("numbers")
    if not counted:
        raise SystemExit("What a job costs is priced from what `thousand` counts: run that first.")
    return _parts(counted, _polls(QUEUED + WORKED, WORKED))


def _polls(waiting: float, working: float) -> int:
    """Polls of a task that waits and then is worked on for so many seconds."""
    polls, age = 1, timedelta(seconds=POLL_SECONDS)
    while age.total_seconds() < waiting + working:
        age += timedelta(seconds=interval(age, POLL_SECONDS))
        polls += 1
    return polls


def _parts(counted: dict[str, Any], polls: int) -> dict[str, float]:
    """USD a job, by what it is spent on."""
    job, poll = counted["a job"], counted["a poll"]
    calls: dict[str, float] = counted["calls"]

    def number(*endings: str, function: str = "") -> float:
        return sum(n for name, n in calls.items() if name.endswith(endings) and name.startswith(function))

    transactions = number("TransactWriteItems")
    writes = number("PutItem", "UpdateItem", "DeleteItem")
    reads = job["DynamoDB reads"] + polls * poll["DynamoDB reads"]
    seconds: dict[str, float] = counted["seconds"]
    invocations = job["invocations"] + polls
    gb_seconds = 0.5 * (polls * seconds["Poll"] + seconds["Claim the job"] + seconds["Create task"] + _WAITING)
    gb_seconds += MEMORY_GB["finalize"] * seconds["Finalize"] + MEMORY_GB["submit"] * 2 * _SUBMIT
    s3_writes = number("s3:PutObject", "s3:CopyObject", "s3:ListObjectsV2", "s3:PutObjectTagging", "s3:UploadPart")
    s3_reads = number("s3:GetObject", "s3:HeadObject", "s3:GetObjectTagging") + 2  # the provider's own two
    return {
        "state transitions": (job["state transitions"] + STATES_OF_A_POLL * polls) * TRANSITION,
        "Lambda, time": gb_seconds * GB_SECOND,
        "Lambda, invocations": invocations * INVOCATION,
        "DynamoDB": (writes * UNITS_OF_A_WRITE + transactions * UNITS_OF_A_TRANSACTION) * WRITE_UNIT
        + reads * UNITS_OF_A_READ * READ_UNIT,
        "S3 requests": s3_writes * S3_WRITE + s3_reads * S3_READ,
        "SQS": 2 * 4 * SQS_REQUEST,  # send, receive, delete, and the receives that find nothing
        "email and messages": EMAIL + number("sns:Publish") * PUBLISH,
        "Secrets Manager": number("GetSecretValue") * SECRET,
        "logs": invocations * LOG_BYTES / 1e9 * LOG_GB,
    }


_WAITING = 0.3  # seconds of `admit` that an execution waits at; it answers at once
_SUBMIT = 1.5  # seconds of `submit` for one drop


def _beside() -> dict[str, float]:
    """What depends on the files and not on the job: the provider reads the inputs over the internet."""
    return {f"sending a reference video of {size} MB to the provider": size / 1000 * TRANSFER_GB for size in (5, 200)}


def _alternatives(parts: dict[str, float], polls: int) -> dict[str, str]:
    ours = parts["state transitions"]
    once_a_poll = ours - 2 * polls * TRANSITION
    waiting = 500 * WORKED  # the 1,000th job of a batch waits for 999 others; the mean one for half of them
    queue_polls = waiting / POLL_SECONDS * STATES_OF_A_POLL * TRANSITION
    express = EXPRESS_REQUEST + IN_SLOT * 0.0625 * EXPRESS_GB_SECOND
    in_time = int(24 * 3600 / WORKED)
    return {
        "Express workflow": f"{_usd(express)}, but it ends after 5 minutes, and cannot be stopped or redriven",
        "polling by the Task's own retry": f"{_usd(once_a_poll)} for transitions; each poll an error in the console",
        "waiting in the queue by polling": f"{_usd(queue_polls)} more a job when 1,000 are dropped at once",
        "submitting everything at once": f"nothing; of 1,000 tasks {in_time} end within 24 h and the rest expire",
    }


def _usd(value: float) -> str:
    return f"${value:.6f}" if value < 0.1 else f"${value:.3f}"
