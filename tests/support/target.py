"""A stack as the operator's commands see it, over moto."""

from collections.abc import Mapping
from typing import Any

from cli.stack import Target
from tests.support import bench as benches
from tests.support.bench import Bench

NAME = "motiondrop"


def make_target(bench: Bench, parameters: Mapping[str, str] | None = None, **outputs: str) -> Target:
    """The stack whose table is the bench's."""
    return Target(NAME, f"--stack {NAME}", outputs, parameters or {}, client, bench.tables)


def client(service: str) -> Any:
    """A client as `bench` makes it, for `Target.client`."""
    return benches.client(service)
