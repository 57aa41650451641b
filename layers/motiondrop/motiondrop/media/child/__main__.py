"""The child of the sandbox: opens one file, and writes a clean copy and a poster of it.

Run as `python -m motiondrop.media.child ORDER` by `motiondrop.media.sandbox`, never imported by a function. It imports
its media library, gives up every means of doing harm, and writes a newline: any failure from then on is blamed on the
file. Last it writes one JSON object: `{"report": …}`, `{"plan": …}`, `{"look": …}` or `{"rejected": "a sentence"}`.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from motiondrop.domain.formats import HEIC, Kind
from motiondrop.media.child.job import Job
from motiondrop.media.child.lockdown import lock_down
from motiondrop.media.limits import CHILD_MEMORY, Rejected, damaged, too_costly

#: A function that does a job and returns the answer's fields, or raises Rejected.
Worker = Callable[[Job], dict[str, Any]]


def _worker(job: Job) -> Worker:
    """The function that does a job, with its library imported now: after the lock-down nothing can be imported."""
    if job.kind is Kind.IMAGE:
        from motiondrop.media.child.image import check, import_decoder  # noqa: PLC0415  # an image needs no PyAV

        import_decoder(job.format)
        return check
    if job.mode == "look":
        from motiondrop.media.child.result import look  # noqa: PLC0415  # needed for results only

        return look
    from motiondrop.media.child.prepare import prepare  # noqa: PLC0415  # needed for videos only

    return prepare


def _answer(worker: Worker, job: Job) -> dict[str, Any]:
    try:
        return worker(job)
    except Rejected as refusal:
        return {"rejected": refusal.reason}
    except MemoryError:
        return {"rejected": too_costly(job.kind, f"{CHILD_MEMORY // 1024**2} MB of memory").reason}
    except Exception:  # noqa: BLE001  # a hostile file can make a library raise anything: all of it means "cannot be opened"
        return {"rejected": damaged(job.kind).reason}


def main() -> None:
    """Do one job, then exit without the clean-up of Python and the libraries, which a broken file may upset."""
    job = Job.parse(sys.argv[1])
    worker = _worker(job)
    # The answer's own descriptor: a library's stray output goes to descriptors that are discarded.
    out = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    # libde265 decodes in a thread of its own, and x264 encodes in as many as there are processors.
    lock_down(seconds=job.seconds, threads=job.mode == "convert" or job.format == HEIC)
    os.write(out, b"\n")
    view = memoryview(json.dumps(_answer(worker, job)).encode())
    while view:
        view = view[os.write(out, view) :]
    os._exit(0)


if __name__ == "__main__":
    main()
