"""The pages in a real browser: they play, seek and download, on a desktop and on a phone, and nothing complains.

`REWRITE_SCREENSHOT=1` writes the README's picture anew.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from local.samples import draw_character, draw_dance
from local.stack import PROJECT
from motiondrop.web.links import Links
from tests.page.conftest import PHONE, Visit, link_in
from tests.support.driver import Driver, image, video

IMAGES = PROJECT / "docs" / "images"

PATIENCE = 120  # seconds: the first job of a fresh cloud, beside a browser that starts

PLAYING = "video => !video.paused && video.currentTime > 0.2 && video.readyState >= 2"
READY = "video => video.readyState >= 1"


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("samples")
    draw_character(folder / "a.png")
    draw_dance(folder / "a.mp4")
    return (folder / "a.png").read_bytes(), (folder / "a.mp4").read_bytes()


@pytest.fixture
def link(driver: Driver, samples: tuple[bytes, bytes]) -> str:
    """The link to a result; the same one for all tests, since the files are the same."""
    if not driver.emails("star"):
        driver.drop_pair("star", *samples)
    return link_in(driver.cloud.wait_for(lambda: driver.emails("star"), "the email", PATIENCE)[0])


def check_fits(page: Page) -> None:
    """Nothing is wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_video_plays_and_seeks(visit: Visit, link: str) -> None:
    page = visit.page
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("star")
    stage = page.locator(".stage video")
    wait_for(stage, READY)
    assert stage.evaluate("video => video.duration") == pytest.approx(5, abs=0.2)
    stage.evaluate("video => { video.muted = true; return video.play() }")
    wait_for(stage, PLAYING)
    stage.evaluate("video => { video.pause(); video.currentTime = 3.5 }")
    wait_for(stage, "video => !video.seeking && Math.abs(video.currentTime - 3.5) < 0.1 && video.readyState >= 2")
    check_fits(page)
    assert page.locator("figure img").evaluate("image => image.naturalWidth") == 480
    wait_for(page.locator("figure video"), READY)
    poster = page.locator("figure video").evaluate("video => video.poster")
    assert requests.get(poster, timeout=20).content[:2] == b"\xff\xd8"  # a JPEG


def test_the_stage_has_the_videos_own_shape_and_no_bars(visit: Visit, link: str) -> None:
    visit.page.goto(link)
    stage = visit.page.locator(".stage video")
    wait_for(stage, READY)
    shown, own = stage.evaluate(
        "video => [video.clientWidth / video.clientHeight, video.videoWidth / video.videoHeight]"
    )
    assert shown == pytest.approx(own, rel=0.02)


