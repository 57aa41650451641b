"""What the launcher tells the emulator, through its environment."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class EmulatorSettings:
    """Folders and limits of one emulator process.

    endpoint_url: where this emulator listens, as functions reach it. runtime_python: interpreter that has
    awslambdaric and nothing else. work_dir: private folder for unpacked code and the functions' /tmp; gone
    when the cloud stops. log_dir, mail_dir: what functions printed, and what topics sent. fault_dir: if it exists
    when the cloud starts, functions meet the faults that are planned in it (faulty_client.py).
    asynchronous_concurrency, synchronous_concurrency: running invocations of one function at a time; others
    wait. (EMULATOR_ACCOUNT_CONCURRENCY is MiniStack's: an invocation beyond it gets a 429.) idle_seconds: how long an
    unused execution environment is kept. idle_environments: how many unused ones are kept per function.
    """

    endpoint_url: str
    runtime_python: Path
    work_dir: Path
    log_dir: Path
    mail_dir: Path
    fault_dir: Path
    asynchronous_concurrency: int = 4
    synchronous_concurrency: int = 10
    idle_seconds: float = 30.0
    idle_environments: int = 3


@cache
def emulator_settings() -> EmulatorSettings:
    """Read the settings once; a missing one is a KeyError at start, not a surprise later."""
    env = os.environ
    return EmulatorSettings(
        endpoint_url=f"http://127.0.0.1:{env['GATEWAY_PORT']}",
        runtime_python=Path(env["EMULATOR_RUNTIME_PYTHON"]),
        work_dir=Path(env["EMULATOR_WORK_DIR"]),
        log_dir=Path(env["EMULATOR_LOG_DIR"]),
        mail_dir=Path(env["EMULATOR_MAIL_DIR"]),
        fault_dir=Path(env["EMULATOR_FAULT_DIR"]),
        asynchronous_concurrency=int(env.get("EMULATOR_ASYNCHRONOUS_CONCURRENCY", "4")),
        synchronous_concurrency=int(env.get("EMULATOR_SYNCHRONOUS_CONCURRENCY", "10")),
        idle_seconds=float(env.get("EMULATOR_IDLE_SECONDS", "30")),
        idle_environments=int(env.get("EMULATOR_IDLE_ENVIRONMENTS", "3")),
    )
