"""Permanent links: signed, so that they cannot be guessed, and revoked all at once by a new link secret."""

import hashlib
import hmac
from collections.abc import Callable

_SIGNATURE_LENGTH = 32  # hex digits, 128 bits


class Links:
    """Makes and checks the links of one stack. `secret` is asked at each use."""

    def __init__(self, base_url: str, secret: Callable[[], str]) -> None:
        self._base_url = base_url.rstrip("/")
        self._secret = secret

    def to(self, job_id: str) -> str:
        """The permanent link to a job's page."""
        return f"{self._base_url}/{job_id}?k={self.signature(job_id)}"

    def to_gallery(self) -> str:
        """The operator's link to all jobs."""
        return f"{self._base_url}/?k={self._sign('gallery')}"

    def signature(self, job_id: str) -> str:
        """The signature of a job's link; its purpose is signed too, so that no other link can be made of it."""
        return self._sign(f"job\n{job_id}")

    def opens(self, job_id: str, signature: str) -> bool:
        """Whether the signature is the job's, in constant time."""
        return _same(self.signature(job_id), signature)

    def opens_gallery(self, signature: str) -> bool:
        """Whether the signature is the gallery's, in constant time."""
        return _same(self._sign("gallery"), signature)

    def _sign(self, what: str) -> str:
        digest = hmac.new(self._secret().encode(), what.encode(errors="replace"), hashlib.sha256)
        return digest.hexdigest()[:_SIGNATURE_LENGTH]


def _same(right: str, given: str) -> bool:
    return hmac.compare_digest(right.encode(), given.encode(errors="replace"))
