"""What holds for all tests."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.cloud import OF_ALL_TESTS, WAIT_SCALE, Cloud, running_cloud
from tests.support.driver import Driver
from tests.support.histories import secrets_in
from tests.support.stand import FEW_PROCESSES

#: Executions whose history was looked through.
_SEEN: set[str] = set()

# A shared machine may be slow at any moment: how long an example takes proves nothing.
settings.register_profile("motiondrop", deadline=None)
settings.load_profile("motiondrop")

# A fifth of the time of tests in the process was the collector's, over the modules and clients that live as long as it.
gc.set_threshold(100_000, 50, 100)

# Tests come back to a function after a while; a developer's laptop has its memory back sooner.
os.environ |= {"EMULATOR_IDLE_SECONDS": "300", "EMULATOR_IDLE_ENVIRONMENTS": "6"} | FEW_PROCESSES

# A shell that starts tests in the background lets them ignore Ctrl-C, and so would all that they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the files whose tests wait for a cloud with those whose tests compute, so that no processor idles."""
    files = dict.fromkeys(item.path for item in items)
    computing = [file for file in files if "unit" in file.parts]
    waiting = [file for file in files if "unit" not in file.parts]
    place = {file: (number + 0.5) / len(half) for half in (computing, waiting) for number, file in enumerate(half)}
    items.sort(key=lambda item: place[item.path])


def pytest_collection_finish() -> None:
    """Leave out of each collection what was imported."""
    gc.freeze()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The project's own template on a local cloud, with next to no waits and tasks of a second: one for each worker."""
    for running in running_cloud(tmp_path_factory.mktemp("cloud"), *OF_ALL_TESTS):
        driver = Driver(running)
        driver.scale_waits(WAIT_SCALE)
        driver.stop_rounds()
        yield running


@pytest.fixture
def driver(cloud: Cloud) -> Iterator[Driver]:
    """The whole way on the worker's cloud, with the provider as it is by default; each test leaves it as it was."""
    driver = Driver(cloud)
    driver.control("settings", task_seconds=0.2, concurrency=1, creations_per_second=100, queries_per_second=1000)
    yield driver
    assert secrets_in(driver, _SEEN) == []
    driver.control("settings", task_seconds=0.2)
    assert driver.cloud.wait_for(lambda: not driver.in_queue() and "free", "every slot to be free again")
    assert driver.control("faults")["faults"] == [], "a fault was not met, and would hit the next test's job"
