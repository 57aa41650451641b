"""The provider's refusals, by its own codes."""


class ProviderError(Exception):
    """A refusal with the provider's code and message; `status` is the HTTP status where the refusal is an answer."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class ControlError(Exception):
    """A control request that makes no sense; its text is the sentence to answer with."""
