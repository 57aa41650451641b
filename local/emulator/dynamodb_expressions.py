"""A patch of DynamoDB's expressions: each is parsed once, and not once for every item that it is evaluated for."""

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from local.emulator.internals import internal, replace

_EXPRESSIONS = 4096  # a program has some dozens: values are placeholders in them
_TOKENS_OF_AN_EQUALITY = 4  # name, sign, value, end
_KEYS = "KeyConditionExpression"


def expressions_are_read_once() -> None:
    """Parse each expression once, since only its text counts; do not compare a partition's key with each of its items.

    Without this, a query of a partition with a thousand items takes 50 ms of MiniStack's one thread for all requests.
    """
    tokens = lru_cache(_EXPRESSIONS)(internal(dynamodb, "_tokenize"))
    evaluate = internal(dynamodb, "_evaluate_condition")

    def evaluated(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
        if slot == _KEYS and len(tokens(expression)) == _TOKENS_OF_AN_EQUALITY:
            return True  # it names only a partition's key, and the candidates are that partition's items
        return evaluate(expression, item, values, names, slot)

    replace(dynamodb, "_tokenize", lambda expression: list(tokens(expression)))
    replace(dynamodb, "_condition_syntax_error", lru_cache(_EXPRESSIONS)(internal(dynamodb, "_condition_syntax_error")))
    replace(dynamodb, "_evaluate_condition", evaluated)
