"""The tree at the top of errors.py is the library's."""

import importlib
import pkgutil
import re

import motiondrop
from motiondrop import errors
from motiondrop.errors import MotionDropError


def test_the_tree_of_errors_names_every_error_of_the_library() -> None:
    for module in pkgutil.walk_packages(motiondrop.__path__, "motiondrop."):
        if ".child" not in module.name:  # the sandbox's child has none of its own, and is not imported
            importlib.import_module(module.name)
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    named = [name for line in tree.splitlines() for name in re.findall(r"\b[A-Z]\w+", line.partition(": ")[0])]
    assert sorted(named) == sorted(_names(MotionDropError))


def _names(kind: type[MotionDropError]) -> list[str]:
    return [kind.__name__, *(name for sub in kind.__subclasses__() for name in _names(sub))]
