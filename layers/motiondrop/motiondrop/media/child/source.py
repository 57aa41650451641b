"""A file seen through ranged reads: what a decoder takes for a local one."""

import os
from collections.abc import Callable

#: Bytes: the unit of reading; small enough for a look at the end of a file, large enough for a request's
#: cost.
BLOCK = 64 * 1024
#: Blocks: how far a run of reads in order is read ahead.
AHEAD_MAX = 4
#: Blocks: how much one request asks for at most, which is what two processes hold of it at once.
REQUEST_MAX = 16


class Source:
    """A read-only file of `size` bytes over `fetch(offset, length)`; no block is fetched twice.

    All that was fetched is kept, which is at most the `budget` in bytes that the parent enforces.
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, budget: int) -> None:
        self._fetch = fetch
        self.size = size
        self._budget = budget
        self._blocks: dict[int, bytes] = {}
        self._position = 0
        self._next = -1
        self._ahead = 1

    @property
    def left(self) -> int:
        """Bytes that may still be fetched."""
        return self._budget

    def at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`: fewer at the end of the file, none beyond it."""
        end = min(offset + length, self.size)
        if offset >= end:
            return b""
        first, last = offset // BLOCK, (end - 1) // BLOCK
        for index in range(first, last + 1):
            if index not in self._blocks:
                self._load(index, last)
        data = b"".join(self._blocks[index] for index in range(first, last + 1))
        return data[offset - first * BLOCK : end - first * BLOCK]

    def _load(self, index: int, last: int) -> None:
        """Fetch the block and those after it that are asked for; more if the file is read in order."""
        self._ahead = min(self._ahead * 2, AHEAD_MAX) if index == self._next else 1
        end = min(max(last + 1, index + self._ahead), index + REQUEST_MAX, -(-self.size // BLOCK))
        stop = index + 1
        while stop < end and stop not in self._blocks:
            stop += 1
        start = index * BLOCK
        data = self._fetch(start, min(stop * BLOCK, self.size) - start)
        self._budget -= len(data)
        for block in range(index, stop):
            self._blocks[block] = data[(block - index) * BLOCK : (block - index + 1) * BLOCK]
        self._next = stop

    def read(self, length: int = -1) -> bytes:
        """The next `length` bytes, the rest of the file for -1."""
        data = self.at(self._position, self.size if length < 0 else length)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset`, as a file does."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        """The position, in bytes from the start."""
        return self._position
