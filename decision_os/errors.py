"""Everything Decision OS raises, and the finding it reports. Imports nothing of the project.

The tree, each with the builtin it also is::

    DecisionOSError (Exception)
    ├── RuleBookError (ValueError)        a rule folder with findings: every one of them, with its place
    ├── CasesError (ValueError)           a file of cases with findings: every one of them, with its place
    ├── ExpressionError (ValueError)      a threshold expression that is not in the language
    │   └── InputError (TypeError)        a value that an expression or a playbook refuses
    ├── UnitError (ValueError)            a unit nobody can read, or two that do not go together
    ├── UnknownTruthError (TypeError)     somebody asked an Unknown whether it is true
    ├── NotFoundError (LookupError)       no such playbook, metric, record or file, with the nearest name
    ├── DataError (ValueError)            an export or a frame that cannot be read as what it is declared to be
    ├── LifecycleError (ValueError)       a step a record may not take
    ├── RecordError (ValueError)          a text that is not a decision record
    ├── OutOfTimeError (TimeoutError)     the seconds given were over before there was an answer
    └── LedgerError (ValueError)          a ledger that does not verify, or cannot be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum
from typing import Any, Self

import attrs

__all__ = [
    "CasesError",
    "DataError",
    "DecisionOSError",
    "ExpressionError",
    "InputError",
    "Issue",
    "LedgerError",
    "LifecycleError",
    "NotFoundError",
    "OutOfTimeError",
    "RecordError",
    "RuleBookError",
    "Severity",
    "UnitError",
    "UnknownTruthError",
    "Where",
    "nearest",
]


class Severity(Enum):
    """How much a finding matters: an error stops loading, a warning and a note do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@attrs.frozen(order=True)
class Where:
    """A place in a text, counted from 1; `file` is empty where the text is not a file.

    >>> str(Where("rules/pricing.yaml", 12, 7))
    'rules/pricing.yaml:12:7'
    """

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        place = f"{self.line}:{self.column}"
        return f"{self.file}:{place}" if self.file else place


@attrs.frozen
class Issue:
    """One finding: a stable code, how bad, what is wrong in the author's words, where, and what to write instead.

    >>> print(Issue("unknown-metric", "unknown metric `win_rte`", Where("a.yaml", 3, 9), hint="did you mean `win_rate`?"))
    a.yaml:3:9 unknown-metric unknown metric `win_rte` (did you mean `win_rate`?)
    """

    code: str
    message: str
    where: Where = Where()
    severity: Severity = Severity.ERROR
    hint: str = ""
    excerpt: str = ""
    """The author's line with a caret under the place, where one helps."""
    about: tuple[str, ...] = ()
    """The names of inputs and definitions that it is about."""

    def __str__(self) -> str:
        place = f"{self.where} " if str(self.where) else ""
        hint = f" ({self.hint})" if self.hint else ""
        tail = f"\n{self.excerpt}" if self.excerpt else ""
        return f"{place}{self.code} {self.message}{hint}{tail}"


class DecisionOSError(Exception):
    """The base of everything this library raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what a worker process hands back, is the error as it was; otherwise it would be made anew, of its words alone."""
        return _as_it_was, (type(self), self.args, dict(vars(self)))


def _as_it_was(kind: type[DecisionOSError], args: tuple[object, ...], fields: dict[str, object]) -> DecisionOSError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class RuleBookError(DecisionOSError, ValueError):
    """A rule book that cannot be used: `issues` holds every finding, in the order of their places."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues)
        count = len(self.issues)
        head = f"{count} problem{'' if count == 1 else 's'} in the rule book"
        super().__init__("\n".join([head, *(str(issue) for issue in self.issues)]))


class CasesError(DecisionOSError, ValueError):
    """A file of cases that cannot be used: `issues` holds every finding, in the order of their places."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues)
        count = len(self.issues)
        super().__init__("\n".join([f"{count} problem{'' if count == 1 else 's'} in the cases", *(str(issue) for issue in self.issues)]))


