"""The results bucket: videos at their permanent place, the files beside them, and signed URLs of all of these."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import quote, urlsplit

from motiondrop.sanitize import plain, transliterated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Bytes: the smallest part that S3 takes; a result of MAX_RESULT_BYTES has 191 such parts, and S3 allows 10,000.
PART = 5 * 1024 * 1024
#: Parts uploaded at once. Each is held in memory whole, and so is the next part, which is read meanwhile.
_PARTS_AT_ONCE = 2


def video_key(job_id: str) -> str:
    """The key of the job's video."""
    return f"videos/{job_id}.mp4"


def record_key(job_id: str) -> str:
    """The key of the job's `result.json`."""
    return f"videos/{job_id}.json"


def still_key(job_id: str) -> str:
    """The key of the still of the job's video."""
    return f"videos/{job_id}.jpg"


@dataclass(frozen=True)
class Saved:
    """A result that is in the bucket; `size` is in bytes."""

    key: str
    size: int
    sha256: str


class Source(Protocol):
    """A file to save: it is read once, and afterwards gives the size and the SHA-256 of what was read."""

    size: int

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that was read, in hex."""

    def read(self, amount: int = -1) -> bytes:
        """The next bytes."""

    def close(self) -> None:
        """Close the file."""


class Results:
    """The results bucket of one stack."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def save(self, job_id: str, video: Source) -> Saved:
        """Copy the video to its permanent place; nothing appears there unless the whole video arrived.

        If `video.read` raises an error, abort the upload and raise that error. S3 compares a CRC-32 of each part.
        """
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415  # only finalize pays for importing it

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=_PARTS_AT_ONCE)
        # Otherwise boto3 reads ten parts ahead, whatever the concurrency; TransferConfig has no argument for this.
        config.max_in_memory_upload_chunks = _PARTS_AT_ONCE
        key = video_key(job_id)
        try:
            self._s3.upload_fileobj(
                video,  # type: ignore[arg-type]  # boto3 needs only read(amount)
                self.bucket,
                key,
                ExtraArgs={"ContentType": "video/mp4", "ChecksumAlgorithm": "CRC32"},
                Config=config,
            )
        finally:
            video.close()
        return Saved(key, video.size, video.sha256)

    def fetch(self, key: str, file: BinaryIO) -> None:
        """Write an object to a file."""
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"]
        while piece := body.read(PART):
            file.write(piece)

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Write a small object."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    def erase(self, key: str) -> int:
        """Delete the object with all its versions and delete markers; return how many there were."""
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=key)
        erased = 0
        for page in pages:
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if one["Key"] == key:  # a prefix finds longer keys too
                    self._s3.delete_object(Bucket=self.bucket, Key=key, VersionId=one["VersionId"])
                    erased += 1
        return erased

    def listed(self, beginning: str) -> Iterator[tuple[str, datetime]]:
        """The keys that start with `beginning`, and when each object was written."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=beginning)
        for page in pages:
            for one in page.get("Contents", []):
                yield one["Key"], one["LastModified"]

    @cached_property
    def origin(self) -> str:
        """The origin of this bucket's signed URLs, as a Content-Security-Policy names it."""
        return origin_of(self.url("-", 1))

    def url(self, key: str, seconds: int, *, name: str | None = None) -> str:
        """A URL that anyone can GET for `seconds`; `name` makes a browser download it under that name."""
        params = {"Bucket": self.bucket, "Key": key}
        if name:
            params["ResponseContentDisposition"] = attachment(name)
        return self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def attachment(name: str) -> str:
    """The Content-Disposition of a download: `name` in ASCII and, if ASCII changes it, in full too (RFC 5987)."""
    shown = re.sub(r'[\\/:*?"<>|]', "_", plain(name))
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()-]", "_", transliterated(shown))
    others = f"; filename*=UTF-8''{quote(shown, safe='')}" if ascii_name != shown else ""
    return f'attachment; filename="{ascii_name}"{others}'
