"""The options of `up`, `env` and `down`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from local.stack import PROJECT, STATE_DIR

REGION = "ap-southeast-1"
STACK_NAME = "motiondrop"


@dataclass(frozen=True)
class Options:
    """One local cloud's options.

    wait_scale: every wait of MotionDrop is multiplied by it; 0 leaves no waits.
    wan_task_seconds: how long the provider's stand-in works on a task; None leaves it to the stand-in.
    wan_short_side: short side of the provider's results, in pixels; None leaves it to the stand-in, which uses 720.
    port, wan_port: ports of the emulator and of the stand-in; 0 for any free port.
    owner_pid: the cloud ends when this process does; 0 for never.
    guide: whether `up` says what to do next.
    """

    command: str
    state_dir: Path
    template: Path
    wait_scale: float
    wan_task_seconds: float | None
    wan_short_side: int | None
    port: int
    wan_port: int
    parameters: dict[str, str]
    owner_pid: int
    guide: bool


def parse(arguments: list[str] | None = None) -> Options:
    """Parse the command line; exits with usage if it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m local.cloud", description="The local cloud.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it, deploy the template, return when it is ready")
    down = commands.add_parser("down", help="stop it and leave nothing running")
    env = commands.add_parser("env", help="print `export` lines with which the AWS CLI and SDKs work on it")
    for command in (up, env, down):
        command.add_argument("--state-dir", type=Path, default=STATE_DIR, help="default: .local")
    up.add_argument("--wait-scale", type=_not_negative, default=1.0, help="factor on our waits; 0 means no waits")
    up.add_argument("--wan-task-seconds", type=_not_negative, help="how long the provider works on a task")
    up.add_argument(
        "--wan-short-side", type=int, help="of the provider's results, in pixels; small ones are drawn faster"
    )
    up.add_argument("--port", type=int, default=0, help="of the AWS emulator; default: a free one")
    up.add_argument("--wan-port", type=int, default=0, help="of the provider's stand-in; default: a free one")
    up.add_argument("--template", type=Path, default=PROJECT / "template.yaml")
    up.add_argument("--parameter", action="append", default=[], type=_parameter, metavar="KEY=VALUE")
    up.add_argument("--owner-pid", type=int, default=0, help="end when this process ends")
    up.add_argument("--guide", action="store_true", help="say what to do next, with a new drop link")
    said = parser.parse_args(arguments)
    return Options(
        command=said.command,
        state_dir=said.state_dir.resolve(),
        template=getattr(said, "template", PROJECT / "template.yaml").resolve(),
        wait_scale=getattr(said, "wait_scale", 1.0),
        wan_task_seconds=getattr(said, "wan_task_seconds", None),
        wan_short_side=getattr(said, "wan_short_side", None),
        port=getattr(said, "port", 0),
        wan_port=getattr(said, "wan_port", 0),
        parameters=dict(getattr(said, "parameter", [])),
        owner_pid=getattr(said, "owner_pid", 0),
        guide=getattr(said, "guide", False),
    )


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("a number from 0 up")
    return number


def _parameter(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError("KEY=VALUE")
    return key, value
