"""The inbox bucket: drops as they lie there, the checked copies of them, and the receipts they carry."""

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

#: Tags that an object has at most (same page).
_TAGS = 10

_GONE = {"404", "NoSuchKey", "NotFound", "NoSuchVersion", "PreconditionFailed", "412"}
_BAD_REQUEST = "400"
_PIECE = 1024 * 1024  # bytes
_PUTS = 4  # tries of a write that meets another one of the same object

_ARCHIVED = "file is archived - restore it and drop it again"
_OWN_KEY = "file is encrypted with a key that MotionDrop does not have - upload it again without SSE-C"
_FOREIGN_KEY = "file is encrypted with a KMS key that MotionDrop may not use - upload it again without that key"


@dataclass(frozen=True)
class Arrived:
    """A drop as S3 describes it: size in bytes, `modified_at` to the second.

    `unreadable` says why nobody here can read it, where that is so.
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
        """The object at `key` now; DropGone where there is none. `etag` is the ETag that the object's event names."""
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
        """Write the drop at `key`, as it was looked at, to a file; return the SHA-256 of its bytes, in hex.

        DropGone where it was replaced since, Unreadable where a KMS key is in the way.
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
        """Keep a copy or a poster under the SHA-256 of its bytes; return its key in the results bucket.

        It is written once: what lies there has the same bytes, and is never replaced.
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
        """The keys that start with `beginning` and have no further `/`, and whether these are all that there are.

        It takes at most `pages` LIST calls. Empty objects, still arriving, are left out. Subfolders count as keys do:
        S3 lists both, a thousand a call.
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
        """Delete what lies at `key`, unless something else lies there by now; return whether that was done."""
        try:
            if self.look(key).etag != etag:
                return False
        except DropGone:
            return False
        self._s3.delete_object(Bucket=self._bucket, Key=key)
        return True

    def write_receipt(self, key: str, receipt: str, page: str | None = None) -> bool:
        """Tag the drop with its receipt and the link to its page, beside the tags it has.

        Without `page` the link that is there stays; an empty one removes it. Where there is room for one tag only, it
        is the receipt's. False where the drop is gone; NoRoom where it has as many tags of its own as an object may
        have.
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
    """DropGone where S3 says that the object is not, or no longer, there; else the error itself."""
    if code_of(error) in _GONE:
        return DropGone("the drop is not there any more, or was replaced")
    return error
