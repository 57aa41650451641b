"""Asking before something that costs money or cannot be taken back."""

import sys

import click


def agreed(what: str, question: str) -> bool:
    """Say what would happen and ask; anything but `yes` is no. Raise ClickException if there is no terminal."""
    if not has_terminal():
        raise click.ClickException(f"{what} There is no terminal to ask at: say --yes to have it done.")
    answer: str = click.prompt(f"{what} {question} Type yes", default="no", show_default=False)
    return answer.strip().lower() == "yes"


def has_terminal() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()
