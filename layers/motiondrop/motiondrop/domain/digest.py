"""The one email for many messages of a folder."""

from collections import Counter
from collections.abc import Sequence

from motiondrop.domain.messages import LABELS, NONE, headline, paragraphs
from motiondrop.domain.outcome import AI_GENERATED_MANY
from motiondrop.sanitize import ascii_line

_ORDER = {event: place for place, event in enumerate(LABELS)}

#: Each is true where emails were too many, and where one could not be sent.
_MANY = "Several things happened, and here they are in one email. Some of it may be older than a minute."
_ONE = "This email was delayed."

_RETRY = (
    "To try again, drop the files again under the same names, corrected where a line above asks for it. Nothing was"
    " charged for what was rejected or canceled; what a failure cost is on its page."
)


def digest(folder: str, events: Sequence[str], lines: Sequence[str]) -> tuple[str, str]:
    """Subject and body for the messages whose events and lines these are: results first, then what went wrong."""
    counts = Counter(LABELS.get(event, "Noted").lower() for event in sorted(events, key=_place))
    name = ascii_line(folder.strip("/")) if folder != NONE else ""
    updates = f"{len(lines)} update{'' if len(lines) == 1 else 's'}"
    said = headline(name or "Your animations", f"{updates} ({', '.join(f'{n} {what}' for what, n in counts.items())})")
    happened = [line for _, line in sorted(zip(events, lines, strict=True), key=lambda one: _place(one[0]))]
    advice = [_RETRY] if {"failed", "canceled", "rejected"} & set(events) else []
    advice += [AI_GENERATED_MANY] if {"succeeded", "existing"} & set(events) else []
    return said, paragraphs(_MANY if len(lines) > 1 else _ONE, "\n".join(happened), *advice)


def _place(event: str) -> int:
    return _ORDER.get(event, len(_ORDER))
