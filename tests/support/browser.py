"""`python -m tests.support.browser`: find a browser to test the pages in, or else install one.

The system's package manager is tried first, if that needs no password: Debian has Chromium without its window, which
takes half the time. If that gives none, Playwright's own is installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = (
    "The pages are tested in a real browser, and none could be installed. Install Chromium with your system's package"
    " manager, for example `sudo apt-get install chromium`, and run `make test` again."
)


def find() -> str | None:
    """The path of a browser: the system's, or Playwright's own; None where there is neither."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> bool:
    """Install a browser; return whether there is one now. Print each way that is tried."""
    ways: list[tuple[str, list[Sequence[str]]]] = []
    if shutil.which("apt-get") and (root := _root_without_password()) is not None:
        update = [*root, "apt-get", "update", "-qq"]
        ways.append(("the system's Chromium, with apt-get", [update, [*root, *_APT_INSTALL]]))
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    if _is_root():
        playwright.append("--with-deps")  # the libraries it needs, by apt-get
    ways.append(("Playwright's Chromium", [playwright]))
    for what, commands in ways:
        print(f"  {what}", file=sys.stderr, flush=True)  # noqa: T201  # a program for a terminal
        if all(_ran(command) for command in commands) and find():
            return True
    return False


_APT_INSTALL = ("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "chromium-headless-shell")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _root_without_password() -> Sequence[str] | None:
    """What to write before a command so that it runs as root; None where that would need a password."""
    if _is_root():
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and _ran([sudo, "-n", "true"]) else None


def _ran(command: Sequence[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(  # noqa: S603  # our own words
        list(command), check=False, stdin=subprocess.DEVNULL, capture_output=True, env=environment
    )
    return ran.returncode == 0


def main() -> int:
    """Find a browser or install one; return the exit status."""
    if find():
        return 0
    print("Installing a browser, in which the pages are tested (once):", file=sys.stderr, flush=True)  # noqa: T201
    if install():
        return 0
    print(MISSING, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
