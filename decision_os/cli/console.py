"""What goes to the terminal: text in colour where there is one, JSON, and a progress bar for work that takes longer than a second."""

from __future__ import annotations

import json
import sys
import threading
from types import TracebackType
from typing import Any, Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from decision_os.errors import Issue, Severity

__all__ = ["Steps", "annotation", "say", "say_json"]

_GITHUB: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}

_COLOURS: Final = {
    r"\bACT\b|\bGREEN\b": "bold green",
    r"\bHOLD\b": "bold cyan",
    r"\bBLOCKED\b|\bRED\b": "bold red",
    r"\bUNDETERMINED\b": "bold yellow",
    r"(?m)^[A-Z][^\n]*$": "bold",
}


def say(text: str) -> None:
    """Print text; in colour on a terminal, and as it is elsewhere."""
    if not sys.stdout.isatty():
        click.echo(text)
        return
    coloured = Text(text)
    for pattern, style in _COLOURS.items():
        coloured.highlight_regex(pattern, style)
    Console().print(coloured, soft_wrap=True)


def say_json(data: Any) -> None:
    """Print JSON-able data."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


class Steps:
    """A progress bar over a known number of steps, on stderr: only on a terminal, and only once the work has taken a second.

    Call it with the name of each step as that begins. `patience` is how many seconds of work pass before it is shown.
    """

    def __init__(self, total: int, *, patience: float = 1.0) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=total)
        self._later = threading.Timer(patience, self._bar.start)
        self._later.daemon = True
        self._begun = 0

    def __enter__(self) -> Self:
        self._later.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._later.cancel()
        self._later.join()
        self._bar.stop()

    @property
    def shown(self) -> bool:
        """Whether the bar is on the screen."""
        return self._bar.live.is_started

    def __call__(self, name: str) -> None:
        """Say which step begins."""
        self._bar.update(self._task, description=name, completed=self._begun)
        self._begun += 1


def annotation(issue: Issue) -> str:
    """A workflow command of GitHub Actions."""
    place = {"file": issue.where.file, "line": issue.where.line, "col": issue.where.column, "title": issue.code}
    told = ",".join(f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in place.items() if value)
    return f"::{_GITHUB[issue.severity]} {told}::{_escaped(issue.message + (f' ({issue.hint})' if issue.hint else ''))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