def test_times_are_the_readers_own(visit: Visit, link: str) -> None:
    visit.page.goto(link)
    shown = visit.page.locator("time").first
    expect(shown).to_have_attribute("title", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"))
    expect(shown).not_to_contain_text("UTC")


def test_the_link_is_copied_by_a_button_that_says_so(visit: Visit, link: str) -> None:
    page = visit.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(link)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[aria-live]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.evaluate(
        """() => {
            navigator.clipboard.writeText = () => Promise.reject(new Error());
            document.getElementById("copied").textContent = "";
        }"""
    )
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[aria-live]")).to_have_text("Copied")


def wait_for(locator: Any, script: str) -> None:
    """Wait until the script, given the element, says yes."""
    handle = locator.element_handle()
    handle.evaluate(
        f"""async element => {{
            const holds = {script};
            const end = performance.now() + 15000;
            while (!holds(element)) {{
                if (performance.now() > end) throw new Error("waited in vain, error " + element.error?.message);
                await new Promise(done => setTimeout(done, 50));
            }}
        }}"""
    )


def test_the_download_is_the_video_under_the_images_name(visit: Visit, link: str) -> None:
    visit.page.goto(link)
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "star.mp4"
    assert Path(download.value.path()).read_bytes()[4:8] == b"ftyp"


def test_a_page_left_open_overnight_still_plays(visit: Visit, link: str) -> None:
    """The signed address dies when part of the video is there; the page asks its own link for another and goes on."""
    page = visit.page
    whole = requests.get(link.replace("?", "/video?"), timeout=20).content
    first: list[str] = []
    refused: list[str] = []

    def answer(route: Route) -> None:
        """The first address gives what it is asked for of the first half and of the index at the end, then 403."""
        url = route.request.url
        first[:] = first or [url]
        start = int(route.request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        half = len(whole) // 2
        if url != first[0]:
            route.continue_()
        elif start >= half and whole.find(b"moov") < start:
            refused.append(url)
            route.fulfill(status=403)
        else:
            end = half if start < half else len(whole)
            span = f"bytes {start}-{end - 1}/{len(whole)}"
            headers = {"Content-Range": span, "Content-Type": "video/mp4", "Accept-Ranges": "bytes"}
            route.fulfill(status=206, headers=headers, body=whole[start:end])

    page.route("**/videos/*.mp4?*", answer)
    page.goto(link)
    stage = page.locator(".stage video")
    wait_for(stage, READY)
    page.wait_for_timeout(1100)  # an address is signed anew when its second is another
    stage.evaluate("video => { video.muted = true; video.currentTime = 4; return video.play().catch(() => 0) }")
    wait_for(stage, "video => video.src.includes('again=') && !video.error && video.currentTime >= 4")
    wait_for(stage, "video => video.ended")
    assert refused
    visit.complaints[:] = [complaint for complaint in visit.complaints if "403" not in complaint]


def test_a_job_that_has_not_ended_says_so_and_becomes_its_video_by_itself(visit: Visit, driver: Driver) -> None:
    driver.control("settings", task_seconds=600)
    width = visit.page.viewport_size
    assert width
    stem = f"running{width['width']}"
    driver.drop_pair(stem)
    arn = driver.wait_for_execution(stem, statuses=["RUNNING"])["executionArn"]
    driver.cloud.wait_for(lambda: driver.job(arn)["state"] == "RUNNING", "the task to run")
    secret = driver.stack.secretsmanager.get_secret_value(SecretId=f"{driver.stack.stack_name}/page-links")
    links = Links(driver.stack.result_page_url, lambda: secret["SecretString"])
    visit.page.clock.install()
    visit.page.goto(links.to(driver.job(arn)["job_id"]))
    expect(visit.page.get_by_role("status")).to_contain_text("Being animated")
    check_fits(visit.page)
    driver.control("clock", advance_seconds=600)
    driver.control("settings", task_seconds=0.2)
    assert driver.wait_for_execution(stem)["status"] == "SUCCEEDED"
    visit.page.clock.run_for(15_000)
    expect(visit.page.locator(".stage video")).to_be_visible()


def test_a_failed_job_says_why_what_it_cost_and_what_to_do(visit: Visit, driver: Driver) -> None:
    size = visit.page.viewport_size
    assert size
    stem = f"nobody{size['width']}"
    driver.control(
        "faults", on="create", times=1, kind="task_failed", after_seconds=0, code="InvalidImage.NoHuman", message="no"
    )
    driver.drop_pair(stem, image(), video())
    visit.page.goto(link_in(driver.wait_for_email(stem)))
    status = visit.page.get_by_role("status")
    for words in ("Failed", "no person in the image", "Nothing was charged", "To try again"):
        expect(status).to_contain_text(words)
    check_fits(visit.page)


def test_the_gallery_shows_a_still_of_each_video_and_leads_to_its_page(visit: Visit, driver: Driver, link: str) -> None:
    page = visit.page
    page.goto(driver.stack.gallery_url)
    card = page.get_by_role("link", name="star")
    picture = card.locator("img")
    picture.scroll_into_view_if_needed()
    wait_for(picture, "image => image.complete && image.naturalWidth > 0")
    check_fits(page)
    card.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("star")
    assert page.url == link


def test_a_wrong_link_shows_that_it_leads_nowhere(visit: Visit, link: str) -> None:
    visit.page.goto(link[:-1])
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Unknown link")
    check_fits(visit.page)
    assert all("404" in complaint for complaint in visit.complaints)  # the browser's own word on the answer
    visit.complaints.clear()


def test_everything_can_be_reached_and_named_without_eyes_or_mouse(visit: Visit, link: str) -> None:
    page = visit.page
    page.goto(link)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("video:not([aria-label]), img:not([alt])").count() == 0
    expect(page.get_by_role("main")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") in {"VIDEO", "A"}


def test_the_readmes_picture_can_be_taken(visit: Visit, link: str, tmp_path: Path) -> None:
    page = visit.page
    size = page.viewport_size
    assert size
    page.goto(link)
    stage = page.locator(".stage video")
    wait_for(stage, "video => video.readyState >= 2")
    stage.evaluate("video => { video.currentTime = 2.2 }")
    wait_for(stage, "video => !video.seeking && video.readyState >= 2")
    wait_for(page.locator("figure video"), "video => video.readyState >= 2")
    page.wait_for_timeout(500)
    name = "result-page.png" if size["width"] > PHONE["width"] else "result-page-phone.png"
    page.screenshot(
        path=(IMAGES if os.environ.get("REWRITE_SCREENSHOT") else tmp_path) / name, full_page=True, scale="css"
    )
