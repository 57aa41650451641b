"""The whole way, each test with the provider as it is by default."""

from collections.abc import Iterator

import pytest

from tests.support.cloud import Cloud
from tests.support.driver import Driver
from tests.support.histories import secrets_in

#: Executions whose history was looked through.
_SEEN: set[str] = set()


@pytest.fixture
def driver(cloud: Cloud) -> Iterator[Driver]:
    driver = Driver(cloud)
    driver.control("settings", task_seconds=0.2, concurrency=1, creations_per_second=100, queries_per_second=1000)
    yield driver
    assert secrets_in(driver, _SEEN) == []
    driver.control("settings", task_seconds=0.2)
    assert driver.cloud.wait_for(lambda: not driver.in_queue() and "free", "every slot to be free again")
    assert driver.control("faults")["faults"] == [], "a fault was not met, and would hit the next test's job"
