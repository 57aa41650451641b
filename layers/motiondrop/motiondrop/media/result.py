"""What a saved video turned out to be: the provider's file, opened once where it lies, in the sandbox.

None of the limits on drops applies: the video is paid for, whatever its size or length.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from motiondrop.domain.formats import Kind
from motiondrop.media.limits import damaged
from motiondrop.media.sandbox import COMMAND, Reader, ask

_NAME = "result.mp4"


@dataclass(frozen=True)
class Output:
    """A video as it was found: pixels as displayed, seconds, frames per second; `still` is a JPEG of it."""

    codec: str
    width: int
    height: int
    duration: float
    frame_rate: float
    still: bytes


def look(size: int, read: Reader, command: Sequence[str] = COMMAND) -> Output:
    """Open a saved video of `size` bytes, which `read(offset, length)` reads; a few MB of it are read.

    Rejected if it cannot be opened, SandboxError if the sandbox fails. Whatever `read` raises comes through.
    """
    payload = ask({"key": _NAME, "kind": Kind.VIDEO, "size": size, "purpose": "result"}, read, command)
    try:
        answer = json.loads(payload)
        return Output(
            codec=str(answer["codec"]),
            width=int(answer["width"]),
            height=int(answer["height"]),
            duration=float(answer["duration"]),
            frame_rate=float(answer["frame_rate"]),
            still=base64.b64decode(answer["still"], validate=True),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(Kind.VIDEO) from error
