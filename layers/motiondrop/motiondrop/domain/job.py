"""A job: one image x one video x one set of options; its states, its identity and what is known of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from motiondrop.domain.keys import folder_of


class State(StrEnum):
    """Where a job is on its way. The order of the members is the order of the way."""

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
        # ADMITTED: the provider refused and nothing was made, the slot is kept (throttled).
        {State.PENDING, State.ADMITTED, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.PENDING: frozenset(
        # QUEUED, here and below: this task has failed, and the next one is held.
        {State.RUNNING, State.SAVING, State.SUBMITTING, State.QUEUED, State.FAILED, State.CANCELED}
    ),
    State.RUNNING: frozenset({State.SAVING, State.SUBMITTING, State.QUEUED, State.FAILED, State.CANCELED}),
    State.SAVING: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset({State.PREPARING, State.QUEUED}),
    State.CANCELED: frozenset({State.PREPARING, State.QUEUED}),
}

#: States in which nothing was sent, so that a job can be withdrawn.
UNSENT = frozenset({State.PREPARING, State.QUEUED, State.ADMITTED})

CLOSED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELED})

#: States in which money may be under way: a task exists, may exist, or its video is not saved yet.
IN_FLIGHT = frozenset({State.SUBMITTING, State.PENDING, State.RUNNING, State.SAVING})


@dataclass(frozen=True)
class Options:
    """What the animation was asked to be like; part of the job's identity."""

    mode: str
    check_image: bool
    model: str
    trim: str | None = None  # seconds of the video, such as 0-30


@dataclass(frozen=True)
class Input:
    """One of a job's two files: the drop, and the copy that was made of it.

    `copy` is the key of the copy in the results bucket, None as long as the file has to be converted; the measures are
    the copy's, or what converting will make of them, in pixels, seconds and frames per second. `size` is the drop's, in
    bytes, and `digest` the SHA-256 of it; `poster` is the key of a small JPEG; `sequencer` is S3's order of the events
    of one key; `dropped_by` is who uploaded it, as S3 says: a principal's id and an IP address. `sound` is None for an
    image.
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
    """A file that was made to fit: what was changed, and what else its receipt says, in words."""

    @property
    def converted(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102


def words(file: Prepared) -> str:
    """What a receipt says of it, such as `converted: HEIC to JPEG - 6000x4000 to 4096x2731 px`; often nothing."""
    lines = [f"converted: {' - '.join(file.converted)}"] if file.converted else []
    return " - ".join([*lines, *file.notes])


@dataclass(frozen=True)
class Limit:
    """What the jobs of one drop link may cost in a day together, in micro-USD."""

    link_id: str
    daily: int


@dataclass(frozen=True)
class Turn:
    """The job's turn at the provider: the token that its execution waits at, then its slot and what is reserved."""

    token: str | None = None
    slot: int | None = None
    grant: str | None = None  # which giving of the slot: new each time
    admitted_at: datetime | None = None
    reserved: int | None = None  # of the budget of the day `reserved_on`
    reserved_on: str | None = None


@dataclass(frozen=True)
class Call:
    """The create call that was made last, and how often calls were made, throttled and failed before it."""

    attempt: int = 0
    throttled: int = 0
    faults: int = 0
    key_mark: str | None = None  # of the API key that it was made with
    asked_at: datetime | None = None
    deadline: datetime | None = None
    unknown: bool = False
    empty_since: datetime | None = None  # the task list was read and proves that there is no task, so far once
    undecided_notified: bool = False  # the operator knows that it is not known whether a task was made


@dataclass(frozen=True)
class Task:
    """The provider's task, by the provider's clock; after a refused call the request id is that of the refusal."""

    id: str | None = None
    request_id: str | None = None
    submitted_at: datetime | None = None
    scheduled_at: datetime | None = None
    ended_at: datetime | None = None
    unknown_answers: int = 0
    retry: bool = False  # it has failed, and another one is to be made


@dataclass(frozen=True)
class Verdict:
    """Why the provider refused the job for good; `family` names a class of `provider_errors`."""

    family: str | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Billing:
    """What the provider charged; `estimated` where it did not say the seconds, which are then the reference's."""

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
    still: str | None = None  # the key of a JPEG of it
    opened: bool = False  # whether it was looked at, or never will be
    refused_host: str | None = None  # where it lies, as long as that keeps it from being saved


@dataclass(frozen=True)
class End:
    """When the job ended, why (in a sentence of ours), and whether people were notified of it."""

    reason: str | None = None
    at: datetime | None = None
    notified: bool = False
    notifying_until: datetime | None = None  # until then somebody is about to tell


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
    restarts: int = 0  # executions that were started because one before broke off
    restarted_at: datetime | None = None
    owner: str | None = None
    owner_arn: str | None = None
    stopped: bool = False  # somebody stopped its execution: cancel what can be canceled, and make no new task
    limit: Limit | None = None  # of the drop link that its image came by
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
        """When its create call was made; when it was recorded, where none was."""
        return self.call.asked_at or self.recorded_at

    @property
    def copies(self) -> list[str]:
        """The keys of the copies that there are: image, video."""
        return [file.copy for file in (self.image, self.video) if file.copy]

    @property
    def ready(self) -> bool:
        """Whether both files can be sent as they are; else one has to be converted."""
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
        """The name of the job's newest execution: names are taken for 90 days, so each execution has its own."""
        return f"{self.job_id}-{self.execution_number}"
