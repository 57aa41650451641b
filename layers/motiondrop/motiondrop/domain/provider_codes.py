"""The provider's error codes and HTTP statuses, each with the family it belongs to.

Source of the codes: the provider's pages "Error messages" and "Wan - image to animation API reference".
"""

from http import HTTPStatus

from motiondrop.domain.provider_errors import (
    AccessNotGranted,
    AsyncHeaderMissing,
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

#: Codes and their family. A code stands for itself and for all that follow it after a dot, the longest match wins;
#: one that ends in a dot stands for what follows it only.
CODES: dict[str, type[WanError]] = {
    "InvalidApiKey": KeyRefused,
    "NOT AUTHORIZED": KeyRefused,
    "AccessDenied": AsyncHeaderMissing,
    "AccessDenied.": AccessNotGranted,
    "AccessDenied.Unpurchased": AccessNotGranted,
    "Model.AccessDenied": AccessNotGranted,
    "Workspace.AccessDenied": AccessNotGranted,
    "Endpoint.AccessDenied": AccessNotGranted,
    "AllocationQuota": BillingTrouble,
    "Arrearage": BillingTrouble,
    "CommodityNotPurchased": BillingTrouble,
    "PrepaidBillOverdue": BillingTrouble,
    "PostpaidBillOverdue": BillingTrouble,
    "ModelNotFound": NotFound,
    "WorkSpaceNotFound": NotFound,
    "InvalidParameter": RequestInvalid,
    "BadRequest": RequestInvalid,
    "InvalidParameter.DataInspection": DownloadFailed,
    "InvalidURL": DownloadFailed,
    "DataInspectionFailed": ContentRefused,
    "IPInfringementSuspect": ContentRefused,
    "InvalidFile": MediaUnfit,
    "InvalidImage": MediaUnfit,
    "InvalidVideo": MediaUnfit,
    "InvalidPerson": MediaUnfit,
    "UnsupportedOperation": NotCancelable,
    "Throttling": Throttled,
    "Throttling.AllocationQuota": QuotaExhausted,
    "InternalError": ProviderFault,
    "SystemError": ProviderFault,
    "ModelServiceFailed": ProviderFault,
    "InternalError.Timeout": ProviderTimeout,
    "ModelServingError": ProviderBusy,
    "ModelUnavailable": ProviderBusy,
}

#: What an HTTP status says by itself, where the answer has no code.
STATUSES: dict[HTTPStatus, type[WanError]] = {
    HTTPStatus.UNAUTHORIZED: KeyRefused,
    HTTPStatus.FORBIDDEN: AccessNotGranted,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
    HTTPStatus.SERVICE_UNAVAILABLE: ProviderBusy,
    HTTPStatus.INTERNAL_SERVER_ERROR: ProviderFault,  # and every other of 500 and above
}


def family(code: str | None, status: int | None) -> type[WanError]:
    """The family of a code, which is UnknownRefusal where no page names it; without a code, of the HTTP status."""
    if not code:
        other = ProviderFault if (status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR else UnknownRefusal
        return next((kind for known, kind in STATUSES.items() if known == status), other)
    if code in CODES:
        return CODES[code]
    name = code
    while "." in name:
        name = name.rpartition(".")[0]
        if kind := CODES.get(f"{name}.") or CODES.get(name):
            return kind
    return UnknownRefusal
