"""Pause a stack's queue, or let it go on. What is at the provider goes on either way, and drops are still taken in."""

import argparse
import sys
from datetime import UTC, datetime

from motiondrop.storage.items import PAUSE, QUEUE, Tables
from tools.stack import NoStackError, add_arguments, connect


def main() -> int:
    """Pause or resume; return the exit status."""
    parser = argparse.ArgumentParser(prog="make pause")
    add_arguments(parser)
    parser.add_argument("--resume", action="store_true", help="go on")
    said = parser.parse_args()
    try:
        tables = connect(said.stack, said.state_dir).tables
    except NoStackError as error:
        print(error, file=sys.stderr)
        return 1
    if said.resume:
        resume(tables)
        print("The queue goes on: the sweep gives free slots within a minute.")
    else:
        pause(tables)
        print("The queue is paused: no job gets a slot until `make resume`.")
    return 0


def pause(tables: Tables) -> None:
    """Put the item that `slots` looks for before it gives a slot."""
    tables.queue(QUEUE, PAUSE, since=datetime.now(UTC)).save()


def resume(tables: Tables) -> None:
    """Take it away."""
    tables.queue(QUEUE, PAUSE).delete()


if __name__ == "__main__":
    sys.exit(main())
