"""What an object key says: its folder, its name, and what kind of file it claims to be."""

from motiondrop.domain.formats import ACCEPTED, Kind

_KINDS = {extension: accepted.kind for accepted in ACCEPTED for extension in accepted.extensions}

_JUNK = {".ds_store", "thumbs.db", "desktop.ini"}


def folder_of(key: str) -> str:
    """The folder of a key: its prefix up to and with the last `/`."""
    return key[: key.rfind("/") + 1]


def stem_of(key: str) -> str:
    """The name of a key's file without folder and extension."""
    name = key[key.rfind("/") + 1 :]
    dot = name.rfind(".")
    return name[:dot] if dot > 0 else name


def extension_of(key: str) -> str:
    """The extension of a key's last part, in lower case and without the dot; empty if there is none."""
    stem, dot, extension = key.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot and stem else ""


def kind_of(key: str) -> Kind | None:
    """What a drop claims to be by its extension, in any letter case; None for anything else."""
    return _KINDS.get(extension_of(key))


def ignored(key: str) -> bool:
    """Whether a key is litter of desktops and consoles, folder markers and `.DS_Store`, say: no receipt."""
    name = key.rpartition("/")[2].lower()
    return not name or name in _JUNK or name.startswith("._")


def namesakes(image_key: str, video_key: str) -> bool:
    """Whether the two have the same name, so that nothing else in the folder can change that they are a pair."""
    return stem_of(image_key) == stem_of(video_key)
