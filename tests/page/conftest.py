"""A real browser that looks at the pages of a local cloud."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.support.browser import MISSING, find

expect.set_options(timeout=30_000)  # milliseconds, on a busy machine

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 740}


@dataclass
class Visit:
    """A page in the browser, and all that went wrong in it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        self.requests.append(request.url)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find()
    if executable is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
            downloads_path=tmp_path_factory.mktemp("downloads"),
        )
        yield browser
        browser.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """An empty page of a browser that has never been here, on a desktop and on a phone."""
    with browser.new_context(
        viewport=request.param, device_scale_factor=2, is_mobile=request.param is PHONE
    ) as context:
        page = context.new_page()
        visit = Visit(page)
        page.on("console", visit.hear)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("request", visit.see)
        yield visit
    assert visit.complaints == []


def link_in(email: str) -> str:
    """The link to the job's page that an email has."""
    return next(line.split()[-1] for line in email.splitlines() if line.startswith(("Watch or download:", "Details:")))
