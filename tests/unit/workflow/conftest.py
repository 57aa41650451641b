"""The benches of the steps, each over a fresh table."""

from collections.abc import Iterator

import pytest

from tests.support.bench import Bench
from tests.support.intake_bench import IntakeBench, make_intake
from tests.support.workflow_bench import WorkflowBench


@pytest.fixture
def workflow(bench: Bench) -> WorkflowBench:
    return WorkflowBench(bench)


@pytest.fixture
def intake(bench: Bench) -> Iterator[IntakeBench]:
    with make_intake(bench) as opened:
        yield opened
