"""How a check and its sandbox talk: frames of one letter, a length and that many bytes, over two pipes."""

import struct
from enum import Enum

HEADER = struct.Struct(">cI")
#: The payload of a READ: offset and length in bytes.
READ = struct.Struct(">QI")


class Frame(bytes, Enum):
    """The letters: JOB and DATA go to the sandbox, the others come from it."""

    JOB = b"j"
    DATA = b"d"
    READY = b"r"
    READ = b"?"
    MEDIA = b"m"
    REFUSED = b"x"
    NO_MEMORY = b"o"
    FAILED = b"!"


def pack(frame: Frame, payload: bytes) -> bytes:
    """A whole frame."""
    return HEADER.pack(frame.value, len(payload)) + payload
