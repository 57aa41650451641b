"""What a job and a round of the sweep read and write in the table, with few and with very many jobs in the queue."""

import io
import logging
import os
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from moto import mock_aws

from benchmarks import cost
from benchmarks.report import Goal, Section
from benchmarks.stand import progress
from motiondrop.aws.event_queue import EventQueue
from motiondrop.workflow.missed_events import MissedEvents
from tests.support.bench import client, make_bench
from tests.support.builders import REGION
from tests.support.crowd import READS, calls, counted, multiply, queue_up
from tests.support.life import Costs, costs_after
from tests.support.workflow_bench import GRACE, WorkflowBench

FEW, MANY = 10, 100_000
OPEN = (0, 1_000, 100_000)
GOAL = 0.05
_CALL_SECONDS = 0.01  # that a function waits for each call to the table: what DynamoDB takes within its region

FIRST_LIMIT = (
    "The first limit that is reached is the provider's: it runs one task at a time, so 100,000 videos of 5 s take 53 "
    "days to two years. Of AWS's quotas the first is Step Functions' 1,000,000 open executions of a Standard workflow "
    'in an account and region (Step Functions Developer Guide, "Quotas"), since each job in the queue has one.'
)


def run() -> Section:
    """Count each step of a job's life, and rounds of the sweep."""
    few, many = (_life_beside(number) for number in (FEW, MANY))
    rounds = {number: _round(number) for number in OPEN}
    units = {number: _units(counts) for number, counts in rounds.items()}
    monthly = {number: cost.ROUNDS_A_MONTH * _usd(*units[number], calls(rounds[number]).total()) for number in OPEN}
    rows = [["", "reads", "writes", "USD a month"]]
    for number, costs in ((FEW, few), (MANY, many)):
        rows += [[f"{step}, {number:,} jobs in the queue", *_said(counts), ""] for step, counts in costs.items()]
    rows += [
        [f"a round of the sweep, {number:,} open jobs", *_said(rounds[number]), f"${monthly[number]:.2f}"]
        for number in OPEN
    ]
    difference = _difference(few, many)
    return Section(
        "queue",
        "A hundred thousand jobs in the queue",
        "The real storage code runs over a table in memory, and its calls to the table are counted: for one job, from "
        "its two drops to its end, and for one round of the sweep, which comes once a minute, looks at 100 jobs at "
        "most and counts the queue. "
        f"The month is {cost.ROUNDS_A_MONTH:,} such rounds at list prices, for DynamoDB and for Lambda. {FIRST_LIMIT}",
        rows,
        [
            Goal(
                f"reads and writes of a job with {MANY:,} jobs within {GOAL:.0%} of those with {FEW}",
                f"{difference:.0%} apart",
                difference <= GOAL,
            )
        ],
        numbers={
            "steps": {step: dict(counts) for step, counts in few.items()},
            "sweep": {str(number): monthly[number] for number in OPEN},
        },
    )


def _life_beside(number: int) -> Costs:
    """What each step of a job costs with so many others in the queue."""
    costs: Costs = _quietly(lambda: costs_after(lambda one: queue_up(one.bench, number)))
    progress(f"a job with {number:,} in the queue")
    return costs


def _said(counts: Counter[str]) -> tuple[str, str]:
    reads = sum(counts[name] for name in READS)
    return str(reads), str(calls(counts).total() - reads)


def _difference(few: Costs, many: Costs) -> float:
    """By how much the reads or the writes differ at most, as a share of those with few jobs in the queue."""
    sums = [[sum(int(_said(counts)[kind]) for counts in costs.values()) for costs in (few, many)] for kind in (0, 1)]
    return max(abs(most / least - 1) for least, most in sums)


def _units(counts: Counter[str]) -> tuple[float, float]:
    """Units of reading and of writing: upper bounds, since DynamoDB counts by size."""
    # A query reads a megabyte at most.
    kilobytes = min(counts["items read"] * cost.ITEM_KB, counts["Query"] * 1024)
    reads = sum(counts[name] for name in READS) + kilobytes / 4
    transactions = counts["items written"] * cost.UNITS_OF_A_TRANSACTION / 3
    return reads, transactions + (counts["PutItem"] + counts["UpdateItem"]) * cost.UNITS_OF_A_WRITE


def _usd(reads: float, writes: float, number: int) -> float:
    """USD of one round, with half a GB of Lambda for as long as its calls take."""
    lambda_ = cost.INVOCATION + 0.5 * number * _CALL_SECONDS * cost.GB_SECOND
    return reads * cost.READ_UNIT + writes * cost.WRITE_UNIT + lambda_


def _round(number: int) -> Counter[str]:
    """What a round of the sweep costs with so many jobs in the queue, whose executions wait."""
    counts: Counter[str] = _quietly(lambda: _counted_round(number))
    progress(f"a round of the sweep with {number:,} open jobs")
    return counts


def _counted_round(number: int) -> Counter[str]:
    with mock_aws():
        bench = make_bench()
        sweep = WorkflowBench(bench)._sweep  # noqa: SLF001  # to replace one of its parts
        client("s3").create_bucket(Bucket="inbox", CreateBucketConfiguration={"LocationConstraint": REGION})
        sqs = client("sqs")
        missed = MissedEvents(
            s3=client("s3"),
            queue=EventQueue(sqs, sqs.create_queue(QueueName="drops")["QueueUrl"], 900),
            cursors=sweep.cursors,
            drops=bench.drops,
            changes=bench.changes,
            bucket="inbox",
            age=timedelta(minutes=5),
            clock=bench.clock,
        )
        if number:
            bench.in_queue("first")
            bench.in_queue("second")  # both slots are in use
            multiply(bench, bench.in_queue("third")[0].job_id, number - 3)
        bench.clock.pass_(seconds=GRACE.total_seconds() + 1)
        with counted() as counts:
            replace(sweep, missed_events=missed).run()
        return counts


def _quietly(look: Callable[[], Any]) -> Any:
    """Return what `look` finds, without the functions' metrics and logs, and with credentials that open nothing."""
    nobody = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": REGION}
    logging.disable()
    try:
        with patch.dict(os.environ, nobody), redirect_stdout(io.StringIO()):
            return look()
    finally:
        logging.disable(logging.NOTSET)
