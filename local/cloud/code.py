"""The code that a template names by folder, packed and uploaded as CloudFormation wants it."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.packages import Packages
from local.cloud.progress import CloudError
from local.emulator.code_folders import reference_zip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ARTIFACTS_BUCKET = "local-artifacts"
_LAYER = "AWS::Serverless::LayerVersion"


@dataclass(frozen=True)
class Artifact:
    """A file that a resource's property points to; named by its content."""

    body: bytes
    suffix: str

    @property
    def key(self) -> str:
        """Its key in the artifacts bucket."""
        return hashlib.sha256(self.body).hexdigest()[:32] + self.suffix


class Code:
    """Packs the folders and files that a template refers to."""

    def __init__(self, root: Path, packages: Packages) -> None:
        self._root = root
        self._packages = packages

    def pack(self, template: dict[str, Any]) -> list[Artifact]:
        """Replace every local path of the template by a place in the artifacts bucket; return the artifacts to upload
        there.
        """
        artifacts: dict[str, Artifact] = {}
        shared = (template.get("Globals") or {}).get("Function", {})
        resources = [(r.get("Type", ""), r.setdefault("Properties", {})) for r in template["Resources"].values()]
        for kind, properties in [("", shared), *resources]:
            for name in ("CodeUri", "ContentUri", "DefinitionUri"):
                path = properties.get(name)
                if isinstance(path, str):
                    artifact = self._artifact(kind, name, path)
                    artifacts[artifact.key] = artifact
                    properties[name] = {"Bucket": ARTIFACTS_BUCKET, "Key": artifact.key}
        return list(artifacts.values())

    def _artifact(self, kind: str, name: str, path: str) -> Artifact:
        source = self._root / path
        if not source.exists():
            raise CloudError(f"The template's {name} {path} does not exist.")
        if name == "DefinitionUri":
            return Artifact(source.read_bytes(), source.suffix)
        if kind != _LAYER:
            return Artifact(_zip(source), ".zip")
        if (source / "requirements.txt").exists():
            return Artifact(reference_zip(self._packages.layer(source)), ".zip")
        return Artifact(_zip(source, "python/"), ".zip")


def _zip(folder: Path, prefix: str = "") -> bytes:
    """Return a zip of a folder's files, the same bytes for the same content.

    The Makefile in a layer's source is left out: it is for `sam build`.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name != "Makefile" and "__pycache__" not in file.parts:
                entry = zipfile.ZipInfo(prefix + file.relative_to(folder).as_posix(), (2020, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def upload(s3: "S3Client", region: str, artifacts: list[Artifact]) -> None:
    """Put artifacts into their bucket."""
    if not any(bucket["Name"] == ARTIFACTS_BUCKET for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=ARTIFACTS_BUCKET, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]  # any region's name
    for artifact in artifacts:
        s3.put_object(Bucket=ARTIFACTS_BUCKET, Key=artifact.key, Body=artifact.body)
