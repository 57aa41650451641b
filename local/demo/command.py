"""The command: a local cloud of its own, two files dropped into it, and a report of what happens to them.

In a terminal it opens the drop page and stays up until Ctrl-C. Elsewhere it ends with the job.
"""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from local.cloud import command
from local.cloud.interrupts import Interrupts
from local.demo import plain, screen
from local.demo.job import TASK_SECONDS, Demo, DemoError, Inputs
from local.drop_link import new_drop_link
from local.samples import given_or_drawn
from local.stack import PROJECT, Stack

STATE_DIR = PROJECT / ".local" / "demo"
FOLDER = "demo/"
WAIT_SCALE = 0.1
"""The factor on our waits: the stand-in's task takes 8 s here, where the provider's own sample took 147 s."""

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--image", default="")
    parser.add_argument("--video", default="")
    parser.add_argument("--mode", default="")
    parser.add_argument("--state-dir", type=Path, default=STATE_DIR, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    show = screen.show if sys.stdout.isatty() else plain.show
    try:
        with (
            Interrupts() as interrupts,
            _files(args.image, args.video, args.mode, args.state_dir) as inputs,
            _running(args.state_dir, interrupts) as stack,
        ):
            return show(_drop(stack, inputs, interrupts))
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return _INTERRUPTED


@contextlib.contextmanager
def _files(image: str, video: str, mode: str, state_dir: Path) -> Iterator[Inputs]:
    """The files that were named, or drawn ones, which are removed at the end."""
    if mode not in {"", "wan-std", "wan-pro"}:
        raise DemoError(f"MODE is {mode!r}; it can be wan-std or wan-pro.")
    for name, given in (("IMAGE", image), ("VIDEO", video)):
        if given and not Path(given).expanduser().is_file():
            raise DemoError(f"{name}={given} is no file.")
    state_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="files-", dir=state_dir) as folder:
        yield Inputs(*given_or_drawn(image, video, Path(folder)), mode or "wan-std")


@contextlib.contextmanager
def _running(state_dir: Path, interrupts: Interrupts) -> Iterator[Stack]:
    """A local cloud of the demo's own, besides any other that is up; it is stopped whatever happens."""
    up = ["up", "--state-dir", str(state_dir), "--wait-scale", str(WAIT_SCALE)]
    up += ["--wan-task-seconds", str(TASK_SECONDS), "--owner-pid", str(os.getpid())]
    try:
        status = command.main(up)
        if status:
            raise KeyboardInterrupt if status == _INTERRUPTED else DemoError("The local cloud did not start.")
        interrupts.check()
        yield Stack.load(state_dir)
    finally:
        interrupts.ignore()  # if this process is killed, the cloud ends by itself
        command.main(["down", "--state-dir", str(state_dir)])


def _drop(stack: Stack, inputs: Inputs, interrupts: Interrupts) -> Demo:
    """Drop the files under their own names into a folder of their own, where they pair whatever their names."""
    page = new_drop_link(stack, FOLDER)
    keys = {path: FOLDER + path.name for path in (inputs.image, inputs.video)}
    for path, key in keys.items():
        metadata = {"mode": inputs.mode} if path is inputs.image else {}
        stack.s3.upload_file(str(path), stack.inbox_bucket, key, ExtraArgs={"Metadata": metadata})
    return Demo(stack, page, tuple(keys.values()), interrupts)
