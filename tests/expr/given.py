"""What is said of what is handed in: every form of the language over every kind of value, and arguments that are none.

`given.txt` holds the answers, a line each; `python -m tests.expr.given` writes it anew, for a reader to go through.
"""

from __future__ import annotations

import collections
import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

import decision_os as dos
from decision_os.errors import DecisionOSError, ExpressionError, InputError
from decision_os.expr import Expression, Function, analyse, compile_threshold
from decision_os.values import Reading, Reason, Unknown

FILE = Path(__file__).with_name("given.txt")
DAY = dt.date(2026, 10, 6)
INSTANT = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)
FOLD = dt.datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))


class Failing(dict[str, Any]):
    """A mapping whose look-up fails."""

    def __getitem__(self, name: str) -> Any:
        raise RuntimeError("the sheet is closed")


class Nameless:
    """A thing with a capital letter, and an article of its own."""


class Apple:
    """A thing whose name begins with a vowel."""


VALUES: dict[str, Any] = {
    "None": None,
    "True": True,
    "4": 4,
    "0": 0,
    "0.3": 0.3,
    "2**53 + 1": 2**53 + 1,
    "-10**400": -(10**400),
    "1e308": 1e308,
    "nan": math.nan,
    "-inf": -math.inf,
    "'won'": "won",
    "'4'": "4",
    "''": "",
    "b'4'": b"4",
    "Decimal 0.29": Decimal("0.29"),
    "Decimal NaN": Decimal("nan"),
    "Decimal with too many digits": Decimal("0.1000000000000000000000001"),
    "Fraction 1/3": Fraction(1, 3),
    "a day": DAY,
    "an instant": INSTANT,
    "an instant of a fold": FOLD,
    "an instant without a zone": INSTANT.replace(tzinfo=None),
    "36 hours": dt.timedelta(hours=36),
    "a time": dt.time(12, 30),
    "a list": [4],
    "a complex": 3 + 0j,
    "a Nameless": Nameless(),
    "an Apple": Apple(),
    "a type": int,
    "NumPy float32 0.1": np.float32(0.1),
    "NumPy int8 4": np.int8(4),
    "NumPy bool": np.bool_(True),
    "NumPy day": np.datetime64("2026-10-06"),
    "NumPy array": np.array([4.0]),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "Timestamp": pd.Timestamp("2026-10-06T12:00:00Z"),
    "Timedelta": pd.Timedelta(hours=36),
    "a reading of 4": Reading(value=4, n=30),
    "a reading of nothing": Reading(value=None),
    "a reading of a list": Reading(value=[4]),
    "stale": Unknown.because(Reason.STALE, "x", "3 days old"),
    "too few, of no name": Unknown.because(Reason.TOO_FEW, "", "n is 3"),
}
FORMS = (
    "x > 3",
    "3 <= x",
    "x == y",
    "y != x",
    "x < y",
    "1 < x <= y < 9",
    "x in [1, 3]",
    "x not in (y, 9]",
    'x in {"won", "lost"}',
    "x in {4, 5}",
    "x in y ± 5%",
    "y in x ± 1",
    "x + y",
    "y - x",
    "x * 2",
    "y / x",
    "x / y",
    "-x",
    "abs(x)",
    "min(x, y)",
    "max(1, x, y)",
    "clip(x, 0, y)",
    "coalesce(x, y)",
    "is_missing(x)",
    "x and y > 2",
    "y > 3 or x",
    "not x",
    "1 if x else 2",
    "x if y > 2 else 3",
    "x ** 2",
    "twice(x)",
    "twice(x) > y",
    "word(x)",
    "flag(x)",
    "bad(x)",
    "nothing(x)",
    "absent(x)",
    "wrong(x)",
    "half > x",
)
PARTNERS: tuple[Any, ...] = (2, DAY, INSTANT, "won", None, 0)
"""What `y` is, by turns."""
UNITS = ("hours", "months", "USD", "USD/seat/month", "share", "pp", "count", "ratio")


def _fails(x: float) -> float:
    raise ValueError(f"no such thing\n  as {x}")


