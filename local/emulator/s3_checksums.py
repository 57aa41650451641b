"""Patches of S3's uploads: the checksum every object has, and the least size of a part."""

from typing import Any

from awscrt import checksums  # type: ignore[import-untyped]  # it ships no types
from ministack.services import s3

from local.emulator.internals import internal, replace

MIN_PART_BYTES = 5 * 1024 * 1024
DEFAULT_ALGORITHM = "CRC64NVME"
FULL_OBJECT = "FULL_OBJECT"
_HTTP_ERRORS = 300


def checksums_are_fast() -> None:
    """Compute CRCs with a library: in Python, those of a 20 MB video would hold up every request for seconds."""
    replace(s3, "_crc64nvme", checksums.crc64nvme)
    replace(s3, "_crc32c", checksums.crc32c)


def every_object_has_a_checksum() -> None:
    """Give an object uploaded without a checksum a CRC-64/NVME, which is always of the full object.

    AWS, "Checking object integrity for data uploads in Amazon S3": S3 adds CRC64NVME by default; multipart
    uploads have a full object checksum with CRC64NVME, and with CRC32 or CRC32C if they ask for it; a copy
    made by CopyObject has a direct one. MiniStack adds none, and makes every checksum of a multipart upload
    composite.
    """
    stock_put, stock_copy = internal(s3, "_put_object"), internal(s3, "_copy_object")

    def put(bucket: str, key: str, *rest: Any) -> Any:
        status, headers, body = stock_put(bucket, key, *rest)
        if status < _HTTP_ERRORS:
            written = _object(bucket, key)
            if not written.get("checksums"):
                headers[f"x-amz-checksum-{DEFAULT_ALGORITHM.lower()}"] = _set_full(written, DEFAULT_ALGORITHM)
                headers["x-amz-checksum-type"] = FULL_OBJECT
        return status, headers, body

    def copy(bucket: str, key: str, headers: dict[str, str]) -> Any:
        response = stock_copy(bucket, key, headers)
        if response[0] < _HTTP_ERRORS:
            written = _object(bucket, key)
            _set_full(written, next(iter(written.get("checksums") or {}), DEFAULT_ALGORITHM))
        return response

    replace(s3, "_put_object", put)
    replace(s3, "_copy_object", copy)


def multipart_uploads() -> None:
    """Demand 5 MiB of every part but the last, and make a checksum of the full object where that is asked for.

    AWS, "Amazon S3 multipart upload limits" (EntityTooSmall) and "CompleteMultipartUpload" (ChecksumType).
    """
    stock = internal(s3, "_complete_multipart_upload")

    def complete(bucket: str, key: str, body: bytes, query: dict[str, Any], headers: dict[str, str]) -> Any:
        upload_id = internal(s3, "_qp")(query, "uploadId")
        upload = internal(s3, "_multipart_uploads").get(upload_id)
        if upload is None:  # unknown, or completed before: stock says which
            return stock(bucket, key, body, query, headers)
        parts = [upload["parts"][number]["body"] for number in sorted(upload["parts"])]
        if any(len(part) < MIN_PART_BYTES for part in parts[:-1]):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return internal(s3, "_error")("EntityTooSmall", message, 400, f"/{bucket}/{key}")
        algorithm = upload.get("checksum_algorithm") or DEFAULT_ALGORITHM
        if algorithm != DEFAULT_ALGORITHM and headers.get("x-amz-checksum-type") != FULL_OBJECT:
            return stock(bucket, key, body, query, headers)
        header = f"x-amz-checksum-{algorithm.lower()}"
        promised = headers.get(header)
        if promised and promised != _checksum(algorithm, b"".join(parts)):
            message = f"The {algorithm} you specified did not match the calculated checksum."
            return internal(s3, "_error")("BadDigest", message, 400, f"/{bucket}/{key}")
        declared, upload["checksum_algorithm"] = (
            upload.get("checksum_algorithm"),
            None,
        )  # else the stock function makes a composite one
        status, response_headers, document = stock(bucket, key, body, query, headers)
        upload["checksum_algorithm"] = declared
        if status < _HTTP_ERRORS:
            value = _set_full(_object(bucket, key), algorithm)
            name, end = f"Checksum{algorithm}", "</CompleteMultipartUploadResult>"
            said = f"<{name}>{value}</{name}><ChecksumType>{FULL_OBJECT}</ChecksumType>"
            document = document.replace(end.encode(), (said + end).encode())
        return status, response_headers, document

    replace(s3, "_complete_multipart_upload", complete)


def _object(bucket: str, key: str) -> dict[str, Any]:
    written: dict[str, Any] = internal(s3, "_ensure_bucket")(bucket)["objects"][key]
    return written


def _set_full(written: dict[str, Any], algorithm: str) -> str:
    value = _checksum(algorithm, written["body"])
    written.update(checksums={algorithm: value}, checksum_type=FULL_OBJECT)
    return value


def _checksum(algorithm: str, body: bytes) -> str:
    value: str = internal(s3, "_compute_s3_checksum")(algorithm, body)
    return value
