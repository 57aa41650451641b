"""What the links answer: the right page for the right link, the same 404 for all else, and no word unescaped."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motiondrop.aws.results import Results, attachment
from motiondrop.domain.job import Billing, End, Job, Limit, Result, State, Task, Verdict
from motiondrop.domain.reasons import EXPIRED
from motiondrop.storage.items import LEDGER, PAUSE, QUEUE
from motiondrop.storage.ledger import Ledger
from motiondrop.web.links import Address, Links
from motiondrop.web.pages import Filter, job_page
from motiondrop.web.rendering import asset
from motiondrop.web.response import Response
from motiondrop.web.result_page import Request, ResultPage
from tests.support.bench import Bench
from tests.support.builders import REGION, make_input, make_job

STATES = {
    State.PREPARING: "Being converted",
    State.QUEUED: "In the queue",
    State.ADMITTED: "Being sent",
    State.SUBMITTING: "Being sent",
    State.PENDING: "Waiting at the animation service",
    State.RUNNING: "Being animated",
    State.SAVING: "Being saved",
    State.FAILED: "Failed",
    State.CANCELED: "Canceled",
}


@pytest.fixture
def links() -> Links:
    return Links("https://example.com", lambda: "secret")


@pytest.fixture
def page(bench: Bench, links: Links) -> ResultPage:
    config = Config(region_name=REGION, signature_version="s3v4", s3={"addressing_style": "virtual"})  # as in parts
    s3 = boto3.client("s3", config=config)
    return ResultPage(
        jobs=bench.jobs,
        ledger=Ledger(bench.tables, bench.jobs),
        results=Results(s3, "results"),
        links=links,
        waiting=lambda: (bench.slots, bench.budget),
        clock=bench.clock,
    )


def result(bench: Bench, name: str = "hero") -> Job:
    job = make_job(name, bench.clock())
    key = f"videos/{job.job_id}"
    bench.jobs.record(
        make_job(
            name,
            bench.clock(),
            state=State.SUCCEEDED,
            billing=Billing(5.2, cost=624_000),
            result=Result(
                f"{key}.mp4", codec="h264", width=720, height=1280, frame_rate=30.0, sound=False, still=f"{key}.jpg"
            ),
        )
    )
    return bench.read(job)


def ask(page: ResultPage, job: Job, part: str = "", *, signature: str | None = None, **more: Any) -> Response:
    known = page.links.signature(job.job_id) if signature is None else signature
    return page.respond(Request(f"/{job.job_id}{part}", known, **more))


def test_the_page_shows_the_video_its_inputs_and_facts(bench: Bench, page: ResultPage) -> None:
    job = result(bench)
    answer = ask(page, job)
    assert answer.status == 200
    signature = page.links.signature(job.job_id)
    for part in ("video", "still", "download", "image", "reference", "poster"):
        assert f'"{job.job_id}/{part}?k={signature}"' in answer.body
    for fact in (
        "5.2 s",
        "standard",
        "$0.62",
        "720 x 1280 px",
        "<dd>none</dd>",
        "no sound, although",
        "2026-01-02",
        "AI-generated",
    ):
        assert fact in answer.body
    for fact in ("5.2 s</dd>", "<dd>standard</dd>", "$0.62"):
        assert answer.body.count(fact) == 1


def test_an_estimated_cost_is_told_as_one_on_the_page_and_in_the_gallery(bench: Bench, page: ResultPage) -> None:
    job = result(bench)
    bench.jobs.transition(job, None, billing=Billing(5.2, cost=624_000, estimated=True))
    body = ask(page, job).body
    assert "<dd>about 5.2 s</dd>" in body
    assert "<dd>about $0.62 (estimated from the length of your video)</dd>" in body
    gallery = page.respond(Request("/", page.links.to_gallery().partition("?k=")[2])).body
    assert "<small>about 5.2 s · about $0.62</small>" in gallery
    assert '<span class="badge">' not in gallery
    assert json.loads(ask(page, job, as_json=True).body)["cost_estimated"] is True


def test_the_headers_keep_the_page_to_itself(bench: Bench, page: ResultPage) -> None:
    headers = ask(page, result(bench)).headers
    policy = headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    assert set(re.findall(r"https?://[^ ;]+", policy)) == {page.results.origin}
    assert "results" in page.results.origin


@pytest.mark.parametrize("part", ["video", "download", "still", "image", "picture", "reference", "poster"])
def test_media_are_redirects_to_freshly_signed_urls_of_the_bucket(bench: Bench, page: ResultPage, part: str) -> None:
    answer = ask(page, result(bench), f"/{part}")
    assert answer.status == 302
    assert answer.headers["Location"].startswith(page.results.origin)
    assert "X-Amz-Signature=" in answer.headers["Location"]
    assert ("attachment" in answer.headers["Location"]) == (part == "download")


def test_json_is_what_a_program_gets(bench: Bench, page: ResultPage) -> None:
    job = result(bench)
    answer = ask(page, job, as_json=True)
    assert answer.headers["Content-Type"] == "application/json"
    said = json.loads(answer.body)
    assert (said["state"], said["seconds"], said["cost_usd"]) == ("SUCCEEDED", 5.2, 0.624)
    assert said["sound"] is False
    assert said["video"].startswith(f"{job.job_id}/video?k=")


@pytest.mark.parametrize(("state", "words"), STATES.items())
def test_a_job_without_a_video_says_where_it_is(bench: Bench, page: ResultPage, state: State, words: str) -> None:
    assert set(State) == {*STATES, State.SUCCEEDED}
    job = make_job("hero", bench.clock(), state=state, verdict=Verdict("MediaUnfit" if state == State.FAILED else None))
    bench.jobs.record(job)
    answer = ask(page, job)
    assert answer.status == 200
    assert words in answer.body
    assert "/video?" not in answer.body
    assert ("data-open" in answer.body) == (not job.closed)
    assert ("720p at 15 frames per second" in answer.body) == (not job.closed)
    assert ("1 to 10 minutes" in answer.body) == (not job.closed and state not in {State.QUEUED, State.SAVING})
    assert ('class="state failed"' in answer.body) == (state == State.FAILED)
    assert "AI-generated" not in answer.body
    assert ask(page, job, "/video").status == 404
    if job.closed:
        assert "Nothing was charged" in answer.body


def test_a_job_in_the_queue_says_its_place_and_when_it_is_likely_ready(bench: Bench, page: ResultPage) -> None:
    for number in range(5):
        job, _ = bench.in_queue(f"job{number}")  # two of them get a slot
        bench.clock.pass_(seconds=1)
    body = ask(page, job).body
    assert "number 3 in the queue. It should be ready in 2 to 50 minutes" in body
    assert "next in the queue" in ask(page, bench.job_named("job2")).body
    bench.tables.queue(QUEUE, PAUSE).save()
    body = ask(page, job).body
    assert "paused the queue" in body
    assert "should be ready" not in body


def test_a_job_that_waits_for_tomorrows_budget_says_so(bench: Bench, page: ResultPage) -> None:
    job = bench.job("hero", limit=Limit("ada", 0))
    assert (
        "There is not enough budget left today for this animation. It will be made after 00:00 UTC, when"
        in ask(page, job).body
    )


def test_once_there_are_results_their_times_are_the_estimate(bench: Bench, page: ResultPage) -> None:
    job = bench.job("hero", state=State.RUNNING, task=Task(id="task", scheduled_at=bench.clock()))
    bench.tables.ledger(LEDGER, "RESULTS", results=1, milliseconds=10_000, work=1_200_000).save()
    assert "ready in 6 to 17 minutes" in ask(page, job).body


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "ready in 1 to 10 minutes"), (4, "ready in 1 to 6 minutes"), (11, "longer than usual")]
)
def test_a_running_job_says_when_it_is_likely_ready(bench: Bench, page: ResultPage, minutes: int, words: str) -> None:
    task = Task(id="task", scheduled_at=bench.clock() - timedelta(minutes=minutes))
    assert words in ask(page, bench.job(state=State.RUNNING, task=task)).body


def test_a_failed_job_says_once_how_to_try_again_and_whether_that_is_charged(bench: Bench, page: ResultPage) -> None:
    unfit = ask(page, bench.job("a", state=State.FAILED, verdict=Verdict("ContentRefused"))).body
    assert "To try again, drop the new file under the same name." in unfit
    assert unfit.count("To try again") == 1
    lost = bench.job("b", state=State.FAILED, task=Task("task"), closing=End(EXPIRED))
    assert "This makes a new animation, which is charged separately." in ask(page, lost).body


def test_a_stopped_job_says_that_it_is_being_canceled(bench: Bench, page: ResultPage) -> None:
    body = ask(page, bench.job(state=State.RUNNING, stopped=True)).body
    assert "Being canceled" in body
    assert "it will be finished, charged and saved" in body


def test_a_file_that_is_not_converted_yet_is_shown_by_its_poster(bench: Bench, page: ResultPage) -> None:
    job = make_job("hero", bench.clock(), state=State.PREPARING)
    bench.jobs.record(replace(job, image=replace(job.image, copy=None), video=replace(job.video, copy=None)))
    body = ask(page, job).body
    assert "/picture?k=" in body
    assert '<img alt="The first frame of the video"' in body
    assert "<video" not in body
    assert ask(page, job, "/poster").status == 302


def test_a_link_without_a_question_mark_opens_the_same_page_and_its_media(bench: Bench, page: ResultPage) -> None:
    job = result(bench)
    url = page.links.in_path(job.job_id)
    path = url.removeprefix("https://example.com")
    signature = path.rpartition("/")[2]
    answer = page.respond(Request(path))
    assert answer.status == 200
    assert f'src="{signature}/video"' in answer.body
    assert 'href="../icon.svg"' in answer.body
    assert page.respond(Request(f"{path}/video")).status == 302
    assert json.loads(page.respond(Request(path, as_json=True)).body)["video"] == f"{signature}/video"
    for wrong in (path[:-1], f"{path}0", f"{path}/video/video", f"/{job.job_id}/video", f"/{job.job_id}/"):
        assert page.respond(Request(wrong)).status == 404


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hero.mp4", 'attachment; filename="hero.mp4"'),
        ("Oma Grüße.mp4", "attachment; filename=\"Oma Grusse.mp4\"; filename*=UTF-8''Oma%20Gr%C3%BC%C3%9Fe.mp4"),
        ("踊る.mp4", "attachment; filename=\"__.mp4\"; filename*=UTF-8''%E8%B8%8A%E3%82%8B.mp4"),
        ('a"; b\r\n\\c.mp4', "attachment; filename=\"a__ b _c.mp4\"; filename*=UTF-8''a_%3B%20b%20_c.mp4"),
    ],
)
def test_a_download_is_named_after_the_image_whatever_it_is_called(name: str, said: str) -> None:
    assert attachment(name) == said


@pytest.mark.parametrize("as_json", [False, True])
def test_everything_that_is_wrong_gets_the_very_same_404(bench: Bench, page: ResultPage, *, as_json: bool) -> None:
    job = result(bench)
    other = page.links.signature("other-0123456789abcdef0123")
    right = page.links.signature(job.job_id)
    gallery = page.links.to_gallery().partition("?k=")[2]
    wrong = [
        ask(page, job, signature=signature, as_json=as_json)
        for signature in ("", right[:-1], right + "0", "x" * 32, "ü" * 32, other, gallery)
    ]
    wrong += [
        page.respond(Request("/other-0123456789abcdef0123", other, as_json=as_json)),
        page.respond(Request("/", right, as_json=as_json)),
        page.respond(Request("/", "", as_json=as_json)),
        page.respond(Request("//..//", right, as_json=as_json)),
        ask(page, job, "/result", as_json=as_json),
        ask(page, job, "/video/video", as_json=as_json),
    ]
    assert {answer.status for answer in wrong} == {404}
    assert len({(answer.body, tuple(answer.headers.items())) for answer in wrong}) == 1


def test_without_a_right_signature_nothing_is_looked_up(page: ResultPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(page.jobs), "get", lambda *_: pytest.fail("the table was asked"))
    assert page.respond(Request("/hero-0123456789abcdef0123", "x" * 32)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_link_is_only_read(bench: Bench, page: ResultPage, method: str) -> None:
    assert ask(page, result(bench), method=method).status == 405


def test_the_gallery_lists_the_jobs_newest_first_with_total_and_pages(bench: Bench, page: ResultPage) -> None:
    for number in range(30):
        result(bench, f"job{number:02d}")
    query = page.links.to_gallery().partition("?k=")[2]
    first = page.respond(Request("/", query))
    assert re.findall(r"(job\d+)</b>", first.body) == [f"job{number:02d}" for number in range(29, 5, -1)]
    assert "0 results so far" in first.body
    older = re.search(r"after=([0-9a-f-]+)", first.body)
    assert older
    second = page.respond(Request("/", query, after=older.group(1)))
    assert re.findall(r"(job\d+)</b>", second.body) == [f"job{number:02d}" for number in range(5, -1, -1)]
    assert "Older" not in second.body
    said = json.loads(page.respond(Request("/", query, as_json=True)).body)
    assert len(said["jobs"]) == 24
    assert said["older"].endswith(older.group(1))


def gallery_names(page: ResultPage, **shown: str) -> list[str]:
    query = page.links.to_gallery().partition("?k=")[2]
    event = {"queryStringParameters": {"k": query, **shown}, "rawPath": "/"}
    return re.findall(r">([^<]+)</b>", page.respond(Request.of(event)).body)


def test_the_gallery_is_filtered_by_folder_and_state(bench: Bench, page: ResultPage) -> None:
    result(bench, "team/one")
    bench.job("team/two")
    bench.job("Other/three", state=State.FAILED)
    assert gallery_names(page) == ["three", "two", "one"]
    assert gallery_names(page, folder="TEAM") == ["two", "one"]
    assert gallery_names(page, folder="team/", state="ready") == ["one"]
    assert gallery_names(page, state="open") == ["two"]
    assert gallery_names(page, state="failed") == ["three"]
    assert gallery_names(page, state="canceled") == []
    assert gallery_names(page, state="nonsense") == ["three", "two", "one"]
    shown = Filter('"><script>', "ready")
    body = page.respond(Request("/", page.links.to_gallery().partition("?k=")[2], shown=shown)).body
    assert "Searched the newest 3 jobs. Found: 0." in body
    assert '"><script>' not in body.partition("<main>")[2].partition("</main>")[0]


def test_a_card_has_one_badge_both_names_of_a_shared_file_and_a_picture(bench: Bench, page: ResultPage) -> None:
    image, video = make_input("f/a.png", "a"), make_input("f/dance.mp4", "v", seconds=5.2)
    bench.job(image=image, video=video, drops=frozenset({image.key, video.key}))
    body = page.respond(Request("/", page.links.to_gallery().partition("?k=")[2])).body
    assert re.findall(r'class="badge">([^<]+)<', body) == ["In the queue"]
    assert gallery_names(page) == ["a × dance"]  # noqa: RUF001
    assert "inputs/poster.jpg" in body
    assert ">f/</small>" in body


def test_an_empty_gallery_says_how_to_begin(page: ResultPage) -> None:
    assert (
        "To begin, drop an image and a video"
        in page.respond(Request("/", page.links.to_gallery().partition("?k=")[2])).body
    )


def test_the_icon_needs_no_link(page: ResultPage) -> None:
    answer = page.respond(Request("/icon.svg"))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"


class _Tags(HTMLParser):
    """What a browser would make of a page: its elements with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, frozenset[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, frozenset(name for name, _ in attrs)))


def tags(page: str) -> list[tuple[str, frozenset[str]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;"]))
def test_no_name_and_no_reason_adds_an_element_or_attribute(bench: Bench, text: str) -> None:
    def page(words: str) -> str:
        image = make_input(f"{words}/{words}.png", "i")
        video = make_input(f"{words}/{words}.mp4", "v", seconds=5.2)
        return job_page(
            make_job(
                "a", bench.clock(), image=image, video=video, state=State.FAILED, closing=End(words, bench.clock())
            ),
            Address("a", "k"),
            "",
        )

    assert tags(page(f"a{text}b".replace("/", ""))) == tags(page("ab"))


def test_style_and_script_are_small_and_hold_nothing_that_ends_them() -> None:
    assert len(asset("page.css") + asset("page.js")) < 12_000
    assert "</" not in asset("page.css")
    assert "</" not in asset("page.js")
