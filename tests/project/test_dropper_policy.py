"""The policy that docs/operating.md offers to people who drop files: what it allows, and what it does not."""

import fnmatch
import json
import re
from typing import Any

import pytest

from local.stack import PROJECT

INBOX = "arn:aws:s3:::inbox"
_PAGE = (PROJECT / "docs" / "operating.md").read_text()
_SECTION = _PAGE.partition("## Rights of those who drop")[2]
POLICY: dict[str, Any] = json.loads(
    re.findall(r"```json\n(.*?)```", _SECTION, re.DOTALL)[0].replace("arn:aws:s3:::INBOX_BUCKET", INBOX)
)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def meets(condition: dict[str, dict[str, str | list[str]]], context: dict[str, str]) -> bool:
    """Whether the context meets a condition (IAM User Guide, "Condition": a key that is missing meets nothing)."""
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            there = context.get(key)
            if there is None:
                return False
            patterns = listed(wanted)
            exact = operator == "StringEquals"
            if not any(there == one if exact else fnmatch.fnmatchcase(there, one) for one in patterns):
                return False
    return True


def allowed(action: str, resource: str, **context: str) -> bool:
    given = {f"s3:{name}": value for name, value in context.items()}
    return any(
        action in listed(statement["Action"])
        and any(fnmatch.fnmatchcase(resource, one) for one in listed(statement["Resource"]))
        and meets(statement.get("Condition", {}), given)
        for statement in POLICY["Statement"]
    )


@pytest.mark.parametrize(
    "action",
    ["s3:PutObject", "s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload"],
)
def test_files_of_the_own_folder_and_no_others_can_be_dropped_seen_and_deleted(action: str) -> None:
    assert allowed(action, f"{INBOX}/ada/hero.png")
    assert allowed(action, f"{INBOX}/ada/wan-pro/hero.png")
    for key in ("hero.png", "adam/hero.png", "bob/ada/hero.png", "ada"):
        assert not allowed(action, f"{INBOX}/{key}")


def test_the_console_can_find_the_bucket_and_the_folder_and_list_no_other_one() -> None:
    assert allowed("s3:ListAllMyBuckets", "*")
    assert allowed("s3:GetBucketLocation", INBOX)
    assert allowed("s3:ListBucket", INBOX, prefix="", delimiter="/")
    assert allowed("s3:ListBucket", INBOX, prefix="ada/", delimiter="/")
    assert not allowed("s3:ListBucket", INBOX)
    assert not allowed("s3:ListBucket", INBOX, prefix="")
    assert not allowed("s3:ListBucket", INBOX, prefix="bob/", delimiter="/")


@pytest.mark.parametrize(
    "action",
    [
        "s3:PutObjectTagging",
        "s3:GetObjectVersion",
        "s3:PutBucketPolicy",
        "s3:DeleteBucket",
        "s3:PutObjectAcl",
        "s3:*",
        "*",
    ],
)
def test_receipts_cannot_be_forged_and_nothing_else_is_granted(action: str) -> None:
    for resource in (INBOX, f"{INBOX}/ada/hero.png", "arn:aws:s3:::results/videos/hero.mp4"):
        assert not allowed(action, resource)
