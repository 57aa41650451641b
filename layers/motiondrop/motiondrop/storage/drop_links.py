"""Drop links: whoever has one may upload into one folder and follow its files, until it expires or is revoked."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.exceptions import DoesNotExist

from motiondrop.clock import Clock, now
from motiondrop.domain.job import Limit
from motiondrop.storage.items import DROP_LINK, DropLinkItem, Tables
from motiondrop.storage.transactions import conditional_write

#: The metadata key for the id of the drop link that an object came by; the link's page signs it with the upload.
LINK_METADATA = "motiondrop-link"

_ID_BYTES = 6
_ID = re.compile(r"[0-9a-f]{12}")
_SECRET_BYTES = 18  # 144 bits: too many to guess, so a plain hash of the secret is enough

#: How long an expired link's record is kept, so that its page can say that it has expired.
_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class DropLink:
    """A drop link. `folder` ends in `/`; `daily` is what the link's jobs may cost in a day (UTC), in micro-USD."""

    link_id: str
    folder: str
    expires_at: datetime
    daily: int
    email: str | None = None

    @property
    def limit(self) -> Limit:
        """The link's limit, as it is stored in the records of its jobs."""
        return Limit(self.link_id, self.daily)


class DropLinks:
    """The drop links of one stack. `clock` gives the time in UTC."""

    def __init__(self, tables: Tables, clock: Clock = now) -> None:
        self._item = tables.drop_link
        self._clock = clock

    def create(self, folder: str, days: float, daily: int, email: str | None = None) -> tuple[DropLink, str]:
        """Store a new link; return it with its token, which cannot be read again: only a hash of its secret is kept."""
        link_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        expires_at = self._clock() + timedelta(days=days)
        self._item(
            f"{DROP_LINK}#{link_id}",
            DROP_LINK,
            folder=folder,
            expires_at=expires_at,
            daily=daily,
            email=email,
            secret_hash=_hash(secret),
            expires=int((expires_at + _KEPT).timestamp()),
        ).save()
        return DropLink(link_id, folder, expires_at, daily, email), f"{link_id}.{secret}"

    def opened_by(self, token: str) -> DropLink | None:
        """The link that the token opens; None if the token is wrong, or the link has expired or was revoked.

        A revoked link may open for about a second more, since the read is eventually consistent.
        """
        link_id, _, secret = token.partition(".")
        item = self._read(link_id) if secret and _ID.fullmatch(link_id) else None
        stored = item.secret_hash if item else ""
        right = hmac.compare_digest(stored, _hash(secret))  # also without an item: the answer must take as long
        if item is None or not right or item.expires_at <= self._clock():
            return None
        return _link(link_id, item)

    def find(self, link_id: str) -> DropLink | None:
        """The link with that id, even if it has expired; None if there is no such link, or it was revoked."""
        item = self._read(link_id)
        return _link(link_id, item) if item else None

    def revoke(self, link_id: str) -> bool:
        """Delete the link, and no other; return whether there was one."""
        item = self._item(f"{DROP_LINK}#{link_id}", DROP_LINK)
        return conditional_write(lambda: item.delete(condition=DropLinkItem.pk.exists()))

    def _read(self, link_id: str) -> DropLinkItem | None:
        try:
            return self._item.get(f"{DROP_LINK}#{link_id}", DROP_LINK)
        except DoesNotExist:
            return None


def _link(link_id: str, item: DropLinkItem) -> DropLink:
    return DropLink(link_id, item.folder, item.expires_at, int(item.daily), item.email)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
