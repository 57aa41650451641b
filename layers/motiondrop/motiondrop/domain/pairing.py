"""The rule that says which image and which video of a folder belong together.

A folder pairs its own files only. Files with the same stem pair with each other. Of the files left without a
namesake, one video animates every image, or one image is animated with every video; more than one of both is
ambiguous. At the bucket's root only namesakes pair. The rule looks at names alone, so it gives the same pairs in
whatever order the drops arrived.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from motiondrop.domain.formats import Kind
from motiondrop.domain.keys import folder_of, kind_of, stem_of

Pair = tuple[str, str]

#: How the receipt of an ambiguous drop begins.
AMBIGUOUS = "waiting: this folder has several images and several videos"


class Why(StrEnum):
    """Why a drop has the pairs it has, or none."""

    NAMESAKE = "namesake"
    SHARED = "shared"
    ALONE = "alone"
    AMBIGUOUS = "ambiguous"
    TOO_MANY = "too many"


def partner_of(key: str) -> str:
    """A name that the missing half of `key` may have: its stem, with the usual extension of the other kind."""
    return f"{stem_of(key)}.{'mp4' if kind_of(key) is Kind.IMAGE else 'png'}"


@dataclass(frozen=True)
class Verdict:
    """What the rule says of one drop: its pairs (image key, video key), and why."""

    why: Why
    pairs: tuple[Pair, ...] = ()
    others: int = 0


@dataclass(frozen=True)
class Folder:
    """The media files of one folder, and what the rule says of them."""

    name: str
    kinds: Mapping[str, Kind]
    max_fan_out: int
    shares: bool  # files without a namesake pair too: not at the root, nor in a folder too large to be read whole

    @classmethod
    def of(cls, name: str, kinds: Mapping[str, Kind], max_fan_out: int, *, whole: bool = True) -> "Folder":
        """The folder `name` ("" is the root) with the kinds of its usable files by key."""
        own = {key: kind for key, kind in kinds.items() if folder_of(key) == name}
        return cls(name, own, max_fan_out, bool(name) and whole)

    def verdict(self, key: str) -> Verdict:
        """What the rule says of the file `key`."""
        kind = self.kinds[key]
        stem = stem_of(key)
        namesakes = {other: its for other, its in self.kinds.items() if stem_of(other) == stem}
        others = sorted(other for other, its in namesakes.items() if its is not kind)
        if others:
            fan_out = max(len(others), len(namesakes) - len(others))
            return self._verdict(Why.NAMESAKE, key, others, fan_out)
        if not self.shares:
            return Verdict(Why.ALONE)
        images, videos = self.left_over()
        mine, others = (images, videos) if kind is Kind.IMAGE else (videos, images)
        if not others:
            return Verdict(Why.ALONE)
        if len(mine) > 1 and len(others) > 1:
            return Verdict(Why.AMBIGUOUS, others=len(others))
        return self._verdict(Why.SHARED, key, others, max(len(mine), len(others)))

    def shared_pairs(self) -> tuple[Pair, ...]:
        """The pairs of the files left without a namesake; none if they are ambiguous or more than allowed."""
        if not self.shares:
            return ()
        images, videos = self.left_over()
        few, many = sorted((images, videos), key=len)
        if len(few) != 1 or len(many) > self.max_fan_out:
            return ()
        return tuple((image, video) for image in images for video in videos)

    def _verdict(self, why: Why, key: str, others: list[str], fan_out: int) -> Verdict:
        """Pair `key` with each of `others`, unless a file of the group would be in more pairs than allowed."""
        if fan_out > self.max_fan_out:
            return Verdict(Why.TOO_MANY, others=fan_out)
        is_image = self.kinds[key] is Kind.IMAGE
        return Verdict(why, tuple((key, other) if is_image else (other, key) for other in others))

    def left_over(self) -> tuple[list[str], list[str]]:
        """The images and the videos without a namesake of the other kind."""
        kinds_of_stem: dict[str, set[Kind]] = defaultdict(set)
        for key, kind in self.kinds.items():
            kinds_of_stem[stem_of(key)].add(kind)
        alone = sorted(key for key in self.kinds if len(kinds_of_stem[stem_of(key)]) == 1)
        return (
            [key for key in alone if self.kinds[key] is Kind.IMAGE],
            [key for key in alone if self.kinds[key] is Kind.VIDEO],
        )
