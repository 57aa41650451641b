"""moto and its clients without the detours on which tests that read and write many records spend most of their time."""

import copy
import functools
import json
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

from botocore import xform_name
from botocore.endpoint import Endpoint
from botocore.loaders import JSONFileLoader
from botocore.model import OperationModel
from moto.core.models import DEFAULT_ACCOUNT_ID, botocore_stubber
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_make_request = Endpoint.make_request
_transact = DynamoDBBackend.transact_write_items
_DATA_OPERATIONS = {
    *("BatchGetItem", "GetItem", "Query", "Scan"),
    *("DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"),
}
_touched: ContextVar[list[dict[str, Any]]] = ContextVar("_touched")


def install() -> None:
    """Take the shortcuts below from now on, in this process."""
    Endpoint.make_request = _called  # type: ignore[method-assign,assignment]
    DynamoDBBackend.transact_write_items = _transacted  # type: ignore[method-assign]
    Table.__deepcopy__ = _to_go_back_to  # type: ignore[attr-defined]
    # Each session reads AWS's descriptions of its services anew.
    read = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
    JSONFileLoader.load_file = lambda _self, path: read(path)  # type: ignore[method-assign,assignment]


def _called(self: Endpoint, model: OperationModel, request: Mapping[str, Any]) -> Any:
    """Call moto with the request's JSON, which would else be signed, sent, recognized, answered as text and parsed.

    A request that moto refuses is sent again the long way, for the error as a client gets it.
    """
    if model.name in _DATA_OPERATIONS and botocore_stubber.enabled:
        handler = DynamoHandler()
        handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, self.host.split(".")[1]
        handler.body = handler.params = json.loads(request["body"])
        try:
            answer = getattr(handler, xform_name(model.name))().result
        except DynamodbException:
            pass
        else:
            return SimpleNamespace(status_code=HTTPStatus.OK), _json(answer) | {"ResponseMetadata": {}}
    return _make_request(self, model, request)


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
