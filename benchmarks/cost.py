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
SECRET_MONTH = 0.40
METRIC_MONTH = 0.30  # CloudWatch, for each month in which the metric was sent
ALARM_MONTH = 0.10
LOG_GB = 0.50
TRACE = 5e-6  # X-Ray
TRANSFER_GB = 0.09  # out of AWS to the internet
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6

#: The provider's own sample: 15 s queued, 147 s of work, for 5.2 s of standard video.
SAMPLE_SECONDS, QUEUED, WORKED = 5.2, 15, 147
#: With two slots a job has its slot while another job's task runs, and then while its own does.
IN_SLOT = QUEUED + 2 * WORKED
POLL_SECONDS = 15
STATES_OF_A_POLL = 3

#: Upper bounds of capacity units: a job's record has 1.6 KB, and most of its writes change its place in the index of
#: open items, too, which takes two writes of less than 1 KB.
ITEM_KB = 2
UNITS_OF_A_WRITE = ITEM_KB + 2
UNITS_OF_A_TRANSACTION = 2 * (UNITS_OF_A_WRITE + 2)  # twice the price, with two small items beside the record
UNITS_OF_A_READ = 1

MEMORY_GB = {"finalize": 1.0, "media": 3008 / 1024}  # as in template.yaml; the others have 0.5
LOG_BYTES = 1500  # an invocation's lines, with Lambda's own START, END and REPORT
TRACES = 6  # of a job: its execution, two events, two files, its page
GOAL = 0.0035
MEDIA_GOAL = 0.05  # of AWS's cost of a job

#: What a stack has and sends, whether it is used or not (template.yaml, docs/metrics.md).
ALARMS, SECRETS, METRICS_IDLE, METRICS_BUSY = 12, 2, 6, 20
ROUNDS_A_MONTH = 30 * 24 * 60
RECEIVES_A_MONTH = 5 * 3 * ROUNDS_A_MONTH  # Lambda polls a queue by five connections, for 20 s each
STUDIO_JOBS = 440  # 20 on each of 22 days


REASON = (
    "State transitions alone are 0.28%: three for each of 21 polls. The provider's key is read from Secrets Manager at "
    "each poll (0.02%), so that a new key is used at once. Earlier versions of this page left out traces, and what a "
    "poll reads while the task is still running."
)
MEDIA_REASON = "It has 3 GB, and with them the processors that conversions need."


def run() -> Section:
    """Price one job like the provider's sample, an idle month and a studio's month."""
    polls = _polls(QUEUED + WORKED, WORKED)
    parts = _parts(_numbers("thousand"), polls)
    total = sum(parts.values())
    video = Prices.of("wan2.2-animate-move", "singapore").cost(SAMPLE_SECONDS, "wan-std") / 1e6

    def draw(axes: Any) -> None:
        names = list(reversed(parts))
        axes.barh(names, [parts[name] / video * 100 for name in names], color="#35618f")
        axes.set_xlabel("% of the price of a standard video of 5.2 s")

    return Section(
        "cost",
        "Cost on AWS",
        f"List prices of us-east-1, {PRICES_OF}, without the free tiers. The counts are those of the thousand jobs "
        "above; where AWS charges by size, upper bounds. A job like the provider's sample, in a stack with two slots, "
        f"holds its slot for {IN_SLOT} s and is polled {polls} times, every {POLL_SECONDS} s. A month in which nothing "
        f"is dropped costs the sweep's rounds with one LIST of the inbox in each, {ALARMS} alarms, {SECRETS} secrets, "
        f"{METRICS_IDLE} metrics ({METRICS_BUSY} if jobs run), the traces, and Lambda's ReceiveMessage calls on an "
        "empty queue.",
        _rows(parts, polls, video),
        [
            Goal(
                f"at most {GOAL:.2%} of a standard video of {SAMPLE_SECONDS} s",
                f"{total / video:.3%}",
                total / video <= GOAL,
                REASON,
            ),
            Goal(
                f"`media` under {MEDIA_GOAL:.0%} of AWS's cost of a job",
                f"{parts[MEDIA] / total:.1%}",
                parts[MEDIA] / total < MEDIA_GOAL,
                MEDIA_REASON,
            ),
        ],
        plot("cost", draw),
    )


def _rows(parts: dict[str, float], polls: int, video: float) -> list[list[str]]:
    """The table: a job by its parts, other ways to do the same, and months."""
    total = sum(parts.values())
    rows = [["Part", "USD", "of the video's price"]]
    rows += [[name, _usd(value), f"{value / video:.3%}"] for name, value in parts.items()]
    rows.append(["**all of AWS, for a job**", _usd(total), f"{total / video:.3%}"])
    rows.append(["the video, from the provider", _usd(video), ""])
    rows += [[name, _usd(value), f"{value / video:.3%}"] for name, value in _beside().items()]
    rows += [[f"*instead:* {name}", said, ""] for name, said in _alternatives(parts, polls).items()]
    idle, studio = _month(METRICS_IDLE), _month(METRICS_BUSY) + STUDIO_JOBS * total
    rows.append(["**a month in which nothing is dropped**", f"${idle:.2f}", ""])
    rows.append(
        [f"**a studio's month: {STUDIO_JOBS} jobs**", f"${studio:.2f}", f"{studio / (STUDIO_JOBS * video):.1%}"]
    )
    return rows


