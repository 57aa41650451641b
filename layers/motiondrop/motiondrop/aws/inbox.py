"""The inbox bucket: its drops, their receipts, and the checked copies that are made of them."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from motiondrop.aws.error_codes import code_of
from motiondrop.errors import DropGone, NoRoom, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RECEIPT_TAG = "motiondrop"
PAGE_TAG = "motiondrop-page"

#: S3's limit on a tag's value, in characters (Amazon S3 User Guide, "Categorizing your objects using tags").
RECEIPT_LENGTH = 256

#: The most tags that an object can have (same page).
_TAGS = 10

_GONE = {"404", "NoSuchKey", "NotFound", "NoSuchVersion", "PreconditionFailed", "412"}
_BAD_REQUEST = "400"
_PIECE = 1024 * 1024  # bytes
_PUTS = 4  # tries of a write while another write of the same object is under way

_ARCHIVED = "file is archived - restore it and drop it again"
_OWN_KEY = "file is encrypted with a key that MotionDrop does not have - upload it again without SSE-C"
_FOREIGN_KEY = "file is encrypted with a KMS key that MotionDrop may not use - upload it again without that key"


@dataclass(frozen=True)
class Arrived:
    """A drop as S3 describes it: size in bytes, `modified_at` to the second.

    If S3's description shows that MotionDrop cannot read the drop, `unreadable` says why.
    """

    key: str
    etag: str
    size: int
    modified_at: datetime | None
    version: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    unreadable: str | None = None


class Inbox:
    """The inbox of one stack, with the bucket that keeps the checked copies."""

    def __init__(self, s3: "S3Client", bucket: str, copies: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._copies = copies

    def look(self, key: str, etag: str = "") -> Arrived:
        """Describe the object now at `key`; raise DropGone if there is none. `etag` is the one in the drop's event."""
        try:
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) == _BAD_REQUEST:  # S3 User Guide, "Using SSE-C": a HEAD without the key is a bad request
                return Arrived(key, etag, 1, None, unreadable=_OWN_KEY)
            raise _gone(error) from error
        return Arrived(
            key=key,
            etag=head["ETag"],
            size=head["ContentLength"],
            modified_at=head["LastModified"],
            version=head.get("VersionId"),
            metadata=head.get("Metadata", {}),
            unreadable=_ARCHIVED if _is_archived(head) else None,
        )

    def fetch(self, key: str, etag: str, file: BinaryIO) -> str:
        """Write the drop at `key` to a file, if its ETag is still `etag`; return the SHA-256 of its bytes, in hex.

        Raise DropGone if it was replaced or deleted, Unreadable if MotionDrop may not use the KMS key of the drop.
        """
        digest = hashlib.sha256()
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=key, IfMatch=etag)["Body"]
        except ClientError as error:
            if code_of(error) == "AccessDenied" and "kms" in str(error).lower():
                raise Unreadable(_FOREIGN_KEY) from error
            raise _gone(error) from error
        while piece := body.read(_PIECE):
            digest.update(piece)
            file.write(piece)
        return digest.hexdigest()

    def keep(self, file: BufferedReader, extension: str) -> str:
        """Store a copy or a poster under the SHA-256 of its bytes; return its key in the results bucket.

        An object that is already at that key has the same bytes, so it is never replaced.
        """
        file.seek(0)
        copy = f"inputs/{hashlib.file_digest(file, 'sha256').hexdigest()}.{extension}"
        for attempt in range(_PUTS):
            file.seek(0)
            try:
                self._s3.put_object(
                    Bucket=self._copies, Key=copy, Body=file, ContentType=_CONTENT_TYPES[extension], IfNoneMatch="*"
                )
            except ClientError as error:
                code = code_of(error)
                if code == "ConditionalRequestConflict" and attempt < _PUTS - 1:
                    continue  # another write of it is under way (S3 User Guide, "Conditional writes")
                if code != "PreconditionFailed":
                    raise
            break
        return copy

    def names(self, beginning: str, pages: int) -> tuple[list[str], bool]:
        """Return the keys that start with `beginning` and have no further `/`, and whether the list is complete.

        Make at most `pages` LIST calls. Leave out empty objects, which are still arriving. Each call lists up to a
        thousand keys and subfolders, so subfolders use up calls too.
        """
        found: list[str] = []
        token: dict[str, Any] = {}
        for _ in range(pages):
            page = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=beginning, Delimiter="/", **token)
            found += [item["Key"] for item in page.get("Contents", []) if item.get("Size")]
            if not page.get("IsTruncated"):
                return found, True
            token = {"ContinuationToken": page["NextContinuationToken"]}
        return found, False

    def delete(self, key: str, etag: str) -> bool:
        """Delete the object at `key` if its ETag is still `etag`; return whether it was deleted."""
        try:
            if self.look(key).etag != etag:
                return False
        except DropGone:
            return False
        self._s3.delete_object(Bucket=self._bucket, Key=key)
        return True

    def write_receipt(self, key: str, receipt: str, page: str | None = None) -> bool:
        """Tag the drop with its receipt and the link to its page; keep its other tags.

        If `page` is None, keep the link that the drop has; if `page` is empty, remove the link. If there is room for
        only one tag, write the receipt. Return False if the drop is gone; raise NoRoom if it has as many tags of its
        own as an object may have.
        """
        try:
            tags: list[Any] = self._s3.get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
            known = {tag["Key"]: tag["Value"] for tag in tags}
            own = [tag for tag in tags if tag["Key"] not in {RECEIPT_TAG, PAGE_TAG}]
            if len(own) == _TAGS:
                raise NoRoom("the drop has ten tags of its own")
            page = known.get(PAGE_TAG) if page is None else page
            ours = {RECEIPT_TAG: receipt_text(receipt)} | ({PAGE_TAG: page} if page else {})
            tags = [*own, *({"Key": name, "Value": value} for name, value in ours.items())][:_TAGS]
            self._s3.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": tags})
        except ClientError as error:
            if code_of(error) in _GONE:
                return False
            raise
        return True


_CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4"}


def _is_archived(head: Mapping[str, Any]) -> bool:
    """Whether the object has to be restored before it can be read (S3 User Guide, "Working with archived objects")."""
    archived = head.get("StorageClass") in {"GLACIER", "DEEP_ARCHIVE"} or "ArchiveStatus" in head
    return archived and 'ongoing-request="false"' not in head.get("Restore", "")


def receipt_text(text: str) -> str:
    """`text` in the alphabet of S3's tag values, which has letters, digits, spaces and + - = . _ : / @ only."""
    plain = unicodedata.normalize("NFKC", text)
    allowed = re.sub(r"[^\w\s+\-=.:/@]", " ", plain.replace(",", " "))
    return re.sub(r"\s+", " ", allowed).strip()[:RECEIPT_LENGTH].strip()


def _gone(error: ClientError) -> Exception:
    """DropGone if S3 says that the object is not there or was replaced; otherwise the error itself."""
    if code_of(error) in _GONE:
        return DropGone("the drop is not there any more, or was replaced")
    return error
