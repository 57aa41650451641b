"""A job: one image x one video x one set of options; its states, its identity and what is known of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from motiondrop.domain.keys import folder_of


class State(StrEnum):
    """Where a job is on its way. The members are in the order in which a job passes them."""

    PREPARING = "PREPARING"
    QUEUED = "QUEUED"
    ADMITTED = "ADMITTED"
    SUBMITTING = "SUBMITTING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SAVING = "SAVING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


#: The one table of legal transitions: from a state to those that may follow it.
LEGAL: dict[State, frozenset[State]] = {
    State.PREPARING: frozenset({State.QUEUED, State.FAILED, State.CANCELED}),
    State.QUEUED: frozenset({State.ADMITTED, State.FAILED, State.CANCELED}),
    State.ADMITTED: frozenset({State.SUBMITTING, State.QUEUED, State.FAILED, State.CANCELED}),
    State.SUBMITTING: frozenset(
        # ADMITTED: no task was made, as when the provider throttled the call, and the job keeps its slot.
        {State.PENDING, State.ADMITTED, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.PENDING: frozenset(
        # QUEUED, here and below: the task has failed, and the job waits in the queue for its next try.
        {State.RUNNING, State.SAVING, State.SUBMITTING, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.RUNNING: frozenset({State.SAVING, State.SUBMITTING, State.QUEUED, State.FAILED, State.CANCELED}),
    State.SAVING: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset({State.PREPARING, State.QUEUED}),
    State.CANCELED: frozenset({State.PREPARING, State.QUEUED}),
}

#: States in which nothing was sent to the provider, so the job can still be withdrawn.
UNSENT = frozenset({State.PREPARING, State.QUEUED, State.ADMITTED})

CLOSED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})

#: States in which money may be under way: a task exists, may exist, or its video is not saved yet.
IN_FLIGHT = frozenset({State.SUBMITTING, State.PENDING, State.RUNNING, State.SAVING})


@dataclass(frozen=True)
class Options:
    """The options that were asked for; part of the job's identity."""

    mode: str
    check_image: bool
    model: str
    trim: str | None = None  # seconds of the video, such as 0-30


@dataclass(frozen=True)
class Input:
    """The image or the video of a job: the dropped file, and the copy that was made of it.

    `copy` is the copy's key in the results bucket, or None while the file still has to be converted. Sides, duration
    and frame rate are the copy's, or those planned for it, in pixels, seconds and frames per second. `size` (in bytes)
    and `digest` (SHA-256) are the drop's. `poster` is the key of a small JPEG. `sequencer` is the text by which S3
    orders the events of one key. `dropped_by` is the uploader as S3 reports it: a principal's id and an IP address.
    `sound` is None for an image.
    """

    key: str
    etag: str
    digest: str
    size: int
    poster: str
    width: int
    height: int
    duration: float | None = None
    frame_rate: float | None = None
    sound: bool | None = None
    version: str | None = None
    sequencer: str | None = None
    modified_at: datetime | None = None
    dropped_by: str | None = None
    copy: str | None = None
    converted: tuple[str, ...] = ()  # what was changed, in words
    notes: tuple[str, ...] = ()  # what else its receipt says


