"""docs/provider-errors.md is made from the code: `make docs` writes it, this test compares it."""

import os

from local.stack import PROJECT
from motiondrop.domain.provider_codes import CODES, MESSAGES, STATUSES
from motiondrop.domain.provider_errors import FAMILIES, MediaUnfit, WanError

PAGE = PROJECT / "docs" / "provider-errors.md"

INTRODUCTION = """\
# The provider's errors

<!-- Made from layers/motiondrop/motiondrop/domain/provider_codes.py and provider_errors.py by `make docs`. -->

Every refusal and every failed task belongs to one of these families. The family is found by the error's code, and
by the HTTP status where the code is missing or not listed. A listed code also stands for every code that continues it
after a dot, as `InvalidFile` does for `InvalidFile.NoHuman`; the longest match wins. Where a code has two meanings, its
message decides, and the table quotes the message. The emails use the sentences of this page, and say the provider's own
code, message and request id beside them.

What the operator has to fix holds the queue and ends no job. What the user has to change ends the job at once. Any
other refused call is tried again. Before the last try, the refused job lets the jobs behind it go first, and keeps its
place. It is tried once another job has been accepted or, if no other is waiting, after five minutes. If another job is
refused with the same family, the cause is not the job's, and the queue is held
([decision 0017](decisions/0017-a-refusal-is-not-final-at-once.md)). Where the table says *after a pause*, the
call is repeated in its slot until it is accepted. A failed task is tried again in its slot, too.

A create call that times out, breaks off or is answered with a 5xx is none of these: a task may have been made, or not.
MotionDrop never sends it again blindly, but reads the provider's list of tasks first.

"""


def page() -> str:
    text = INTRODUCTION + _table(
        ["Family", "Codes", "HTTP status, if the code is not listed", "Who can fix it", "Tried again"], _overview()
    )
    for kind in FAMILIES:
        text += f"\n## {kind.__name__}\n\n{kind.means} {kind.cost} {kind.advice}\n"
    known = [[f"`{code}`", unfit.brief, unfit.advice] for code, unfit in MediaUnfit.KNOWN.items()]
    text += "\n## What MediaUnfit says more exactly\n\n"
    return text + _table(["The code is, or ends in", "What it means", "What to do"], known)


def _overview() -> list[list[str]]:
    return [
        [
            f"[{kind.__name__}](#{kind.__name__.lower()})",
            ", ".join([*_codes(kind), *_messages(kind)]) or "any other",
            ", ".join(_status(int(status)) for status, other in STATUSES.items() if other is kind),
            str(kind.owner),
            str(kind.retry),
        ]
        for kind in FAMILIES
    ]


def _codes(kind: type[WanError]) -> list[str]:
    return [f"`{code}`" for code, other in CODES.items() if other is kind]


def _messages(kind: type[WanError]) -> list[str]:
    return [f'`{code}` with "{message}"' for (code, message), other in MESSAGES.items() if other is kind]


def _status(status: int) -> str:
    return "other 5xx" if status == 500 else str(status)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def test_page_is_what_the_code_says() -> None:
    if "WRITE_DOCS" in os.environ:
        PAGE.write_text(page())
    assert PAGE.read_text() == page(), "run `make docs`"
