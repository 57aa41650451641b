"""One suite, two sides: what the client makes of the provider's recorded answers, it makes of the stand-in's."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from local.wan import Settings, StandIn, serve
from motiondrop.domain.job import Options
from motiondrop.domain.provider_codes import family
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
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import NotSent, NotUnderstood, OutcomeUnknown, TaskStatus, Unreachable
from tests.contract.sides import (
    FAILURES,
    FAULTS,
    OPTIONS,
    SITUATIONS,
    RecordedSide,
    Side,
    StandInSide,
    refused,
    settled,
)
from tests.support.stand_in import Caller, MediaServer

QUICK = Settings(task_seconds=0, creations_per_second=10_000, queries_per_second=10_000, short_side=144)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with serve(QUICK) as running:
        yield running


@pytest.fixture
def caller(stand_in: StandIn, media: MediaServer) -> Iterator[Caller]:
    made = Caller(stand_in.url, media.url)
    yield made
    made.control(
        "settings",
        {"task_seconds": 0, "creations_per_second": 10_000, "queries_per_second": 10_000},
    )
    made.control("reset", {})
    made.session.close()


@pytest.fixture(params=["recorded", "stand-in"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "recorded":
        return RecordedSide()
    return StandInSide(request.getfixturevalue("stand_in"), request.getfixturevalue("caller"))


def call(stage: str, side: Side, task_id: str) -> object:
    calls: dict[str, Callable[[], object]] = {
        "create": side.create,
        "query": lambda: side.wan.query(task_id),
        "list": side.wan.list,
        "cancel": lambda: side.wan.cancel(task_id),
    }
    return calls[stage]()


STAGES = ["create", "query", "list", "cancel"]


# --- What works ---


def test_created_task_waits_and_has_an_id_and_a_request_id(side: Side) -> None:
    side.works()
    created = side.create()
    assert created.status is TaskStatus.PENDING
    assert len(created.task_id) > 20
    assert created.request_id


@pytest.mark.parametrize("situation", SITUATIONS)
def test_query_tells_each_situation(side: Side, situation: str) -> None:
    task = side.wan.query(side.task(situation))
    assert task.status == situation.partition(" ")[0]
    assert task.request_id
    wanted = FAILURES.get(situation, {"code": None, "message": None})
    assert {"code": task.code, "message": task.message} == wanted
    assert (task.video_url is not None) is (situation == "SUCCEEDED")
    succeeded = task.status is TaskStatus.SUCCEEDED
    assert (task.video_duration, task.video_ratio) == ((2.0, "standard") if succeeded else (None, None))
    times = [task.submitted_at, task.scheduled_at, task.ended_at]
    over = {"SUCCEEDED": [1, 1, 1], "FAILED": [1, 1, 1], "CANCELED": [1, 0, 1], "UNKNOWN": [0, 0, 0]}
    known = {"PENDING": [1, 0, 0], "RUNNING": [1, 1, 0], **over}
    assert [moment is not None for moment in times] == [bool(one) for one in known[task.status]]
    moments = [moment for moment in times if moment]
    assert moments == sorted(moments)


def test_list_is_read_page_by_page_with_the_providers_clock(side: Side) -> None:
    models = ["wan2.2-animate-move", "wan2.2-animate-mix", "wan2.2-animate-move"]
    side.tasks(models)
    first = side.wan.list(page=1, page_size=2)
    second = side.wan.list(page=2, page_size=2)
    assert (first.total, first.pages, second.total, second.pages) == (3, 2, 3, 2)
    rows = [*first.rows, *second.rows]
    assert sorted(row.model or "" for row in rows) == sorted(models)
    assert len({row.task_id for row in rows}) == 3
    assert len({row.api_key_id for row in rows}) == 1
    assert all(row.created_at for row in rows)
    assert first.now is not None


def test_waiting_task_is_canceled(side: Side) -> None:
    side.wan.cancel(side.to_cancel("PENDING"))


@pytest.mark.parametrize("situation", ["RUNNING", "SUCCEEDED", "FAILED", "CANCELED"])
def test_task_that_waits_no_more_is_not_canceled(side: Side, situation: str) -> None:
    task_id = side.to_cancel(situation)
    with pytest.raises(NotCancelable) as caught:
        side.wan.cancel(task_id)
    assert caught.value.request_id
    assert "PENDING" in (caught.value.message or "")


def test_siblings_work_by_setting_the_model(side: Side) -> None:
    side.works()
    assert side.create(options=replace(OPTIONS, model="wan2.2-animate-mix", mode="wan-pro")).task_id


# --- What is refused ---

REFUSALS: list[tuple[int, str | None, type[WanError]]] = [
    (401, "InvalidApiKey", KeyRefused),
    (401, "NOT AUTHORIZED", KeyRefused),
    (403, "AccessDenied", AccessNotGranted),
    (403, "AccessDenied.Unpurchased", AccessNotGranted),
    (403, "Model.AccessDenied", AccessNotGranted),
    (403, "AllocationQuota.FreeTierOnly", BillingTrouble),
    (400, "Arrearage", BillingTrouble),
    (429, "PostpaidBillOverdue", BillingTrouble),
    (404, "ModelNotFound", NotFound),
    (404, "WorkSpaceNotFound", NotFound),
    (400, "InvalidParameter", RequestInvalid),
    (400, "BadRequest.TooLarge", RequestInvalid),
    (400, "InvalidParameter.DataInspection", DownloadFailed),
    (400, "InvalidURL.Timeout", DownloadFailed),
    (400, "DataInspectionFailed", ContentRefused),
    (400, "IPInfringementSuspect", ContentRefused),
    (400, "InvalidFile.Duration", MediaUnfit),
    (429, "Throttling", Throttled),
    (429, "Throttling.RateQuota", Throttled),
    (429, "Throttling.AllocationQuota", QuotaExhausted),
    (418, "SomethingNew", UnknownRefusal),
    (429, None, Throttled),
    (403, None, AccessNotGranted),
    (400, None, UnknownRefusal),
]


@pytest.mark.parametrize("stage", ["create", "query"])
@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_refusal_is_the_codes_family_with_its_request_id(
    side: Side, stage: str, status: int, code: str | None, kind: type[WanError]
) -> None:
    task_id = side.meets(stage, refused(status, code))
    before = side.creations()
    with pytest.raises(WanError) as caught:
        call(stage, side, task_id)
    error = caught.value
    assert (type(error), error.code, error.message, error.status) == (kind, code, "m", status)
    assert error.request_id
    assert side.creations() - before == (stage == "create")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("InvalidFile.NoHuman", MediaUnfit), ("InternalError.Timeout", ProviderTimeout), ("InternalError", ProviderFault)],
)
def test_failed_task_has_a_family_too(code: str, kind: type[WanError]) -> None:
    assert family(code, None) is kind


def test_wrong_key_is_refused(side: Side) -> None:
    with pytest.raises(KeyRefused) as caught:
        side.create(side.with_key("sk-of-somebody-else"))
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (replace(OPTIONS, model="wan9"), 404, "Model not exist."),
        (replace(OPTIONS, mode="wan-max"), 400, "parameters.mode is required and must be wan-std or wan-pro."),
    ],
)
def test_wrong_option_is_refused(side: Side, options: Options, status: int, message: str) -> None:
    if isinstance(side, RecordedSide):
        side.meets("create", refused(status, "InvalidParameter", message))
    with pytest.raises(WanError) as caught:
        side.create(options=options)
    error = caught.value
    assert (error.status, error.code, error.message) == (status, "InvalidParameter", message)


# --- What breaks ---


@pytest.mark.parametrize("fault", FAULTS)
def test_create_that_breaks_is_sent_once_and_its_outcome_unknown(side: Side, fault: str) -> None:
    side.meets("create", FAULTS[fault])
    before = side.creations()
    with pytest.raises(OutcomeUnknown):
        side.create()
    assert side.creations() - before == 1


OTHERWISE: dict[str, type[Exception]] = {
    "silence": Unreachable,
    "late": Unreachable,
    "lost": Unreachable,
    "cut short": Unreachable,
    "reset": Unreachable,
    "garbage": NotUnderstood,
    "redirect": NotUnderstood,
    "408": ProviderBusy,
    "500": ProviderFault,
    "500 without a code": ProviderFault,
    "502": ProviderFault,
    "503": ProviderBusy,
}


@pytest.mark.parametrize("stage", ["query", "list", "cancel"])
@pytest.mark.parametrize("fault", FAULTS)
def test_other_call_that_breaks_says_how_and_works_the_next_time(side: Side, stage: str, fault: str) -> None:
    task_id = side.meets(stage, FAULTS[fault])
    with pytest.raises(OTHERWISE[fault]) as caught:
        call(stage, side, task_id)
    assert type(caught.value) is OTHERWISE[fault]
    assert settled(side.wan, side.works()).status is TaskStatus.SUCCEEDED


# --- What only a running side can show ---


def test_task_that_was_made_and_its_answer_lost_is_in_the_list(stand_in: StandIn, caller: Caller) -> None:
    side = StandInSide(stand_in, caller)
    caller.fault("create", "accepted_then_lost")
    with pytest.raises(OutcomeUnknown):
        side.create()
    (row,) = side.wan.list(model=OPTIONS.model).rows
    assert row.model == OPTIONS.model
    assert settled(side.wan, row.task_id).status is TaskStatus.SUCCEEDED


def test_list_filters_by_time_model_and_status(stand_in: StandIn, caller: Caller) -> None:
    side = StandInSide(stand_in, caller)
    side.tasks(["wan2.2-animate-move", "wan2.2-animate-mix"])
    now = side.wan.list().now
    assert now is not None
    caller.advance(3600)
    side.tasks(["wan2.2-animate-mix"])
    assert side.wan.list(model="wan2.2-animate-mix").total == 2
    assert side.wan.list(end=now).total == 2
    later = side.wan.list().now
    assert later is not None
    assert side.wan.list(start=later, model="wan2.2-animate-mix").total == 1
    assert side.wan.list(status=TaskStatus.CANCELED).total == 0


def test_creation_above_the_rate_is_throttled_and_makes_nothing(stand_in: StandIn, caller: Caller) -> None:
    side = StandInSide(stand_in, caller)
    caller.control("settings", {"creations_per_second": 1})

    def create_several() -> None:
        for _ in range(5):
            side.create()

    with pytest.raises(Throttled):
        create_several()
    assert caller.control("stats")["created"] < side.creations()


def test_url_that_the_provider_cannot_use_is_refused(stand_in: StandIn, caller: Caller) -> None:
    side = StandInSide(stand_in, caller)
    for url in ("https://host/ä.png", "ftp://host/a.png"):
        with pytest.raises(DownloadFailed):
            side.wan.create(url, side.urls()[1], OPTIONS)


def test_key_in_a_netrc_or_a_proxy_does_not_come_between(
    stand_in: StandIn, caller: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    side = StandInSide(stand_in, caller)
    caller.session.trust_env = False
    assert side.create().task_id


def test_create_at_a_closed_port_is_not_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listened on: a connection is refused
        with requests.Session() as session:
            wan = WanClient(session, f"http://127.0.0.1:{held.getsockname()[1]}/api/v1", lambda: "sk-key")
            with pytest.raises(NotSent):
                wan.create("https://host/a.png", "https://host/a.mp4", OPTIONS)
            with pytest.raises(Unreachable):
                wan.list()
