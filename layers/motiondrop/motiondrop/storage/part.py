"""The attribute that stores a part of a record: a dataclass, as a map."""

from dataclasses import fields
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.constants import MAP
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import RemoveAction, SetAction

_T = TypeVar("_T")


class TextsAttribute(ListAttribute[Any]):
    """A tuple of texts, stored as a list."""

    def __init__(self, attr_name: str | None = None) -> None:
        super().__init__(of=UnicodeAttribute, attr_name=attr_name)

    def deserialize(self, values: Any) -> Any:
        """The tuple that a stored list holds."""
        return tuple(super().deserialize(values))  # type: ignore[no-untyped-call]


#: How the fields are stored, by their types.
_ATTRIBUTES: dict[Any, type[Attribute[Any]]] = {
    bool: BooleanAttribute,
    int: NumberAttribute,
    float: NumberAttribute,
    str: UnicodeAttribute,
    datetime: UTCDateTimeAttribute,
    tuple[str, ...]: TextsAttribute,
}


class Part(Attribute[_T]):
    """A frozen dataclass `of` simple fields, stored as a map; a field that is None has no entry.

    Reading a map raises TypeError or ValueError if it is not valid; an entry that belongs to no field is ignored.
    """

    attr_type = MAP

    def __init__(self, of: type[_T], *, null: bool = False) -> None:
        super().__init__(null=null)
        self._of = of
        hints = get_type_hints(of)
        self._fields = {field.name: _attribute(field.name, hints[field.name]) for field in fields(of)}  # type: ignore[arg-type]

    def serialize(self, value: _T) -> dict[str, dict[str, Any]]:
        """The map that stores a dataclass."""
        there = {name: getattr(value, name) for name in self._fields}
        return {
            name: {self._fields[name].attr_type: self._fields[name].serialize(entry)}
            for name, entry in there.items()
            if entry is not None
        }

    def deserialize(self, value: dict[str, dict[str, Any]]) -> _T:
        """The dataclass that a stored map holds."""
        return self._of(
            **{
                name: attribute.deserialize(attribute.get_value(value[name]))
                for name, attribute in self._fields.items()
                if name in value
            }
        )

    def set(self, value: Any) -> SetAction | RemoveAction:
        """The update that replaces the whole part; PynamoDB itself sets only its own kind of map."""
        return Path(self).set({MAP: self.serialize(value)})


def _attribute(name: str, hint: Any) -> Attribute[Any]:
    """The attribute that stores a field of this type."""
    if isinstance(hint, UnionType):
        (hint,) = set(get_args(hint)) - {NoneType}
    return _ATTRIBUTES[hint](attr_name=name)
