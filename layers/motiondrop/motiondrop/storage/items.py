"""The table's items. They never leave the modules that store them (jobs, slots, drops).

One table, keys `pk` and `sk`:

| item | pk | sk |
|---|---|---|
| job | `JOB#<identity>` | `JOB` |
| a task's owner | `TASK#<task id>` | `TASK` |
| an undecided create call | `UNDECIDED` | `<identity>#<time of the call>` |
| drop | `FOLDER#<folder>` | `DROP#<hash of the name>` |
| a drop that was rejected | `FOLDER#<folder>` | `REFUSED#<hash of the name>` |
| a folder's last change | `FOLDER#<folder>` | `CHANGE` |
| forgotten job | `JOB#<identity>` | `JOB` |
| ledger | `LEDGER` | `RESULTS` |
| emails sent, messages postponed | `EMAIL` | `SENT#<span>`, `POSTPONED#LINE#<message>`, `POSTPONED#EVENT#<message>` |
| queue | `QUEUE` | `BREAKER`, `BREAKER#create`, `BREAKER#task`, `LOCK`, `PAUSE`, `SLOT#<n>`, `WAIT#<time>#<identity>` |
| a day's budget, of the stack and of a drop link | `BUDGET` | `DAY#<date>`, `DAY#<date>#LINK#<id>` |
| drop link | `DROP_LINK#<id>` | `DROP_LINK` |
| the sweep's place in the inbox, the day it last looked for subscribers | `SWEEP` | `CURSOR`, `SUBSCRIBERS` |
| until when the sweep's round has the right to run | `SWEEP` | `ROUND` |
| the day of the sweep's last alert about refused hosts, and the hosts | `SWEEP` | `REFUSED_HOSTS` |

Open jobs, drops that wait for a partner, folders that have to settle, and claimed tasks have `open` and are found by
time through the sparse index `open-items`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from aws_lambda_powertools import Logger
from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from motiondrop.domain.job import Billing, Call, End, Input, Limit, Options, Result, Task, Turn, Verdict
from motiondrop.storage.part import Part, TextsAttribute

_logger = Logger(child=True)

#: The errors that reading a record raises if another version, or a person by hand, wrote it.
UNREADABLE = (TypeError, ValueError)

QUEUE = "QUEUE"
LOCK = "LOCK"
BREAKER = "BREAKER"
JOB = "JOB"
TASK = "TASK"
LEDGER = "LEDGER"
EMAIL = "EMAIL"
OPEN = "OPEN"
MONEY = "IN_FLIGHT"
ALONE = "ALONE"
UNSETTLED = "UNSETTLED"
UNOPENED = "UNOPENED"
CHANGE = "CHANGE"
CLAIMED = "CLAIMED"
UNDECIDED = "UNDECIDED"
REFUSED = "REFUSED#"
SWEEP = "SWEEP"
PAUSE = "PAUSE"
DROP_LINK = "DROP_LINK"
BUDGET = "BUDGET"
CURSOR = "CURSOR"
SUBSCRIBERS = "SUBSCRIBERS"
REFUSED_HOSTS = "REFUSED_HOSTS"

#: Seconds. A call to the table takes milliseconds; a function's own timeout must outlast a lost call and its retries.
_TIMEOUTS: dict[str, Any] = {"connect_timeout_seconds": 2, "read_timeout_seconds": 5, "max_retry_attempts": 4}


class Item(Model):
    """The keys that every item has."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class OpenItems(GlobalSecondaryIndex[Any]):
    """Unfinished items, such as open jobs and drops that wait for a partner, by when they were last looked at.

    It has what is needed to find the items and no more: every change of `seen_at` writes to it twice (Amazon DynamoDB
    Developer Guide, "Using Global Secondary Indexes").
    """

    class Meta:
        """PynamoDB's settings of the index."""

        index_name = "open-items"
        projection = IncludeProjection(["key", "job_id"])

    open = UnicodeAttribute(hash_key=True)
    seen_at = UTCDateTimeAttribute(range_key=True)


class JobsByTime(GlobalSecondaryIndex[Any]):
    """All jobs by `recorded_at`, which no other item has. It has keys only, so a job's steps do not write to it."""

    class Meta:
        """PynamoDB's settings of the index."""

        index_name = "jobs-by-time"
        projection = KeysOnlyProjection()

    sk = UnicodeAttribute(hash_key=True)
    recorded_at = UTCDateTimeAttribute(range_key=True)


class DropsByTime(GlobalSecondaryIndex[Any]):
    """A folder's drops by `dropped_at`, which no other item has; of each, the key that it is found by."""

    class Meta:
        """PynamoDB's settings of the index."""

        index_name = "drops-by-time"
        projection = IncludeProjection(["key"])

    folder = UnicodeAttribute(hash_key=True)
    dropped_at = UTCDateTimeAttribute(range_key=True)


