"""Sending lost events again: for drops, found by going through the inbox a page a round, and for unsettled folders."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from motiondrop.aws.event_queue import EventQueue
from motiondrop.clock import Clock, now
from motiondrop.domain.keys import ignored
from motiondrop.storage.changes import Changes
from motiondrop.storage.cursors import Cursors
from motiondrop.storage.drops import Drops
from motiondrop.storage.items import CURSOR

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Keys of the inbox that one round looks at, and the most events that it sends.
PAGE = 500
MOST = 100

#: Folders that one round lets settle.
FOLDERS = 50


@dataclass(frozen=True, kw_only=True)
class MissedEvents:
    """Compares the inbox with the drops' records. The event of a drop younger than `age` may still be in the queue."""

    s3: "S3Client"
    queue: EventQueue
    cursors: Cursors
    drops: Drops
    changes: Changes
    bucket: str
    age: timedelta
    clock: Clock = now

    def resend(self) -> int:
        """Send an event for each drop on the inbox's next page that has no current record; return how many were sent.

        Do nothing while the queue holds messages, since the missing events may be among them.
        """
        if self.queue.holds_messages():
            return 0
        after = self.cursors.read(CURSOR)
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        page = self.s3.list_objects_v2(Bucket=self.bucket, MaxKeys=PAGE, **start)
        before = self.clock() - self.age
        there = {
            item["Key"]: item["ETag"]
            for item in page.get("Contents", [])
            if item["Size"] and item["LastModified"] < before and not ignored(item["Key"])
        }
        known = self.drops.etags(there)
        lost = [key for key, etag in there.items() if known.get(key) != etag]
        for key in lost[:MOST]:
            self.queue.resend(key, there[key])
        keys = [item["Key"] for item in page.get("Contents", [])]
        last = keys[-1] if page.get("IsTruncated") and keys else None
        self.cursors.write(CURSOR, lost[MOST - 1] if len(lost) > MOST else last)
        return len(lost[:MOST])

    def resend_changes(self) -> int:
        """Send a new settling message for each folder that should have settled long ago; return how many there were."""
        unsettled = self.changes.unsettled(self.clock() - self.age, FOLDERS)
        for folder in unsettled:
            self.queue.settle(folder, self.changes.note(folder), 0)
        return len(unsettled)
