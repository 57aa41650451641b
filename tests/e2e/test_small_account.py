"""A new AWS account: its functions have ten executions at once, all together, and the next invocation gets a 429."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.cloud import OF_ALL_TESTS, running_cloud
from tests.support.driver import Driver, image, video

#: The account's limit, and none of a function's own.
_TEN = {
    "EMULATOR_ACCOUNT_CONCURRENCY": "10",
    "EMULATOR_SYNCHRONOUS_CONCURRENCY": "1000",
    "EMULATOR_ASYNCHRONOUS_CONCURRENCY": "1000",
}
_DROPS = 30
_SCALE = 0.02  # of a second: what is throttled has to be tried again less often than at once
_THROTTLED = "Lambda.TooManyRequestsException"


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    clouds = running_cloud(tmp_path / "cloud", *OF_ALL_TESTS, "--parameter", "MaxInFlight=8")
    with patch.dict(os.environ, _TEN):
        cloud = next(clouds)
    driver = Driver(cloud)
    driver.scale_waits(_SCALE)
    driver.control("settings", task_seconds=0.2, concurrency=8, creations_per_second=100, queries_per_second=1000)
    yield driver
    clouds.close()  # type: ignore[attr-defined]  # a generator, typed as the iterator it is


def throttled(driver: Driver, arn: str) -> int:
    """How many of the execution's invocations got a 429."""
    pages = driver.stack.stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    details = [event.get("taskFailedEventDetails", {}) for page in pages for event in page["events"]]
    return sum(one.get("error") == _THROTTLED for one in details)


def letters(driver: Driver) -> dict[str, int]:
    """How many messages lie in each queue of the stack, dead letters among them."""
    found = {}
    for url in driver.stack.sqs.list_queues()["QueueUrls"]:
        of = driver.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        seen, hidden = of["ApproximateNumberOfMessages"], of["ApproximateNumberOfMessagesNotVisible"]
        found[url.rpartition("/")[2]] = int(seen) + int(hidden)
    return found


def test_thirty_drops_at_once_on_an_account_with_ten_executions_fail_nothing(driver: Driver) -> None:
    stems = [f"small{number:02d}" for number in range(_DROPS)]
    clip = video()
    with ThreadPoolExecutor(8) as droppers:
        list(droppers.map(lambda stem: driver.drop_pair(stem, image((200, 200)), clip), stems))
    executions = {stem: driver.wait_for_execution(stem) for stem in stems}
    assert Counter(one["status"] for one in executions.values()) == {"SUCCEEDED": _DROPS}
    assert sum(throttled(driver, one["executionArn"]) for one in executions.values()) > 0
    driver.cloud.wait_for(lambda: not any(letters(driver).values()), "every queue to be empty")
    for stem in stems:
        assert driver.wait_for_receipt(f"{stem}.png", "done")
        assert len(driver.executions(stem)) == 1
        assert len(driver.emails(stem)) == 1
        assert "is ready" in driver.wait_for_email(stem)
    tasks = driver.control("tasks")
    assert len(tasks) == _DROPS
    assert len({task["input"]["image_url"].partition("?")[0] for task in tasks}) == _DROPS
    saved = driver.stack.s3.list_objects_v2(Bucket=driver.stack.results_bucket, Prefix="videos/")["Contents"]
    assert Counter(item["Key"].rpartition(".")[2] for item in saved)["mp4"] == _DROPS
