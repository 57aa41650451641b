"""The commands: `python -m local.cloud up` and `python -m local.cloud down`.

`up` starts the AWS emulator and the provider's stand-in, deploys the template and writes stack.json;
repeated, it updates what changed. `down` ends all of it. Both may be repeated.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from local.cloud.lifecycle import Cloud
from local.cloud.locks import waiting_for
from local.cloud.options import Options, parse
from local.cloud.progress import CloudError, note
from local.stack import STACK_FILE

#: Bytes. The functions' packages take 200 MB, and what is dropped, rendered and logged comes on top.
ROOM = 500_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = parse(arguments)
    if options.command == "up" and (full := _full(options.state_dir, Path(tempfile.gettempdir()))):
        print(f"The disk of {full} is full: {ROOM / 1e6:.0f} MB have to be free there.", file=sys.stderr)
        return 1
    cloud = Cloud(options)
    with waiting_for(options.state_dir / "command.lock"):
        return _up(cloud, options) if options.command == "up" else _down(cloud)


def _full(*folders: Path) -> Path | None:
    """The first of the folders on whose disk there is no room for a cloud."""
    for folder in folders:
        made = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if shutil.disk_usage(made).free < ROOM:
            return folder
    return None


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
    note(f"Ready after {time.monotonic() - began:.1f} s: {options.state_dir / STACK_FILE}")
    note(f"Logs: {stack.log_dir}   Emails: {stack.mail_dir}")
    return 0


def _down(cloud: Cloud) -> int:
    try:
        stopped = cloud.down()
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    note("The local cloud is stopped." if stopped else "No local cloud is running.")
    return 0
