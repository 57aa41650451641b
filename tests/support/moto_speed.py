"""moto's DynamoDB without the two detours on which tests that read and write many records spend most of their time."""

import copy
from contextvars import ContextVar
from typing import Any, cast

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_serialize = BaseJSONSerializer._serialize
_transact = DynamoDBBackend.transact_write_items
_touched: ContextVar[list[dict[str, Any]]] = ContextVar("_touched")


def install() -> None:
    """From now on, for this process."""
    BaseJSONSerializer._serialize = _serialized_at_once  # type: ignore[method-assign,assignment]
    DynamoDBBackend.transact_write_items = _transacted  # type: ignore[method-assign]
    Table.__deepcopy__ = _to_go_back_to  # type: ignore[attr-defined]


def _serialized_at_once(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """moto looks for ten types by three names in each attribute, though it keeps them as DynamoDB writes them."""
    if shape.name == "AttributeValue":
        serialized[key] = _json(value)
    else:
        _serialize(self, serialized, value, shape, key)


def _json(value: Any) -> Any:
    if isinstance(value, DynamoType):
        return {value.type: _json(value.value)}
    if isinstance(value, dict):
        return {name: _json(one) for name, one in value.items()}
    return [_json(one) for one in value] if isinstance(value, list) else value


def _transacted(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    touched = _touched.set([key for item in transact_items for key in _keys(item)])
    try:
        _transact(self, transact_items)
    finally:
        _touched.reset(touched)


def _keys(item: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation.get("Key") or operation["Item"] for operation in item.values()]


def _to_go_back_to(self: Table, _memo: dict[int, Any]) -> Table:
    """The table before a transaction. moto copies all of its items; only those of the transaction can change."""
    before = copy.copy(self)
    before.items = self.items.copy()
    for key in _touched.get():
        partition, sort = (DynamoType(key[cast("str", name)]) for name in (self.hash_key_attr, self.range_key_attr))
        if partition in self.items:
            items = cast("dict[DynamoType, Any]", before.items[partition])
            if items is self.items[partition]:
                items = before.items[partition] = cast("Any", dict(items))
            if sort in items:
                items[sort] = copy.deepcopy(items[sort])
    return before