class JobItem(Item):
    """A stored `job.Job`. The attributes have the names of its fields; defaults are set in `Job`."""

    open_jobs: ClassVar[OpenItems] = OpenItems()
    jobs_by_time: ClassVar[JobsByTime] = JobsByTime()

    job_id = UnicodeAttribute()
    state = UnicodeAttribute()
    image = Part(Input)
    video = Part(Input)
    options = Part(Options)
    recorded_at = UTCDateTimeAttribute()
    quote = NumberAttribute()
    execution_number = NumberAttribute()
    restarts = NumberAttribute()
    restarted_at = UTCDateTimeAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    owner_arn = UnicodeAttribute(null=True)
    stopped = BooleanAttribute()
    limit = Part(Limit, null=True)
    turn = Part(Turn)
    call = Part(Call)
    task = Part(Task)
    verdict = Part(Verdict)
    billing = Part(Billing)
    result = Part(Result)
    closing = Part(End)
    advice = TextsAttribute()
    drops = UnicodeSetAttribute(null=True)
    forgotten_at = UTCDateTimeAttribute(null=True)  # the job is being forgotten: see ForgottenItem

    open = UnicodeAttribute(null=True)
    seen_at = UTCDateTimeAttribute(null=True)


class RefusedItem(Item):
    """Says that a file of the folder was rejected, so that the pairing rule leaves it out."""

    key = UnicodeAttribute()


class ChangeItem(Item):
    """A folder's last change, kept until the pairing rule has been applied; `since` is when the changes began."""

    open_folders: ClassVar[OpenItems] = OpenItems()

    change = UnicodeAttribute()
    since = UTCDateTimeAttribute()

    open = UnicodeAttribute()
    seen_at = UTCDateTimeAttribute()


class ForgottenItem(Item):
    """The record that replaces a forgotten job's: it says only when the job was forgotten."""

    forgotten_at = UTCDateTimeAttribute()


class LedgerItem(Item):
    """The totals of all results, in micro-USD and in milliseconds of video and of work, so that sums are exact."""

    results = NumberAttribute(default=0)
    cost = NumberAttribute(default=0)
    milliseconds = NumberAttribute(default=0)
    work = NumberAttribute(default=0)


class EmailCountItem(Item):
    """How many emails were sent in a span of time."""

    sent = NumberAttribute(default=0)
    expires = NumberAttribute()


class PostponedItem(Item):
    """A message that waits for the next digest email of its folder, or an event that its topic refused."""

    event = UnicodeAttribute()
    folder = UnicodeAttribute()
    mode = UnicodeAttribute()
    line = UnicodeAttribute()
    about = UnicodeAttribute(null=True)
    stored_at = UTCDateTimeAttribute()


class BudgetItem(Item):
    """The part of a day's budget or limit that is spent or reserved, in micro-USD."""

    committed = NumberAttribute(default=0)
    notified = BooleanAttribute(null=True)  # the operator knows that it is used up
    expires = NumberAttribute()


class TaskItem(Item):
    """The job that a task belongs to. Written once, so that no task is claimed twice; the index finds recent claims."""

    open_tasks: ClassVar[OpenItems] = OpenItems()

    job_id = UnicodeAttribute()
    attempt = NumberAttribute()
    key_mark = UnicodeAttribute(null=True)
    model = UnicodeAttribute(null=True)
    asked_at = UTCDateTimeAttribute(null=True)
    expires = NumberAttribute()

    open = UnicodeAttribute(null=True)
    seen_at = UTCDateTimeAttribute(null=True)


class UndecidedItem(Item):
    """An undecided create call of a job: the span of time in which it may have made a task."""

    since = UTCDateTimeAttribute()
    until = UTCDateTimeAttribute()
    expires = NumberAttribute()

    @property
    def identity(self) -> str:
        """The identity of the job."""
        return self.sk.partition("#")[0]


class QueueItem(Item):
    """A job's slot, the lock, the breaker or a note of it, a pause or a place in the queue; all are read together.

    There is no item for a free slot, a free lock or a closed breaker. A place exists as soon as its job is recorded and
    its files are ready; the place gets its token when the job's execution waits.
    """

    job_id = UnicodeAttribute(null=True)
    grant = UnicodeAttribute(null=True)  # slot: new each time the slot is given; a release has to name it
    until = UTCDateTimeAttribute(null=True)  # lock: the create call; breaker and notes: the next probe
    attempt = NumberAttribute(null=True)  # lock
    token = UnicodeAttribute(null=True)  # place: the task token at which the execution waits
    place = UnicodeAttribute(null=True)  # breaker and notes: of the job that was refused or tried last
    files = UnicodeSetAttribute(null=True)  # breaker and notes: the digests of that job's two files
    stage = UnicodeAttribute(null=True)
    family = UnicodeAttribute(null=True)  # breaker and notes, as the next two: the refusal
    code = UnicodeAttribute(null=True)
    message = UnicodeAttribute(null=True)
    since = UTCDateTimeAttribute(null=True)
    notified = BooleanAttribute(null=True)  # breaker: the operator knows


