"""The order that the child carries out, and the open files that it works on."""

import json
import os
from dataclasses import dataclass
from typing import Self

from motiondrop.domain.formats import FORMATS, Format, Kind
from motiondrop.media.report import Trim


class File:
    """An open descriptor as a file for the media libraries: it has a position of its own and is never closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return os.fstat(self._descriptor).st_size

    def again(self) -> Self:
        """The same file, from its beginning."""
        return type(self)(self._descriptor)

    def empty(self) -> None:
        """Discard whatever was written."""
        os.ftruncate(self._descriptor, 0)
        self._position = 0

    def read(self, length: int = -1) -> bytes:
        """The next `length` bytes, fewer at the end of the file; all the rest of it for -1."""
        data = os.pread(self._descriptor, self.size - self._position if length < 0 else length, self._position)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self._position)
            self._position += written
            view = view[written:]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset`, as a file does."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        """The position, in bytes from the start."""
        return self._position

    def seekable(self) -> bool:
        """True, as for any file."""
        return True

    def readable(self) -> bool:
        """True, as for any file."""
        return True

    def writable(self) -> bool:
        """True; writing still fails if the descriptor is open for reading only."""
        return True


@dataclass(frozen=True, slots=True)
class Job:
    """One order: `extension` is that of the file's name, `seconds` the time for the whole order."""

    mode: str
    kind: Kind
    format: Format
    extension: str
    trim: Trim | None
    seconds: float
    source: File
    copy: File
    poster: File

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the order from the parent. It is our own, so a missing field is simply a KeyError."""
        said = json.loads(text)
        files = {name: File(descriptor) for name, descriptor in said["files"].items()}
        return cls(
            mode=said["mode"],
            kind=Kind(said["kind"]),
            format=FORMATS[said["format"]],
            extension=said.get("extension", ""),
            trim=Trim(*said["trim"]) if said.get("trim") else None,
            seconds=said["seconds"],
            source=files["source"],
            copy=files.get("copy", files["poster"]),
            poster=files["poster"],
        )
