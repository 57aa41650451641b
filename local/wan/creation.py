"""The provider's checks of a request before it makes a task; the media are not looked at yet."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from local.wan.errors import ProviderError
from local.wan.headers import Headers

MODES = {"wan-std": "standard", "wan-pro": "pro"}
"""The mode asked for, and what `usage.video_ratio` calls it."""


@dataclass(frozen=True)
class Creation:
    """A create request; `input` and `parameters` are as they were sent."""

    model: str
    image_url: str
    video_url: str
    mode: str
    input: dict[str, Any]
    parameters: dict[str, Any]

    @property
    def watermark(self) -> bool:
        """Whether the result is to be marked as generated."""
        return self.input.get("watermark") is True


def check_key(headers: Headers, keys: tuple[str, ...]) -> str:
    """Return the request's key; raises InvalidApiKey if it has none or one that is not this account's."""
    scheme, _, key = headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ProviderError("InvalidApiKey", "No API-key provided.", 401)
    if key.strip() not in keys:
        raise ProviderError("InvalidApiKey", "Invalid API-key provided.", 401)
    return key.strip()


def check_async(headers: Headers) -> None:
    """Raise AccessDenied unless the request asks for asynchronous processing."""
    if headers.get("X-DashScope-Async", "").strip().lower() != "enable":
        raise ProviderError("AccessDenied", "current user api does not support synchronous calls.", 403)


def read_body(headers: Headers, body: bytes) -> dict[str, Any]:
    """Return the request's JSON object; raises InvalidParameter if the body is not one."""
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProviderError("InvalidParameter", "Content-Type must be application/json.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderError(
            "InvalidParameter", "Required body invalid, please check the request body format."
        ) from error
    if not isinstance(document, dict):
        raise ProviderError("InvalidParameter", "Required body invalid, please check the request body format.")
    return document


def check_model(document: dict[str, Any], models: tuple[str, ...], offline: tuple[str, ...]) -> str:
    """Return the model's name; raises InvalidParameter if there is no such model, AccessDenied if it is offline.

    For a model that does not exist the error page has ModelNotFound; InvalidParameter was seen live (the notes' table).
    """
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise ProviderError("InvalidParameter", "model is required and must be a string.")
    if model not in models:
        raise ProviderError("InvalidParameter", "Model not exist.", 404)
    if model in offline:
        raise ProviderError("AccessDenied", "Access denied.", 403)
    return model


def check_fields(document: dict[str, Any], model: str) -> Creation:
    """Return the checked request; raises InvalidParameter or InvalidURL for the first field that is wrong."""
    given = _object(document, "input")
    parameters = _object(document, "parameters")
    image_url = _url(given, "image_url")
    video_url = _url(given, "video_url")
    _optional_bool(given, "input", "watermark")
    _optional_bool(parameters, "parameters", "check_image")
    mode = parameters.get("mode")
    if not isinstance(mode, str) or mode not in MODES:
        raise ProviderError("InvalidParameter", "parameters.mode is required and must be wan-std or wan-pro.")
    return Creation(model, image_url, video_url, mode, given, parameters)


def unchecked(document: dict[str, Any], model: str) -> Creation:
    """Return the request as it was sent, for a task that will fail because of its fields."""
    given, parameters = (_or_empty(document.get(name)) for name in ("input", "parameters"))
    image_url, video_url = str(given.get("image_url")), str(given.get("video_url"))
    return Creation(model, image_url, video_url, str(parameters.get("mode")), given, parameters)


def _or_empty(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise ProviderError("InvalidParameter", f"{name} is required and must be an object.")
    return value


def _optional_bool(fields: dict[str, Any], where: str, name: str) -> None:
    if name in fields and not isinstance(fields[name], bool):
        raise ProviderError("InvalidParameter", f"{where}.{name} must be a bool.")


def _url(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderError("InvalidParameter", f"input.{name} is required and must be a string.")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ProviderError("InvalidURL", f"input.{name} must be a URL of ASCII characters: encode the others.")
    try:
        parts = urlsplit(value)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host or parts.scheme.lower() not in {"http", "https"}:
        raise ProviderError("InvalidURL", f"input.{name} must be an HTTP or HTTPS URL.")
    return value
