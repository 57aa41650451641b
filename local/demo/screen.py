"""The demo in a terminal: the drop page in the browser, the progress here, and the cloud up until Ctrl-C."""

import os
import sys
import time
import webbrowser

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from local.demo.job import SUCCEEDED, Animating, Demo, DemoError, Ended, Entered, Receipt, Started, Step, link_in

_CHECKED, _QUEUED, _ANIMATED, _SAVED = "Check and pair the files", "Wait for a slot", "Animate", "Save the video"
_STAGES = (_CHECKED, _QUEUED, _ANIMATED, _SAVED)
#: The stage that begins when the execution enters a state; every other state belongs to the stage under way.
_BEGINS = {"Create task": _ANIMATED, "Finalize": _SAVED}
_BAR = BarColumn(complete_style="cyan", finished_style="green")
_LOOK_EVERY = 1.0


def show(demo: Demo) -> int:
    """Show the job to its end and stay until Ctrl-C; return the exit status."""
    console = Console(highlight=False)
    names = " and ".join(key.rpartition("/")[2] for key in demo.keys)
    console.print(f"\n{names} are dropped. Watch them in your browser:", markup=False)
    _print_links(console, {"Drop page": demo.drop_page})
    console.print()
    status = _follow(demo, console)
    emails = demo.emails()
    for email in emails:
        head, _, body = email.partition("\n\n")
        subject = Text(head.splitlines()[0].replace("Subject", "Email", 1))
        console.print(Panel(Text(body), title=subject, title_align="left"))
    if status == SUCCEEDED:
        console.print(demo.save(), markup=False)
    watch = link_in(emails[-1]) if emails else ""
    console.print()
    _print_links(console, {"Watch": watch, "All jobs": demo.stack.gallery_url, "Drop page": demo.drop_page})
    console.print("Drop files of your own on the drop page. Ctrl-C stops it and forgets everything.", style="bold")
    try:
        _stay(demo, console, len(emails))
    except KeyboardInterrupt:
        console.print()
        return 0
    raise DemoError(f"The local cloud has ended; see {demo.stack.log_dir}.")


def can_open_a_browser() -> bool:
    """Whether a browser would open in a window, and not in this terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _print_links(console: Console, links: dict[str, str]) -> None:
    """Print each link in a line of its own, whole, so that it can be clicked and copied."""
    for name, link in links.items():
        if link:
            console.print(f"{name}: {link}", markup=False, soft_wrap=True)


def _follow(demo: Demo, console: Console) -> str:
    """Show a bar for each stage; return the status at the end."""
    columns = (SpinnerColumn(finished_text="✓"), TextColumn("{task.description:<26}"), _BAR, TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}", markup=False), console=console) as progress:
        stages = _Stages(progress)
        for step in demo.steps():
            stages.show(step)
            if isinstance(step, Started) and can_open_a_browser():
                webbrowser.open(demo.drop_page)  # now it shows both files on their way
            if isinstance(step, Ended):
                return step.status
    return ""


class _Stages:
    """The bars: the stages before the present one are full."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: list[TaskID] = []
        self._begin(_CHECKED)

    def show(self, step: Step) -> None:
        """Show what has happened."""
        if isinstance(step, Receipt):
            self._progress.update(self._tasks[-1], note=step.text.partition(" - ")[0])
        elif isinstance(step, Started):
            self._begin(_QUEUED)
        elif isinstance(step, Entered) and step.state in _BEGINS:
            self._begin(_BEGINS[step.state])
        elif isinstance(step, Animating):
            self._progress.update(self._tasks[-1], total=1.0, completed=0.99 * step.share, note=step.status.lower())
        elif isinstance(step, Ended):
            self._finish()
            if step.status != SUCCEEDED:
                self._progress.update(self._tasks[-1], note=step.status)

    def _begin(self, stage: str) -> None:
        """Begin a stage, unless it has begun already: a job that resumes passes states again."""
        number = _STAGES.index(stage)
        if number >= len(self._tasks):
            self._finish()
            self._tasks += [
                self._progress.add_task(one, total=None, note="") for one in _STAGES[len(self._tasks) : number + 1]
            ]

    def _finish(self) -> None:
        for task in self._tasks:
            self._progress.update(task, total=1.0, completed=1.0)


def _stay(demo: Demo, console: Console, seen: int) -> None:
    """Print the subjects of emails that arrive while the cloud is up; return if the cloud ends by itself."""
    while demo.is_up():
        for path in demo.stack.emails()[seen:]:
            seen += 1
            email = path.read_text()
            console.print(f"\n{email.splitlines()[0]}", markup=False, soft_wrap=True)
            _print_links(console, {"Details": link_in(email)})
        time.sleep(_LOOK_EVERY)
