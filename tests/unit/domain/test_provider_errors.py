import re

import pytest

from motiondrop.domain.provider_codes import CODES, STATUSES, family
from motiondrop.domain.provider_errors import (
    FAMILIES,
    AccessNotGranted,
    BillingTrouble,
    ContentRefused,
    DownloadFailed,
    KeyRefused,
    MediaUnfit,
    NotCancelable,
    NotFound,
    Owner,
    ProviderBusy,
    ProviderFault,
    ProviderTimeout,
    QuotaExhausted,
    RequestInvalid,
    RetryPolicy,
    Throttled,
    UnknownRefusal,
    WanError,
    by_name,
)
from tests.support.recorded_provider import IMAGE_URL, OPTIONS, VIDEO_URL, Answer, client

OPERATOR, USER, PROVIDER, OURS = Owner.OPERATOR, Owner.USER, Owner.PROVIDER, Owner.OURS

#: The provider's codes: family, whose matter, whether it is tried again, a part of the advice.
TABLE: list[tuple[str, type[WanError], Owner, RetryPolicy, str]] = [
    ("InvalidApiKey", KeyRefused, OPERATOR, RetryPolicy.HELD, "sets the key"),
    ("invalid_api_key", KeyRefused, OPERATOR, RetryPolicy.HELD, "sets the key"),
    ("NOT AUTHORIZED", KeyRefused, OPERATOR, RetryPolicy.HELD, "sets the key"),
    ("AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "the model is still offered"),
    ("AccessDenied.Unpurchased", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "activates the model"),
    ("Model.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "activates the model"),
    ("Workspace.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "activates the model"),
    ("Endpoint.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "activates the model"),
    ("AllocationQuota.FreeTierOnly", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("Arrearage", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("CommodityNotPurchased", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("PrepaidBillOverdue", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("PostpaidBillOverdue", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("insufficient_quota", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("isv.OUT_OF_SERVICE", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("Contain.Forbidden.Label.Error", BillingTrouble, OPERATOR, RetryPolicy.HELD, "tops up"),
    ("ModelNotFound", NotFound, OPERATOR, RetryPolicy.HELD, "corrects the stack's model"),
    ("WorkSpaceNotFound", NotFound, OPERATOR, RetryPolicy.HELD, "corrects the stack's model"),
    ("InvalidParameter", RequestInvalid, OURS, RetryPolicy.ONCE, "Check the options"),
    ("BadRequest.TooLarge", RequestInvalid, OURS, RetryPolicy.ONCE, "Check the options"),
    ("InvalidParameter.DataInspection", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("InvalidParameter.FileDownload", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("InvalidURL", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("InvalidURL.ConnectionRefused", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("InvalidURL.Timeout", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("BadRequest.InputDownloadFailed", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("InvalidFile.DownloadFailed", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("GatewayTimeout.InputDownload", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "again later"),
    ("DataInspectionFailed", ContentRefused, USER, RetryPolicy.NO, "other media"),
    ("IPInfringementSuspect", ContentRefused, USER, RetryPolicy.NO, "other media"),
    ("CustomRoleBlocked", ContentRefused, USER, RetryPolicy.NO, "other media"),
    ("FaqRuleBlocked", ContentRefused, USER, RetryPolicy.NO, "other media"),
    ("InvalidFile", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidImage", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidPerson", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidFile.SomethingNew", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidImageResolution", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidImageFormat", MediaUnfit, USER, RetryPolicy.NO, "JPG or PNG"),
    ("InvalidInputLength", MediaUnfit, USER, RetryPolicy.NO, "2 to 30 seconds"),
    ("BadRequest.UnsupportedFileFormat", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidPerson.NoHuman", MediaUnfit, USER, RetryPolicy.NO, "No person was found"),
    ("InvalidPerson.NoHumanFace", MediaUnfit, USER, RetryPolicy.NO, "No face was found"),
    ("InvalidPerson.MultiHuman", MediaUnfit, USER, RetryPolicy.NO, "More than one person"),
    ("InvalidPerson.FullFace", MediaUnfit, USER, RetryPolicy.NO, "face must be complete"),
    ("InvalidPerson.FaceNotMatch", MediaUnfit, USER, RetryPolicy.NO, "could not be matched"),
    ("InvalidPerson.FrontBody", MediaUnfit, USER, RetryPolicy.NO, "face the camera"),
    ("InvalidPerson.FacePose", MediaUnfit, USER, RetryPolicy.NO, "look at the camera"),
    ("InvalidPerson.BodyProportion", MediaUnfit, USER, RetryPolicy.NO, "moderate part of the frame"),
    ("InvalidPerson.FullBody", MediaUnfit, USER, RetryPolicy.NO, "first frame of the video"),
    ("InvalidPerson.BodyPose", MediaUnfit, USER, RetryPolicy.NO, "stand upright"),
    ("InvalidPerson.Content", MediaUnfit, USER, RetryPolicy.NO, "first frame of the video"),
    ("InvalidPerson.Value", MediaUnfit, USER, RetryPolicy.NO, "too dark or unclear"),
    ("InvalidFile.Duration", MediaUnfit, USER, RetryPolicy.NO, "2 to 30 seconds"),
    ("InvalidFile.Resolution", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidImage.ImageSize", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidFile.AspectRatio", MediaUnfit, USER, RetryPolicy.NO, "between 1:3 and 3:1"),
    ("InvalidFile.Size", MediaUnfit, USER, RetryPolicy.NO, "at most 5 MB"),
    ("InvalidFile.Format", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidFile.FileFormat", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidFile.FPS", MediaUnfit, USER, RetryPolicy.NO, "frame rate"),
    ("InvalidFile.Openerror", MediaUnfit, USER, RetryPolicy.NO, "export it again"),
    ("UnsupportedOperation", NotCancelable, USER, RetryPolicy.NO, "saved when it is done"),
    ("Throttling", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("Throttling.RateQuota", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("Throttling.BurstRate", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("Throttling.Concurrency", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("LimitRequests", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("limit_requests", Throttled, PROVIDER, RetryPolicy.LATER, "by itself"),
    ("Throttling.AllocationQuota", QuotaExhausted, OPERATOR, RetryPolicy.HELD, "operator raises it"),
    ("InternalError", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("InternalError.Algo", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("InternalError.Upload", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("InternalError.FileUpload", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("SystemError", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("ModelServiceFailed", ProviderFault, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("RequestTimeOut", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("ResponseTimeout", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("ServiceUnavailable", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("ModelServingError", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("ModelUnavailable", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "again later"),
    ("InternalError.Timeout", ProviderTimeout, PROVIDER, RetryPolicy.ONCE, "shorter video"),
    ("SomethingNew", UnknownRefusal, PROVIDER, RetryPolicy.ONCE, "Look the code up"),
]


@pytest.mark.parametrize(("code", "kind", "whose", "again", "advice"), TABLE)
def test_code_of_the_notes_has_its_family_owner_retry_decision_and_advice(
    code: str, kind: type[WanError], whose: Owner, again: RetryPolicy, advice: str
) -> None:
    assert family(code, 400) is kind
    assert (kind.owner, kind.retry) == (whose, again)
    assert advice in kind.what_to_do(code)
    assert kind(code).sentence == f"{kind.means} {kind.what_to_do(code)}"


@pytest.mark.parametrize("kind", FAMILIES)
def test_family_costs_nothing_unless_a_task_goes_on(kind: type[WanError]) -> None:
    assert kind.cost == (
        "The task will be charged when it succeeds." if kind is NotCancelable else "Nothing was charged."
    )


def test_table_covers_every_code_and_family() -> None:
    shown = {code for code, *_ in TABLE}
    assert all(any(f"{one}.".startswith(f"{code.rstrip('.')}.") for one in shown) for code in CODES)
    assert {kind for _, kind, *_ in TABLE} == set(FAMILIES)
    assert len({kind.__name__ for kind in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize(("code", "kind", "whose", "again", "advice"), TABLE)
def test_code_decides_whatever_the_http_status(
    code: str, kind: type[WanError], whose: Owner, again: RetryPolicy, advice: str
) -> None:
    if kind is not UnknownRefusal:
        assert {family(code, status) for status in (None, 200, 400, 401, 403, 404, 429, 500, 503)} == {kind}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvalidFile.NoHuman.Image", MediaUnfit),
        ("InternalError.Algo.Timeout", ProviderFault),
        ("InternalError.Timeout.Queue", ProviderTimeout),
        ("Throttling.AllocationQuota.Free", QuotaExhausted),
        ("AccessDenied.SomethingNew", AccessNotGranted),
        ("InvalidParameter.DataInspection.Timeout", DownloadFailed),
        ("InvalidFilePath", UnknownRefusal),
        ("invalidapikey", UnknownRefusal),
        (".", UnknownRefusal),
        ("..", UnknownRefusal),
        (".InternalError", UnknownRefusal),
        ("InternalError.", ProviderFault),
    ],
)
def test_code_stands_for_what_follows_it_after_a_dot_and_the_longest_match_wins(
    code: str, kind: type[WanError]
) -> None:
    assert family(code, None) is kind


@pytest.mark.parametrize("code", [None, "", "SomethingNew", "InvalidVideo.Duration"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, KeyRefused),
        (403, AccessNotGranted),
        (404, NotFound),
        (408, ProviderBusy),
        (429, Throttled),
        (503, ProviderBusy),
        (500, ProviderFault),
        (502, ProviderFault),
        (504, ProviderFault),
        (529, ProviderFault),
        (400, UnknownRefusal),
        (418, UnknownRefusal),
        (None, UnknownRefusal),
    ],
)
def test_missing_or_unlisted_code_leaves_it_to_the_http_status(
    code: str | None, status: int | None, kind: type[WanError]
) -> None:
    assert family(code, status) is kind


def test_statuses_are_each_tested_above() -> None:
    assert {int(status) for status in STATUSES} == {401, 403, 404, 408, 429, 500, 503}


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("InvalidParameter", "Model not exist.", NotFound),
        ("InvalidParameter", "<404> InvalidParameter: Model not exist", NotFound),
        ("InvalidParameter", "url error, please check url!", NotFound),
        ("Throttling.AllocationQuota", "Free allocated quota exceeded.", BillingTrouble),
        # Any other message decides nothing, and those three nothing beside another code.
        ("InvalidParameter", "model is required and must be a string.", RequestInvalid),
        ("InvalidParameter", None, RequestInvalid),
        ("Throttling.AllocationQuota", "Requests throttled.", QuotaExhausted),
        ("AccessDenied", "current user api does not support synchronous calls.", AccessNotGranted),
        ("New", "Model not exist.", UnknownRefusal),
        ("New", "Throttling.RateQuota", UnknownRefusal),
        ("New", "", UnknownRefusal),
    ],
)
def test_message_decides_only_where_one_code_has_two_meanings(
    code: str, message: str | None, kind: type[WanError]
) -> None:
    wan, _ = client(Answer(400, {"code": code, "message": message}))
    with pytest.raises(WanError) as caught:
        wan.create(IMAGE_URL, VIDEO_URL, OPTIONS)
    assert type(caught.value) is kind
    assert family(code, message=message) is kind


def test_refused_rate_is_safe_to_send_again_and_a_fault_of_the_provider_is_not() -> None:
    assert Throttled.retry is RetryPolicy.LATER
    assert {ProviderFault.retry, ProviderBusy.retry, ProviderTimeout.retry} == {
        RetryPolicy.TWICE,
        RetryPolicy.ONCE,
    }


@pytest.mark.parametrize("kind", FAMILIES)
def test_words_are_plain_sentences(kind: type[WanError]) -> None:
    advices = [kind.advice, *getattr(kind, "ADVICE", {}).values()]
    for sentence in (kind.means, kind.cost, *advices):
        assert re.fullmatch(r"[A-Z][^.\n]*(\d\.\d[^.\n]*)*\.", sentence), sentence
        assert sentence.isascii()


@pytest.mark.parametrize("kind", FAMILIES)
def test_family_is_found_again_by_its_name(kind: type[WanError]) -> None:
    assert by_name(kind.__name__) is kind


def test_family_of_a_later_version_is_an_unknown_one() -> None:
    assert by_name("WeatherTrouble") is UnknownRefusal


def test_error_says_code_status_and_request_id_on_one_line() -> None:
    error = Throttled("Throttling.RateQuota", "slow down", status=429, request_id="r-1")
    assert str(error) == f"{Throttled.means} (Throttling.RateQuota, HTTP 429, request r-1)"
    odd = UnknownRefusal("a\nb\u202ec" * 100, request_id="r\x00\n")
    assert "\n" not in str(odd)
    assert "\u202e" not in str(odd)
    assert len(str(odd)) < 500
    assert str(ProviderFault()) == f"{ProviderFault.means} (no code, request unknown)"
