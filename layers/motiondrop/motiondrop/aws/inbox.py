"""The inbox bucket: drops as they lie there, the checked copies of them, and the receipts they carry."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from motiondrop.aws.error_codes import code_of
from motiondrop.domain.formats import Kind
from motiondrop.errors import DropGone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECEIPT_TAG = "motiondrop"

#: S3's limit on a tag's value, in characters (Amazon S3 User Guide, "Categorizing your objects using tags").
RECEIPT_LENGTH = 256

_GONE = {"404", "NoSuchKey", "NotFound", "NoSuchVersion", "PreconditionFailed", "412"}
_PAGE = 1000


@dataclass(frozen=True)
class Arrived:
    """A drop as S3 describes it: size in bytes, `crc` the full-object CRC64NVME where S3 has one."""

    key: str
    etag: str
    size: int
    version: str | None
    crc: str | None
    metadata: dict[str, str] = field(default_factory=dict)


class Inbox:
    """The inbox of one stack, with the bucket that keeps the checked copies."""

    def __init__(self, s3: "S3Client", bucket: str, copies: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._copies = copies

    def look(self, key: str) -> Arrived:
        """The object that lies at `key` now; DropGone where there is none."""
        try:
            head = self._s3.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            raise _gone(error) from error
        full = head.get("ChecksumType") == "FULL_OBJECT"
        return Arrived(
            key=key,
            etag=head["ETag"],
            size=head["ContentLength"],
            version=head.get("VersionId"),
            crc=head.get("ChecksumCRC64NVME") if full else None,
            metadata=head.get("Metadata", {}),
        )

    def read(self, drop: Arrived, offset: int, length: int) -> bytes:
        """Bytes of the drop as it was looked at; DropGone where it was replaced since."""
        try:
            answer = self._s3.get_object(
                Bucket=self._bucket,
                Key=drop.key,
                Range=f"bytes={offset}-{offset + length - 1}",
                IfMatch=drop.etag,
            )
            return answer["Body"].read()
        except ClientError as error:
            raise _gone(error) from error

    def digest(self, drop: Arrived, kind: Kind) -> str:
        """What names the drop's content.

        An image is read whole and hashed. A video is too large for that: S3's own full-object CRC64NVME with the
        size is the same under any encryption and part size; objects from before S3 kept one have their ETag.
        """
        if kind is Kind.IMAGE:
            return hashlib.sha256(self.read(drop, 0, drop.size)).hexdigest()
        mark = f"crc64nvme:{drop.crc}" if drop.crc else f"etag:{drop.etag}"
        return hashlib.sha256(f"{mark}:{drop.size}".encode()).hexdigest()

    def keep(self, drop: Arrived, digest: str, extension: str) -> str:
        """Copy the checked bytes to where nobody overwrites them; return the copy's key in the results bucket."""
        copy = f"inputs/{digest}.{extension}"
        try:
            self._s3.copy_object(
                Bucket=self._copies,
                Key=copy,
                CopySource={"Bucket": self._bucket, "Key": drop.key},
                CopySourceIfMatch=drop.etag,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                ContentType=_CONTENT_TYPES[extension],
            )
        except ClientError as error:
            raise _gone(error) from error
        return copy

    def names(self, beginning: str, limit: int) -> Iterator[str]:
        """At most `limit` keys that begin so and have no further `/`; empty objects, still arriving, are left out."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=beginning,
            Delimiter="/",
            PaginationConfig={"MaxItems": limit, "PageSize": _PAGE},
        )
        for page in pages:
            for item in page.get("Contents", []):
                if item.get("Size"):
                    yield item["Key"]

    def delete(self, key: str, etag: str) -> bool:
        """Delete what lies at `key`, unless something else lies there by now; return whether that was done."""
        try:
            if self.look(key).etag != etag:
                return False
        except DropGone:
            return False
        self._s3.delete_object(Bucket=self._bucket, Key=key)
        return True

    def write_receipt(self, key: str, receipt: str) -> bool:
        """Tag the drop with its receipt, beside the tags it has; False where the drop is gone."""
        try:
            tags: list[Any] = self._s3.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
            tags = [tag for tag in tags if tag["Key"] != RECEIPT_TAG]
            tags.append({"Key": RECEIPT_TAG, "Value": receipt_text(receipt)})
            self._s3.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": tags})
        except ClientError as error:
            if code_of(error) in _GONE:
                return False
            raise
        return True


_CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
}


def receipt_text(text: str) -> str:
    """`text` in the alphabet of S3's tag values, which has letters, digits, spaces and + - = . _ : / @ only."""
    plain = unicodedata.normalize("NFKC", text)
    allowed = re.sub(r"[^\w\s+\-=.:/@]", " ", plain.replace(",", " "))
    return re.sub(r"\s+", " ", allowed).strip()[:RECEIPT_LENGTH].strip()


def _gone(error: ClientError) -> Exception:
    """DropGone where S3 says that the object is not, or no longer, there; else the error itself."""
    if code_of(error) in _GONE:
        return DropGone("the drop is not there any more, or was replaced")
    return error