def _numbers(name: str) -> dict[str, Any]:
    """What another benchmark counted."""
    numbers: dict[str, Any] = stored(name).get("numbers", {})
    if not numbers:
        raise SystemExit(f"The costs are made from what `{name}` counts: run that first.")
    return numbers


def _month(metrics: int) -> float:
    """USD a month for a stack with nothing to do that sends so many metrics."""
    sweep: float = _numbers("queue")["sweep"]["0"]
    a_round = S3_WRITE + TRACE + LOG_BYTES / 1e9 * LOG_GB
    fixed = ALARMS * ALARM_MONTH + SECRETS * SECRET_MONTH + metrics * METRIC_MONTH
    return sweep + ROUNDS_A_MONTH * a_round + RECEIVES_A_MONTH * SQS_REQUEST + fixed


def _polls(waiting: float, working: float) -> int:
    """How often a task is polled that waits and then is worked on, each for so many seconds."""
    polls, age = 1, timedelta(seconds=POLL_SECONDS)
    while age.total_seconds() < waiting + working:
        age += timedelta(seconds=interval(age, POLL_SECONDS))
        polls += 1
    return polls


def _parts(counted: dict[str, Any], polls: int) -> dict[str, float]:
    """USD a job, by what it is spent on. The thousand jobs had one poll each, the last; earlier ones only read."""
    job, poll, looks = counted["a job"], counted["a poll"], polls - 1
    calls: dict[str, float] = counted["calls"]
    look: dict[str, int] = _numbers("queue")["steps"]["poll"]

    def number(*endings: str) -> float:
        return sum(n for name, n in calls.items() if name.endswith(endings))

    transactions = number("TransactWriteItems")
    writes = number("PutItem", "UpdateItem", "DeleteItem")
    reads = job["DynamoDB reads"] + poll["DynamoDB reads"] + looks * look["GetItem"]
    seconds: dict[str, float] = _numbers("latency")["seconds"]
    media = sum(_numbers("intake")["seconds"].values()) + 3 * _FETCH
    invocations = job["invocations"] + polls + 3  # of `media`: two drops and the result
    gb_seconds = 0.5 * (polls * seconds["Poll"] + seconds["Claim the job"] + seconds["Create task"] + _WAITING)
    gb_seconds += MEMORY_GB["finalize"] * seconds["Finalize"] + 0.5 * 2 * _SUBMIT
    s3_writes = number("s3:PutObject", "s3:CopyObject", "s3:ListObjectsV2", "s3:PutObjectTagging", "s3:UploadPart")
    s3_reads = number("s3:GetObject", "s3:HeadObject", "s3:GetObjectTagging") + 2  # the provider's own two
    return {
        "state transitions": (job["state transitions"] + STATES_OF_A_POLL * polls) * TRANSITION,
        "Lambda, time": gb_seconds * GB_SECOND,
        MEDIA: MEMORY_GB["media"] * media * GB_SECOND,
        "Lambda, invocations": invocations * INVOCATION,
        "DynamoDB": (writes * UNITS_OF_A_WRITE + transactions * UNITS_OF_A_TRANSACTION) * WRITE_UNIT
        + reads * UNITS_OF_A_READ * READ_UNIT,
        "S3 requests": s3_writes * S3_WRITE + s3_reads * S3_READ,
        "SQS": 2 * 4 * SQS_REQUEST,  # send, receive, delete, and the receives that find nothing
        "email and messages": EMAIL + number("sns:Publish") * PUBLISH,
        "Secrets Manager": (number("GetSecretValue") + looks) * SECRET,
        "logs": invocations * LOG_BYTES / 1e9 * LOG_GB,
        "traces": TRACES * TRACE,
    }


MEDIA = "Lambda, time of `media`"
_WAITING = 0.3  # seconds of `admit`, which returns at once while the execution waits on
_SUBMIT = 1.5  # seconds of `submit` for one drop, in which it waits for `media`
_FETCH = 0.3  # seconds of `media` for a file beside what is measured: from S3 and back


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
        "submitting everything at once": f"nothing more, but of 1,000 tasks {in_time} end in 24 h and the rest expire",
    }


def _usd(value: float) -> str:
    return f"${value:.6f}" if value < 0.1 else f"${value:.3f}"
