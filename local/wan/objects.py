"""The result files, served as OSS serves them."""

from email.utils import parsedate_to_datetime

from local.wan.answers import Answer, oss_error
from local.wan.clock import http_date
from local.wan.headers import Headers
from local.wan.results import Result
from local.wan.signing import Signer, UrlRefusedError
from local.wan.tasks import TaskBook


def serve_result(target: str, headers: Headers, signer: Signer, book: TaskBook, now: float) -> Answer:
    """Answer a GET of a result URL: the file or the range asked for, or OSS's refusal."""
    try:
        path = signer.check(target, now)
    except UrlRefusedError as refusal:
        return oss_error(403, refusal.code, refusal.message, now, refusal.expires)
    task = book.of_result(path)
    if task is None or task.result is None or not task.result.path.exists():
        return oss_error(404, "NoSuchKey", "The specified key does not exist.", now)
    result = task.result
    modified = http_date(task.ended_at or now)
    answer = Answer(
        200,
        headers={
            "Content-Type": "video/mp4",
            "Accept-Ranges": "bytes",
            "ETag": result.etag,
            "Last-Modified": modified,
            "x-oss-object-type": "Normal",
            "x-oss-hash-crc64ecma": str(result.crc64),
            "Content-MD5": result.content_md5,
        },
        result=result,
        length=result.size,
    )
    wanted = parse_range(headers.get("Range", ""), result.size)
    if wanted is not None and _same_object(headers.get("If-Range"), result, modified):
        answer.status = 206
        answer.start, end = wanted
        answer.length = end - answer.start + 1
        answer.headers["Content-Range"] = f"bytes {answer.start}-{end}/{result.size}"
    return answer


def parse_range(text: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte; None for a range that cannot be satisfied, for which OSS sends the whole file."""
    unit, _, span = text.partition("=")
    first, dash, last = (part.strip() for part in span.partition("-"))
    digits = first + last
    if unit.strip().lower() != "bytes" or not dash or not (digits.isascii() and digits.isdigit()):
        return None
    if first == "":
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    return (start, end) if start <= end and start < size else None


def _same_object(if_range: str | None, result: Result, modified: str) -> bool:
    """Return True if there is no If-Range header, or if it names this very object."""
    if if_range is None:
        return True
    value = if_range.strip()
    if value.startswith(('"', "W/")):
        return value == result.etag
    try:
        return parsedate_to_datetime(value) == parsedate_to_datetime(modified)
    except ValueError:
        return value == result.etag.strip('"')
