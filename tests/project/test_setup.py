"""`make demo` and `make up` install only what they run: nothing of it needs a package that only the checks have."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.stack import PROJECT
from tests.support.tracked import tracked

GROUPS: dict[str, list[str]] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
MAKEFILE = (PROJECT / "Makefile").read_text()
RUNS = re.search(r"^RUNS := (.*)$", MAKEFILE, re.MULTILINE)
OF_THE_CHECKS = {PROJECT / "tools" / "demo_picture.py"}
CODE = [
    path
    for folder in ("cli", "functions", "layers/motiondrop", "local", "tools")
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if path not in OF_THE_CHECKS
]
OURS = {"cli", "functions", "local", "motiondrop", "tools"}


def installed_to_run() -> set[str]:
    """The packages of the groups that `.venv/ready` installs, and all that those require."""
    assert RUNS is not None
    names = re.findall(r"--group (\S+)", RUNS[1])
    waiting = [Requirement(text) for name in names for text in GROUPS[name]]
    found: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name not in found:
            found.add(name)
            waiting += required_by(name)
    return found


def required_by(name: str) -> list[Requirement]:
    try:
        listed = requires(name) or []
    except PackageNotFoundError:  # of another system
        return []
    wanted = [Requirement(text) for text in listed]
    return [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def imported(node: ast.AST) -> Iterator[str]:
    """The packages that code imports when it runs, not those that only its types name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield child.module.partition(".")[0]
        yield from imported(child)


def test_what_runs_imports_no_package_that_only_the_checks_have() -> None:
    there, distributions = installed_to_run(), packages_distributions()
    missing = {
        (str(path.relative_to(PROJECT)), module)
        for path in CODE
        for module in imported(ast.parse(path.read_text()))
        if module in distributions and module not in OURS
        if not {canonicalize_name(name) for name in distributions[module]} & there
    }
    assert missing == set()


def test_the_emulator_has_what_transforms_the_template() -> None:
    assert "aws-sam-translator" in installed_to_run()
    assert "aws-sam-cli" not in installed_to_run()


def targets() -> dict[str, tuple[str, str]]:
    """Every target that `make` lists: what it depends on, and what it runs."""
    found = re.findall(r"^([a-z-]+):(.*?) ##[^\n]*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    return {name: (needs, recipe) for name, needs, recipe in found}


@pytest.mark.parametrize("name", ["demo", "up", "down", "env"])
def test_targets_that_only_run_something_do_not_install_the_checks(name: str) -> None:
    needs, _ = targets()[name]
    assert needs.split() == ["$(READY)"]


def test_targets_that_use_a_tool_of_the_checks_install_it() -> None:
    for name, (needs, recipe) in targets().items():
        tools = set(re.findall(r"\$\(BIN\)/([a-z-]+)", recipe)) - {"python", "uv"}
        modules = set(re.findall(r"\$\(BIN\)/python -m (\S+)", recipe))
        files = {PROJECT / (module.replace(".", "/") + ".py") for module in modules}
        foreign = {module for module in modules if module.partition(".")[0] not in OURS}
        if tools or foreign or files & OF_THE_CHECKS:
            assert "$(CHECKS)" in needs.split(), name


def test_every_installation_checks_hashes() -> None:
    installs = [line for line in MAKEFILE.splitlines() if "uv pip install" in line or "uv pip sync" in line]
    assert len(installs) == 3
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_the_lock_is_the_only_list_of_versions() -> None:
    assert sorted(Path(path).name for path in PROJECT.glob("*.lock")) == ["requirements.lock"]


def test_a_workflow_names_the_region_that_it_deploys_to() -> None:
    """SAM CLI takes the region of samconfig.toml before that of the environment."""
    deployed = re.findall(r"sam deploy .*", "".join(tracked(".github/workflows/*.yaml").values()))
    assert deployed
    assert all(' --region "$AWS_DEFAULT_REGION" ' in command for command in deployed)
