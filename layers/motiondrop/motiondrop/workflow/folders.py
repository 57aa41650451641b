"""A folder of the inbox as the pairing rule sees it: the names that lie there, less those that were refused."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from motiondrop.aws.inbox import Inbox
from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import folder_of, ignored, kind_of, stem_of
from motiondrop.domain.pairing import Folder, Pair
from motiondrop.storage.drops import Drop, Drops

#: Why a job was closed that its folder does not make any more; should it make it again, the job is run.
UNPAIRED = "The folder changed before it settled: by its names now, these two no longer belong together."

#: How many LIST calls a folder is read with, each of a thousand keys or subfolders. In a larger one only namesakes
#: pair: a rule about all of its files would have to read all of them at every drop. With those of the namesakes, in
#: two forms of Unicode, a drop takes eleven calls at the most.
PAGES = 9

#: How many refused files of a folder are left out of its rule; in a folder with more of them, the rest count.
REFUSED_COUNTED = 1000


@dataclass(frozen=True)
class Look:
    """A folder at one moment: its usable files, the pairs that may follow, and the records of those pairs' files."""

    folder: Folder
    pairs: tuple[Pair, ...]
    drops: dict[str, Drop]


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The inbox's folders."""

    inbox: Inbox
    drops: Drops
    max_fan_out: int

    def look(self, key: str) -> Look:
        """The folder of `key`, its pairs, and those of the files without a namesake, which it may change."""
        name = folder_of(key)
        refused = self.drops.refused(name, REFUSED_COUNTED)
        kinds = {other: kind for other, kind in self._kinds(key).items() if other not in refused}
        folder = Folder.of(name, kinds, self.max_fan_out)
        own = folder.verdict(key).pairs if key in kinds else ()
        pairs = tuple(dict.fromkeys([*own, *folder.shared_pairs()]))
        return Look(folder, pairs, self.drops.find({one for pair in pairs for one in pair}))

    def follows(self, pair: Pair) -> bool:
        """Whether the rule still makes this pair of what the folder holds now."""
        return pair in self.look(pair[0]).pairs

    def _kinds(self, key: str) -> dict[str, Kind]:
        """The media files of the key's folder by name; only its namesakes at the root and in a folder too large."""
        name = folder_of(key)
        if name:
            listed, whole = self.inbox.names(name, PAGES)
            if whole:
                return _media(listed)
        forms = dict.fromkeys(unicodedata.normalize(form, stem_of(key)) for form in ("NFC", "NFD"))
        return _media(name_ for form in forms for name_ in self.inbox.names(name + form, 1)[0])


def _media(keys: Iterable[str]) -> dict[str, Kind]:
    return {key: kind for key in keys if not ignored(key) and (kind := kind_of(key))}