class ExpressionError(DecisionOSError, ValueError):
    """An expression that is not in the language, with the place in the author's own text.

    `line` and `column` count from 1; `text` is the whole expression; `str()` shows the line with a caret.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        line: int = 1,
        column: int = 1,
        width: int = 1,
        hint: str = "",
        code: str = "bad-expression",
    ) -> None:
        self.message = message
        self.text = text
        self.line = line
        self.column = column
        self.width = max(1, width)
        self.hint = hint
        self.code = code
        super().__init__(message)

    @classmethod
    def at(cls, text: str, start: int, width: int, message: str, hint: str = "") -> Self:
        """The error for `width` characters of a text from the offset `start`."""
        line = text.count("\n", 0, start) + 1
        column = start - (text.rfind("\n", 0, start) + 1) + 1
        return cls(message, text=text, line=line, column=column, width=width, hint=hint)

    @property
    def excerpt(self) -> str:
        """The author's line with carets under the place; empty where there is no text."""
        lines = self.text.splitlines()
        if not 1 <= self.line <= len(lines):
            return ""
        line = lines[self.line - 1]
        start = min(self.column - 1, len(line))
        lead = max(0, start - 60) if len(line) > 120 else 0  # a window around the place: the caps let a line be far longer than a screen
        shown = "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in line[lead : lead + 120])
        width = max(1, min(self.width, len(shown) - (start - lead)))
        return f"    {shown}\n    {' ' * (start - lead)}{'^' * width}"

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        excerpt = self.excerpt
        return f"{self.line}:{self.column} {self.message}{hint}" + (f"\n{excerpt}" if excerpt else "")


class InputError(ExpressionError, TypeError):
    """A value an expression or a playbook refuses; `name` is the input it was given for."""

    def __init__(self, message: str, *, name: str = "", hint: str = "", text: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message, text=text, line=line, column=column, width=len(name), hint=hint, code="bad-input")
        self.name = name

    def __str__(self) -> str:
        return super().__str__() if self.text else self.message + (f" ({self.hint})" if self.hint else "")


class UnitError(DecisionOSError, ValueError):
    """A unit nobody can read, or two units that do not go together."""


class UnknownTruthError(DecisionOSError, TypeError):
    """An Unknown is neither true nor false: ask `is True`, or for its reasons."""


class NotFoundError(DecisionOSError, LookupError):
    """Something asked for by name is not there; the message says the nearest name that is."""


class DataError(DecisionOSError, ValueError):
    """An export or a frame that cannot be read as what the rule book declares it to be."""


class LifecycleError(DecisionOSError, ValueError):
    """A step that a decision record may not take from where it stands; `allowed` are the steps it may take."""

    def __init__(self, message: str, *, allowed: Iterable[str] = (), hint: str = "") -> None:
        self.message = message
        self.allowed: tuple[str, ...] = tuple(allowed)
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        steps = f"; from here: {', '.join(self.allowed) or 'nothing'}"
        return f"{self.message}{f' ({self.hint})' if self.hint else ''}{steps}"


class RecordError(DecisionOSError, ValueError):
    """A text that is not a decision record."""


class OutOfTimeError(DecisionOSError, TimeoutError):
    """The seconds that a search was given were over before it had an answer; with more of them it may have one."""


class LedgerError(DecisionOSError, ValueError):
    """A ledger that does not verify, or that cannot be read or written."""


def nearest(word: object, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """A hint naming the closest known word, or nothing where none is close; `cutoff` is how alike (0 to 1) two words must be.

    >>> nearest("win_rte", ["cac", "win_rate"])
    'did you mean `win_rate`?'
    """
    words = sorted(set(known))
    folded = {name.casefold(): name for name in reversed(words)}
    close = difflib.get_close_matches(str(word).casefold(), list(folded), n=1, cutoff=cutoff)
    return f"did you mean `{folded[close[0]]}`?" if close else ""
