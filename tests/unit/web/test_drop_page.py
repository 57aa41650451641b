"""What a drop link answers: its own folder and nothing else, and nothing at all without one."""

import json
import random
import re
import unicodedata
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest
from botocore.config import Config

from motiondrop.aws.results import Results
from motiondrop.aws.uploads import Uploads
from motiondrop.domain.formats import Kind
from motiondrop.domain.job import Billing, Job, Limit, Result, State
from motiondrop.storage.drop_links import DropLinks
from motiondrop.storage.drops import Drop
from motiondrop.storage.ledger import Ledger
from motiondrop.web.drop_page import DropPage, Request
from motiondrop.web.links import Links
from motiondrop.web.response import Response
from tests.support.bench import Bench
from tests.support.builders import PRICES, REGION, make_input

IMAGE = {"name": "hero.png", "size": 1000, "mode": "wan-std"}
CLIP = {"name": "hero.mp4", "size": 1000}
PERMANENT = Links("https://results.example.com", lambda: "secret")


@pytest.fixture
def links(bench: Bench) -> DropLinks:
    return DropLinks(bench.tables, bench.clock)


@pytest.fixture
def page(bench: Bench, links: DropLinks) -> DropPage:
    s3 = boto3.client("s3", config=Config(region_name=REGION, signature_version="s3v4"))
    return DropPage(
        drop_links=links,
        drops=bench.drops,
        jobs=bench.jobs,
        links=PERMANENT,
        slots=bench.slots,
        budget=bench.budget,
        ledger=Ledger(bench.tables, bench.jobs),
        results=Results(s3, "results"),
        uploads=Uploads(s3, "inbox"),
        prices=PRICES,
        mode="wan-std",
        model="wan2.2-animate-move",
        clock=bench.clock,
    )


@pytest.fixture
def token(links: DropLinks) -> str:
    return links.create("ada/", 30, 10_000_000, "ada@example.com")[1]


def get(page: DropPage, token: str, *parts: str, **query: str) -> Response:
    return page.respond(Request("GET", token, parts, query))


def post(page: DropPage, token: str, what: str, asked: Any) -> Response:
    return page.respond(Request("POST", token, (what,), body=json.dumps(asked)))


def dropped(bench: Bench, job: Job, *keys: str) -> None:
    """Record drops at these keys with the job, as `submit` does."""
    for key in keys:
        kind = Kind.IMAGE if key.endswith(".png") else Kind.VIDEO
        media = job.image if kind is Kind.IMAGE else job.video
        bench.drops.record(Drop(key, kind, "etag", media=media))
        assert bench.drops.add_job(key, job.job_id, media.digest)


def done(bench: Bench, name: str = "hero") -> Job:
    return bench.job(
        name,
        state=State.SUCCEEDED,
        billing=Billing(5.2, "wan-std", 624_000),
        result=Result(f"videos/{name}.mp4", still=f"videos/{name}.jpg"),
    )


# --- Who gets in ---


def test_forged_expired_revoked_and_foreign_links_all_get_the_same_404(
    page: DropPage, links: DropLinks, bench: Bench, token: str
) -> None:
    dice = random.Random(7)  # noqa: S311  # no secret
    link_id, _, secret = token.partition(".")
    expired, revoked = links.create("ada/", 1, 1)[1], links.create("ada/", 1, 1)
    links.revoke(revoked[0].link_id)
    bench.clock.pass_(days=1)
    bad = [expired, revoked[1], "", ".", "..", link_id, f"{link_id}.", f".{secret}", token[:-1], token + "x", "%00"]
    while len(bad) < 200:
        place = dice.randrange(len(token))
        changed = token[:place] + dice.choice("abcdefXYZ0129-_.") + token[place + 1 :]
        bad += [changed] if changed != token else []
    unknown = get(page, "nothing")
    assert unknown.status == 404
    for forged in bad:
        for request in (Request("GET", forged), Request("POST", forged, ("upload",), body=json.dumps(IMAGE))):
            answer = page.respond(request)
            assert (answer.status, answer.body) == (404, unknown.body)
    assert get(page, token).status == 200


