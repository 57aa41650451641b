"""The one email for many messages of a folder."""

from collections import Counter
from collections.abc import Sequence

from motiondrop.domain.messages import LABELS, NONE, headline, paragraphs
from motiondrop.domain.outcome import AI_GENERATED_MANY, RETRY
from motiondrop.sanitize import ascii_line

_ORDER = {event: place for place, event in enumerate(LABELS)}

#: Each text is true for both causes of a digest: too many emails, or an email that could not be sent.
_MANY = "Here are several updates in one email. Some of them may be late."
_ONE = "This update was sent late."

_DELETED = "If you deleted one of them, drop that one."
_CHANGE = "If the list above says what is wrong with the image or the video, fix that first."


def digest(folder: str, events: Sequence[str], lines: Sequence[str]) -> tuple[str, str]:
    """Subject and body for several messages, given the event and line of each: results first, then what went wrong."""
    counts = Counter(LABELS.get(event, "Other").lower() for event in sorted(events, key=_place))
    name = ascii_line(folder.strip("/")) if folder != NONE else ""
    updates = f"{len(lines)} update{'' if len(lines) == 1 else 's'}"
    said = headline(name or "Your animations", f"{updates} ({', '.join(f'{n} {what}' for what, n in counts.items())})")
    happened = [line for _, line in sorted(zip(events, lines, strict=True), key=lambda one: _place(one[0]))]
    advice = [_retry(set(events))]
    advice += [AI_GENERATED_MANY] if {"succeeded", "existing"} & set(events) else []
    return said, paragraphs(_MANY if len(lines) > 1 else _ONE, "\n".join(happened), *advice)


def _retry(events: set[str]) -> str:
    """How to try the failed or canceled animations again; empty if `events` has neither."""
    ended = " or ".join(LABELS[event].lower() for event in ("failed", "canceled") if event in events)
    again = RETRY.replace("try again", f"try a {ended} animation again") if ended else ""
    return " ".join(filter(None, (again, _DELETED * ("canceled" in events), _CHANGE * ("failed" in events))))


def _place(event: str) -> int:
    return _ORDER.get(event, len(_ORDER))
