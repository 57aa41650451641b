"""The provider's error codes and HTTP statuses, each with the family it belongs to.

Source of the codes: the provider's pages "Error messages" and "Wan - image to animation API reference".
"""

from http import HTTPStatus

from motiondrop.domain.provider_errors import (
    AccessNotGranted,
    BillingTrouble,
    ContentRefused,
    DownloadFailed,
    KeyRefused,
    MediaUnfit,
    NotCancelable,
    NotFound,
    ProviderBusy,
    ProviderFault,
    ProviderTimeout,
    QuotaExhausted,
    RequestInvalid,
    Throttled,
    UnknownRefusal,
    WanError,
)

#: Codes and their family. A code also stands for those that continue it after a dot; the longest match wins.
CODES: dict[str, type[WanError]] = {
    "InvalidApiKey": KeyRefused,
    "invalid_api_key": KeyRefused,
    "NOT AUTHORIZED": KeyRefused,
    "AccessDenied": AccessNotGranted,
    "Model.AccessDenied": AccessNotGranted,
    "Workspace.AccessDenied": AccessNotGranted,
    "Endpoint.AccessDenied": AccessNotGranted,
    "AllocationQuota": BillingTrouble,
    "Arrearage": BillingTrouble,
    "CommodityNotPurchased": BillingTrouble,
    "PrepaidBillOverdue": BillingTrouble,
    "PostpaidBillOverdue": BillingTrouble,
    "insufficient_quota": BillingTrouble,
    "isv.OUT_OF_SERVICE": BillingTrouble,
    "Contain.Forbidden.Label.Error": BillingTrouble,
    "ModelNotFound": NotFound,
    "WorkSpaceNotFound": NotFound,
    "InvalidParameter": RequestInvalid,
    "BadRequest": RequestInvalid,
    "InvalidParameter.DataInspection": DownloadFailed,
    "InvalidParameter.FileDownload": DownloadFailed,
    "InvalidURL": DownloadFailed,
    "BadRequest.InputDownloadFailed": DownloadFailed,
    "InvalidFile.DownloadFailed": DownloadFailed,
    "GatewayTimeout.InputDownload": DownloadFailed,
    "DataInspectionFailed": ContentRefused,
    "IPInfringementSuspect": ContentRefused,
    "CustomRoleBlocked": ContentRefused,
    "FaqRuleBlocked": ContentRefused,
    "InvalidFile": MediaUnfit,
    "InvalidImage": MediaUnfit,
    "InvalidImageResolution": MediaUnfit,
    "InvalidImageFormat": MediaUnfit,
    "InvalidInputLength": MediaUnfit,
    "BadRequest.UnsupportedFileFormat": MediaUnfit,
    "InvalidPerson": MediaUnfit,
    "UnsupportedOperation": NotCancelable,
    "Throttling": Throttled,
    "LimitRequests": Throttled,
    "limit_requests": Throttled,
    "Throttling.AllocationQuota": QuotaExhausted,
    "InternalError": ProviderFault,
    "SystemError": ProviderFault,
    "ModelServiceFailed": ProviderFault,
    "InternalError.Timeout": ProviderTimeout,
    "RequestTimeOut": ProviderBusy,
    "ResponseTimeout": ProviderBusy,
    "ServiceUnavailable": ProviderBusy,
    "ModelServingError": ProviderBusy,
    "ModelUnavailable": ProviderBusy,
}

#: The only messages that decide the family, each with its code: these codes have two meanings (seen in answers).
MESSAGES: dict[tuple[str, str], type[WanError]] = {
    ("InvalidParameter", "Model not exist."): NotFound,
    ("InvalidParameter", "url error, please check url!"): NotFound,
    ("Throttling.AllocationQuota", "Free allocated quota exceeded."): BillingTrouble,
}

#: HTTP statuses and their family, for an answer whose code is missing or not listed above.
STATUSES: dict[HTTPStatus, type[WanError]] = {
    HTTPStatus.UNAUTHORIZED: KeyRefused,
    HTTPStatus.FORBIDDEN: AccessNotGranted,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: ProviderBusy,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
    HTTPStatus.SERVICE_UNAVAILABLE: ProviderBusy,
    HTTPStatus.INTERNAL_SERVER_ERROR: ProviderFault,  # and every other status from 500 up
}


def family(code: str | None, status: int | None = None, message: str | None = None) -> type[WanError]:
    """The family of a code, or of the HTTP status where the code is missing or not listed; else UnknownRefusal.

    `message` decides only where one code has two meanings.
    """
    for (known, part), kind in MESSAGES.items():
        if code == known and part.rstrip(".!") in (message or ""):
            return kind
    name = code or ""
    while name:
        if name in CODES:
            return CODES[name]
        name = name.rpartition(".")[0]
    other = ProviderFault if (status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR else UnknownRefusal
    return next((kind for known, kind in STATUSES.items() if known == status), other)
