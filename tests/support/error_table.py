"""The provider's errors as its pages, captured traffic and users' reports have them: each code, and where it occurs."""

from collections.abc import Iterator
from dataclasses import dataclass

_BODY = """NoHuman NoHumanFace MultiHuman FullFace FrontBody FacePose BodyProportion FullBody BodyPose Content Value
    Duration Resolution ImageSize AspectRatio Size Format FileFormat FPS Openerror FaceNotMatch"""


@dataclass(frozen=True)
class Row:
    """Codes that mean the same, the HTTP statuses they come with, and whether tasks fail with them as well."""

    codes: tuple[str, ...]
    statuses: tuple[int, ...]
    on_tasks: bool = False
    message: str = "m"


def _row(codes: str, *statuses: int, on_tasks: bool = False, message: str = "m") -> Row:
    return Row(tuple(codes.split()), statuses, on_tasks, message)


TABLE = (
    _row("InvalidApiKey invalid_api_key", 401),
    Row(("NOT AUTHORIZED",), (401,)),
    _row("AccessDenied", 403),
    _row("AccessDenied", 403, message="current user api does not support synchronous calls."),
    _row("AccessDenied.Unpurchased Model.AccessDenied Workspace.AccessDenied Endpoint.AccessDenied", 403),
    _row("Arrearage", 400),
    _row("PostpaidBillOverdue", 429),
    _row(
        """AllocationQuota.FreeTierOnly CommodityNotPurchased PrepaidBillOverdue insufficient_quota isv.OUT_OF_SERVICE
        Contain.Forbidden.Label.Error""",
        *(403, 400, 429),
    ),
    _row("ModelNotFound WorkSpaceNotFound", 404),
    _row("InvalidParameter", 404, 400, message="Model not exist."),
    _row("InvalidParameter", 404, 400, message="url error, please check url!"),
    _row("InvalidParameter BadRequest.EmptyInput BadRequest.TooLarge", 400, on_tasks=True),
    _row(
        """InvalidParameter.DataInspection InvalidParameter.FileDownload InvalidURL InvalidURL.ConnectionRefused
        InvalidURL.Timeout BadRequest.InputDownloadFailed InvalidFile.DownloadFailed GatewayTimeout.InputDownload""",
        *(400, 415),
        on_tasks=True,
    ),
    _row("DataInspectionFailed IPInfringementSuspect CustomRoleBlocked FaqRuleBlocked", 400, on_tasks=True),
    _row(
        "InvalidImageResolution InvalidImageFormat InvalidInputLength BadRequest.UnsupportedFileFormat InvalidPerson",
        400,
        on_tasks=True,
    ),
    *(
        _row(" ".join(f"{family}.{name}" for name in _BODY.split()), 400, on_tasks=True)
        for family in ("InvalidFile", "InvalidImage", "InvalidPerson")
    ),
    _row(
        "UnsupportedOperation",
        400,
        message="Failed to cancel the task, please confirm if the task is in PENDING status.",
    ),
    _row(
        "Throttling Throttling.RateQuota Throttling.BurstRate Throttling.Concurrency LimitRequests limit_requests", 429
    ),
    _row("Throttling.AllocationQuota", 429),
    _row("Throttling.AllocationQuota", 429, message="Free allocated quota exceeded."),
    _row(
        "InternalError InternalError.Algo InternalError.Upload InternalError.FileUpload SystemError ModelServiceFailed",
        500,
        on_tasks=True,
    ),
    _row("RequestTimeOut ResponseTimeout ServiceUnavailable ModelServingError ModelUnavailable", 408, 500, 503),
    _row("InternalError.Timeout", 500, on_tasks=True),
    _row("Something.New", 401, 403, 418, 429, 500, 503, on_tasks=True),
)


def answers() -> Iterator[tuple[str, int, str]]:
    """Give each code with each status that an answer with it may have, and its message."""
    for row in TABLE:
        for code in row.codes:
            for status in row.statuses:
                yield code, status, row.message


def failures() -> Iterator[tuple[str, str]]:
    """Give each code that a task may fail with, and its message."""
    for row in TABLE:
        for code in row.codes if row.on_tasks else ():
            yield code, row.message