FUNCTIONS: dict[str, Function] = {
    "twice": Function(lambda x: 2 * x, 1),
    "word": Function(lambda x: "won" if x else "lost", 1, gives="text"),
    "flag": Function(lambda x: x > 3, 1, gives="truth"),
    "bad": Function(_fails, 1),
    "nothing": Function(lambda _: None, 1),
    "absent": Function(None, 1),
    "wrong": Function(lambda x: dt.timedelta(hours=x), 1, gives="hours"),
}
DEFINITIONS = {"half": compile_threshold("y / 2")}


def _answer(expression: Expression, values: Mapping[str, Any]) -> str:
    try:
        found = expression.evaluate(values)
    except InputError as error:
        return _refusal(error)
    if isinstance(found, Unknown):
        return "unknown: " + "; ".join(f"{cause!r}" for cause in found.causes)
    return repr(found)


def _refusal(error: Exception) -> str:
    fields = " ".join(f"{name}={getattr(error, name)!r}" for name in ("name", "hint", "line", "column", "text") if getattr(error, name, ""))
    return f"{type(error).__name__}: {getattr(error, 'message', error)} | {fields}"


ARGUMENTS: dict[str, Callable[[], object]] = {
    "compile(3)": lambda: dos.compile(3),  # type: ignore[arg-type]
    "compile(b'x')": lambda: dos.compile(b"x > 3"),  # type: ignore[arg-type]
    "names=3": lambda: dos.compile("x > 3", names=3),
    "names='x'": lambda: dos.compile("x > 3", names="x"),
    "names=b'x'": lambda: dos.compile("x > 3", names=b"x"),
    "names=[3]": lambda: dos.compile("x > 3", names=[3]),
    "names of an iterator": lambda: dos.compile("x > 3", names=iter(["x"])),
    "names=[]": lambda: dos.compile("x > 3", names=[]),
    "units=['USD']": lambda: dos.compile("x > 3", units=["USD"]),  # type: ignore[arg-type]
    "units={3: 'USD'}": lambda: dos.compile("x > 3", units={3: "USD"}),  # type: ignore[dict-item]
    "units={'x': 3}": lambda: dos.compile("x > 3", units={"x": 3}),  # type: ignore[dict-item]
    "units={'x': 'USD per'}": lambda: dos.compile("x > 3", units={"x": "USD per"}),
    "units={'x': None}": lambda: dos.compile("x > 3", units={"x": None}),  # type: ignore[dict-item]
    "labels=3": lambda: dos.compile("x > 3", labels=3),  # type: ignore[arg-type]
    "labels={'X': 3}": lambda: dos.compile("x > 3", labels={"X": 3}),  # type: ignore[dict-item]
    "definitions={'x': '3'}": lambda: dos.compile("x > 3", definitions={"x": "3"}),  # type: ignore[dict-item]
    "functions=[1]": lambda: dos.compile("f(x) > 3", functions=[1]),  # type: ignore[arg-type]
    "functions={'f': len}": lambda: dos.compile("f(x) > 3", functions={"f": len}),  # type: ignore[dict-item]
    "functions={'min': Function}": lambda: dos.compile("min(x) > 3", functions={"min": Function(abs, 1)}),
    "a call of too few": lambda: dos.compile("f(x) > 3", functions={"f": Function(lambda a, b: a + b, 2)}),
    "a call of too many": lambda: dos.compile("f(x, 2) > 3", functions={"f": Function(abs, 1)}),
    "currency='euro'": lambda: dos.compile("x > €3", currency="euro"),
    "Function(3, 1)": lambda: Function(3, 1),  # type: ignore[arg-type]
    "Function(abs, 0)": lambda: Function(abs, 0),
    "Function(abs, -1)": lambda: Function(abs, -1),
    "Function(abs, 1000)": lambda: Function(abs, 1000),
    "Function(abs, 1.5)": lambda: Function(abs, 1.5),  # type: ignore[arg-type]
    "Function(abs, True)": lambda: Function(abs, True),
    "Function(abs, takes=[])": lambda: Function(abs, takes=[]),
    "Function(abs, takes='USD')": lambda: Function(abs, takes="USD"),
    "Function(abs, takes=[3])": lambda: Function(abs, takes=[3]),  # type: ignore[list-item]
    "Function(abs, takes=['USD per'])": lambda: Function(abs, takes=["USD per"]),
    "Function of two, takes one": lambda: Function(lambda a, b: a + b, 1),
    "Function of one, takes two": lambda: Function(lambda a: a, takes=["USD", "any"]),
    "Function(abs, 1, 3)": lambda: Function(abs, 1, 3),  # type: ignore[arg-type]
    "Function(abs, 1, 'truths')": lambda: Function(abs, 1, "truths"),
    "evaluate(3)": lambda: dos.compile("x > 3").evaluate(3),  # type: ignore[arg-type]
    "evaluate(None)": lambda: dos.compile("x > 3").evaluate(None),  # type: ignore[arg-type]
    "evaluate('x')": lambda: dos.compile("x > 3").evaluate("x"),  # type: ignore[arg-type]
    "evaluate([('x', 4)])": lambda: dos.compile("x > 3").evaluate([("x", 4)]),  # type: ignore[arg-type]
    "evaluate(a Series)": lambda: dos.compile("x > 3").evaluate(pd.Series({"x": 4})),
    "evaluate(an Apple)": lambda: dos.compile("x > 3").evaluate(Apple()),  # type: ignore[arg-type]
    "evaluate(Failing)": lambda: dos.compile("x > 3").evaluate(Failing(x=4)),
    "evaluate(a default dict)": lambda: dos.compile("x > 3").evaluate(collections.defaultdict(lambda: 4)),
    "explain(3)": lambda: dos.compile("x > 3").explain(3),  # type: ignore[arg-type]
    "residual(3)": lambda: dos.compile("x > 3").residual(3),  # type: ignore[arg-type]
    "an attribute": lambda: dos.compile("x > 3").evaluated,  # type: ignore[attr-defined]
    "a range evaluated": lambda: compile_threshold("[1, 3]").evaluate({}),
    "a range explained": lambda: compile_threshold("{1, 3}").explain({}),
    "place of a call": lambda: dos.compile("1 < 2 and f(x) > 3", functions={"f": Function(abs, 1)}).place_of_call(),
    "place of no call": lambda: dos.compile("x > 3").place_of_call(),
    "renamed": lambda: dos.compile("x > y", units={"x": "USD", "y": "USD"}).renamed({"x": "z"}).evaluate({"z": 4, "y": 3}),
}


