"""What an object key says: its folder, its name, and what kind of file it claims to be."""

import unicodedata

from motiondrop.domain.formats import ACCEPTED, Kind

_KINDS = {extension: accepted.kind for accepted in ACCEPTED for extension in accepted.extensions}

#: Files that desktops leave in folders, as whole names in lower case; names that begin with a dot are ignored anyway.
_JUNK = {"thumbs.db", "desktop.ini", "icon\r"}

#: Endings that browsers and uploaders give to unfinished files, and cameras to files that are no pictures.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".aae")


def folder_of(key: str) -> str:
    """The folder of a key: its prefix up to and with the last `/`."""
    return key[: key.rfind("/") + 1]


def stem_of(key: str) -> str:
    """The name of a key's file without folder and extension, composed (NFC): a Mac writes the same name decomposed."""
    name = key[key.rfind("/") + 1 :]
    dot = name.rfind(".")
    return unicodedata.normalize("NFC", name[:dot] if dot > 0 else name)


def extension_of(key: str) -> str:
    """The extension of a key's last part, in lower case and without the dot; empty if there is none."""
    stem, dot, extension = key.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot and stem else ""


def kind_of(key: str) -> Kind | None:
    """The kind that a drop's extension claims, in any letter case; None for any other extension."""
    return _KINDS.get(extension_of(key))


def ignored(key: str) -> bool:
    """Whether a key is litter of desktops, browsers or uploaders, such as a partial download; it gets no receipt."""
    name = key.rpartition("/")[2].lower()
    return (
        not name
        or name in _JUNK
        or name.startswith((".", "~$"))
        or name.endswith(_UNFINISHED)
        or ":zone.identifier" in name
        or "/@eadir/" in f"/{key.lower()}"
    )
