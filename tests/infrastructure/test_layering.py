"""Dependencies point one way, down; and nothing happens at import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "layers" / "motiondrop" / "motiondrop"

#: Each module imports from the layers above it in this list only, and from its own where that makes no circle.
LAYERS = [
    {"errors"},
    {"settings", "text", "fields", "frames", "formats", "source"},
    {"limits", "job", "pricing", "refusals", "measures"},
    {"sandbox", "pairing", "video_index"},
    {"media", "output", "probe", "probe_image", "probe_video", "probe_result"},
    {"records", "writes", "answers", "wan", "runs", "links", "secrets", "download", "results", "inbox"},
    {"budget", "jobs", "drops", "drops_queue", "slots", "ledger", "messages", "result_json"},
    {"outbox", "messenger", "pages", "receipts", "ending", "folders", "lost_drops", "listeners"},
    {"submit"},
    {"admit", "create", "poll", "finalize", "conclude", "sweep", "watch", "forget"},
    {"parts"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> set[str]:
    """The modules of the library that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("motiondrop."):
            found.add(node.module.removeprefix("motiondrop."))
        elif isinstance(node, ast.ImportFrom) and node.module == "motiondrop":
            found |= {alias.name for alias in node.names if alias.name in RANK}
    return found


def test_every_module_has_its_layer() -> None:
    assert {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"} == set(RANK)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_module_imports_from_its_own_layer_and_those_below(path: Path) -> None:
    assert {name for name in imports(path) if RANK[name] > RANK[path.stem]} == set()


def test_there_is_no_circle() -> None:
    graph = {path.stem: imports(path) for path in LIBRARY.glob("[a-z]*.py")}
    done: set[str] = set()
    while free := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= free
    assert done == set(graph)


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*/app.py")), ids=lambda path: path.parent.name)
def test_a_handler_is_thin_and_imports_no_other(path: Path) -> None:
    source = path.read_text()
    assert "functions" not in source
    handler = next(
        node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "handler"
    )
    assert handler.end_lineno is not None
    assert handler.end_lineno - handler.lineno < 40


def test_only_the_probe_opens_media() -> None:
    for path in LIBRARY.glob("*.py"):
        names = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        opens = any(name.split(".")[0] in {"av", "PIL"} for name in names)
        assert not opens or path.stem.startswith(("probe", "video_index")), path.stem


def test_only_the_composition_root_reads_the_environment() -> None:
    readers = {path.stem for path in LIBRARY.glob("*.py") if "os.environ" in path.read_text()}
    assert readers <= {"parts", "sandbox"}
