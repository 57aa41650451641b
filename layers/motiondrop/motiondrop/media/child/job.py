"""What the child is asked to do, and the open files that it does it with."""

import json
import os
from dataclasses import dataclass
from typing import Self

from motiondrop.domain.formats import FORMATS, Format, Kind
from motiondrop.media.report import Trim


class File:
    """An open descriptor as the media libraries want a file: with a position of its own, and never closed."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._descriptor).st_size

    def again(self) -> Self:
        """The same file, from its beginning."""
        return type(self)(self._descriptor)

    def empty(self) -> None:
        """Drop whatever was written."""
        os.ftruncate(self._descriptor, 0)
        self._position = 0

    def read(self, length: int = -1) -> bytes:
        """The next `length` bytes, the rest of the file for -1; fewer at its end."""
        data = os.pread(self._descriptor, self.size - self._position if length < 0 else length, self._position)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Write all of it."""
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
        """As a file answers."""
        return True

    def readable(self) -> bool:
        """As a file answers."""
        return True

    def writable(self) -> bool:
        """As a file answers; one that is open for reading fails when it is written."""
        return True


@dataclass(frozen=True, slots=True)
class Job:
    """One order: `extension` is that of the file's name, `seconds` the deadline of it all."""

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
        """The order that the parent handed over; it is our own, so what is missing is a KeyError."""
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
