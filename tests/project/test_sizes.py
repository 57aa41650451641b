"""Every function and every file is short enough to be read in one go."""

import ast

from local.stack import PROJECT
from tests.support.tracked import tracked

LINES_OF_A_FUNCTION = 40
LINES_OF_A_FILE = 400


def functions(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a file, methods and nested ones too."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function, from its `def` to its last."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_function_is_longer_than_40_lines() -> None:
    found = tracked("*.py")
    assert found
    long = [
        f"{path} {function.name}: {length(function)}"
        for path, source in found.items()
        for function in functions(source)
        if length(function) > LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_no_file_is_longer_than_400_lines() -> None:
    found = tracked("*.py")
    assert found
    long = [
        f"{path}: {len(source.splitlines())}"
        for path, source in found.items()
        if len(source.splitlines()) > LINES_OF_A_FILE
    ]
    assert long == []


def code_of(source: str) -> int:
    """The lines of code of a file, without docstrings, comments and empty lines."""
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(bool(line.strip()) and line.strip()[0] != "#" and number not in documented for number, line in lines)


def test_the_library_does_not_grow_unnoticed() -> None:
    """docs/decisions/0019-how-large-the-library-is.md has the number and why it is no smaller."""
    library = [code_of(source) for path, source in tracked("*.py").items() if path.startswith("layers/motiondrop/")]
    assert sum(library) <= 9_200
    assert len((PROJECT / "template.yaml").read_text().splitlines()) <= 1_500
