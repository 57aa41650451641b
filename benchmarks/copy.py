"""The copy of a result, beside other ways to bring a file from HTTP to S3: speed, and memory above idle."""

import hashlib
import json
import re
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fastcrc

from benchmarks.report import Goal, Section, plot
from benchmarks.stand import cloud, progress
from local.stack import PROJECT

SIZES = (10, 50, 200)  # MB
ROUNDS = 5
MB = 1_000_000

OURS = "MotionDrop, with all checks"
DEFAULTS = "upload_fileobj, defaults"
CALLS = {
    OURS: "ours",
    DEFAULTS: "upload_fileobj",
    "smart_open": "smart_open",
    "requests.content + put_object": "content",
}
_PIECE = 1 << 20
_HEAD = b"\x00\x00\x00\x18ftypisom"


REASON = (
    "The other ways only pass the bytes on, and MotionDrop computes a SHA-256 and a CRC-64 of them. On two cores, "
    "which the copy shares with both servers, the ratio lay between 0.89 and 0.99 from run to run."
)


def run() -> Section:
    """Copy each size by each way, in turns, each copy in a process of its own."""
    measured = _measured()
    speed = {key: key[1] / statistics.median(seconds for seconds, _ in values) for key, values in measured.items()}
    memory = {key: max(above for _, above in values) / MB for key, values in measured.items()}
    rows = [["", *(f"{size} MB: MB/s" for size in SIZES), *(f"{size} MB: memory" for size in SIZES)]]
    for name in CALLS:
        speeds = [f"{speed[name, size]:.0f}" for size in SIZES]
        rows.append([name, *speeds, *(f"{memory[name, size]:.0f} MB" for size in SIZES)])
    largest = SIZES[-1]
    ratio = statistics.median(
        theirs / ours
        for (ours, _), (theirs, _) in zip(measured[OURS, largest], measured[DEFAULTS, largest], strict=True)
    )
    most = max(memory[OURS, size] for size in SIZES)
    return Section(
        "copy",
        "The copy of a result",
        "From an HTTP server on this machine to the emulator's S3, each copy in a new process that has first made a "
        f"small one. The speed is the median of {ROUNDS} rounds; the memory is the most that any round used beyond "
        "what the process held after the small one. MotionDrop counts the bytes, compares the CRC-64, computes the "
        "SHA-256, checks that the file begins like an MP4, and can resume. With every way, S3 "
        "checks a CRC-32 of each part.",
        rows,
        [
            Goal("at least 0.95 of upload_fileobj at 200 MB", f"{ratio:.2f}", ratio >= 0.95, REASON),
            Goal("under 32 MB above idle", f"{most:.0f} MB", most < 32),
        ],
        plot("copy", lambda axes: _draw(axes, memory)),
    )


def _measured() -> dict[tuple[str, int], list[tuple[float, float]]]:
    """Seconds, and bytes above idle, of each round's copy by each way at each size."""
    measured: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with cloud(wait_scale=0, task_seconds=1) as driver, _server() as address:
        for size in SIZES:
            for number in range(ROUNDS):
                for name, call in CALLS.items():
                    said = _copied(driver.stack.to_json(), f"{address}/{size * MB}", call)
                    measured.setdefault((name, size), []).append(said)
                progress(f"{size} MB: round {number + 1} of {ROUNDS}")
    return measured


def _draw(axes: Any, memory: dict[tuple[str, int], float]) -> None:
    """The memory of each way, over the sizes."""
    for name in CALLS:
        axes.plot(SIZES, [memory[name, size] for size in SIZES], marker="o", label=name)
    axes.set_xlabel("size of the result in MB")
    axes.set_ylabel("memory above idle in MB")
    axes.legend(fontsize=8, frameon=False)


def _copied(stack: str, url: str, call: str) -> tuple[float, float]:
    """Seconds, and bytes above idle, of one copy."""
    command = [sys.executable, "-m", "benchmarks.copy_once", url, call]
    done = subprocess.run(command, cwd=PROJECT, input=stack, check=True, capture_output=True, text=True)  # noqa: S603  # this project's own
    seconds, above = json.loads(done.stdout)
    return seconds, above


class _Files(BaseHTTPRequestHandler):
    """Answers `GET /<bytes>` with so many bytes that begin like an MP4, and the CRC header of the provider's store."""

    protocol_version = "HTTP/1.1"
    _crcs: dict[int, str] = {}  # noqa: RUF012  # one for all requests

    def do_GET(self) -> None:
        size = int(re.sub(r"\D", "", self.path))
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("ETag", f'"{hashlib.sha256(str(size).encode()).hexdigest()[:32]}"')
        self.send_header("x-oss-hash-crc64ecma", self._crc(size))
        self.end_headers()
        for piece in _pieces(size):
            self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        pass

    @classmethod
    def _crc(cls, size: int) -> str:
        if size not in cls._crcs:
            crc = 0
            for piece in _pieces(size):
                crc = fastcrc.crc64.xz(piece, crc)
            cls._crcs[size] = str(crc)
        return cls._crcs[size]


def _pieces(size: int) -> Iterator[bytes]:
    filler = hashlib.shake_128(b"a result").digest(_PIECE)
    first = _HEAD + filler[len(_HEAD) :]
    for offset in range(0, size, _PIECE):
        yield (filler if offset else first)[: size - offset]


@contextmanager
def _server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
