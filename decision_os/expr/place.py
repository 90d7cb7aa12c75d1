"""Places in an author's text: line and column of a character, and the error that points at a stretch of it."""

from __future__ import annotations

from decision_os.errors import ExpressionError

__all__ = ["error_at", "place", "short"]


def place(text: str, offset: int) -> tuple[int, int]:
    r"""Line and column, from 1, of a character of the author's text.

    >>> place("a and\nb", 6)
    (2, 1)
    """
    lines = (text[:offset] + "x").splitlines()
    return len(lines), len(lines[-1])


def error_at(  # what and where, in the order of the sentence it makes
    text: str, start: int, end: int, message: str, hint: str = "", code: str = "bad-expression"
) -> ExpressionError:
    """The error that points at a stretch of the author's text."""
    line, column = place(text, start)
    return ExpressionError(message, text=text, line=line, column=column, width=end - start, hint=hint, code=code)


def short(written: str) -> str:
    """What an author wrote, as a message quotes it: its first 40 characters."""
    return written if len(written) <= 40 else written[:37] + "…"
