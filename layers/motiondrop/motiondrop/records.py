"""The table's items. They never leave the modules that store them (jobs, slots, drops).

One table, keys `pk` and `sk`:

| item | pk | sk |
|---|---|---|
| job | `JOB#<identity>` | `JOB` |
| a task's owner | `TASK#<task id>` | `TASK` |
| drop | `FOLDER#<folder>` | `DROP#<name>` |
| line | `LINE` | `BREAKER`, `LOCK`, `SLOT#<n>`, `WAIT#<order>` |

Open jobs carry `open` and are found, longest unseen first, through the sparse index `open-jobs`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
)
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

LINE = "LINE"
LOCK = "LOCK"
BREAKER = "BREAKER"
JOB = "JOB"
TASK = "TASK"
OPEN = "OPEN"

#: Seconds. A call to the table takes milliseconds; a function's own timeout must outlast a lost one and its retries.
_TIMEOUTS: dict[str, Any] = {"connect_timeout_seconds": 2, "read_timeout_seconds": 5, "max_retry_attempts": 4}


class Item(Model):
    """What every item has."""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class InputMap(MapAttribute[str, Any]):
    """`job.Input`, stored."""

    key = UnicodeAttribute()
    etag = UnicodeAttribute()
    digest = UnicodeAttribute()
    copy = UnicodeAttribute()
    size = NumberAttribute()
    width = NumberAttribute()
    height = NumberAttribute()
    duration = NumberAttribute(null=True)
    frame_rate = NumberAttribute(null=True)
    version = UnicodeAttribute(null=True)
    sequencer = UnicodeAttribute(null=True)


class OptionsMap(MapAttribute[str, Any]):
    """`job.Options`, stored."""

    mode = UnicodeAttribute()
    check_image = BooleanAttribute()
    model = UnicodeAttribute()


class OpenJobs(GlobalSecondaryIndex[Any]):
    """Jobs that have not ended or not been told of, by when they were last looked at."""

    class Meta:
        """PynamoDB's settings of the index."""

        index_name = "open-jobs"
        projection = AllProjection()

    open = UnicodeAttribute(hash_key=True)
    seen_at = UTCDateTimeAttribute(range_key=True)


class JobItem(Item):
    """`job.Job`, stored; the attributes have the names of its fields."""

    open_jobs: ClassVar[OpenJobs] = OpenJobs()

    job_id = UnicodeAttribute()
    state = UnicodeAttribute()
    image = InputMap()  # type: ignore[no-untyped-call]
    video = InputMap()  # type: ignore[no-untyped-call]
    options = OptionsMap()  # type: ignore[no-untyped-call]
    recorded_at = UTCDateTimeAttribute()
    order = UnicodeAttribute()
    quote = NumberAttribute()
    runs = NumberAttribute()
    owner = UnicodeAttribute(null=True)
    owner_arn = UnicodeAttribute(null=True)
    settling = BooleanAttribute(default=False)
    token = UnicodeAttribute(null=True)
    slot = NumberAttribute(null=True)
    attempt = NumberAttribute(default=0)
    throttled = NumberAttribute(default=0)
    faults = NumberAttribute(default=0)
    key_mark = UnicodeAttribute(null=True)
    deadline = UTCDateTimeAttribute(null=True)
    unknown = BooleanAttribute(default=False)
    empty_lists = NumberAttribute(default=0)
    task_id = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    asked_at = UTCDateTimeAttribute(null=True)
    submitted_at = UTCDateTimeAttribute(null=True)
    scheduled_at = UTCDateTimeAttribute(null=True)
    ended_at = UTCDateTimeAttribute(null=True)
    unknown_answers = NumberAttribute(default=0)
    retry_task = BooleanAttribute(default=False)
    verdict = UnicodeAttribute(null=True)
    verdict_code = UnicodeAttribute(null=True)
    verdict_message = UnicodeAttribute(null=True)
    stopped = BooleanAttribute(default=False)
    billed_seconds = NumberAttribute(null=True)
    billed_mode = UnicodeAttribute(null=True)
    cost = NumberAttribute(null=True)
    result_key = UnicodeAttribute(null=True)
    result_size = NumberAttribute(null=True)
    result_sha256 = UnicodeAttribute(null=True)
    restarted_at = UTCDateTimeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    advice: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    closed_at = UTCDateTimeAttribute(null=True)
    told = BooleanAttribute(default=False)
    drops = UnicodeSetAttribute(null=True)

    open = UnicodeAttribute(null=True)
    seen_at = UTCDateTimeAttribute(null=True)


class TaskItem(Item):
    """Which job a task belongs to: written once, so that no task is ever claimed twice."""

    job_id = UnicodeAttribute()
    attempt = NumberAttribute()
    key_mark = UnicodeAttribute(null=True)
    expires = NumberAttribute()


class LineItem(Item):
    """A leased slot, the lock, the breaker or a place in the line: one kind of item, since they are read together.

    A free slot, a free lock and a closed breaker have no item.
    """

    job_id = UnicodeAttribute(null=True)
    until = UTCDateTimeAttribute(null=True)  # slot: the lease; lock: the create call; breaker: the next probe
    attempt = NumberAttribute(null=True)  # lock
    owner = UnicodeAttribute(null=True)  # place: the run that waits, and the token it waits at
    token = UnicodeAttribute(null=True)
    family = UnicodeAttribute(null=True)  # breaker: what the operator has to mend
    code = UnicodeAttribute(null=True)
    since = UTCDateTimeAttribute(null=True)


class DropItem(Item):
    """What was found out about a drop: `media` where it can be used, `rejected` where not."""

    key = UnicodeAttribute()
    kind = UnicodeAttribute()
    etag = UnicodeAttribute()
    sequencer = UnicodeAttribute(null=True)
    media = InputMap(null=True)  # type: ignore[no-untyped-call]
    rejected = UnicodeAttribute(null=True)
    mode = UnicodeAttribute(null=True)
    check_image = BooleanAttribute(null=True)
    jobs = UnicodeSetAttribute(null=True)
    receipt = UnicodeAttribute(null=True)
    dropped_at = UTCDateTimeAttribute()


_M = TypeVar("_M", bound=Item)


@dataclass(frozen=True)
class Tables:
    """The items, bound to one table, and the connection that transactions need."""

    connection: Connection
    job: type[JobItem]
    task: type[TaskItem]
    line: type[LineItem]
    drop: type[DropItem]


def bind(table: str, region: str, host: str | None = None) -> Tables:
    """Bind the items to `table`; `host` is another endpoint than AWS's own."""
    meta = type("Meta", (), {"table_name": table, "region": region, "host": host, **_TIMEOUTS})

    def bound(item: type[_M]) -> type[_M]:
        return type(item.__name__, (item,), {"Meta": meta})

    return Tables(
        Connection(region=region, host=host, **_TIMEOUTS),
        bound(JobItem),
        bound(TaskItem),
        bound(LineItem),
        bound(DropItem),
    )
