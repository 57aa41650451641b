"""Rendered videos on disk, one per image, video and order; the least recently used are deleted first."""

import base64
import hashlib
import shutil
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import fastcrc

MAX_BYTES = 2 * 1024**3
_STRIPES = 16


@dataclass(frozen=True)
class Result:
    """A rendered video and what OSS says of it in its headers."""

    path: Path
    size: int
    seconds: float
    etag: str
    content_md5: str
    crc64: int


class ResultStore:
    """A temporary folder of results; `close` removes it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wan-stand-in-"))
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._bytes = 0
        # Two tasks with the same inputs render once; tasks with other inputs seldom wait for them.
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]

    def scratch(self) -> Path:
        """Return a path in the folder at which there is no file yet."""
        return self.folder / uuid.uuid4().hex

    def get_or_make(self, digest: str, make: Callable[[Path], float]) -> Result:
        """Return this digest's result; `make` writes a missing one to the path it is given and returns its seconds."""
        with self._stripes[int(digest[:8], 16) % _STRIPES]:
            with self._lock:
                found = self._results.get(digest)
                if found is not None:
                    self._results.move_to_end(digest)
                    return found
            path = self.scratch().with_suffix(".mp4")
            try:
                result = _described(path, make(path))
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            self._keep(digest, result)
            return result

    def _keep(self, digest: str, result: Result) -> None:
        with self._lock:
            self._results[digest] = result
            self._bytes += result.size
            while self._bytes > self._max_bytes and len(self._results) > 1:
                _, oldest = self._results.popitem(last=False)
                self._bytes -= oldest.size
                oldest.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _described(path: Path, seconds: float) -> Result:
    data = path.read_bytes()
    md5 = hashlib.md5(data, usedforsecurity=False)
    return Result(
        path=path,
        size=len(data),
        seconds=seconds,
        etag=f'"{md5.hexdigest().upper()}"',
        content_md5=base64.b64encode(md5.digest()).decode(),
        crc64=cast("int", fastcrc.crc64.xz(data)),
    )
