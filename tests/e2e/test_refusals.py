"""Each kind of refusal on the local cloud: what becomes of the job and the queue, and who hears of it."""

from collections import Counter
from typing import Any

import pytest

from motiondrop.domain.provider_codes import family
from tests.support.driver import Driver

#: Codes of the user's, where a call is refused and where a task fails.
MODERATED = ["DataInspectionFailed", "IPInfringementSuspect", "CustomRoleBlocked", "FaqRuleBlocked"]
UNFIT = ["InvalidImage.Resolution", "InvalidPerson.Content", "InvalidInputLength", "BadRequest.UnsupportedFileFormat"]

#: What a call is refused with where the operator has to do something: status, code, message.
HELD: list[tuple[int, str, str]] = [
    (401, "invalid_api_key", "Incorrect API key provided."),
    (403, "AccessDenied", "Access denied."),
    (403, "Workspace.AccessDenied", "No right."),
    (429, "PostpaidBillOverdue", "The bill is overdue."),
    (404, "InvalidParameter", "Model not exist."),
    (400, "InvalidParameter", "url error, please check url!"),
    (429, "Throttling.AllocationQuota", "Free allocated quota exceeded."),
    (403, "SomethingNew", "No."),
]

#: Why tasks fail that are tried again.
RETRIED = [
    "InternalError.Algo",
    "RequestTimeOut",
    "ServiceUnavailable",
    "InternalError.Timeout",
    "GatewayTimeout.InputDownload",
    "InvalidFile.DownloadFailed",
    "InvalidParameter",
    "SomethingNew",
]


def refuse(driver: Driver, code: str, message: str = "x", status: int = 400, times: int = 1) -> None:
    driver.control("faults", on="create", kind="error", times=times, status=status, code=code, message=message)


def fail(driver: Driver, code: str, message: str = "x", times: int = 1) -> None:
    driver.control("faults", on="create", kind="task_failed", times=times, code=code, message=message, after_seconds=0)


def job_of(driver: Driver, stem: str) -> dict[str, Any]:
    return driver.job(driver.executions(stem)[0]["executionArn"])


def states(driver: Driver, stems: list[str]) -> list[str]:
    return [job_of(driver, stem)["state"] for stem in stems]


def wait_until_queued(driver: Driver, stems: list[str]) -> None:
    for stem in stems:
        driver.wait_for_state(stem, "Wait for a slot")


def headlines(driver: Driver) -> list[str]:
    """The subjects of what the operator was told, oldest first."""
    return [email.splitlines()[0].removeprefix("Subject: MotionDrop: ") for email in driver.emails("MotionDrop")]


def test_refused_and_failed_media_end_their_jobs_with_one_email_each_and_hold_nobody(driver: Driver) -> None:
    told = len(headlines(driver))
    codes = MODERATED + UNFIT
    # One more than are refused or fail: which one that is, the order of the calls decides.
    stems = [f"unfit-{number:02d}" for number in range(2 * len(codes) + 1)]
    with driver.paused():
        for code in codes:
            refuse(driver, code)
            fail(driver, code)
        for stem in stems:
            driver.drop_pair(stem)
        wait_until_queued(driver, stems)
    driver.sweep()
    failed = [stem for stem in stems if driver.wait_for_execution(stem)["status"] == "FAILED"]
    assert sorted(job_of(driver, stem)["verdict"]["code"] for stem in failed) == sorted(codes * 2)
    assert Counter(states(driver, stems)) == {"FAILED": len(failed), "SUCCEEDED": 1}
    assert headlines(driver)[told:] == []


@pytest.mark.parametrize(("status", "code", "message"), HELD)
def test_trouble_of_the_account_or_the_stack_holds_the_queue_and_fails_nobody(
    driver: Driver, status: int, code: str, message: str
) -> None:
    told = len(headlines(driver))
    stem = f"account-{HELD.index((status, code, message))}"
    refuse(driver, code, message, status)
    driver.drop_pair(stem)
    driver.wait_for_email("MotionDrop", told + 1)
    driver.wait_for_state(stem, "Wait for a slot")
    assert job_of(driver, stem)["state"] == "QUEUED"
    driver.probe_is_due()
    driver.sweep()
    assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    driver.wait_for_email("MotionDrop", told + 2)
    brief = family(code, status, message).brief
    assert headlines(driver)[told:] == [f"on hold, {brief} ({code})", "no longer on hold"]


def test_a_task_that_fails_for_the_account_is_queued_again_until_one_succeeds(driver: Driver) -> None:
    told, made = len(headlines(driver)), driver.tasks()
    fail(driver, "Arrearage", "The account has an overdue bill.")
    driver.drop_pair("overdue")
    driver.wait_for_email("MotionDrop", told + 1)
    driver.cloud.wait_for(lambda: job_of(driver, "overdue")["state"] == "QUEUED", "the job to be queued again")
    driver.probe_is_due()
    driver.sweep()
    assert driver.wait_for_execution("overdue")["status"] == "SUCCEEDED"
    driver.wait_for_email("MotionDrop", told + 2)
    assert headlines(driver)[told:] == [
        "on hold, the account has no balance or quota left (Arrearage)",
        "no longer on hold",
    ]
    assert driver.tasks() == made + 2