def lines() -> Iterator[str]:
    """The lines of the file."""
    place = 0
    for form in FORMS:
        expression = dos.compile(form, functions=FUNCTIONS, definitions=DEFINITIONS)
        for shown, value in VALUES.items():
            y = PARTNERS[place % len(PARTNERS)] if "y" in expression.names else None
            place += 1
            yield f"{form}, x is {shown}{f', y is {y}' if 'y' in expression.names else ''}  →  {_answer(expression, {'x': value, 'y': y})}"
    yield "x < y, x is not there  →  " + _answer(dos.compile("x < y"), {"y": 3})
    for unit in UNITS:
        for form in ("x > 3", "x + y", "x in [1, y]"):
            expression = dos.compile(form, units={"x": unit, "y": unit})
            for shown in ("4", "True", "'4'", "36 hours", "Timedelta", "a day", "0.3"):
                yield f"{form} in {unit}, x is {shown}  →  {_answer(expression, {'x': VALUES[shown], 'y': 2})}"
    for shown, ask in ARGUMENTS.items():
        try:
            yield f"{shown}  →  {ask()}"
        except (DecisionOSError, AttributeError) as error:
            yield f"{shown}  →  {_refusal(error)}"
    for text, kinds in (("x > 3", {"x": 3}), ("x >", {}), ("f(x) > 1", {}), ("x > 2pp", {"x": "months"})):
        yield f"{text} with {kinds} analysed  →  {analysed(text, kinds)}"


def analysed(text: str, units: Mapping[str, Any]) -> str:
    """The issues of a text, or the refusal of its arguments."""
    try:
        return "; ".join(map(str, analyse(text, units=units).issues)) or "fine"
    except (ExpressionError, InputError) as error:
        return _refusal(error)


def kept() -> list[str]:
    """What the file holds."""
    return FILE.read_text(encoding="utf-8").splitlines()


def shown() -> Iterator[str]:
    """The lines as the file holds them, each on one line."""
    return (line.replace("\n", "⏎") for line in lines())


if __name__ == "__main__":
    FILE.write_text("\n".join(shown()) + "\n", encoding="utf-8")
