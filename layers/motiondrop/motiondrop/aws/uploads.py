"""Uploading into the inbox from a browser, by a URL that takes one file and nothing else."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from motiondrop.aws.results import origin_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Seconds within which an upload has to begin. A URL signed by a function also expires with its credentials.
UPLOAD_SECONDS = 900


@dataclass(frozen=True)
class Upload:
    """Where and with which headers a browser sends a file. S3 refuses it with other headers or another length."""

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
        """Sign a PUT of `size` bytes to `key`; unless `replace`, S3 refuses it if there is an object already."""
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
        """Delete the object at `key`, if there is one."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    @cached_property
    def origin(self) -> str:
        """The origin of the signed URLs, as a Content-Security-Policy names it."""
        return origin_of(self._s3.generate_presigned_url("get_object", Params={"Bucket": self._bucket, "Key": "-"}))
