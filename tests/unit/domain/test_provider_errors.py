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
    ("InvalidApiKey", KeyRefused, OPERATOR, RetryPolicy.HELD, "an API key for the right region"),
    ("invalid_api_key", KeyRefused, OPERATOR, RetryPolicy.HELD, "an API key for the right region"),
    ("NOT AUTHORIZED", KeyRefused, OPERATOR, RetryPolicy.HELD, "an API key for the right region"),
    ("AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "the model is still offered"),
    ("AccessDenied.Unpurchased", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "Activate the model"),
    ("Model.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "Activate the model"),
    ("Workspace.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "Activate the model"),
    ("Endpoint.AccessDenied", AccessNotGranted, OPERATOR, RetryPolicy.HELD, "Activate the model"),
    ("AllocationQuota.FreeTierOnly", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("Arrearage", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("CommodityNotPurchased", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("PrepaidBillOverdue", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("PostpaidBillOverdue", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("insufficient_quota", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("isv.OUT_OF_SERVICE", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("Contain.Forbidden.Label.Error", BillingTrouble, OPERATOR, RetryPolicy.HELD, "Top up"),
    ("ModelNotFound", NotFound, OPERATOR, RetryPolicy.HELD, "Correct the stack's model"),
    ("WorkSpaceNotFound", NotFound, OPERATOR, RetryPolicy.HELD, "Correct the stack's model"),
    ("InvalidParameter", RequestInvalid, OURS, RetryPolicy.ONCE, "Tell the person who runs"),
    ("BadRequest.TooLarge", RequestInvalid, OURS, RetryPolicy.ONCE, "Tell the person who runs"),
    ("InvalidParameter.DataInspection", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("InvalidParameter.FileDownload", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("InvalidURL", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("InvalidURL.ConnectionRefused", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("InvalidURL.Timeout", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("BadRequest.InputDownloadFailed", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("InvalidFile.DownloadFailed", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("GatewayTimeout.InputDownload", DownloadFailed, PROVIDER, RetryPolicy.FRESH_URLS, "Wait a while"),
    ("DataInspectionFailed", ContentRefused, USER, RetryPolicy.NO, "different image"),
    ("IPInfringementSuspect", ContentRefused, USER, RetryPolicy.NO, "different image"),
    ("CustomRoleBlocked", ContentRefused, USER, RetryPolicy.NO, "different image"),
    ("FaqRuleBlocked", ContentRefused, USER, RetryPolicy.NO, "different image"),
    ("InvalidFile", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidImage", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidPerson", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidFile.SomethingNew", MediaUnfit, USER, RetryPolicy.NO, "one person"),
    ("InvalidImageResolution", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidImageFormat", MediaUnfit, USER, RetryPolicy.NO, "JPG or PNG"),
    ("InvalidInputLength", MediaUnfit, USER, RetryPolicy.NO, "2 to 30 seconds"),
    ("BadRequest.UnsupportedFileFormat", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidPerson.NoHuman", MediaUnfit, USER, RetryPolicy.NO, "show one person"),
    ("InvalidPerson.NoHumanFace", MediaUnfit, USER, RetryPolicy.NO, "face is visible"),
    ("InvalidPerson.MultiHuman", MediaUnfit, USER, RetryPolicy.NO, "one person only"),
    ("InvalidPerson.FullFace", MediaUnfit, USER, RetryPolicy.NO, "show the whole face"),
    ("InvalidPerson.FaceNotMatch", MediaUnfit, USER, RetryPolicy.NO, "the same one from beginning to end"),
    ("InvalidPerson.FrontBody", MediaUnfit, USER, RetryPolicy.NO, "faces the camera"),
    ("InvalidPerson.FacePose", MediaUnfit, USER, RetryPolicy.NO, "looks at the camera"),
    ("InvalidPerson.BodyProportion", MediaUnfit, USER, RetryPolicy.NO, "fill the whole frame"),
    ("InvalidPerson.FullBody", MediaUnfit, USER, RetryPolicy.NO, "shows the whole body"),
    ("InvalidPerson.BodyPose", MediaUnfit, USER, RetryPolicy.NO, "stands upright"),
    ("InvalidPerson.Content", MediaUnfit, USER, RetryPolicy.NO, "first frame of the video"),
    ("InvalidPerson.Value", MediaUnfit, USER, RetryPolicy.NO, "brighter"),
    ("InvalidFile.Duration", MediaUnfit, USER, RetryPolicy.NO, "2 to 30 seconds"),
    ("InvalidFile.Resolution", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidImage.ImageSize", MediaUnfit, USER, RetryPolicy.NO, "200 to 4096 pixels"),
    ("InvalidFile.AspectRatio", MediaUnfit, USER, RetryPolicy.NO, "three times as long"),
    ("InvalidFile.Size", MediaUnfit, USER, RetryPolicy.NO, "at most 5 MB"),
    ("InvalidFile.Format", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidFile.FileFormat", MediaUnfit, USER, RetryPolicy.NO, "MP4"),
    ("InvalidFile.FPS", MediaUnfit, USER, RetryPolicy.NO, "frames per second"),
    ("InvalidFile.Openerror", MediaUnfit, USER, RetryPolicy.NO, "Export the image and the video again"),
    ("UnsupportedOperation", NotCancelable, USER, RetryPolicy.NO, "saves the result when it is done"),
    ("Throttling", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("Throttling.RateQuota", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("Throttling.BurstRate", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("Throttling.Concurrency", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("LimitRequests", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("limit_requests", Throttled, PROVIDER, RetryPolicy.LATER, "Wait a while"),
    ("Throttling.AllocationQuota", QuotaExhausted, OPERATOR, RetryPolicy.HELD, "ask the animation service to raise it"),
    ("InternalError", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("InternalError.Algo", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("InternalError.Upload", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("InternalError.FileUpload", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("SystemError", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("ModelServiceFailed", ProviderFault, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("RequestTimeOut", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("ResponseTimeout", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("ServiceUnavailable", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("ModelServingError", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("ModelUnavailable", ProviderBusy, PROVIDER, RetryPolicy.TWICE, "Wait a while"),
    ("InternalError.Timeout", ProviderTimeout, PROVIDER, RetryPolicy.ONCE, "shorter video"),
    ("SomethingNew", UnknownRefusal, PROVIDER, RetryPolicy.ONCE, "tell the person who runs"),
]


@pytest.mark.parametrize(("code", "kind", "whose", "again", "advice"), TABLE)
def test_code_of_the_notes_has_its_family_owner_retry_decision_and_advice(
    code: str, kind: type[WanError], whose: Owner, again: RetryPolicy, advice: str
) -> None:
    assert family(code, 400) is kind
    assert (kind.owner, kind.retry) == (whose, again)
    assert advice in kind.what_to_do(code)
    assert kind(code).sentence == f"{kind.what_happened(code)} {kind.what_to_do(code)}"


@pytest.mark.parametrize("kind", FAMILIES)
def test_family_costs_nothing_unless_a_task_goes_on(kind: type[WanError]) -> None:
    assert kind.cost == (
        "The animation will be charged if it succeeds." if kind is NotCancelable else "Nothing was charged."
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
    known = getattr(kind, "KNOWN", {}).values()
    for sentence in (kind.means, kind.cost, kind.advice, *(unfit.advice for unfit in known)):
        assert re.fullmatch(r"[A-Z][^.\n]*\.( [A-Z][^.\n]*\.)*", sentence), sentence
        assert sentence.isascii()


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_phrase_of_a_subject_goes_on_after_a_name_and_is_short(kind: type[WanError]) -> None:
    for phrase in (kind.brief, *(unfit.brief for unfit in getattr(kind, "KNOWN", {}).values())):
        assert re.fullmatch(r"(the API |the |[a-z])[a-z' ]+", phrase), phrase
        assert len(phrase) <= 45, phrase


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