def test_what_is_signed_lies_in_the_links_folder_whatever_the_name(page: DropPage, token: str) -> None:
    names: list[Any] = [
        "../bob/hero.png",
        "/hero.png",
        "a/b.png",
        "..\\hero.png",
        "",
        "..",
        ".png",
        None,
        7,
        ["hero.png"],
    ]
    names += [
        "he\x00ro.png",
        "he\nro.png",
        "\u202ehero.png",
        "x" * 1030 + ".png",
        "hero.exe",
        "\ud800.png",
        ".hidden.png",
    ]
    for name in names:
        assert post(page, token, "upload", IMAGE | {"name": name}).status == 400, name
        if not isinstance(name, str) or not name or "/" in name or name == "\ud800.png":
            assert post(page, token, "remove", {"name": name}).status == 400, name
    for name in ("hero.png", "hero ü.png", "%2e%2e%2fbob.png", "a?b#c.png", "..hero.png"[2:], "über hero (1).PNG"):
        answer = post(page, token, "upload", IMAGE | {"name": name})
        path = urlsplit(json.loads(answer.body)["url"]).path
        assert path.endswith(f"/ada/{quote(unicodedata.normalize('NFC', name))}")


def test_an_upload_signs_key_length_type_and_metadata_and_replaces_nothing(page: DropPage, token: str) -> None:
    upload = json.loads(post(page, token, "upload", IMAGE).body)
    signed = parse_qs(urlsplit(upload["url"]).query)["X-Amz-SignedHeaders"][0].split(";")
    assert {"content-length", "content-type", "if-none-match", "x-amz-meta-mode", "x-amz-meta-motiondrop-link"} <= {
        *signed
    }
    assert upload["headers"] == {
        "Content-Type": "image/png",
        "If-None-Match": "*",
        "x-amz-meta-mode": "wan-std",
        "x-amz-meta-motiondrop-link": token.partition(".")[0],
    }
    replacing = json.loads(post(page, token, "upload", IMAGE | {"replace": True}).body)
    assert "If-None-Match" not in replacing["headers"]
    clip = json.loads(post(page, token, "upload", CLIP | {"trim": "3-20"}).body)
    assert clip["headers"]["x-amz-meta-trim"] == "3-20"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (IMAGE | {"size": 0}, "empty"),
        (IMAGE | {"size": 60_000_000}, "50 MB"),
        (IMAGE | {"size": True}, "size"),
        (IMAGE | {"size": "1"}, "size"),
        (IMAGE | {"mode": "wan-max"}, "wan-std or wan-pro"),
        (CLIP | {"trim": "20-3"}, "does not keep 2 to 30 s"),
        (CLIP | {"name": "hero.txt"}, "file type is not supported"),
        ([], "does not understand"),
        ("x", "does not understand"),
    ],
)
def test_what_cannot_be_taken_is_said_before_it_is_uploaded(page: DropPage, token: str, asked: Any, said: str) -> None:
    answer = post(page, token, "upload", asked)
    assert answer.status == 400
    assert said in json.loads(answer.body)["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_and_paths_do_nothing(page: DropPage, token: str, method: str) -> None:
    assert page.respond(Request(method, token)).status == 404
    assert get(page, token, "list", "more").status == 404
    assert get(page, token, "upload").status == 404
    assert post(page, token, "list", {}).status == 404


# --- What is there ---


def test_the_list_shows_this_folders_names_only_also_of_a_job_that_folders_share(
    page: DropPage, bench: Bench, token: str
) -> None:
    job = done(bench)
    dropped(bench, job, "ada/mine.png", "ada/mine.mp4", "bob/secret-name.png", "bob/secret-name.mp4")
    text = get(page, token, "list").body
    assert "mine.png" in text
    assert "secret-name" not in text
    assert "Ready" in text
    assert "0.62" in text


def test_a_result_is_reached_over_a_file_of_the_folder_that_has_it(page: DropPage, bench: Bench, token: str) -> None:
    job, foreign = done(bench), done(bench, "foreign")
    dropped(bench, job, "ada/hero.png")
    dropped(bench, foreign, "bob/foreign.png")
    location = get(page, token, "video", name="hero.png", job=job.job_id).headers["Location"]
    assert "/videos/hero.mp4" in location
    download = get(page, token, "download", name="hero.png", job=job.job_id).headers["Location"]
    assert "hero.mp4" in parse_qs(urlsplit(download).query)["response-content-disposition"][0]
    assert get(page, token, "still", name="hero.png", job=job.job_id).status == 302
    for name, asked in (("hero.png", foreign), ("foreign.png", foreign), ("../bob/foreign.png", foreign)):
        assert get(page, token, "video", name=name, job=asked.job_id).status in {400, 404}
    assert get(page, token, "video", name="hero.png", job="no job").status == 404
    assert get(page, token, "poster", name="hero.png").status == 302
    assert get(page, token, "poster", name="foreign.png").status == 404


def test_a_name_as_another_tool_wrote_it_is_reached_as_it_is(page: DropPage, bench: Bench, token: str) -> None:
    for name in (unicodedata.normalize("NFD", "über.png"), "Screenshot 9.41\u202fAM.png"):
        bench.drops.record(Drop(f"ada/{name}", Kind.IMAGE, "e", media=make_input(f"ada/{name}", "i")))
        assert get(page, token, "poster", name=name).status == 302
        assert post(page, token, "upload", IMAGE | {"name": name}).status == 200


def test_a_link_with_a_slash_at_its_end_finds_its_own_parts(page: DropPage, token: str) -> None:
    event = {"rawPath": f"/{token}/", "requestContext": {"http": {"method": "GET"}}}
    assert 'data-base="."' in page.respond(Request.of(event)).body
    assert f'data-base="{token}"' in page.respond(Request.of(event | {"rawPath": f"/{token}"})).body


def test_names_are_escaped_wherever_they_stand(page: DropPage, bench: Bench, token: str) -> None:
    name = "\"><script>alert(1)<script>&'.png"
    bench.drops.record(Drop(f"ada/{name}", Kind.IMAGE, "e", media=make_input(f"ada/{name}", "i")))
    for text in (get(page, token).body, get(page, token, "list").body):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;script&gt;" in text


def test_a_file_without_a_job_says_what_it_waits_for_or_why_it_was_rejected(
    page: DropPage, bench: Bench, token: str
) -> None:
    bench.drops.record(Drop("ada/a.png", Kind.IMAGE, "e", media=make_input("ada/a.png", "i")))
    bench.drops.tell("ada/a.png", "waiting for a video")
    bench.drops.record(
        Drop("ada/b.png", Kind.IMAGE, "e", rejected="image is 180 px wide - needs at least 200 px on each side")
    )
    text = get(page, token, "list").body
    assert "Waiting for a video." in text
    assert "The image is 180 px wide. It needs at least 200 px on each side." in text
    assert "Nothing was charged." in text


@pytest.mark.parametrize(
    ("state", "button", "sent"),
    [
        (State.PREPARING, "Cancel and delete hero.png", False),
        (State.QUEUED, "Cancel and delete hero.png", False),
        (State.RUNNING, "Delete hero.png", True),
        (State.SUCCEEDED, "Delete hero.png", False),
    ],
)
def test_a_button_says_whether_deleting_a_file_cancels_its_job(
    page: DropPage, bench: Bench, token: str, state: State, button: str, *, sent: bool
) -> None:
    dropped(bench, bench.job(state=state), "ada/hero.png", "ada/hero.mp4")
    text = get(page, token, "list").body
    assert f">{button}</button>" in text
    assert ("It will be finished and charged even if you delete its files" in text) is sent


def test_what_was_converted_is_said_with_the_files_name(page: DropPage, bench: Bench, token: str) -> None:
    job = bench.job()
    video = replace(
        job.video, converted=("H.265 to H.264", "3840x2160 to 2048x1152 px"), notes=("its sound is left out",)
    )
    dropped(bench, replace(job, video=video), "ada/hero.png", "ada/hero.mp4")
    text = get(page, token, "list").body
    assert "hero.mp4 was converted: H.265 to H.264, 3840x2160 to 2048x1152 px." in text
    assert "hero.mp4: its sound is left out." in text


def test_a_waiting_job_says_its_place_and_an_estimate_or_why_nothing_is_sent(
    page: DropPage, bench: Bench, token: str
) -> None:
    for number in range(3):
        bench.job(f"ahead{number}")
        bench.clock.pass_(seconds=1)
    job = bench.job()
    dropped(bench, job, "ada/hero.png", "ada/hero.mp4")
    assert "It is number 4 in the queue. It should be ready in 3 to 60 minutes." in get(page, token, "list").body
    bench.tables.queue("QUEUE", "PAUSE").save()
    assert "paused the queue" in get(page, token, "list").body


def test_a_result_offers_its_permanent_link_unless_its_page_names_another_folders_file(
    page: DropPage, bench: Bench, token: str
) -> None:
    job = done(bench)
    dropped(bench, job, "ada/hero.png", "ada/hero.mp4")
    assert PERMANENT.to(job.job_id) not in unescape(get(page, token, "list").body)
    own = bench.job("ada/own", state=State.SUCCEEDED, result=Result("videos/own.mp4"))
    dropped(bench, own, "ada/own.png", "ada/own.mp4")
    assert PERMANENT.to(own.job_id) in unescape(get(page, token, "list").body)


def test_of_two_waiting_jobs_only_the_one_without_room_in_its_links_budget_says_so(
    page: DropPage, bench: Bench, token: str
) -> None:
    for name, limit in (("spent", Limit("other", 0)), ("open", None)):
        dropped(bench, bench.job(name, limit=limit), f"ada/{name}.png", f"ada/{name}.mp4")
        bench.clock.pass_(seconds=1)
    newest, older = get(page, token, "list").body.split("</li>")[:2]
    assert "It is number 2 in the queue." in newest
    assert "There is not enough budget left today for this animation. It will be made after 00:00 UTC" in older


def test_newest_files_come_first_and_no_more_than_fifty(page: DropPage, bench: Bench, token: str) -> None:
    for number in range(60):
        key = f"ada/{number:03d}.png"
        bench.drops.record(Drop(key, Kind.IMAGE, "e", media=make_input(key, "i")))
        bench.clock.pass_(seconds=1)
    names = re.findall(r'data-id="ada/(\d+).png"', get(page, token, "list").body)
    assert names == [f"{number:03d}" for number in range(59, 9, -1)]


def test_a_look_at_the_list_reads_little(page: DropPage, bench: Bench, token: str) -> None:
    """20 open pages make 4,800 looks an hour; see benchmarks/cost.py for what a read costs."""
    for name in ("a", "b", "c"):
        dropped(bench, done(bench, name), f"ada/{name}.png", f"ada/{name}.mp4")
    calls: list[str] = []
    bench.client.meta.events.register("before-call.dynamodb.*", lambda model, **_: calls.append(model.name))
    get(page, token, "list")
    assert len(calls) <= 5


def test_the_policy_lets_the_page_run_its_own_script_and_reach_its_two_buckets_only(page: DropPage, token: str) -> None:
    answer = get(page, token)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self' https://" in policy
    assert not re.search(r"\son\w+=", answer.body.partition("<script>")[0])
