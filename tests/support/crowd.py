"""A table with many records beside those that a test is about, and the count of what a step reads and writes in it."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import patch

from botocore.endpoint import Endpoint
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.dynamo_type import Item as StoredItem

from tests.support.bench import Bench
from tests.support.builders import REGION

READS = ("GetItem", "BatchGetItem", "Query", "Scan")

_ACCOUNT = "123456789012"  # moto's
_HASHES = re.compile(r"[0-9a-f]{20,64}")
_YEARS_AHEAD = 10 * 365
_MAY_CHANGE = 10  # copies that a test's own steps may come to


class _Key(DynamoType):
    """A key that is not copied."""

    def __deepcopy__(self, memo: object) -> "_Key":
        return self


class _Bystander(StoredItem):
    """An item that nothing changes, so that moto need not copy it, which it does with all that a query finds."""

    @classmethod
    def like(cls, item: Any, **keys: str) -> "_Bystander":
        """The item under other keys; it shares all attributes that `keys` does not name."""
        other: Any = cls.__new__(cls)
        other.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
        # Bypass the dictionary's own setter, which measures all other values each time.
        dict.update(other.attrs, item.attrs, **{name: _Key({"S": value}) for name, value in keys.items()})
        other.hash_key, other.range_key = other.attrs["pk"], other.attrs["sk"]
        return cast("_Bystander", other)

    def __deepcopy__(self, memo: object) -> "_Bystander":
        return self


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the block's calls to the table by operation, the `items read`, and the `items written` by transactions."""
    counts: Counter[str] = Counter()
    stock = Endpoint.make_request

    def make_request(self: Endpoint, model: Any, request: Any) -> Any:
        answer = stock(self, model, request)
        if model.service_model.service_name == "dynamodb":
            said, body = answer[1], json.loads(request["body"])
            counts[model.name] += 1
            batches = said.get("Responses", {}) if model.name == "BatchGetItem" else {}
            counts["items read"] += said.get("ScannedCount", 0) + sum(len(items) for items in batches.values())
            counts["items written"] += len(body.get("TransactItems", []))
        return answer

    with patch.object(Endpoint, "make_request", make_request):
        yield counts


def calls(counts: Counter[str]) -> Counter[str]:
    """The counts of the calls, without those of items."""
    return Counter({name: number for name, number in counts.items() if name[0].isupper()})


def queue_up(bench: Bench, number: int) -> None:
    """Put so many jobs into the queue, all behind those that are recorded from now on."""
    present = bench.clock.moment
    bench.clock.pass_(days=_YEARS_AHEAD)
    job = bench.job("crowd00000")
    bench.clock.moment = present
    multiply(bench, job.job_id, number - 1)


def multiply(bench: Bench, job_id: str, number: int) -> list[str]:
    """Store copies of the job's items, under other identities; return the copies' ids."""
    pages = bench.client.get_paginator("scan").paginate(TableName="jobs")
    originals = [item for page in pages for item in page["Items"] if item.get("job_id") == {"S": job_id}]
    table = dynamodb_backends[_ACCOUNT][REGION].tables["jobs"]
    ids = [_changed(job_id, one) for one in range(number)]
    for original in originals:
        text = json.dumps(original)
        for number_ in range(min(number, _MAY_CHANGE)):
            stored = table.put_item(json.loads(_changed(text, number_)))
        for number_ in range(_MAY_CHANGE, number):
            keys = {name: _changed(original[name]["S"], number_) for name in ("pk", "sk", "job_id")}
            bystander = _Bystander.like(stored, **keys)
            table.items[bystander.hash_key][bystander.range_key] = bystander
    return ids


def _changed(text: str, number: int) -> str:
    """The text with other hashes: equal ones stay equal, and each number gives others."""

    def change(found: re.Match[str]) -> str:
        return hashlib.sha256(f"{found[0]} {number}".encode()).hexdigest()[: len(found[0])]

    return _HASHES.sub(change, text)
