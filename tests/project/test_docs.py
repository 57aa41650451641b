"""The documents say what the code does."""

import json
import pkgutil
import re
from pathlib import Path

import pytest

from local.stack import PROJECT
from motiondrop.domain.delivery import FRAME_RATE, RESOLUTION, work_minutes
from motiondrop.domain.job import LEGAL, State
from motiondrop.domain.pricing import MODES, PRICES, dollars
from motiondrop.provider.client import BASE_URLS, address
from motiondrop.storage.items import PAUSE, QUEUE
from tests.support.template import TEMPLATE
from tests.support.tracked import tracked

README = (PROJECT / "README.md").read_text()
PARAMETERS = (PROJECT / "docs" / "parameters.md").read_text()
ARCHITECTURE = (PROJECT / "ARCHITECTURE.md").read_text()
CHANGING = (PROJECT / "docs" / "changing.md").read_text()
PACKAGES = [path.parent.name for path in (PROJECT / "layers" / "motiondrop" / "motiondrop").glob("*/__init__.py")]
MAKEFILE = (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("name", [*TEMPLATE["Parameters"], *TEMPLATE["Outputs"]])
def test_the_page_of_parameters_has_every_parameter_and_output(name: str) -> None:
    assert f"`{name}`" in PARAMETERS


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_each_parameters_default_is_given_wherever_it_is_explained(name: str) -> None:
    rows = [line for line in (PARAMETERS + README).splitlines() if line.startswith(f"| `{name}` |")]
    default = str(TEMPLATE["Parameters"][name]["Default"])
    assert rows
    for row in rows:
        said = row.split("|")[2].strip().strip("`")
        assert said in {default, "the region's", "the provider's"}


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 200


def test_the_readmes_table_of_modes_is_the_codes() -> None:
    def row(label: str) -> list[str]:
        line = next(line for line in README.splitlines() if line.startswith(f"| {label} |"))
        return [cell.strip() for cell in line.split("|")[2:-1]]

    assert row("size and frame rate") == [f"{RESOLUTION}, {FRAME_RATE[mode]} frames per second" for mode in MODES]
    for name, label in (("wan2.2-animate-move", ""), ("wan2.2-animate-mix", ", with `wan2.2-animate-mix`")):
        for region, prices in PRICES[name].items():
            said = [f"${dollars(prices[mode]):.3f}".removesuffix("0") for mode in MODES]
            assert row(f"price per second of video in {region.capitalize()}{label}") == said
    for seconds in (5, 30):
        ranges = [work_minutes(seconds, mode) for mode in MODES]
        assert row(f"time for a video of {seconds} s") == [f"{least} to {most} minutes" for least, most in ranges]


def test_the_providers_addresses_in_the_operators_page_can_be_used() -> None:
    found = set(re.findall(r"https://[^\s`|]+/api/v1", (PROJECT / "docs" / "operating.md").read_text()))
    assert set(BASE_URLS.values()) < found
    for url in found:
        assert address(url.format(WorkspaceId="llm-abc123", region="cn-beijing")).endswith("/api/v1")


def test_every_make_target_that_a_document_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("local/*.md")]:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE))
        assert named <= targets, path.name


def test_an_item_that_a_document_writes_is_one_of_the_tables() -> None:
    written = set()
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]:
        written |= set(re.findall(r'"pk": \{"S": "(\w+)"\}, "sk": \{"S": "(\w+)"\}', path.read_text()))
    assert written == {(QUEUE, PAUSE)}


def test_every_file_and_name_on_the_page_of_changes_exists() -> None:
    page = (PROJECT / "docs" / "changing.md").read_text()
    files = tracked("*.py", "*.md", "*.yaml", "*.json", "*.toml", "*.txt", "*.js")
    for name in re.findall(r"`([\w/.-]+\.(?:py|md|yaml|json|toml|txt|js))`", page):
        assert any(f"/{path}".endswith(f"/{name}") for path in files), name
    code = "\n".join(text for path, text in files.items() if path.endswith((".py", ".yaml", ".toml")))
    for name in re.findall(r"`(?:[a-z_]+\.)*(_?[A-Z][A-Z_]+|[a-z]+(?:_[a-z]+)+)`", page):
        assert re.search(rf"\b{name}\b", code), name


def test_no_link_to_a_file_is_dead() -> None:
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("local/**/*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_no_link_to_a_heading_is_dead() -> None:
    for path in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")]:
        for file, heading in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", path.read_text()):
            target = path.parent / file if file else path
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert heading in {_anchor(title) for title in titles}, f"{path.name}: {file}#{heading}"


def _anchor(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def test_the_readmes_commands_look_where_the_stack_is_deployed_to() -> None:
    deployed = re.findall(r'^region = "(.+?)"', (PROJECT / "samconfig.toml").read_text(), re.MULTILINE)
    assert {f"export AWS_DEFAULT_REGION={region}" for region in deployed} <= set(README.splitlines())


def test_the_table_of_states_is_the_codes() -> None:
    for state in State:
        row = next(line for line in ARCHITECTURE.splitlines() if re.match(rf"\| .*\b{state}\b.* \| \w", line))
        assert set(re.findall(r"[A-Z]{5,}", row.split("|")[3])) == {str(target) for target in LEGAL[state]}


@pytest.mark.parametrize("path", sorted((PROJECT / "events").glob("*.json")), ids=lambda path: path.stem)
def test_a_sample_event_parses(path: Path) -> None:
    assert isinstance(json.loads(path.read_text()), dict)


def test_each_function_has_a_sample_event() -> None:
    names = {path.stem.split("-")[0] for path in (PROJECT / "events").glob("*.json")}
    assert names == {path.parent.name for path in (PROJECT / "functions").glob("*/app.py")}


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(rf"`((?:{'|'.join(PACKAGES)})\.[\w.]+)`", ARCHITECTURE + CHANGING)))
)
def test_the_code_that_the_documents_name_is_there(name: str) -> None:
    assert pkgutil.resolve_name(f"motiondrop.{name}")


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:unit|e2e|project|faults)/[\w/]+\.py)`", ARCHITECTURE))))
def test_the_tests_that_hold_the_invariants_are_there(path: str) -> None:
    assert (PROJECT / "tests" / path).is_file()