@pytest.mark.parametrize("code", RETRIED)
def test_a_task_that_may_succeed_the_next_time_gets_a_new_one(driver: Driver, code: str) -> None:
    told, made, stem = len(headlines(driver)), driver.tasks(), f"once-more-{RETRIED.index(code)}"
    fail(driver, code)
    driver.drop_pair(stem)
    assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    assert driver.tasks() == made + 2
    assert headlines(driver)[told:] == []


def test_throttled_calls_are_sent_again_until_they_are_accepted(driver: Driver) -> None:
    made = driver.tasks()
    for code in ("Throttling.BurstRate", "limit_requests", "LimitRequests"):
        refuse(driver, code, status=429, times=2)
    driver.drop_pair("slowed-down")
    assert driver.wait_for_execution("slowed-down")["status"] == "SUCCEEDED"
    assert driver.tasks() == made + 1


@pytest.mark.parametrize(("code", "family"), [("InvalidParameter", "RequestInvalid"), ("Unheard", "UnknownRefusal")])
def test_a_job_refused_for_a_reason_of_its_own_fails_after_another_was_accepted(
    driver: Driver, code: str, family: str
) -> None:
    told, bad, good = len(headlines(driver)), f"own-reason-{family.lower()}", f"beside-{family.lower()}"
    refuse(driver, code)
    driver.drop_pair(bad)
    driver.wait_for_execution(bad, statuses=["RUNNING"])
    driver.cloud.wait_for(lambda: job_of(driver, bad)["call"]["faults"] == 1, f"{bad} to be refused")
    driver.wait_for_state(bad, "Wait for a slot")
    # The other job's call comes first, the next one is the bad job's again.
    driver.control("faults", on="create", kind="hang", times=1, seconds=0.1)
    refuse(driver, code)
    driver.drop_pair(good)
    assert driver.wait_for_execution(good)["status"] == "SUCCEEDED"
    execution = driver.wait_for_execution(bad)
    assert driver.status(execution["executionArn"])["error"] == family
    assert code in driver.wait_for_email(bad)
    assert headlines(driver)[told:] == []


def test_jobs_refused_alike_hold_the_queue_whatever_the_code_and_lose_nothing(driver: Driver) -> None:
    told, stems = len(headlines(driver)), [f"alike-{number}" for number in range(4)]
    # Three: a job that has its slot when the second is refused is sent all the same.
    refuse(driver, "SomethingNew", "what is this", times=3)
    with driver.paused():
        for stem in stems:
            driver.drop_pair(stem)
        wait_until_queued(driver, stems)
    driver.sweep()
    email = driver.wait_for_email("MotionDrop", told + 1)
    assert "refused several different jobs in the same way" in email
    assert "SomethingNew: what is this" in email
    driver.cloud.wait_for(lambda: states(driver, stems) == ["QUEUED"] * 4, "all to be queued")

    def through() -> bool:
        """One of the refusals may be left for a probe, which is refused then, and another comes later."""
        driver.probe_is_due()
        driver.sweep()
        return "BREAKER" not in driver.queue()

    driver.cloud.wait_for(through, "a probe to be accepted")
    for stem in stems:
        assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    # Each once, but for this sweep: with no grace it may tell what the function is about to.
    assert [*dict.fromkeys(headlines(driver)[told:])] == [
        "on hold, several jobs were refused (SomethingNew)",
        "no longer on hold",
    ]


def test_a_wrong_model_name_leaves_twenty_jobs_queued_and_they_go_on_when_it_is_put_right(driver: Driver) -> None:
    told, stems = len(headlines(driver)), [f"misnamed-{number:02d}" for number in range(20)]
    driver.control("settings", models=["wan2.2-animate-mix"])
    try:
        for stem in stems:
            driver.drop_pair(stem)
        email = driver.wait_for_email("MotionDrop", told + 1)
        assert "InvalidParameter: Model not exist." in email
        wait_until_queued(driver, stems)
        for _ in range(3):
            driver.probe_is_due()
            driver.sweep()
        driver.cloud.wait_for(lambda: states(driver, stems) == ["QUEUED"] * 20, "all to be queued")
        assert not any(driver.emails(stem) for stem in stems)
    finally:
        driver.control("settings", models=["wan2.2-animate-move", "wan2.2-animate-mix"])
    driver.probe_is_due()
    driver.sweep()
    for stem in stems:
        assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    assert headlines(driver)[told:] == [
        "on hold, the model or workspace is not known (InvalidParameter)",
        "no longer on hold",
    ]
