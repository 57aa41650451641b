"""Uploading into the inbox from a browser, by a URL that takes one file and nothing else."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from motiondrop.aws.results import origin_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds in which an upload has to begin. A URL signed by a function dies with its credentials in any case.
UPLOAD_SECONDS = 900


@dataclass(frozen=True)
class Upload:
    """Where and with which headers a browser sends a file; with others, or another length, S3 refuses it."""

    url: str
    headers: dict[str, str]


class Uploads:
    """Uploads to the inbox of one stack."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def sign(
        self, key: str, size: int, content_type: str, metadata: dict[str, str], *, replace: bool = False
    ) -> Upload:
        """Sign a PUT of `size` bytes to `key`; unless `replace`, it is refused where something lies there."""
        params = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentLength": size,
            "ContentType": content_type,
            "Metadata": metadata,
        }
        headers = {"Content-Type": content_type} | {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        if not replace:
            params["IfNoneMatch"] = headers["If-None-Match"] = "*"
        url = self._s3.generate_presigned_url("put_object", Params=params, ExpiresIn=UPLOAD_SECONDS)
        return Upload(url, headers)

    def remove(self, key: str) -> None:
        """Delete what lies at `key`, if anything does."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    @cached_property
    def origin(self) -> str:
        """Where the signed URLs lead, as a Content-Security-Policy names it."""
        return origin_of(self._s3.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": "-"}))
