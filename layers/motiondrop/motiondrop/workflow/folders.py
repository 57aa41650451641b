"""A folder of the inbox as the pairing rule sees it: the names in it, without those of rejected drops."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from motiondrop.aws.inbox import Inbox
from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import folder_of, ignored, kind_of
from motiondrop.domain.pairing import Folder
from motiondrop.storage.drops import Drops

#: How many LIST calls a folder is read with; each lists a thousand keys or subfolders. In a larger folder only
#: namesakes pair: a rule about all of its files would have to read all of them at every drop. Up to three more
#: calls list the namesakes: in the key's own form of Unicode and in two others. So a drop takes twelve calls at most.
PAGES = 9

#: How many rejected drops of a folder the rule leaves out; in a folder with more of them, the rest count as usable.
REFUSED_COUNTED = 1000


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The inbox's folders."""

    inbox: Inbox
    drops: Drops
    max_fan_out: int

    def of(self, key: str) -> Folder:
        """The folder that `key` is in or, if `key` ends with `/`, the folder that it names."""
        name = folder_of(key)
        refused = self.drops.refused(name, REFUSED_COUNTED)
        found, whole = self._kinds(key)
        kinds = {other: kind for other, kind in found.items() if other not in refused}
        return Folder.of(name, kinds, self.max_fan_out, whole=whole)

    def _kinds(self, key: str) -> tuple[dict[str, Kind], bool]:
        """The media files of the key's folder, and whether these are all of them. At the root, and in a folder that is
        too large to be read whole, they are only the key's namesakes.
        """
        name = folder_of(key)
        if name:
            listed, whole = self.inbox.names(name, PAGES)
            if whole:
                return _media(listed), True
        if key == name:
            return {}, False
        stem = key[len(name) : key.rfind(".")]  # some names are in neither form
        forms = dict.fromkeys((stem, *(unicodedata.normalize(form, stem) for form in ("NFC", "NFD"))))
        return _media(name_ for form in forms for name_ in self.inbox.names(f"{name}{form}.", 1)[0]), False


def _media(keys: Iterable[str]) -> dict[str, Kind]:
    return {key: kind for key in keys if not ignored(key) and (kind := kind_of(key))}
