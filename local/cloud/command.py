"""The commands: `python -m local.cloud up`, `env` and `down`.

`up` starts the AWS emulator and the provider's stand-in, deploys the template and writes stack.json;
repeated, it updates what changed. `down` ends all of it. Both may be repeated. `env` prints `export` lines for a shell.
"""

import shutil
import sys
import time
from pathlib import Path

from local.cloud import guide
from local.cloud.lifecycle import Cloud
from local.cloud.locks import waiting_for
from local.cloud.options import Options, parse
from local.cloud.progress import CloudError, note
from local.stack import Stack, StackNotRunningError

#: Bytes that have to be free on the disk: packages take 200 MB, and drops, results and logs come on top.
ROOM = 500_000_000

STOPPED = (
    "The local cloud is stopped. Everything in it is forgotten: files, jobs, results and links.\n"
    "  Its logs and emails stay until the next start."
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = parse(arguments)
    if options.command == "env":
        return _env(options)
    if options.command == "up" and _is_full(options.state_dir):
        full = f"The disk of {options.state_dir} is full: {ROOM / 1e6:.0f} MB have to be free there."
        print(full, file=sys.stderr)
        return 1
    cloud = Cloud(options)
    with waiting_for(options.state_dir / "command.lock"):
        return _up(cloud, options) if options.command == "up" else _down(cloud)


def _is_full(folder: Path) -> bool:
    """Whether the disk of a folder, which need not exist yet, has no room for a cloud."""
    made = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(made).free < ROOM


def _up(cloud: Cloud, options: Options) -> int:
    began = time.monotonic()
    note("Local cloud:")
    try:
        stack = cloud.up()
    except CloudError as error:
        print(f"\n{error}", file=sys.stderr)
        print(error.details or cloud.last_lines(), file=sys.stderr)
        cloud.give_up()
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted: ending what was started.", file=sys.stderr)
        cloud.give_up()
        return 130
    except BaseException:
        print(cloud.last_lines(), file=sys.stderr)
        cloud.give_up()
        raise
    note(f"Ready after {time.monotonic() - began:.1f} s.")
    if options.guide:
        print(guide.next_steps(stack), flush=True)
    return 0


def _down(cloud: Cloud) -> int:
    try:
        stopped = cloud.down()
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    note(STOPPED if stopped else "No local cloud is running.")
    return 0


def _env(options: Options) -> int:
    try:
        print(guide.exports(Stack.load(options.state_dir)))
    except StackNotRunningError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
