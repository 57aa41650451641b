"""The three processes of the local cloud: how each is started, and how it says that it is ready."""

import json
import os
import random
import re
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from local.cloud.group import Process, ProcessGroup
from local.cloud.options import REGION, Options
from local.cloud.progress import CloudError
from local.wan.settings import DEMO_KEY

EMULATOR, WAN, CONSOLE = "emulator", "wan", "console"
READY_SECONDS = 60.0
_OURS = range(15_000, 32_000)
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "local", "local-secret"  # of an account that exists only here
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH")


def free_port(wanted: int) -> int:
    """Return a port nobody listens on, `wanted` if it is not 0; raises CloudError if that one is taken.

    Look for a free one below the ports that the system itself hands out (32768 and up on Linux): now and then the
    system would hand one of those to somebody else between this look and the emulator's start.
    """
    for port in [wanted] if wanted else random.sample(_OURS, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CloudError(f"Port {wanted or 'after port'} is taken; give another one, or none for a free one.")


def processes(options: Options, group: ProcessGroup, port: int, runtime_python: Path) -> list[Process]:
    """Describe the emulator, the stand-in and the console; none sees the developer's AWS settings."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    common = {**inherited, "TMPDIR": str(group.private_dir), "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
    emulator = {
        **common,
        **{name: value for name, value in os.environ.items() if name.startswith("EMULATOR_")},
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "DOCKER_HOST": f"unix://{group.private_dir}/no-docker",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # MiniStack's own limit for all functions of an account together: beyond it there is a 429. 0 is no limit.
        "LAMBDA_ACCOUNT_CONCURRENCY": os.environ.get("EMULATOR_ACCOUNT_CONCURRENCY", "0"),
        # Without these it writes to /tmp, whatever TMPDIR says.
        "STATE_DIR": f"{group.private_dir}/state",
        "S3_DATA_DIR": f"{group.private_dir}/s3",
        "SFN_WAIT_SCALE": str(options.wait_scale),
        "EMULATOR_RUNTIME_PYTHON": str(runtime_python),
        "EMULATOR_WORK_DIR": str(group.private_dir),
        "EMULATOR_LOG_DIR": str(group.log_dir),
        "EMULATOR_MAIL_DIR": str(options.state_dir / "mail"),
        "EMULATOR_FAULT_DIR": str(options.state_dir / "faults"),
    }
    wan = [sys.executable, "-m", "local.wan", "--port", str(options.wan_port), "--api-key", DEMO_KEY]
    if options.wan_task_seconds is not None:
        wan += ["--task-seconds", str(options.wan_task_seconds)]
    if options.wan_short_side is not None:
        wan += ["--short-side", str(options.wan_short_side)]
    return [
        Process(EMULATOR, [sys.executable, "-m", "local.emulator"], emulator),
        Process(WAN, wan, common),
        Process(CONSOLE, [sys.executable, "-m", "local.console", "--state-dir", str(options.state_dir)], common),
    ]


def wait_for_emulator(group: ProcessGroup, endpoint_url: str) -> None:
    """Return when the emulator answers; raises CloudError with its last lines if it never does."""
    deadline = time.monotonic() + READY_SECONDS
    while not is_healthy(endpoint_url):
        _give_up_if_dead(group, EMULATOR, deadline)
        time.sleep(0.05)


def wait_for_address(group: ProcessGroup, name: str) -> str:
    """Wait until the stand-in or the console has printed its address, and return the address."""
    deadline = time.monotonic() + READY_SECONDS
    while (said := re.search(r"http://127\.0\.0\.1:\d+", group.log_of(name).read_text())) is None:
        _give_up_if_dead(group, name, deadline)
        time.sleep(0.05)
    return said[0]


def _give_up_if_dead(group: ProcessGroup, name: str, deadline: float) -> None:
    if not group.is_running():
        raise CloudError("The local cloud ended while it started.", group.tail(EMULATOR) + "\n" + group.tail(WAN))
    if time.monotonic() > deadline:
        raise CloudError(f"The {name} did not answer within {READY_SECONDS:.0f} s.", group.tail(name))


def is_healthy(endpoint_url: str) -> bool:
    """Whether an emulator answers there."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=10):  # noqa: S310 - our own
            return True
    except (OSError, urllib.error.URLError):
        return False


def post_json(url: str, document: dict[str, object]) -> None:
    """Send settings to a running process; raises CloudError if the process does not accept them."""
    request = urllib.request.Request(  # noqa: S310 - our own processes
        url, data=json.dumps(document).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - our own processes
            return
    except OSError as error:
        raise CloudError(f"{url} did not take {document}.", str(error)) from error
