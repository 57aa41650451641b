"""Patches of S3's tags: their limits, and what an overwrite does to them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from ministack.services import s3

from local.emulator.internals import internal, replace

MAX_TAGS = 10
MAX_TAG_KEY_LENGTH = 128
MAX_TAG_VALUE_LENGTH = 256
_HTTP_ERRORS = 300


def tags_are_checked() -> None:
    """Refuse the tags that AWS refuses, for their alphabet, their lengths or their number.

    AWS, "Categorizing your objects using tags": at most 10 tags, keys of 1 to 128 and values of 0 to 256
    characters, which are letters, numbers, spaces and + - = . _ : / @. Otherwise InvalidTag, or BadRequest
    for too many.
    """
    stock_put_tags = internal(s3, "_put_object_tagging")
    stock_put = internal(s3, "_put_object")

    def put_tags(bucket: str, key: str, body: bytes, query: dict[str, Any] | None = None) -> Any:
        try:
            tags = internal(s3, "_parse_tags_xml")(body)
        except Exception:  # noqa: BLE001 - whatever the parser says, stock answers MalformedXML
            tags = {}
        return _refusal(tags, f"/{bucket}/{key}") or stock_put_tags(bucket, key, body, query)

    def put(bucket: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
        tags = dict(parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True))
        return _refusal(tags, f"/{bucket}/{key}") or stock_put(bucket, key, body, headers)

    replace(s3, "_put_object_tagging", put_tags)
    replace(s3, "_put_object", put)


def _refusal(tags: dict[str, str], where: str) -> Any:
    """Return the answer to tags that are refused, None if they are good."""
    error = internal(s3, "_error")
    if len(tags) > MAX_TAGS:
        return error("BadRequest", f"Object tags cannot be greater than {MAX_TAGS}", 400, where)
    for name, value in tags.items():
        if not 1 <= len(name) <= MAX_TAG_KEY_LENGTH or name.startswith("aws:") or not _in_alphabet(name):
            return error("InvalidTag", "The TagKey you have provided is invalid", 400, where)
        if len(value) > MAX_TAG_VALUE_LENGTH or not _in_alphabet(value):
            return error("InvalidTag", "The TagValue you have provided is invalid", 400, where)
    return None


def _in_alphabet(text: str) -> bool:
    return all(character in "+-=._:/@ " or character.isalpha() or character.isnumeric() for character in text)


def overwrites_clear_tags() -> None:
    """Let an object that replaces another start without the other's tags.

    AWS, "PutObject" and "CompleteMultipartUpload": tags belong to the object that is written, not to its key.
    """
    tags = internal(s3, "_object_tags")

    def clearing(write: Callable[..., Any]) -> Callable[..., Any]:
        def overwrite(bucket: str, key: str, *rest: Any, **more: Any) -> Any:
            before = tags.pop((bucket, key, None), None)
            response = write(bucket, key, *rest, **more)
            if response[0] >= _HTTP_ERRORS and before is not None:
                tags.setdefault((bucket, key, None), before)
            return response

        return overwrite

    for name in ("_put_object", "_complete_multipart_upload"):
        replace(s3, name, clearing(internal(s3, name)))
