"""The results bucket: videos at their permanent place, and signed URLs of what lies there."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART = 8 * 1024 * 1024


@dataclass(frozen=True)
class Saved:
    """A result that lies in the bucket: size in bytes."""

    key: str
    size: int
    sha256: str


class Source(Protocol):
    """What is saved: a file that is read once, and knows what it was when it is over."""

    size: int

    @property
    def sha256(self) -> str:
        """The SHA-256 of all that was read, in hex."""

    def read(self, amount: int = -1) -> bytes:
        """The next bytes."""

    def close(self) -> None:
        """Let go of it."""


class Results:
    """The results bucket of one stack."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def save(self, job_id: str, video: Source) -> Saved:
        """Copy the video to its permanent place; nothing appears there unless all of it arrived."""
        from boto3.s3.transfer import TransferConfig  # noqa: PLC0415  # only finalize pays for importing it

        key = f"videos/{job_id}.mp4"
        try:
            self._s3.upload_fileobj(
                video,  # type: ignore[arg-type]  # boto3 needs only read(amount)
                self.bucket,
                key,
                ExtraArgs={"ContentType": "video/mp4"},
                Config=TransferConfig(use_threads=False, multipart_threshold=_PART, multipart_chunksize=_PART),
            )
        finally:
            video.close()
        return Saved(key, video.size, video.sha256)

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Write a small object."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)

    @property
    def origin(self) -> str:
        """Where signed URLs of this bucket lead, as a Content-Security-Policy names it."""
        parts = urlsplit(self.url("-", 1))
        return f"{parts.scheme}://{parts.netloc}"

    def url(self, key: str, seconds: int, *, name: str | None = None) -> str:
        """A URL that anyone can GET for `seconds`; `name` makes a browser download it under that name."""
        params = {"Bucket": self.bucket, "Key": key}
        if name:
            params["ResponseContentDisposition"] = f'attachment; filename="{name}"'
        return self._s3.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
