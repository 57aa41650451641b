"""Result URLs of the provider's form, signed as OSS signs them (version 1: HMAC-SHA1 in the query)."""

import base64
import hmac
import secrets
import uuid
from urllib.parse import parse_qs, quote, unquote, urlsplit

from local.wan.clock import provider_day

_BUCKET = "dashscope-result-local"


class UrlRefusedError(Exception):
    """A result URL that OSS would answer with 403: its code and message."""

    def __init__(self, code: str, message: str, expires: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.expires = expires


class Signer:
    """Signs result URLs with a secret of its own, and checks the URLs that are requested."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._access_key_id = "LTAI5t" + secrets.token_hex(9)

    def path(self, ended_at: float) -> str:
        """Return a new object's path: `/1d/<hh>/<yyyymmdd>/<hex8>/<uuid>.mp4`."""
        return f"/1d/{secrets.token_hex(1)}/{provider_day(ended_at)}/{secrets.token_hex(4)}/{uuid.uuid4()}.mp4"

    def query(self, path: str, expires: int) -> str:
        """Return the query that lets anyone GET this path until `expires` (seconds since the epoch)."""
        signature = quote(self._signature(path, str(expires)), safe="")
        return f"Expires={expires}&OSSAccessKeyId={self._access_key_id}&Signature={signature}"

    def check(self, target: str, now: float) -> str:
        """Return the object's path if the target is signed and in time; raises UrlRefusedError if not."""
        parts = urlsplit(target)
        fields = parse_qs(parts.query, keep_blank_values=True)
        expires, key_id, signature = (fields.get(name, [""])[0] for name in ("Expires", "OSSAccessKeyId", "Signature"))
        if not (expires and key_id and signature):
            raise UrlRefusedError("AccessDenied", "You have no right to access this object because of bucket acl.")
        if key_id != self._access_key_id:
            raise UrlRefusedError(
                "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."
            )
        path = unquote(parts.path)
        if not hmac.compare_digest(self._signature(path, expires).encode(), signature.encode()):
            raise UrlRefusedError(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            )
        if now > int(expires):
            raise UrlRefusedError("AccessDenied", "Request has expired.", int(expires))
        return path

    def _signature(self, path: str, expires: str) -> str:
        text = f"GET\n\n\n{expires}\n/{_BUCKET}{path}"
        return base64.b64encode(hmac.new(self._secret, text.encode(), "sha1").digest()).decode()
