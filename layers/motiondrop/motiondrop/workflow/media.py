"""The only function that opens files: it checks, cleans and converts drops, and looks at results.

It reads no table and no secret. Its orders and its answers are JSON:

- `{"action": "check", "key", "etag", "trim"}` returns `{"digest", "poster"}` with `{"report", "copy"}`, or with
  `{"plan"}` if the file has to be converted;
- `{"action": "convert", "key", "etag", "digest", "trim", "plan"}` returns `{"report", "copy"}`;
- `{"action": "look", "job_id"}` returns `{"look", "still"}`;
- each of them may return `{"rejected": reason}`, or `{"gone": true}` if the drop was deleted or replaced meanwhile.

Digests are SHA-256 in hex; `copy`, `poster` and `still` are keys of the results bucket; the rest is in `media.report`.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motiondrop.aws.inbox import Inbox
from motiondrop.aws.results import Results, still_key, video_key
from motiondrop.errors import DropGone, Unreadable
from motiondrop.media import prepare
from motiondrop.media.limits import Rejected
from motiondrop.media.report import Order, Plan, Report, Trim, as_json, plan_of


@dataclass(frozen=True, kw_only=True)
class PrepareMedia:
    """Opens files, each in a fresh folder of the function's own disk."""

    inbox: Inbox
    results: Results

    def run(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out the order; raise SandboxError if it fails for a reason that has nothing to do with the file."""
        with tempfile.TemporaryDirectory() as name:
            try:
                match asked["action"]:
                    case "check":
                        return self._check(asked, Path(name))
                    case "convert":
                        return self._convert(asked, Path(name))
                    case "look":
                        return self._look(str(asked["job_id"]), Path(name))
                    case action:
                        raise ValueError(f"media has no action {action!r}")
            except DropGone:
                return {"gone": True}
            except (Rejected, Unreadable) as error:
                return {"rejected": str(error)}

    def _check(self, asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        source, digest = self._fetch(asked, folder)
        found = prepare.check(source, _order(asked), folder)
        answer = {"digest": digest, "poster": self._keep(folder / prepare.POSTER, "jpg")}
        if isinstance(found, Plan):
            return answer | {"plan": as_json(found)}
        return answer | self._kept(found, folder)

    def _convert(self, asked: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        source, digest = self._fetch(asked, folder)
        if digest != asked["digest"]:
            raise DropGone("another file lies there by now")
        return self._kept(prepare.convert(source, _order(asked), plan_of(asked["plan"]), folder), folder)

    def _look(self, job_id: str, folder: Path) -> dict[str, Any]:
        source = folder / "source"
        with source.open("wb") as file:
            self.results.fetch(video_key(job_id), file)
        found = prepare.look(source, folder)
        self.results.write(still_key(job_id), (folder / prepare.POSTER).read_bytes(), "image/jpeg")
        return {"look": as_json(found), "still": still_key(job_id)}

    def _fetch(self, asked: Mapping[str, Any], folder: Path) -> tuple[Path, str]:
        """Write the drop to a file; return the file's path, and the SHA-256 of its bytes."""
        source = folder / "source"
        with source.open("wb") as file:
            return source, self.inbox.fetch(asked["key"], asked["etag"], file)

    def _kept(self, report: Report, folder: Path) -> dict[str, Any]:
        return {"report": as_json(report), "copy": self._keep(folder / prepare.COPY, report.extension)}

    def _keep(self, path: Path, extension: str) -> str:
        with path.open("rb") as file:
            return self.inbox.keep(file, extension)


def _order(asked: Mapping[str, Any]) -> Order:
    trim = asked.get("trim")
    return Order(asked["key"], Trim.parse(trim) if trim else None)
