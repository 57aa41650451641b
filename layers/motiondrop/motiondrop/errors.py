"""The errors of the library. Each message is one sentence, fit for a person; other modules define further errors.

MotionDropError
├── SettingsError
├── JobClosed
├── NotOwner
├── NoSuchJob
│   └── Forgotten
├── JobFailed
├── JobCanceled
├── Contended
├── Saturated
├── DropGone
├── Unreadable
├── NoRoom
├── CopyFailed
│   └── HostRefused
├── ResultExpired
├── MediaDied                    aws.media: the function that opens files gave no usable answer
├── Rejected                     media.limits: the file cannot be animated
├── SandboxError                 media.sandbox: the sandbox failed, which says nothing about the file
├── WanError                     domain.provider_errors: the provider refused or failed, by family
│   ├── KeyRefused, AccessNotGranted, BillingTrouble, NotFound, RequestInvalid
│   ├── DownloadFailed, ContentRefused, MediaUnfit, NotCancelable, Throttled, QuotaExhausted
│   └── ProviderFault, ProviderTimeout, ProviderBusy, UnknownRefusal
├── NoAnswer                     provider.responses: a call got no answer that can be used
│   ├── Unreachable
│   │   └── NotSent
│   ├── NotUnderstood
│   └── OutcomeUnknown
├── ConditionFailed              storage.transactions: a transaction changed nothing
├── LockBusy                     storage.submission_lock: another create call is under way
├── NotSaved                     storage.submission_lock: a task's id could not be saved now
├── OverBudget                   storage.budget: today's budget has no room
├── OverLimit                    storage.budget: today's limit of a drop link has no room
│   └── TooDear                  storage.budget: no day's budget has room
└── StillRunning                 workflow.forget: the job has not ended
"""


class MotionDropError(Exception):
    """Something went wrong that MotionDrop has a name for."""


class SettingsError(MotionDropError):
    """The function's environment is incomplete or contradicts itself."""


class JobClosed(MotionDropError):
    """The job has ended, so this step has nothing left to do; the state machine claims the job again."""


class NotOwner(MotionDropError):
    """Another execution owns the job, so this execution may change nothing and ends quietly."""


class NoSuchJob(MotionDropError):
    """No record of this job exists: it was never recorded, or it was forgotten."""


class Forgotten(NoSuchJob):
    """The job was forgotten on request; the same files are not animated again until the operator allows it."""


class JobFailed(MotionDropError):
    """The job FAILED: to try again, start a new execution with the same input, redrive this one, or drop again."""


class JobCanceled(MotionDropError):
    """The job was CANCELED: to run it, start a new execution with the same input, redrive this one, or drop again."""


class Contended(MotionDropError):
    """Others wrote to the same records at the same moment; nothing was changed, and trying again is right."""


class Saturated(MotionDropError):
    """AWS asked to slow down; nothing is wrong, and trying again later is right."""


class DropGone(MotionDropError):
    """The drop was deleted or replaced while it was looked at; its newer event says what is there now."""


class Unreadable(MotionDropError):
    """The drop cannot be read: it is encrypted with a KMS key that MotionDrop may not use."""


class NoRoom(MotionDropError):
    """The drop has as many tags of its own as an object may have, so it cannot carry a receipt."""


class CopyFailed(MotionDropError):
    """The result did not arrive whole, so nothing was kept; copying again is safe and costs nothing."""


class HostRefused(CopyFailed):
    """The result is at a host that WanResultOrigins does not allow, so nothing was fetched; the operator decides."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the result lies at {host}, which WanResultOrigins does not allow")
        self.host = host


class ResultExpired(MotionDropError):
    """The provider deleted the task or its video before the video was saved; it keeps both for 24 hours."""
