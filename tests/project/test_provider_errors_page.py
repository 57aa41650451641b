"""docs/provider-errors.md is made from the code: `make docs` writes it, this test compares it."""

import os

from local.stack import PROJECT
from motiondrop.domain.provider_codes import CODES, STATUSES
from motiondrop.domain.provider_errors import FAMILIES, MediaUnfit

PAGE = PROJECT / "docs" / "provider-errors.md"

INTRODUCTION = """\
# The provider's errors

<!-- Made from layers/motiondrop/motiondrop/domain/provider_codes.py and provider_errors.py by `make docs`. -->

Every refusal and every failed task belongs to one of these families. The family is found by the error's code, and
where there is none by the HTTP status, never by the message. A code stands for itself and for all that follow it after
a dot; the longest match wins. The emails use the sentences of this page, and say the provider's own code, message and
request id beside them.

A create call that times out, breaks off or is answered with a 5xx is none of these: a task may have been made, or not.
MotionDrop never sends it again blindly, but reads the provider's list of tasks first.

"""


def page() -> str:
    text = INTRODUCTION + _table(["Family", "Codes", "Without a code", "Who can fix it", "Tried again"], _overview())
    for kind in FAMILIES:
        text += f"\n## {kind.__name__}\n\n{kind.means} {kind.cost} {kind.advice}\n"
    advices = [[f"`….{end}`", advice] for end, advice in MediaUnfit.ADVICE.items()]
    text += "\n## What MediaUnfit says more exactly\n\n"
    return text + _table(["The code ends in", "What to do"], advices)


def _overview() -> list[list[str]]:
    return [
        [
            f"[{kind.__name__}](#{kind.__name__.lower()})",
            ", ".join(_code(code) for code, other in CODES.items() if other is kind) or "any other",
            ", ".join(_status(int(status)) for status, other in STATUSES.items() if other is kind),
            str(kind.owner),
            str(kind.retry),
        ]
        for kind in FAMILIES
    ]


def _code(code: str) -> str:
    return f"`{code}…`" if code.endswith(".") else f"`{code}`"


def _status(status: int) -> str:
    return "other 5xx" if status == 500 else str(status)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def test_page_is_what_the_code_says() -> None:
    if "WRITE_DOCS" in os.environ:
        PAGE.write_text(page())
    assert PAGE.read_text() == page(), "execution `make docs`"
