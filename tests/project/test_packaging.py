"""`pip install .` installs `motiondrop` with what it needs, and nothing that only the project needs."""

import tomllib
from typing import Any

from local.stack import PROJECT

PYPROJECT: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())


def test_the_program_needs_what_its_groups_pin() -> None:
    groups = PYPROJECT["dependency-groups"]
    pinned = {package for name in ("dependencies", "media", "cli") for package in groups[name]}
    assert set(PYPROJECT["project"]["dependencies"]) == pinned


def test_what_is_installed_is_there() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["only-include"]
    assert [path for path in included if not (PROJECT / path).exists()] == []
    assert {"layers/motiondrop/motiondrop", "cli"} < set(included)


def test_the_program_imports_nothing_of_the_project_that_is_not_installed() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["only-include"]
    installed = {path.removesuffix(".py").replace("/", ".") for path in included if path.startswith("local/")}
    imported = {
        line.split()[1]
        for path in (PROJECT / "cli").glob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("from local", "from tools", "from tests", "import local"))
    }
    assert imported == installed
