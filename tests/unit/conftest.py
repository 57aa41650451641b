"""Unit tests have no sockets: AWS is moto, in the process; the provider is a fake."""

import os
from collections.abc import Iterator

import pytest
import pytest_socket
from moto import mock_aws

from tests.support.bench import Bench, make_bench
from tests.support.builders import REGION


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)


@pytest.fixture
def aws() -> Iterator[None]:
    """AWS, in the process."""
    with mock_aws():
        yield


@pytest.fixture
def bench(aws: None) -> Bench:
    """A fresh table, as template.yaml makes it."""
    return make_bench()
