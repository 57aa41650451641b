"""Permanent links: signed, so that they cannot be guessed, and revoked all at once by a new link secret."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

_SIGNATURE_LENGTH = 32  # hex digits, 128 bits


@dataclass(frozen=True)
class Address:
    """The address at which a job's page was opened: the signature is after `?k=`, or it is the path's last part.

    The page's links are relative, since an operator's own domain may put a path before them.
    """

    job_id: str
    signature: str
    in_path: bool = False

    @property
    def page(self) -> str:
        """The link to the page itself."""
        return self.signature if self.in_path else f"{self.job_id}?k={self.signature}"

    @property
    def icon(self) -> str:
        """The link to the icon of all pages."""
        return "../icon.svg" if self.in_path else "icon.svg"

    def part(self, name: str) -> str:
        """The link to a part of the page, such as `video`."""
        return f"{self.signature}/{name}" if self.in_path else f"{self.job_id}/{name}?k={self.signature}"


class Links:
    """Makes and checks the links of one stack. `secret` is called at each use."""

    def __init__(self, base_url: str, secret: Callable[[], str]) -> None:
        self._base_url = base_url.rstrip("/")
        self._secret = secret

    def to(self, job_id: str) -> str:
        """The permanent link to a job's page."""
        return f"{self._base_url}/{job_id}?k={self.signature(job_id)}"

    def in_path(self, job_id: str) -> str:
        """The same link without a `?`, which some places do not allow, such as an object's tag."""
        return f"{self._base_url}/{job_id}/{self.signature(job_id)}"

    def to_gallery(self) -> str:
        """The operator's link to all jobs."""
        return f"{self._base_url}/?k={self._sign('gallery')}"

    def signature(self, job_id: str) -> str:
        """The signature of a job's link; it covers the word `job` too, so it is valid for no other kind of link."""
        return self._sign(f"job\n{job_id}")

    def opens(self, job_id: str, signature: str) -> bool:
        """Whether the signature is the job's, compared in constant time."""
        return _same(self.signature(job_id), signature)

    def opens_gallery(self, signature: str) -> bool:
        """Whether the signature is the gallery's, compared in constant time."""
        return _same(self._sign("gallery"), signature)

    def _sign(self, what: str) -> str:
        digest = hmac.new(self._secret().encode(), what.encode(errors="replace"), hashlib.sha256)
        return digest.hexdigest()[:_SIGNATURE_LENGTH]


def _same(right: str, given: str) -> bool:
    return hmac.compare_digest(right.encode(), given.encode(errors="replace"))
