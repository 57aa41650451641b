"""A patch of DynamoDB's expressions: each is read once, and not once for every item it is held against."""

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from local.emulator.internals import internal, replace

_EXPRESSIONS = 4096  # a program has some dozens; those with values in them are told apart by placeholders
_TOKENS_OF_AN_EQUALITY = 4  # name, sign, value, end
_KEYS = "KeyConditionExpression"


def expressions_are_read_once() -> None:
    """What an expression says depends on its text alone; nor is a partition's key compared with each of its items.

    With a thousand items in a partition a query of MiniStack's takes 50 ms of the one thread that answers everybody.
    """
    tokens = lru_cache(_EXPRESSIONS)(internal(dynamodb, "_tokenize"))
    evaluate = internal(dynamodb, "_evaluate_condition")

    def evaluated(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
        if slot == _KEYS and len(tokens(expression)) == _TOKENS_OF_AN_EQUALITY:
            return True  # of a partition's key alone: the candidates are that partition's items
        return evaluate(expression, item, values, names, slot)

    replace(dynamodb, "_tokenize", lambda expression: list(tokens(expression)))
    replace(dynamodb, "_condition_syntax_error", lru_cache(_EXPRESSIONS)(internal(dynamodb, "_condition_syntax_error")))
    replace(dynamodb, "_evaluate_condition", evaluated)
