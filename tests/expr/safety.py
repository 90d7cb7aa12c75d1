"""What must hold of any text: a documented meaning or one typed error, in bounded time and memory; nothing else, ever."""

from __future__ import annotations

import datetime as dt
import sys
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import decision_os as dos
from decision_os.errors import ExpressionError, InputError, UnitError
from decision_os.expr import analyse, compile_threshold
from decision_os.units import Unit, parse_unit
from decision_os.values import Unknown

MILLISECONDS: Final = 50
MEBIBYTES: Final = 50

UNITS: Final = tuple(parse_unit(text) for text in ("USD", "hours", "days", "months", "share", "pp", "ratio", "count", "USD/seat/month"))
_VALUES: Final = (1.5, 0, -2, 1e308, 5e-324, True, "won", None, float("nan"), float("inf"), 2**53, 10**30, b"x", dt.date(2026, 1, 2))
Step = Callable[[], Any]


class Meter:
    """Runs one step after another, with what it costs; here nothing is measured."""

    def run(self, what: str, step: Step) -> Any:  # noqa: ARG002 - the meters that measure keep the figures by it
        """The result of the step."""
        return step()


class CallMeter(Meter):
    """Counts calls of functions, which no machine is faster at than another."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()

    def run(self, what: str, step: Step) -> Any:
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            return step()
        finally:
            sys.setprofile(before)
            self.most[what] = max(self.most[what], calls)


class TimeMeter(Meter):
    """Takes the processor's time, and refuses a step that is over the limit three times in a row."""

    def __init__(self, limit: float = MILLISECONDS) -> None:
        self.limit = limit
        self.most: dict[str, float] = {}

    def run(self, what: str, step: Step) -> Any:
        for _ in range(3):  # a collection of garbage, or the first import of something, may fall into one of them
            raised: ExpressionError | None = None
            result: Any = None
            began = time.process_time()
            try:
                result = step()
            except ExpressionError as error:
                raised = error
            took = (time.process_time() - began) * 1_000
            if took <= self.limit:
                break
        self.most[what] = max(self.most.get(what, 0.0), took)
        assert took <= self.limit, f"{what} takes {took:.0f} ms"
        if raised is not None:
            raise raised
        return result


class MemoryMeter(Meter):
    """Traces what a step allocates at its peak."""

    def __init__(self) -> None:
        self.most: dict[str, float] = {}

    def run(self, what: str, step: Step) -> Any:
        tracemalloc.start()
        try:
            return step()
        finally:
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            self.most[what] = max(self.most.get(what, 0.0), peak)
            assert peak <= MEBIBYTES, f"{what} takes {peak:.0f} MiB"


NOTHING: Final = Meter()


def examined(text: Any, meter: Meter = NOTHING, *, whole: bool = True) -> str:
    """Try a text as an expression and as a threshold, with units and without, and everything that what is read can be asked for.

    Gives `read` or `refused` for the expression; an AssertionError, or whatever escapes, is a finding. `whole` also explains it and makes columns.
    """
    verdict = "refused"
    for what, read in (("compile", dos.compile), ("compile_threshold", compile_threshold)):
        found = meter.run(what, lambda read=read: _tried(read, text))  # type: ignore[misc]  # mypy infers no lambda with a default
        if found is None:
            continue
        verdict = "read" if what == "compile" else verdict
        _asked(found, meter, whole=whole and what == "compile")
    return verdict


def evaluated(text: Any, meter: Meter = NOTHING) -> None:
    """The quick half of `examined`: read a text, make it ready, and evaluate it over two sets of inputs."""

    def step() -> None:
        expression = _tried(dos.compile, text)
        if expression is not None:
            for values in (dict.fromkeys(expression.names, 1.5), {}):
                _answered(expression, values, NOTHING, whole=False)

    meter.run("compile and evaluate", step)


def _tried(read: Callable[..., dos.Expression], text: Any, **scope: Any) -> dos.Expression | None:
    try:
        return read(text, **scope)
    except ExpressionError as error:
        _placed(error, text)
        return None


def _placed(error: ExpressionError, text: Any) -> None:
    """An error says something, and points into the text."""
    assert str(error)
    assert error.message
    lines = (error.text + "x").splitlines()
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert not error.text or str.__str__(text)[: len(error.text)] == error.text


def _asked(expression: dos.Expression, meter: Meter, *, whole: bool) -> None:
    canonical = meter.run("canonical", lambda: expression.canonical)
    try:
        again = (compile_threshold if expression.is_range else dos.compile)(canonical)
        assert again.tree == expression.tree, canonical
    except ExpressionError as error:  # a power is written out as products, and these may be over a cap
        assert "an expression has at most" in error.message, canonical
    units: dict[str, Unit] = {name: UNITS[place % len(UNITS)] for place, name in enumerate(expression.names)}
    for issue in meter.run("units", lambda: analyse(expression.text, units=units)).issues:
        assert str(issue)
    if expression.is_range:
        return
    for start in range(0, len(_VALUES), 3):
        values = {name: _VALUES[(start + place) % len(_VALUES)] for place, name in enumerate(expression.names)}
        _answered(expression, values, meter, whole=whole and start in (0, 6))
    _answered(expression, {}, meter, whole=whole)
    if whole:
        meter.run("columns", lambda: _columns(expression))


def _answered(expression: dos.Expression, values: Mapping[str, Any], meter: Meter, *, whole: bool) -> None:
    try:
        found = meter.run("evaluate", lambda: expression.evaluate(values))
    except InputError as error:
        _placed(error, error.text)
        assert error.text in ("", expression.text)
        found = None
    assert found is None or isinstance(found, bool | int | float | str | dt.date | Unknown)
    assert found == found, "NaN is no answer"  # noqa: PLR0124 - what NaN is not
    if whole:
        try:
            assert isinstance(str(meter.run("explain", lambda: expression.explain(values))), str)
        except InputError:
            assert found is None


def _columns(expression: dos.Expression) -> None:
    try:
        expression.columns()
    except ExpressionError as error:
        assert str(error)


def parsed(parse: Callable[[Any], object], text: Any) -> bool:
    """Whether another of the small languages reads a text; it may refuse it by its typed errors alone."""
    try:
        parse(text)
    except (ExpressionError, UnitError) as error:
        assert str(error)
        return False
    return True


def strict() -> None:
    """Make every warning a finding."""
    warnings.simplefilter("error")
