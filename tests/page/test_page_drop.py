"""The drop page in a real browser: from an empty folder to a playing result, on a desktop and on a phone.

`REWRITE_SCREENSHOT=1` writes the README's picture anew.
"""

import os
import re
import uuid
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from local.samples import draw_character, draw_dance
from local.stack import PROJECT
from tests.page.conftest import PHONE, Visit
from tests.support.driver import Driver

AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"

REFRESH = "refresh()"
CONSENT = "I have permission to use the likeness of the people in the image and the video."


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("drop-page")
    draw_character(folder / "dancer.png")
    # Other tests on this cloud draw the same character, and its job would be known from their folders.
    with Image.open(folder / "dancer.png") as character:
        character.putpixel((0, 0), tuple(uuid.uuid4().bytes[:3]))
        character.save(folder / "dancer.png")
    draw_dance(folder / "dancer.mp4")
    return folder / "dancer.png", folder / "dancer.mp4"


@pytest.fixture
def folder() -> str:
    return f"link-{uuid.uuid4().hex[:8]}/"


@pytest.fixture
def link(driver: Driver, folder: str) -> str:
    return driver.new_drop_link(folder)


def check_accessible(page: Page) -> None:
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "axe.run().then((result) => result.violations.map((one) => [one.id, one.nodes.map((n) => n.html)]))"
    )
    assert found == []


def choose(page: Page, files: tuple[Path, Path]) -> None:
    page.set_input_files("#files", [str(path) for path in files])
    expect(page.locator("#price")).to_contain_text("About $0.60 for 5.0 seconds")


def until_it_says(page: Page, text: str) -> None:
    """Look again and again, as the page does itself every quarter of a minute."""
    for _ in range(240):
        page.evaluate(REFRESH)
        if text in page.locator("#list").inner_text():
            return
        page.wait_for_timeout(500)
    pytest.fail(f"the list never said {text!r}: {page.locator('#list').inner_text()}")


def test_two_files_become_a_playing_result(visit: Visit, link: str, files: tuple[Path, Path]) -> None:
    page = visit.page
    page.goto(link)
    expect(page.locator("#list")).to_contain_text("Nothing here yet.")
    check_accessible(page)
    choose(page, files)
    check_accessible(page)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("confirm that you have permission to use")
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Upload").click()
    until_it_says(page, "Ready")
    video = page.locator(".entry video")
    video.evaluate("video => { video.muted = video.loop = true; return video.play(); }")
    for _ in range(100):
        if video.evaluate("video => video.currentTime > 0.3"):
            break
        page.wait_for_timeout(100)
    page.evaluate(REFRESH)
    assert video.evaluate("video => !video.paused"), "looking again stops no video"
    if page.viewport_size != PHONE:  # the second time the job is known from another folder, so it has no link here
        page.get_by_role("button", name="Copy link").click()
        expect(page.locator(".entry [aria-live]")).to_contain_text(re.compile("Copied|http"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "dancer.mp4"
    if "REWRITE_SCREENSHOT" in os.environ and page.viewport_size == PHONE:
        page.evaluate("document.querySelector('h1').textContent = 'ada'")
        page.screenshot(path=PROJECT / "docs" / "images" / "drop-page-phone.png", full_page=True, scale="css")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        check_accessible(page)
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_end_beyond_the_clip_is_told_with_the_clips_length(visit: Visit, link: str) -> None:
    visit.page.goto(link)
    problem = "partProblem({ file: { name: 'clip.mp4' }, seconds: 50.02, start: 20, end: %d })"
    assert visit.page.evaluate(problem % 60) == "clip.mp4 is only 50 seconds long. Set the end to 50 seconds or less."
    assert visit.page.evaluate(problem % 21).startswith("For clip.mp4, choose a start and an end")
    assert visit.page.evaluate(problem % 50) == ""


def test_an_upload_that_breaks_off_begins_again_by_itself(visit: Visit, link: str, files: tuple[Path, Path]) -> None:
    page = visit.page
    broken: list[str] = []

    def break_off(route: Route) -> None:
        if route.request.method == "PUT" and len(broken) < 2:
            broken.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/*", break_off)
    page.goto(link)
    choose(page, files)
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#chosen")).to_contain_text("The upload was interrupted")
    until_it_says(page, "dancer.mp4")
    assert len(broken) == 2
    assert all("ERR_FAILED" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


def test_a_file_that_arrived_although_the_answer_was_lost_is_told_of_in_words(
    visit: Visit, link: str, folder: str, driver: Driver, files: tuple[Path, Path]
) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "PUT" and not lost:
            lost.append(route.request.url)
            body = files[0].read_bytes()
            driver.stack.s3.put_object(Bucket=driver.stack.inbox_bucket, Key=f"{folder}dancer.png", Body=body)
            route.abort()
        else:
            route.continue_()

    page = visit.page
    page.route("**/*", lose)
    page.goto(link)
    page.set_input_files("#files", str(files[0]))
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Upload").click()
    until_it_says(page, "Waiting for a video")
    assert lost
    expect(page.locator("#chosen")).to_contain_text("If it is your new file, the upload worked")
    visit.complaints.clear()  # the browser mentions the 412


def test_a_name_that_is_taken_is_replaced_only_when_asked(
    visit: Visit, link: str, folder: str, driver: Driver, files: tuple[Path, Path]
) -> None:
    driver.stack.s3.put_object(Bucket=driver.stack.inbox_bucket, Key=f"{folder}dancer.png", Body=b"GIF89a")
    page = visit.page
    page.goto(link)
    page.set_input_files("#files", str(files[0]))
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#chosen")).to_contain_text("This folder already has a file with this name.")
    page.get_by_role("button", name="Replace it").click()
    until_it_says(page, "Waiting for a video")
    visit.complaints.clear()  # the browser itself mentions the 412


def test_a_file_that_waits_is_deleted(visit: Visit, link: str, files: tuple[Path, Path]) -> None:
    page = visit.page
    page.goto(link)
    page.set_input_files("#files", str(files[0]))
    page.get_by_label(CONSENT).check()
    page.get_by_role("button", name="Upload").click()
    until_it_says(page, "Waiting for a video")
    page.get_by_role("button", name="Delete dancer.png").click()
    until_it_says(page, "Nothing here yet.")
