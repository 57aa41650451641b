"""What goes into the media machinery and what comes out of it, with the JSON of each.

- an order: `{"name": "hero.mov", "trim": [0, 30]}`
- a plan: `{"width", "height", "duration", "frame_rate", "sound", "trim", "converted", "notes"}`
- a report: `{"kind", "format", "extension", "width", "height", "size", "sha256", "duration", "frame_rate", "codec",
  "sound", "converted", "notes"}`; of an image, `duration`, `frame_rate`, `codec` and `sound` are null
- a look: `{"codec", "width", "height", "duration", "frame_rate", "sound"}`

Pixels are as displayed, sizes in bytes, durations in seconds, frame rates the average per second; `trim` is null where
nothing is cut. Reading such an object checks every field, since its writer may be broken or hostile; it raises
ValueError if the object is not valid.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from motiondrop.domain.formats import Kind
from motiondrop.media.limits import PLAN_SECONDS, SECONDS_MAX, SECONDS_MIN, SIZE_MAX, Rejected, check_sides

if TYPE_CHECKING:
    from motiondrop.domain.job import Input  # which a child would import without needing it

#: The most pixels, seconds and frames per second of any video, whoever delivered it: a larger number is not valid.
_SIDE_MAX, _SECONDS_MAX, _RATE_MAX = 16_384, 86_400, 1000
#: Of `converted` and `notes`: the most lines, and the most characters in a line.
_LINES_MAX, _LINE_MAX = 12, 120
_WORDS = re.compile(r"[A-Za-z0-9 +\-=._:/@]+")
_CODEC = re.compile(r"[a-z0-9_]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TRIM = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)-(\d{1,5}(?:\.\d{1,3})?)")
_EXTENSIONS = {"jpeg": "jpg", "png": "png", "mp4": "mp4"}


@dataclass(frozen=True, slots=True)
class Trim:
    """The part of a video that is kept, in seconds from its beginning."""

    start: float
    end: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the part from a drop's metadata, such as `0-30` or `2.5-12`.

        Raise Rejected if the text is no such part, or if the part is shorter or longer than the provider takes.
        """
        found = _TRIM.fullmatch(text.strip())
        if found is None:
            raise Rejected(
                f"option trim in the upload metadata is {text[:40]}"
                " - must be a start and an end in seconds - write it like trim=0-30"
            )
        start, end = float(found[1]), float(found[2])
        if not SECONDS_MIN <= round(end - start, 6) <= SECONDS_MAX:
            raise Rejected(
                f"option trim={text[:40]} does not keep {SECONDS_MIN} to {SECONDS_MAX} s of the video"
                " - change its start or end"
            )
        return cls(start, end)

    def __str__(self) -> str:
        return f"{self.start:g}-{self.end:g}"


@dataclass(frozen=True, slots=True)
class Order:
    """An order to prepare a file: its name, whose extension claims a kind, and the part of a video to keep."""

    name: str
    trim: Trim | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a video will be like once it is converted; `converted` and `notes` are what its receipt will say."""

    width: int
    height: int
    duration: float
    frame_rate: float
    trim: Trim | None = None
    converted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sound: bool = False

    @property
    def kind(self) -> Kind:
        """Always video, since an image needs no plan."""
        return Kind.VIDEO


@dataclass(frozen=True, slots=True)
class Report:
    """A copy that is ready for the provider: what it is, its SHA-256 in hex, and what was done to get there."""

    kind: Kind
    format: str
    extension: str
    width: int
    height: int
    size: int
    sha256: str
    duration: float | None = None
    frame_rate: float | None = None
    codec: str | None = None
    converted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sound: bool | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A delivered video, as measured."""

    codec: str
    width: int
    height: int
    duration: float
    frame_rate: float
    sound: bool


def is_as_planned(report: Report, plan: "Plan | Input") -> bool:
    """Whether a copy has the planned width and height and, to within PLAN_SECONDS, the planned length."""
    same_size = (report.width, report.height) == (plan.width, plan.height)
    return same_size and abs((report.duration or 0) - (plan.duration or 0)) <= PLAN_SECONDS


def as_json(found: Order | Plan | Report | Look) -> dict[str, Any]:
    """The JSON object that `order_of`, `plan_of`, `report_of` or `look_of` reads back."""
    fields = asdict(found)
    if fields.get("trim"):
        fields["trim"] = [fields["trim"]["start"], fields["trim"]["end"]]
    for name in ("converted", "notes"):
        if name in fields:
            fields[name] = list(fields[name])
    return fields


def order_of(said: object) -> Order:
    """Read an order from a JSON object. Raise ValueError if it is not valid."""
    fields = _Fields(said)
    return Order(fields.text("name", re.compile(r"(?s).{1,1024}")), fields.trim())


