"""`python -m benchmarks.copy_once URL HOW < stack.json`: copy once; print seconds and bytes above idle as JSON."""

import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests
import smart_open

from local.stack import STACK_FILE, Stack
from motiondrop.aws.results import Results
from motiondrop.provider.download import Video

_SMALL = 6_000_000  # more than a part, so that the parts' threads are there already


def main(url: str, how: str) -> None:
    """Copy a small file, look at the memory, copy the file at `url`, look again."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / STACK_FILE).write_text(sys.stdin.read())
        stack = Stack.load(Path(folder))
    base = url.rpartition("/")[0]
    _copy(stack, f"{base}/{_SMALL}", how)
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    idle = _memory("VmHWM")
    began = time.perf_counter()
    _copy(stack, url, how)
    seconds = time.perf_counter() - began
    above = _memory("VmHWM") - idle
    stack.s3.delete_object(Bucket=stack.inbox_bucket, Key=_KEY)
    print(json.dumps([seconds, above]))


_KEY = "videos/copied.mp4"


def _copy(stack: Stack, url: str, how: str) -> None:
    s3, bucket, session = stack.s3, stack.inbox_bucket, requests.Session()
    if how == "ours":
        saved = Results(s3, bucket).save("copied", Video(session, url, re.compile(r"http://127\.0\.0\.1:\d+")))
        assert saved.size == int(url.rpartition("/")[2])
    elif how == "content":
        s3.put_object(Bucket=bucket, Key=_KEY, Body=session.get(url, timeout=60).content)
    else:
        with session.get(url, stream=True, timeout=60) as response:
            raw: Any = response.raw
            if how == "upload_fileobj":
                s3.upload_fileobj(raw, bucket, _KEY)
            else:
                with smart_open.open(f"s3://{bucket}/{_KEY}", "wb", transport_params={"client": s3}) as target:
                    while piece := raw.read(1 << 20):
                        target.write(piece)


def _memory(what: str) -> int:
    """The value of a line of /proc/self/status, such as VmHWM, in bytes."""
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", text)[1]) * 1024  # type: ignore[index]  # Linux has it


if __name__ == "__main__":
    main(*sys.argv[1:])
