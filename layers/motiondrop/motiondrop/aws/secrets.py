"""The stack's secrets, read at use: a new value works at once, and none is logged or passed on."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from motiondrop.aws.error_codes import code_of
from motiondrop.domain.provider_errors import KeyRefused

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class Secrets:
    """The stack's secrets in Secrets Manager."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        self._client = client

    def value(self, secret_id: str) -> str:
        """The secret's value."""
        return self._client.get_secret_value(SecretId=secret_id)["SecretString"]

    def key(self, secret_id: str) -> str:
        """The provider's key; raise KeyRefused if the secret has no value yet, or its value cannot be a key."""
        try:
            key = self.value(secret_id).strip()
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                raise KeyRefused("NoKey", "The secret has no value yet.") from error
            raise
        if not key.isascii() or not key.isprintable() or not key:
            raise KeyRefused("NoKey", "The secret's value is no API key.")
        return key


class CachedSecret:
    """A secret whose value is read again when it is older than `seconds`, as measured by `clock`.

    For pages that strangers may open: each call to Secrets Manager costs time and money.
    """

    def __init__(self, read: Callable[[], str], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._value = ""
        self._until = float("-inf")

    def __call__(self) -> str:
        """The secret's value, at most `seconds` old."""
        if self._clock() >= self._until:
            self._value = self._read()
            self._until = self._clock() + self._seconds
        return self._value
