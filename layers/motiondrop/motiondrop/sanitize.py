"""User text made safe to show: keys and the provider's words reach emails, pages and names only through here.

The text that is shown has no invisible characters and nothing that a mail program would turn into a link: otherwise
whoever names a file or words an error could put a link of their own into our emails.
"""

import re
import unicodedata

from anyascii import anyascii

#: The most characters of a subject, one below SNS's limit. SNS takes one line of ASCII without control characters.
SUBJECT_LENGTH = 99


#: Characters that are letters, marks or symbols to Unicode and show nothing: fillers, joiners, variation selectors.
#: Source: Unicode's property Default_Ignorable_Code_Point, less category C, which is left out anyway; Braille's blank.
_INVISIBLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
_INVISIBLE |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}

#: A dot, or one of East Asia's full stops, which browsers take for a dot.
_DOTS = "[.\u3002\uff0e\uff61]"

#: The endings with which mail programs turn a bare name into a link: a country's two letters (not `ts` and `qt`, which
#: are extensions of videos), or one of the top-level domains that are common or cheap. Names that end otherwise are
#: file names, error codes and words.
_DOMAIN_ENDS = (
    "(?!ts|qt)[a-z]{2}|xn--[a-z0-9-]+|app|art|biz|bond|buzz|cfd|click|cloud|club|com|cyou|dev|edu|fun|gov|help|icu"
    "|info|ink|int|life|link|live|lol|mil|mobi|monster|name|net|network|news|online|org|page|pro|quest|rest|sbs|shop"
    "|site|space|store|support|tech|today|top|vip|web|website|win|work|world|wtf|xyz|zip"
)


def plain(text: str, limit: int = 200) -> str:
    """`text` on one line without invisible characters and links, cut to `limit` characters."""
    kept = "".join(" " if char in "\t\r\n" else char for char in text if _shown(char))
    return _fitted(re.sub(r"\s+", " ", kept).strip(), limit, "…")


def quoted(text: str, limit: int = 200) -> str:
    """`text` as `plain` returns it, in quotation marks, which mark words that are not ours."""
    return '"' + plain(text, limit).replace('"', "'") + '"'


def named(name: str) -> str:
    """A file's name within a sentence: quoted unless it is one plain word, so it cannot pass for words of ours."""
    return plain(name) if re.fullmatch(r"[^\s\"]+", plain(name)) else quoted(name)


def ascii_line(text: str, limit: int = SUBJECT_LENGTH) -> str:
    """`text` as an email subject: printable ASCII on one line, see `transliterated`."""
    kept = re.sub(r"[^\x20-\x7e\s]", "", transliterated(text))
    return _fitted(re.sub(r"\s+", " ", kept).strip(), limit, "...")


def transliterated(text: str) -> str:
    """`text` with every letter that has a capital (as in Latin, Greek and Cyrillic) in ASCII; the rest is kept.

    Other scripts are not converted: a Japanese name in Chinese syllables would mean nothing to its owner.
    """
    composed = unicodedata.normalize("NFKC", text)
    return "".join(anyascii(char) if unicodedata.category(char) in {"Lu", "Ll", "Lt"} else char for char in composed)


def storable(text: str) -> str:
    """`text` without the characters that SNS and XML refuse; all others stay, so that subscribers' filters match."""
    # Compiled only when it is needed: compiling takes longer than importing most modules.
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
    """Whether a character is kept. Invisible ones are not: bidirectional marks and the like could reorder a line."""
    return char in "\t\r\n" or (unicodedata.category(char)[0] != "C" and ord(char) not in _INVISIBLE)


def _fitted(text: str, limit: int, ellipsis: str) -> str:
    """`text` without links, at most `limit` characters long. Links are broken after the cut, since it may make one."""
    room = limit
    while True:
        cut = text if len(text) <= room else text[: room - len(ellipsis)].rstrip() + ellipsis
        shown = _unlinked(cut)
        if len(shown) <= limit:
            return shown
        room -= len(shown) - limit


def _unlinked(text: str) -> str:
    """`text` with its links broken: `https[:]//evil.example` has no scheme, and `evil[.]com` is no domain."""
    text = text.replace("://", "[:]//")
    text = re.sub(r"(?i)\b(www|mailto)([.:])", r"\1[\2]", text)
    # `a.de.png` is no domain: it continues after what could be its end.
    domain = rf"(?i)(?<![\w-])(?:[\w-]+{_DOTS})+(?:{_DOMAIN_ENDS})(?![a-z0-9-]|{_DOTS}[a-z0-9])"
    return re.sub(domain, lambda found: re.sub(f"({_DOTS})", r"[\1]", found[0]), text)
