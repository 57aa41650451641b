"""The file that starts every function is written once, and by one thread."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.emulator import execution_environment


def test_invocations_that_come_at_once_find_a_bootstrap_that_nobody_writes_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def slowly() -> SimpleNamespace:
        asked.append(time.monotonic())
        time.sleep(0.05)
        return SimpleNamespace(work_dir=tmp_path, fault_dir=tmp_path / "none", runtime_python=Path(sys.executable))

    monkeypatch.setattr(execution_environment, "emulator_settings", slowly)
    execution_environment._written_bootstrap.cache_clear()
    try:
        with ThreadPoolExecutor(4) as invocations:
            folders = set(invocations.map(lambda _: execution_environment._bootstrap_folder(), range(4)))
    finally:
        execution_environment._written_bootstrap.cache_clear()
    assert folders == {tmp_path / "bootstrap"}
    assert len(asked) == 1
