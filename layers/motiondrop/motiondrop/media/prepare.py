"""The library's entry to media: a local file in, a clean copy and a poster out. It knows nothing of AWS.

`check` does everything for an image, and for a video whose pictures can stay as they are. For a video whose pictures
have to be made anew, it returns a Plan, which `convert` carries out. `look` measures a delivered video and makes its
still. The copy and the poster are written into the folder that the caller names, as COPY and POSTER; nothing else is
written, and after Rejected or SandboxError the files there must not be used.

The shapes of Order, Plan, Report and Look as JSON are in `motiondrop.media.report`.
"""

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from motiondrop.domain.formats import HEAD_BYTES, JPEG, MP4, PNG, Format, Kind, sniff
from motiondrop.domain.keys import extension_of
from motiondrop.media.limits import (
    CHECK_SECONDS,
    CONVERT_SECONDS,
    LOOK_SECONDS,
    MB,
    SIZE_MAX,
    SMALLER_FILE,
    Rejected,
    check_duration,
    check_sides,
    damaged,
    expect,
    match_name,
)
from motiondrop.media.report import Look, Order, Plan, Report, is_as_planned, look_of, plan_of, report_of
from motiondrop.media.sandbox import run

#: The names of the files that are written into the folder.
COPY = "copy"
POSTER = "poster.jpg"
#: Bytes: a usual poster has 100,000, and a larger file than this is not a poster.
_POSTER_MAX = MB
_COPIES = {"jpeg": JPEG, "png": PNG, "mp4": MP4}


def check(source: Path, order: Order, folder: Path) -> Report | Plan:
    """Prepare a file in at most CHECK_SECONDS; if that needs transcoding, return a Plan and write only the poster.

    Raise Rejected if nothing that the provider takes can be made of the file, SandboxError if the sandbox failed.
    """
    kind = expect(order.name, source.stat().st_size)
    answer, copy = _prepared(source, order, folder, "check", CHECK_SECONDS)
    try:
        if "plan" in answer and kind is Kind.VIDEO:
            return _agreed(plan_of(answer["plan"]), order)
        return report_of(_measured(answer.get("report"), copy, kind))
    except ValueError as error:
        raise damaged(kind) from error


def convert(source: Path, order: Order, plan: Plan, folder: Path) -> Report:
    """Carry out the plan that `check` made for this very file and order, in at most CONVERT_SECONDS.

    Raise Rejected if it fails or the outcome is not what was planned, SandboxError if the sandbox failed.
    """
    kind = expect(order.name, source.stat().st_size)
    answer, copy = _prepared(source, order, folder, "convert", CONVERT_SECONDS)
    try:
        report = report_of(_measured(answer.get("report"), copy, kind))
    except ValueError as error:
        raise damaged(kind) from error
    if not is_as_planned(report, plan):
        raise damaged(kind, "changed its size or length when it was converted")
    return report


def look(source: Path, folder: Path) -> Look:
    """Measure a delivered video and make its still as POSTER, in at most LOOK_SECONDS; no limit on drops applies.

    Raise Rejected if the video cannot be opened, SandboxError if the sandbox failed.
    """
    with source.open("rb") as video, (folder / POSTER).open("w+b") as poster:
        answer = run(
            {"mode": "look", "format": MP4.name},
            {"source": video, "poster": poster},
            kind=Kind.VIDEO,
            seconds=LOOK_SECONDS,
        )
        _check_poster(poster, Kind.VIDEO)
    try:
        return look_of(answer.get("look"))
    except ValueError as error:
        raise damaged(Kind.VIDEO) from error


def _prepared(source: Path, order: Order, folder: Path, mode: str, seconds: float) -> tuple[dict[str, Any], Path]:
    """Have the child carry out the order; return its answer and the path of the copy. The poster is checked here."""
    copy, kind = folder / COPY, expect(order.name, source.stat().st_size)
    with ExitStack() as files:
        file = files.enter_context(source.open("rb", buffering=0))
        found = match_name(order.name, sniff(os.pread(file.fileno(), HEAD_BYTES, 0)), kind)
        passed: dict[str, BinaryIO] = {
            "source": file,
            "copy": files.enter_context(copy.open("w+b", buffering=0)),
            "poster": files.enter_context((folder / POSTER).open("w+b", buffering=0)),
        }
        said = {
            "mode": mode,
            "format": found.name,
            "extension": extension_of(order.name),
            "trim": [order.trim.start, order.trim.end] if order.trim else None,
        }
        answer = run(said, passed, kind=kind, seconds=seconds)
        _check_poster(passed["poster"], kind)
    return answer, copy


def _check_poster(poster: BinaryIO, kind: Kind) -> None:
    """Raise Rejected unless the poster that the child wrote begins like a JPEG and is no larger than _POSTER_MAX."""
    size = os.fstat(poster.fileno()).st_size
    if size > _POSTER_MAX or sniff(os.pread(poster.fileno(), HEAD_BYTES, 0)) != JPEG:
        raise damaged(kind)


def _measured(said: object, copy: Path, kind: Kind) -> dict[str, Any]:
    """The child's report, with the copy's size and SHA-256. Raise ValueError if it misstates the copy's format."""
    if not isinstance(said, dict):
        raise ValueError("no report")  # noqa: TRY004  # one error for every invalid answer
    size = copy.stat().st_size
    if size > SIZE_MAX[kind]:
        raise Rejected(f"{kind} is more than {SIZE_MAX[kind] // MB} MB even after conversion - {SMALLER_FILE}")
    with copy.open("rb") as file:
        found: Format | None = sniff(file.read(HEAD_BYTES))
        if found is None or found != _COPIES.get(str(said.get("format"))):
            raise ValueError("the copy is not what it is said to be")
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return said | {"size": size, "sha256": digest}


def _agreed(plan: Plan, order: Order) -> Plan:
    if plan.trim not in {None, order.trim}:
        raise ValueError("the plan cuts what was not asked for")
    # Checked again on this side: the child has read the file, so its word alone is not enough.
    check_sides(Kind.VIDEO, plan.width, plan.height)
    check_duration(plan.duration)
    return plan
