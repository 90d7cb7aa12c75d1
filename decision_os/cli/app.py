"""The command group: what every command shares, above all how errors are shown."""

from __future__ import annotations

from importlib import metadata
from typing import IO, Any, Final

import click

from decision_os.cli.checks import ledger, reviews, slo
from decision_os.cli.decisions import decide, demo, explain, run
from decision_os.cli.proving import diff
from decision_os.cli.rules import graph, init, lint
from decision_os.cli.testing import mutate, test
from decision_os.errors import DecisionOSError

__all__ = ["MISUSE", "app"]

MISUSE: Final = 2
"""The exit code for misuse and unreadable input."""


class _Refusal(click.ClickException):
    """A message for the person at the keyboard, without a traceback."""

    exit_code = MISUSE

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"decision-os: {self.message}", file=file, err=True)


class _Commands(click.Group):
    """A group whose commands may raise the library's errors: each is shown as its message."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DecisionOSError as error:
            raise _Refusal(str(error)) from error
        except BrokenPipeError:
            raise  # the reader went away, as `head` does: click ends quietly
        except OSError as error:
            raise _Refusal(_said(error)) from error


def _said(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"`{error.filename}` cannot be used: {reason}" if error.filename else reason


def _version() -> str:
    try:
        return metadata.version("decision-os")
    except metadata.PackageNotFoundError:
        return "of a source tree that is not installed"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version=_version())
def app() -> None:
    """Turn business metrics into decisions that can be explained, audited and undone.

    Exits 0 when all is fine, 1 with findings, 2 for misuse or unreadable input.
    """


for _command in (lint, test, mutate, diff, run, decide, explain, graph, slo, reviews, ledger, init, demo):
    app.add_command(_command)
