"""The demo without a terminal, as in a log: a line for each thing that happens; the demo ends with the job."""

import shutil
import time

from local.demo.job import POLLING, REJECTED, SUCCEEDED, Demo, Ended, Entered, Receipt, Started

_WIDTH = 110


def show(demo: Demo) -> int:
    """Print what happens, until the email has arrived; return the exit status."""
    print("\nDrops:")
    for key in demo.keys:
        print(f"  {key.rpartition('/')[2]} -> s3://{demo.stack.inbox_bucket}/{key}")
    print("\nReceipts:")
    status = _told(demo)
    for email in demo.emails():
        width = min(shutil.get_terminal_size().columns, _WIDTH)
        print(f"\nEmail {'─' * (width - 6)}\n{email}\n{'─' * width}")
    if status == SUCCEEDED:
        print(f"\n{demo.save()}")
    print("The links above end now, with the local cloud. In a terminal `make demo` stays up.", flush=True)
    return status not in {SUCCEEDED, REJECTED}  # a rejected file is no failure of the demo


def _told(demo: Demo) -> str:
    began = time.monotonic()
    notified: set[str] = set()
    for step in demo.steps():
        if isinstance(step, Receipt):
            print(f"  {step.key}: {step.text}", flush=True)
        elif isinstance(step, Started):
            print(f"\nRun {step.execution}:")
            began = time.monotonic()
        elif isinstance(step, Entered) and not (step.state in POLLING and step.state in notified):
            notified.add(step.state)
            print(f"  {time.monotonic() - began:5.1f} s  {step.state}", flush=True)
        elif isinstance(step, Ended):
            print(f"  {time.monotonic() - began:5.1f} s  {step.status}", flush=True)
            return step.status
    return REJECTED