class Prepared(Protocol):
    """A prepared file: what was changed to fit the provider's limits, and what else its receipt says, both in words."""

    @property
    def converted(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102


def words(file: Prepared) -> str:
    """What a receipt says of the file, as in `converted: HEIC to JPEG - 6000x4000 to 4096x2731 px`; often empty."""
    lines = [f"converted: {' - '.join(file.converted)}"] if file.converted else []
    return " - ".join([*lines, *file.notes])


@dataclass(frozen=True)
class Limit:
    """The most that all jobs of one drop link together may cost in a day, in micro-USD."""

    link_id: str
    daily: int


@dataclass(frozen=True)
class Turn:
    """The job's turn at the provider: the task token of its waiting execution, then its slot and its reservation."""

    token: str | None = None
    slot: int | None = None
    grant: str | None = None  # the id of this grant of the slot: new each time
    admitted_at: datetime | None = None
    reserved: int | None = None  # micro-USD of the budget of the day `reserved_on`
    reserved_on: str | None = None


@dataclass(frozen=True)
class Call:
    """The last create call, and the numbers of calls made, of calls to repeat later, and of failed calls and tasks."""

    attempt: int = 0
    throttled: int = 0
    faults: int = 0
    key_mark: str | None = None  # the mark of the API key used for the call
    asked_at: datetime | None = None
    deadline: datetime | None = None
    unknown: bool = False
    empty_since: datetime | None = None  # when the task list first showed no task of the call; a second reading decides
    undecided_notified: bool = False  # the operator was alerted that nobody knows whether a task was made


@dataclass(frozen=True)
class Task:
    """The provider's task, with times by the provider's clock. After a refused call, `request_id` is the refusal's."""

    id: str | None = None
    request_id: str | None = None
    submitted_at: datetime | None = None
    scheduled_at: datetime | None = None
    ended_at: datetime | None = None
    unknown_answers: int = 0
    retry: bool = False  # the task has failed, and another is to be made


@dataclass(frozen=True)
class Verdict:
    """Why the provider refused the job for good; `family` names a class of `provider_errors`."""

    family: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Billing:
    """What the provider charged. If it named no seconds, the reference video's are used, and `estimated` is True."""

    seconds: float | None = None
    mode: str | None = None
    cost: int | None = None
    estimated: bool = False


@dataclass(frozen=True)
class Result:
    """The saved video: keys in the results bucket, and what was found when it was opened."""

    key: str | None = None
    size: int | None = None
    sha256: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frame_rate: float | None = None
    sound: bool | None = None
    still: str | None = None  # the key of a JPEG of the video
    opened: bool = False  # whether `media` has looked at it, or will not try again
    refused_host: str | None = None  # the video's host, if WanResultOrigins did not allow it


@dataclass(frozen=True)
class End:
    """When the job ended, why (in a sentence of ours), and whether people were notified of it."""

    reason: str | None = None
    at: datetime | None = None
    notified: bool = False
    notifying_until: datetime | None = None  # until then, one function is notifying people and no other does


@dataclass(frozen=True)
class Job:
    """What the record says of a job. Money in micro-USD, lengths in seconds and pixels, times in UTC.

    The parts from `turn` to `closing` are empty when a job is recorded or opened again.
    """

    job_id: str
    state: State
    image: Input
    video: Input
    options: Options
    recorded_at: datetime
    quote: int
    execution_number: int = 1
    restarts: int = 0  # executions that were started because the one before broke off
    restarted_at: datetime | None = None
    owner: str | None = None
    owner_arn: str | None = None
    stopped: bool = False  # somebody stopped its execution: cancel what can be canceled, and make no new task
    limit: Limit | None = None  # of the drop link through which its image came
    turn: Turn = Turn()
    call: Call = Call()
    task: Task = Task()
    verdict: Verdict = Verdict()
    billing: Billing = Billing()
    result: Result = Result()
    closing: End = End()
    advice: tuple[str, ...] = ()
    drops: frozenset[str] = frozenset()
    seen_at: datetime | None = None

    @property
    def called_at(self) -> datetime:
        """When the last create call was made, or, if there was none, when the job was recorded."""
        return self.call.asked_at or self.recorded_at

    @property
    def copies(self) -> list[str]:
        """The keys of the copies that exist, the image's before the video's."""
        return [file.copy for file in (self.image, self.video) if file.copy]

    @property
    def ready(self) -> bool:
        """Whether both files have a copy that can be sent; otherwise a file still has to be converted."""
        return len(self.copies) == 2  # noqa: PLR2004  # an image and a video

    @property
    def closed(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.state in CLOSED

    @property
    def folder(self) -> str:
        """The key prefix of the image up to and with its last `/`; empty at the root."""
        return folder_of(self.image.key)

    @property
    def execution_name(self) -> str:
        """The name of the job's newest execution: a name stays taken for 90 days, so each execution has its own."""
        return f"{self.job_id}-{self.execution_number}"