class CursorItem(Item):
    """A value that the sweep remembers, such as the last key that it looked at in the inbox (None at the beginning)."""

    key = UnicodeAttribute(null=True)


class DropItem(Item):
    """What was found out about a drop: `media` where it can be used, `rejected` where not."""

    open_drops: ClassVar[OpenItems] = OpenItems()
    drops_by_time: ClassVar[DropsByTime] = DropsByTime()

    folder = UnicodeAttribute(null=True)
    key = UnicodeAttribute()
    kind = UnicodeAttribute()
    etag = UnicodeAttribute()
    sequencer = UnicodeAttribute(null=True)
    modified_at = UTCDateTimeAttribute(null=True)
    media = Part(Input, null=True)
    rejected = UnicodeAttribute(null=True)
    mode = UnicodeAttribute(null=True)
    check_image = BooleanAttribute(null=True)
    trim = UnicodeAttribute(null=True)
    jobs = UnicodeSetAttribute(null=True)
    waiting = UnicodeAttribute(null=True)
    receipt = UnicodeAttribute(null=True)
    dropped_at = UTCDateTimeAttribute()
    deleted = BooleanAttribute(null=True)
    note = UnicodeAttribute(null=True)
    link_id = UnicodeAttribute(null=True)

    open = UnicodeAttribute(null=True)
    seen_at = UTCDateTimeAttribute(null=True)


class DropLinkItem(Item):
    """A drop link. Its secret part is kept as a hash."""

    folder = UnicodeAttribute()
    expires_at = UTCDateTimeAttribute()
    daily = NumberAttribute()
    email = UnicodeAttribute(null=True)
    secret_hash = UnicodeAttribute()
    expires = NumberAttribute()


class _AnyItem(Item):
    """All indexes of the table, which the connection has to know."""

    open_items: ClassVar[OpenItems] = OpenItems()
    jobs_by_time: ClassVar[JobsByTime] = JobsByTime()
    drops_by_time: ClassVar[DropsByTime] = DropsByTime()


_M = TypeVar("_M", bound=Item)
_T = TypeVar("_T")

#: The `pk` and `sk` of an item.
Key = tuple[str, str]


def find(item: type[_M], keys: Collection[Key], read: Callable[[_M], _T]) -> dict[Key, _T]:
    """What `read` makes of the items at the keys (strongly consistent), by key; keys without an item are left out.

    So is an item that cannot be read, which is logged: it does not stop the others.
    """
    try:
        return {(one.pk, one.sk): read(one) for one in item.batch_get(keys, consistent_read=True)}
    except UNREADABLE:  # one such item makes the whole batch fail
        if len(keys) > 1:
            return {key: found for one in keys for key, found in find(item, [one], read).items()}
        _logger.exception("a record cannot be read", extra={"record": [*keys]})
        return {}


@dataclass(frozen=True)
class Tables:
    """The items, bound to one table, and the connection that transactions need."""

    connection: Connection
    job: type[JobItem]
    task: type[TaskItem]
    undecided: type[UndecidedItem]
    queue: type[QueueItem]
    drop: type[DropItem]
    drop_link: type[DropLinkItem]
    refused: type[RefusedItem]
    change: type[ChangeItem]
    forgotten: type[ForgottenItem]
    ledger: type[LedgerItem]
    budget: type[BudgetItem]
    email_count: type[EmailCountItem]
    postponed: type[PostponedItem]
    cursor: type[CursorItem]


def bind(table: str, region: str, host: str | None = None) -> Tables:
    """Bind the items to `table`; `host` is an endpoint other than AWS's own.

    All kinds of items share one connection: PynamoDB would give each its own client, with its own start-up and its own
    TLS handshakes.
    """
    meta = type("Meta", (), {"table_name": table, "region": region, "host": host, **_TIMEOUTS})
    attributes: dict[str, object] = {"Meta": meta}

    def bound(item: type[_M]) -> type[_M]:
        return type(item.__name__, (item,), attributes)

    shared = bound(_AnyItem)._get_connection()  # noqa: SLF001  # which PynamoDB keeps in _connection
    attributes["_connection"] = shared
    return Tables(
        shared.connection,
        bound(JobItem),
        bound(TaskItem),
        bound(UndecidedItem),
        bound(QueueItem),
        bound(DropItem),
        bound(DropLinkItem),
        bound(RefusedItem),
        bound(ChangeItem),
        bound(ForgottenItem),
        bound(LedgerItem),
        bound(BudgetItem),
        bound(EmailCountItem),
        bound(PostponedItem),
        bound(CursorItem),
    )
