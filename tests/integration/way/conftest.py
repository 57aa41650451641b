"""The whole way, each test with the provider as it is by default."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import Cloud
from tests.integration.way.support import Way


@pytest.fixture
def way(cloud: Cloud) -> Iterator[Way]:
    way = Way(cloud)
    way.control("settings", task_seconds=0.2, concurrency=1, creations_per_second=100, queries_per_second=1000)
    yield way
    way.control("settings", task_seconds=0.2)
    assert way.cloud.wait_for(lambda: not way.line() and "free", "every slot to be free again")
