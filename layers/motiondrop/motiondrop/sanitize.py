"""User text made safe to show: keys and the provider's words reach emails, pages and names only through here."""

import re
import unicodedata

from anyascii import anyascii

#: SNS: a subject has at most 99 characters here (100 is its limit), one line, ASCII, no control characters.
SUBJECT_LENGTH = 99


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line without control, format and private characters, cut to `limit` characters."""
    kept = "".join(" " if char in "\t\r\n" else char for char in text if _shown(char))
    kept = re.sub(r"\s+", " ", kept).strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def ascii_line(text: str, limit: int = SUBJECT_LENGTH) -> str:
    """`text` as an email subject: printable ASCII on one line, see `transliterated`."""
    kept = re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e\s]", "", transliterated(text))).strip()
    return kept if len(kept) <= limit else kept[: limit - 3].rstrip() + "..."


def transliterated(text: str) -> str:
    """`text` in ASCII as far as its letters have capitals, as Latin, Greek and Cyrillic ones do; the rest as it is.

    Other scripts are not: a Japanese name in Chinese syllables says nothing to its owner.
    """
    composed = unicodedata.normalize("NFKC", text)
    return "".join(anyascii(char) if unicodedata.category(char) in {"Lu", "Ll", "Lt"} else char for char in composed)


def storable(text: str) -> str:
    """`text` as it is, without the characters that SNS and XML refuse: a filter on it still finds ordinary names."""
    # Compiled when it is needed first: it takes longer than importing most modules.
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def duration(seconds: float) -> str:
    """A length of time as a person says it: `5.2 s`, `2 min 42 s`, `1 h 5 min`."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _shown(char: str) -> bool:
    """Whether a character is shown as itself: bidirectional marks and the like could reorder a line."""
    return char in "\t\r\n" or unicodedata.category(char)[0] != "C"
