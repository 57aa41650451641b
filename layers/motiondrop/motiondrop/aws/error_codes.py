"""The code of an error that AWS returned."""

from botocore.exceptions import ClientError


def code_of(error: ClientError) -> str:
    """The code, such as `NoSuchKey`; empty where the answer has none."""
    return str(error.response.get("Error", {}).get("Code", ""))