def plan_of(said: object) -> Plan:
    """Read a plan from a JSON object. Raise ValueError if it is not valid or not within the provider's limits."""
    fields = _Fields(said)
    width, height = fields.sides(Kind.VIDEO)
    return Plan(
        width=width,
        height=height,
        duration=fields.number("duration", SECONDS_MIN, SECONDS_MAX),
        frame_rate=fields.number("frame_rate", 0, _RATE_MAX),
        trim=fields.trim(),
        converted=fields.lines("converted"),
        notes=fields.lines("notes"),
        sound=fields.boolean("sound"),
    )


def report_of(said: object) -> Report:
    """Read a report from a JSON object. Raise ValueError if it is not valid or not within the provider's limits."""
    fields = _Fields(said)
    kind = Kind(fields.text("kind", _CODEC))
    video = kind is Kind.VIDEO
    width, height = fields.sides(kind)
    name = fields.text("format", _CODEC)
    if name not in ({"mp4"} if video else {"jpeg", "png"}):
        raise ValueError("the format is none that is written here")
    return Report(
        kind=kind,
        format=name,
        extension=_EXTENSIONS[name],
        width=width,
        height=height,
        size=fields.integer("size", 1, SIZE_MAX[kind]),
        sha256=fields.text("sha256", _SHA256),
        duration=fields.number("duration", SECONDS_MIN, SECONDS_MAX) if video else None,
        frame_rate=fields.number("frame_rate", 0, _RATE_MAX) if video else None,
        codec=fields.text("codec", _CODEC) if video else None,
        converted=fields.lines("converted"),
        notes=fields.lines("notes"),
        sound=fields.boolean("sound") if video else None,
    )


def look_of(said: object) -> Look:
    """Read a look from a JSON object. Raise ValueError if it is not valid."""
    fields = _Fields(said)
    return Look(
        codec=fields.text("codec", _CODEC),
        width=fields.integer("width", 1, _SIDE_MAX),
        height=fields.integer("height", 1, _SIDE_MAX),
        duration=fields.number("duration", 0, _SECONDS_MAX),
        frame_rate=fields.number("frame_rate", 0, _RATE_MAX),
        sound=fields.boolean("sound"),
    )


def parse(text: bytes) -> dict[str, Any]:
    """The JSON object in `text`. Raise ValueError if `text` is anything else, or contains NaN or an infinity."""
    try:
        found = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004  # one error for every invalid answer
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


class _Fields:
    """The fields of a JSON object, each checked when it is read. Raise ValueError for an invalid one."""

    def __init__(self, said: object) -> None:
        if not isinstance(said, Mapping):
            raise ValueError("no object")  # noqa: TRY004  # one error for every invalid answer
        self._said = said

    def number(self, name: str, least: float, most: float) -> float:
        found = self._said.get(name)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least <= found <= most:
            raise ValueError(f"{name} is no number from {least} to {most}")
        number = float(found)
        if not math.isfinite(number):
            raise ValueError(f"{name} is not finite")
        return number

    def integer(self, name: str, least: int, most: int) -> int:
        found = self._said.get(name)
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            raise ValueError(f"{name} is no integer from {least} to {most}")
        return found

    def boolean(self, name: str) -> bool:
        found = self._said.get(name)
        if not isinstance(found, bool):
            raise ValueError(f"{name} is neither true nor false")  # noqa: TRY004  # one error for every invalid answer
        return found

    def sides(self, kind: Kind) -> tuple[int, int]:
        width, height = self.integer("width", 1, _SIDE_MAX), self.integer("height", 1, _SIDE_MAX)
        try:
            check_sides(kind, width, height)
        except Rejected as error:
            raise ValueError(error.reason) from error
        return width, height

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        found = self._said.get(name)
        if not isinstance(found, str) or not pattern.fullmatch(found):
            raise ValueError(f"{name} is no text of its kind")
        return found

    def lines(self, name: str) -> tuple[str, ...]:
        found = self._said.get(name)
        if not isinstance(found, list) or len(found) > _LINES_MAX:
            raise ValueError(f"{name} is no list of a few lines")
        for line in found:
            if not isinstance(line, str) or len(line) > _LINE_MAX or not _WORDS.fullmatch(line):
                raise ValueError(f"{name} has a line that fits no receipt")
        return tuple(found)

    def trim(self) -> Trim | None:
        found = self._said.get("trim")
        if found is None:
            return None
        if not isinstance(found, list) or len(found) != 2:  # noqa: PLR2004  # a start and an end
            raise ValueError("trim is no start and end")
        times = _Fields({"start": found[0], "end": found[1]})
        trim = Trim(times.number("start", 0, _SECONDS_MAX), times.number("end", 0, _SECONDS_MAX))
        if trim.start >= trim.end:
            raise ValueError("trim ends before it starts")
        return trim
