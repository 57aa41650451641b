"""DynamoDB's queries find what AWS's would, though an expression is read once only."""

from collections.abc import Iterator

import pytest

from tests.local.emulator.conftest import Emulator


@pytest.fixture(scope="module")
def table(emulator: Emulator) -> Iterator[str]:
    """A table of two partitions: three items in one, one in the other."""
    dynamodb, name = emulator.stack.client("dynamodb"), "queries"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    for pk, sk in (("LINE", "A#1"), ("LINE", "A#2"), ("LINE", "B#1"), ("OTHER", "A#1")):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}, "sk": {"S": sk}})
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("pk = :pk", {":pk": "LINE"}, ["A#1", "A#2", "B#1"]),
        ("pk = :pk", {":pk": "OTHER"}, ["A#1"]),
        ("pk = :pk", {":pk": "NONE"}, []),
        ("pk = :pk AND begins_with(sk, :a)", {":pk": "LINE", ":a": "A#"}, ["A#1", "A#2"]),
        ("pk = :pk AND sk BETWEEN :a AND :b", {":pk": "LINE", ":a": "A#2", ":b": "B#1"}, ["A#2", "B#1"]),
    ],
)
def test_a_query_finds_the_items_of_its_keys(
    emulator: Emulator, table: str, condition: str, values: dict[str, str], found: list[str]
) -> None:
    for _ in range(2):  # the second time the expression is known
        answer = emulator.stack.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
        )
        assert [item["sk"]["S"] for item in answer["Items"]] == found


def test_a_wrong_expression_is_refused_each_time(emulator: Emulator, table: str) -> None:
    dynamodb = emulator.stack.client("dynamodb")
    for _ in range(2):
        with pytest.raises(dynamodb.exceptions.ClientError, match="ValidationException"):
            dynamodb.query(
                TableName=table, KeyConditionExpression="pk = = :pk", ExpressionAttributeValues={":pk": {"S": "LINE"}}
            )
