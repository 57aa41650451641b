"""The project's files, as git knows them."""

import subprocess

from local.stack import PROJECT


def tracked(*patterns: str) -> dict[str, str]:
    """The text of every file that git knows and that matches a pattern, such as `*.py`, by its path."""
    command = ["git", "ls-files", *patterns]
    listed = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)  # noqa: S603  # the developer's own git
    return {path: (PROJECT / path).read_text() for path in listed.stdout.splitlines()}
