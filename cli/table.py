"""Tables: drawn by Rich at a terminal; elsewhere tab-separated, a line for each row, for other programs."""

import sys
from collections.abc import Iterable, Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print the rows under their columns' names."""
    if not has_terminal():
        for row in (columns, *rows):
            click.echo("\t".join(row))
        return
    first, *others = columns
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)  # ids and names, to be copied
    for name in others:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(text) for text in row))  # as it is: a name may look like Rich's own markup
    Console().print(table)


def has_terminal() -> bool:
    """Whether a person reads the output, at a terminal."""
    return sys.stdout.isatty()
