"""Tables: drawn by Rich at a terminal, and elsewhere a line a row with tabs between, for other programs."""

import sys
from collections.abc import Iterable, Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print the rows under their columns' names."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            click.echo("\t".join(row))
        return
    table = Table(*columns, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(text) for text in row))  # as it is: a name may look like Rich's own markup
    Console().print(table)
