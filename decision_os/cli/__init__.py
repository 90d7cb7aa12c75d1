"""The command line: `decision-os`, or `python -m decision_os`. It needs the extra `cli`, and says so where that is missing."""

from __future__ import annotations

import sys

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main() -> int:
    """Run the command line on the arguments of this process.

    It exits 0 when all is fine, 1 with findings, 2 for misuse or unreadable input.
    """
    try:
        from decision_os.cli.app import app  # noqa: PLC0415  # where click or rich is missing, that has to be said, not shown as a traceback
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f'decision-os: the command line needs {" and ".join(_EXTRA)}: pip install "decision-os[cli]"\n')
        return 2
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks `≥` shows a question mark; it does not crash
    app(prog_name="decision-os")
    return 0
