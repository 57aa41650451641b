"""Whatever the provider answers, a caller sees a result or one of the client's own errors."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motiondrop.errors import MotionDropError
from motiondrop.provider.client import WanClient
from motiondrop.provider.responses import Created, Task, TaskPage
from tests.support.recorded_provider import (
    CREATED,
    FAILED,
    HTML,
    IMAGE_URL,
    OPTIONS,
    REFUSED,
    SUCCEEDED,
    VIDEO_URL,
    Answer,
    client,
)

TASK_ID = "0385dc79-5ff8-4d82-bcb6-xxxxxx"
LISTED = (
    b'{"total":1,"data":[{"task_id":"a","status":"RUNNING","gmt_create":1758180720105}],"total_page":1,"page_no":1}'
)
SAMPLES = [CREATED, REFUSED, SUCCEEDED, FAILED, LISTED]
#: Every field that the client reads.
FIELDS = [
    "api_key_id",
    "code",
    "data",
    "duration",
    "end_time",
    "gmt_create",
    "message",
    "model_name",
    "output",
    "page_no",
    "region",
    "request_id",
    "results",
    "scheduled_time",
    "start_time",
    "status",
    "submit_time",
    "task_id",
    "task_status",
    "total",
    "total_page",
    "usage",
    "video_duration",
    "video_ratio",
    "video_url",
]
#: Values that an answer could hold where another was promised.
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    float("nan"),
    float("inf"),
    1e308,
    "",
    "UNKNOWN",
    "SUCCEEDED",
    "Throttling.AllocationQuota",
    ".",
    "InvalidFile." * 50,
    "\ud800",
    "\x00\n\u202e",
    "x" * 3000,
    "9999-12-31 23:59:59.999",
    "0001-01-01 00:00:00.000",
    "٢٠٢٥-٠٩-١٨ ١٥:٣٢:٠٠.١٠٥",  # noqa: RUF001  # digits that are none of ASCII's
    "http://[::1",
    "http://host:99999/",
    "http://host\\@other/",
    "9" * 5000,
    [],
    [[]],
    [None],
    {},
    {"": ""},
    [{"video_url": 7}],
]
#: One change of a sample: in its inner object or its outer one, a field left out or with a value of `ODD`.
LEFT_OUT = object()
CHANGES = [(inner, name, value) for inner in (True, False) for name in FIELDS for value in (LEFT_OUT, *ODD)]
change = st.sampled_from(CHANGES)


def changed(sample: bytes, *changes: tuple[bool, str, Any]) -> bytes:
    document = json.loads(sample)
    output = document.get("output", document)
    for inner, name, value in changes:
        place = output if inner else document
        if value is LEFT_OUT:
            place.pop(name, None)
        else:
            place[name] = value
    return json.dumps(document).encode()


def nested(value: Any) -> st.SearchStrategy[Any]:
    return st.lists(value, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), value, max_size=3)


samples = st.sampled_from(SAMPLES)
changed_once = st.builds(changed, samples, change)
changed_twice = st.builds(changed, samples, change, change)
cut_short = st.builds(lambda sample, end: sample[:end], st.sampled_from([*SAMPLES, HTML]), st.integers(0, 400))
any_json = st.recursive(st.sampled_from(ODD) | st.text(max_size=5), nested, max_leaves=6)
bodies = st.one_of(changed_once, changed_twice, cut_short)
any_bytes = st.binary(max_size=40) | any_json.map(lambda value: json.dumps(value).encode())
statuses = st.sampled_from([200] * 12 + [201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 502, 503, 599, 999])
answers = st.builds(Answer, statuses, bodies)
any_answers = st.builds(Answer, statuses, any_bytes)
dates = st.sampled_from(["Thu, 18 Sep 2025 07:32:00 GMT", "", "0", ",", "Thu,", "1 Jan 1 0:0 +9999"]) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255), max_size=30
)
dated = st.builds(lambda status, body, date: Answer(status, body, {"Date": date}), statuses, bodies, dates)
quick = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


wan, provider = client()
wan._session.trust_env = False  # ten thousand looks at the environment take longer than the rest


def outcome(call: Callable[[WanClient], Any], answer: Answer) -> Any:
    """What a call comes to: its result, or None for one of the client's own errors. Both can be written down."""
    provider.plays, provider.asked, provider.settings = [answer], [], []
    result = None
    try:
        result = call(wan)
    except MotionDropError as error:
        for text in (str(error), getattr(error, "code", None), getattr(error, "message", None)):
            (text or "").encode()
    assert len(provider.asked) == 1
    return result


def check_query(answer: Answer) -> None:
    task = outcome(lambda wan: wan.query(TASK_ID), answer)
    if task is None:
        return
    assert isinstance(task, Task)
    assert task.video_duration is None or 0 <= task.video_duration < 1_000_000
    for text in (task.code, task.message, task.request_id, task.video_ratio, task.video_url):
        assert len((text or "").encode()) < 10_000


@settings(quick, max_examples=5_000)
@given(answers)
def test_any_variation_of_an_answer_to_query_is_a_task_or_an_error_of_the_client(answer: Answer) -> None:
    check_query(answer)


@settings(quick, max_examples=1_000)
@given(any_answers)
def test_any_bytes_for_an_answer_to_query_are_a_task_or_an_error_of_the_client(answer: Answer) -> None:
    check_query(answer)


@settings(quick, max_examples=500)
@given(answers | any_answers)
def test_any_answer_to_create_is_a_task_id_or_an_error_of_the_client(answer: Answer) -> None:
    created = outcome(lambda wan: wan.create(IMAGE_URL, VIDEO_URL, OPTIONS), answer)
    if created is None:
        return
    assert isinstance(created, Created)
    assert created.task_id in answer.content().decode()


@settings(quick, max_examples=500)
@given(dated)
def test_any_answer_to_list_is_a_page_or_an_error_of_the_client(answer: Answer) -> None:
    page = outcome(lambda wan: wan.list(), answer)
    if page is None:
        return
    assert isinstance(page, TaskPage)
    assert page.total >= 0
    with suppress(ValueError):
        assert len(page.rows) == len(json.loads(answer.content())["data"])


@settings(quick, max_examples=500)
@given(answers | any_answers)
def test_any_answer_to_cancel_is_an_acknowledgement_or_an_error_of_the_client(answer: Answer) -> None:
    assert outcome(lambda wan: wan.cancel(TASK_ID), answer) is None
