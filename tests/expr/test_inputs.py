"""Every kind of value a caller may hand in, and what becomes of it: one table, the same on every scalar evaluator."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import decision_os as dos
from decision_os.expr.compiler import exact
from decision_os.expr.reference import Reference
from decision_os.units import parse_unit
from decision_os.values import settle

UTC = dt.UTC
NEW_YORK = ZoneInfo("America/New_York")


@attrs.frozen
class Refused:
    """An `InputError` that says this, after the name of what it was."""

    message: str


MISSING = dos.Unknown.because(dos.Reason.MISSING, "x")
UNDEFINED = dos.Unknown.because(dos.Reason.UNDEFINED, "x", "not finite")
NO_VALUE = "for `x` is not a value a rule can read"
TOO_LARGE = "for `x` is beyond what a number can hold"
BIG = Refused("an integer beyond 2**53 for `x` cannot be compared exactly")


class OtherFloat(float):
    """A float whose own methods lie, or fail."""

    def __float__(self) -> float:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = float.__hash__


class OtherInt(int):
    """An int that says it is another."""

    def __int__(self) -> int:
        return 99

    def __le__(self, other: object) -> bool:
        return True


class OtherText(str):
    """A text that is equal to all."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class OtherDecimal(Decimal):
    """A Decimal that says it is another."""

    def __float__(self) -> float:
        return 99.0

    def is_nan(self) -> bool:
        raise RuntimeError


class OtherDate(dt.date):
    """A date that is before all."""

    def __lt__(self, other: object) -> bool:
        return True


class Zone(dt.tzinfo):
    """A zone that knows no offset, or fails when asked."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta | None:  # noqa: ARG002 - as `tzinfo` has it
        if self.error is not None:
            raise self.error
        return None

    def dst(self, when: dt.datetime | None) -> dt.timedelta | None:  # noqa: ARG002 - as above
        return None

    def tzname(self, when: dt.datetime | None) -> str | None:  # noqa: ARG002 - as above
        return None


class Pretender:
    """An object that says it is a float, is equal to all, and can be made a number."""

    __class__ = float  # type: ignore[assignment]  # the pretence is the point

    def __float__(self) -> float:
        return 3.0

    def __index__(self) -> int:
        return 3

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # as unhashable as can be


class Bomb:
    """An object that fails whatever is asked of it."""

    def __bool__(self) -> bool:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class NAType:
    """Not the one of pandas."""


class Stage(enum.Enum):
    """A label."""

    WON = "won"


class Level(enum.IntEnum):
    """A label with a number."""

    HIGH = 3


class Word(enum.StrEnum):
    """A label that is a text."""

    WON = "won"


def iter_of_three() -> Iterator[int]:
    """A generator."""
    yield 3


# What is handed in, and what an expression that is `x` alone gives for it.
CASES: dict[str, tuple[Any, Any]] = {
    "float": (0.1, 0.1),
    "the least float": (5e-324, 5e-324),
    "NaN": (math.nan, MISSING),
    "infinity": (-math.inf, UNDEFINED),
    "int": (3, 3.0),
    "the largest int": (2**53, float(2**53)),
    "an int beyond": (2**53 + 1, BIG),
    "an int beyond that a float holds": (2**60, BIG),
    "an int below": (-(2**60), BIG),
    "an int of 5,000 digits": (10**5000, BIG),
    "bool": (True, True),
    "text": ("won", "won"),
    "None": (None, MISSING),
    # exact numbers
    "Decimal": (Decimal("0.1"), 0.1),
    "Decimal of many digits": (Decimal("0.12345678901234567890123"), 0.12345678901234568),
    "Decimal zero": (Decimal("0E-999999"), 0.0),
    "Decimal too large": (Decimal("1e400"), Refused(f"a Decimal {TOO_LARGE}")),
    "Decimal far too large": (Decimal("-1e999999"), Refused(f"a Decimal {TOO_LARGE}")),
    "Decimal that float holds in part": (Decimal("1e-320"), Refused(f"a Decimal {TOO_LARGE}")),
    "Decimal far too small": (Decimal("1e-999999"), Refused(f"a Decimal {TOO_LARGE}")),
    "Decimal integer at 2**53": (Decimal(2**53), float(2**53)),
    "Decimal integer beyond": (Decimal(2**53 + 1), BIG),
    "Decimal NaN": (Decimal("NaN"), MISSING),
    "Decimal signalling NaN": (Decimal("sNaN"), MISSING),
    "Decimal infinity": (Decimal("-Infinity"), UNDEFINED),
    "Fraction": (Fraction(1, 3), 1 / 3),
    "Fraction beyond": (Fraction(10**400, 3), Refused(f"a Fraction {TOO_LARGE}")),
    "complex": (1 + 2j, Refused(f"a complex {NO_VALUE}")),
    # NumPy
    **{kind: (getattr(np, kind)(3), 3.0) for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
    "int64 beyond": (np.int64(2**53 + 1), BIG),
    "uint64 beyond": (np.uint64(2**64 - 1), BIG),
    "float16 is what it holds": (np.float16(0.1), 0.0999755859375),
    "float32 is what it holds": (np.float32(0.1), 0.10000000149011612),
    "float64": (np.float64(0.1), 0.1),
    "longdouble": (np.longdouble("0.1"), 0.1),
    "longdouble beyond": (np.longdouble("1e4000"), Refused(f"a longdouble {TOO_LARGE}")),
    "longdouble integer beyond": (np.longdouble(2**53) + 1, BIG),
    "float32 NaN": (np.float32("nan"), MISSING),
    "float32 infinity": (np.float32("inf"), UNDEFINED),
    "longdouble NaN": (np.longdouble("nan"), MISSING),
    "complex128": (np.complex128(1), Refused(f"a complex128 {NO_VALUE}")),
    "bool_": (np.bool_(True), True),
    "str_": (np.str_("won"), "won"),
    "bytes_": (np.bytes_(b"won"), Refused(f"a bytes_ {NO_VALUE}")),
    "void": (np.void(b"abc"), Refused(f"a void {NO_VALUE}")),
    "a record": (np.array([(1, 2)], dtype="i4,i4")[0], Refused(f"a void {NO_VALUE}")),
    "datetime64 of days": (np.datetime64("2026-10-06"), dt.date(2026, 10, 6)),
    "datetime64 of seconds": (np.datetime64("2026-10-06T10:00:01"), dt.datetime(2026, 10, 6, 10, 0, 1)),
    "datetime64 of nanoseconds": (np.datetime64("2026-10-06T10:00:00.123456789"), dt.datetime(2026, 10, 6, 10, 0, 0, 123456)),
    "datetime64 before 1970": (np.datetime64("1969-12-31T23:59:59.9999999"), dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
    "datetime64 of years": (np.datetime64("2026"), Refused("a datetime64 for `x` counts years, which have no fixed length")),
    "datetime64 beyond": (np.datetime64("99999-01-01"), Refused("a datetime64 for `x` is beyond what a duration or the years 1 to 9999 can hold")),
    "datetime64 NaT": (np.datetime64("NaT"), MISSING),
    "timedelta64 of months": (np.timedelta64(3, "M"), Refused("a timedelta64 for `x` counts months, which have no fixed length")),
    "timedelta64 of nothing": (np.timedelta64(3), Refused("a timedelta64 for `x` says no unit of time")),
    "timedelta64 beyond": (np.timedelta64(2**62, "D"), Refused("a timedelta64 for `x` is beyond what a duration or the years 1 to 9999 can hold")),
    "timedelta64 NaT": (np.timedelta64("NaT"), MISSING),
    "an array of no dimension": (np.array(3), Refused(f"a ndarray {NO_VALUE}")),
    "an array": (np.array([3, 4]), Refused(f"a ndarray {NO_VALUE}")),
    # pandas
    "pandas NA": (pd.NA, MISSING),
    "pandas NaT": (pd.NaT, MISSING),
    "Timestamp": (pd.Timestamp("2026-10-06 10:00"), dt.datetime(2026, 10, 6, 10)),
    "Timestamp with a zone and nanoseconds": (
        pd.Timestamp("2026-10-06 10:00:00.123456789", tz="UTC"),
        dt.datetime(2026, 10, 6, 10, 0, 0, 123456, tzinfo=UTC),
    ),
    "Timestamp beyond": (pd.Timestamp(np.datetime64("12000-01-01", "s")), Refused("a Timestamp for `x` cannot be read: ")),
    "Period": (pd.Period("2026-10"), Refused(f"a Period {NO_VALUE}")),
    "Interval": (pd.Interval(0, 1), Refused(f"an Interval {NO_VALUE}")),
    "a value of a Categorical": (pd.Categorical(["won"])[0], "won"),
    "Categorical": (pd.Categorical(["won"]), Refused(f"a Categorical {NO_VALUE}")),
    "Series": (pd.Series([3.0]), Refused(f"a Series {NO_VALUE}")),
    "DataFrame": (pd.DataFrame({"x": [3.0]}), Refused(f"a DataFrame {NO_VALUE}")),
    # pyarrow
    "Int64Scalar": (pa.scalar(3), 3.0),
    "DoubleScalar": (pa.scalar(0.1), 0.1),
    "FloatScalar": (pa.scalar(0.1, pa.float32()), 0.10000000149011612),
    "UInt64Scalar beyond": (pa.scalar(2**64 - 1, pa.uint64()), BIG),
    "Decimal128Scalar": (pa.scalar(Decimal("0.1")), 0.1),
    "BooleanScalar": (pa.scalar(True), True),
    "StringScalar": (pa.scalar("won"), "won"),
    "DictionaryScalar": (pa.array(["won"]).dictionary_encode()[0], "won"),
    "a null": (pa.scalar(None, pa.float64()), MISSING),
    "Date32Scalar": (pa.scalar(dt.date(2026, 10, 6)), dt.date(2026, 10, 6)),
    "TimestampScalar": (pa.scalar(dt.datetime(2026, 10, 6, tzinfo=UTC)), dt.datetime(2026, 10, 6, tzinfo=UTC)),
    "ListScalar": (pa.scalar([3]), Refused(f"a list {NO_VALUE}")),
    "BinaryScalar": (pa.scalar(b"won"), Refused(f"a bytes {NO_VALUE}")),
    # dates and instants
    "date": (dt.date(2026, 10, 6), dt.date(2026, 10, 6)),
    "naive instant": (dt.datetime(2026, 10, 6), dt.datetime(2026, 10, 6)),
    "instant": (dt.datetime(2026, 10, 6, tzinfo=NEW_YORK), dt.datetime(2026, 10, 6, tzinfo=NEW_YORK)),
    "instant of a zone without offset": (dt.datetime(2026, 10, 6, tzinfo=Zone(None)), dt.datetime(2026, 10, 6)),
    "instant of a zone that fails": (
        dt.datetime(2026, 10, 6, tzinfo=Zone(ZeroDivisionError())),
        Refused("a datetime for `x` cannot be read: ZeroDivisionError"),
    ),
    "instant beyond the calendar": (dt.datetime.max.replace(tzinfo=NEW_YORK), Refused("a datetime for `x` lies outside the years 1 to 9999 in UTC")),
    "time": (dt.time(3), Refused(f"a time {NO_VALUE}")),
    # subclasses and tricks
    "float subclass": (OtherFloat(3), 3.0),
    "int subclass": (OtherInt(3), 3.0),
    "int subclass beyond": (OtherInt(2**60), BIG),
    "text subclass": (OtherText("won"), "won"),
    "Decimal subclass": (OtherDecimal("3"), 3.0),
    "date subclass": (OtherDate(2026, 10, 6), dt.date(2026, 10, 6)),
    "Enum": (Stage.WON, Refused(f"a Stage {NO_VALUE}")),
    "IntEnum": (Level.HIGH, Refused(f"a Level {NO_VALUE}")),
    "StrEnum": (Word.WON, "won"),
    "an object that pretends": (Pretender(), Refused(f"a Pretender {NO_VALUE}")),
    "an object that fails": (Bomb(), Refused(f"a Bomb {NO_VALUE}")),
    "a NAType of another house": (NAType(), Refused(f"a NAType {NO_VALUE}")),
    "bytes": (b"won", Refused(f"a bytes {NO_VALUE}")),
    "bytearray": (bytearray(b"won"), Refused(f"a bytearray {NO_VALUE}")),
    "list": ([3], Refused(f"a list {NO_VALUE}")),
    "tuple": ((3,), Refused(f"a tuple {NO_VALUE}")),
    "dict": ({"x": 3}, Refused(f"a dict {NO_VALUE}")),
    "set": ({3}, Refused(f"a set {NO_VALUE}")),
    "range": (range(3), Refused(f"a range {NO_VALUE}")),
    "generator": (iter_of_three(), Refused(f"a generator {NO_VALUE}")),
    "function": (len, Refused(f"a builtin_function_or_method {NO_VALUE}")),
    "type": (float, Refused(f"a type {NO_VALUE}")),
    "NotImplemented": (NotImplemented, Refused(f"a NotImplementedType {NO_VALUE}")),
    # the library's own
    "Unknown": (dos.Unknown.because(dos.Reason.STALE), dos.Unknown.because(dos.Reason.STALE, "x")),
    "Reading": (dos.Reading(value=Decimal("0.1")), 0.1),
    "Reading of None": (dos.Reading(value=None), MISSING),
    "Reading of an Unknown": (dos.Reading(value=dos.Unknown.because(dos.Reason.STALE)), dos.Unknown.because(dos.Reason.STALE, "x")),
    "Reading in a Reading": (dos.Reading(value=dos.Reading(value=3)), Refused(f"a Reading {NO_VALUE}")),
    "Reason": (dos.Reason.STALE, Refused(f"a Reason {NO_VALUE}")),
}

EVALUATORS: dict[str, Callable[[dos.Expression, Mapping[str, Any]], Any]] = {
    "compiled": lambda expression, values: expression.evaluate(values),
    "closures": lambda expression, values: exact(expression.tree, expression.context)(values),
    "reference": lambda expression, values: Reference(values, expression.context).value(expression.tree),
    "explained": lambda expression, values: expression.explain(values).value,
}
each_evaluator = pytest.mark.parametrize("run", EVALUATORS.values(), ids=EVALUATORS)
each_case = pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES)


@each_evaluator
@each_case
def test_what_a_value_is_taken_for(run: Callable[[dos.Expression, Mapping[str, Any]], Any], value: Any, expected: Any) -> None:
    """A value would be taken for another, evaluated by a method of its own, or end in an exception of its own."""
    expression = dos.compile("x")
    if isinstance(expected, Refused):
        with pytest.raises(dos.InputError) as caught:
            run(expression, {"x": value})
        assert caught.value.message.startswith(expected.message)
        assert ("x", 1, 1) == (caught.value.name, caught.value.line, caught.value.column)
        assert caught.value.hint
    else:
        found = run(expression, {"x": value})
        assert (type(expected), expected) == (type(found), found)


# Where a value stands, and the kinds that may stand there.
PLACES: dict[str, set[type]] = {
    "1 < x + 1": {float},
    "1 < -x": {float},
    "1 < min(x, 2)": {float},
    "2 > x": {float},
    "true and x": {bool},
    "1 > 0 and not x": {bool},
    "x if x else x": {bool},
    'x == "won"': {str},
    'x in {"won"}': {str},
    "x == true": {bool},
    "x in [0, 5]": {float},
    "is_missing(x)": {float, bool, str, dt.date, dt.datetime},
    "x == x": {float, bool, str, dt.date, dt.datetime},
}


@each_evaluator
@pytest.mark.parametrize("text", PLACES)
def test_a_value_is_refused_where_its_kind_does_not_belong(run: Callable[[dos.Expression, Mapping[str, Any]], Any], text: str) -> None:
    """True would be added as 1, a text compared with a number, or an object's own method called: every case of the table in every place."""
    expression = dos.compile(text)
    for name, (value, expected) in CASES.items():
        naive = isinstance(expected, dt.datetime) and expected.tzinfo is None and text == "x == x"
        fits = type(expected) in PLACES[text] and not naive
        try:
            answer = run(expression, {"x": value})
        except dos.InputError as error:
            assert not fits, (name, error.message)
            assert "x" == error.name, name
            assert "`x`" in error.message, name
            assert "x" == error.text[error.column - 1], name
        else:
            unknown = isinstance(expected, dos.Unknown)
            assert fits or (unknown and (text == "is_missing(x)" or isinstance(answer, dos.Unknown))), (name, answer)


@each_evaluator
def test_durations_are_read_where_the_unit_is_declared(run: Callable[[dos.Expression, Mapping[str, Any]], Any]) -> None:
    """A duration of another library would be read in another unit, or wrap around."""
    declared = dos.compile("x == 3h", units={"x": parse_unit("hours")})
    for value in (dt.timedelta(hours=3), pd.Timedelta("3h"), np.timedelta64(3, "h"), np.timedelta64(3 * 3600 * 10**9, "ns"), pa.scalar(dt.timedelta(hours=3))):
        assert run(declared, {"x": value}) is True
        with pytest.raises(dos.InputError, match="`x` has no unit, so a duration cannot be read for it"):
            run(dos.compile("x > 2"), {"x": value})
    assert run(declared, {"x": dt.timedelta.max}) is False
    assert dt.timedelta(0) == settle(np.timedelta64(1, "ns"))


@each_evaluator
@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        # The clocks went back at 2:00 on 1 November 2026: 1:30 came twice, an hour apart.
        ("a < b", dt.datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK), dt.datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK)),
        ("a < b", dt.datetime(2026, 11, 1, 1, 50, tzinfo=NEW_YORK), dt.datetime(2026, 11, 1, 1, 10, fold=1, tzinfo=NEW_YORK)),
        ("a == b", dt.datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK), dt.datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("a == b", dt.datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK), dt.datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        # They went forward at 2:00 on 8 March 2026: 2:30 never came, and is read with the offset of before.
        ("a == b", dt.datetime(2026, 3, 8, 2, 30, tzinfo=NEW_YORK), dt.datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        ("a == b", dt.datetime(2026, 10, 6, 12, tzinfo=NEW_YORK), dt.datetime(2026, 10, 6, 18, tzinfo=ZoneInfo("Europe/Paris"))),
        ("a == b", pd.Timestamp("2026-11-01 06:30", tz="UTC").tz_convert("America/New_York"), dt.datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_instants_are_compared_as_instants(run: Callable[[dos.Expression, Mapping[str, Any]], Any], text: str, left: Any, right: Any) -> None:
    """An hour that the clocks show twice would be one, or an instant not equal to itself in another zone."""
    assert run(dos.compile(text), {"a": left, "b": right}) is True
    assert run(dos.compile(text.replace("<", ">=").replace("==", "!=")), {"a": left, "b": right}) is False


@each_evaluator
@pytest.mark.parametrize("text", ["a > b", "a - b > 0", "a >= 9007199254740992", "a > 9007199254740991", "a != b", "b in [0, 9007199254740991]"])
def test_neighbouring_integers_are_told_apart(run: Callable[[dos.Expression, Mapping[str, Any]], Any], text: str) -> None:
    """The rounding that a float is allowed would make two integers equal that a float tells apart."""
    for wrap in (int, Decimal, np.int64, Fraction):
        assert run(dos.compile(text), {"a": wrap(2**53), "b": wrap(2**53 - 1)}) is True


# ── what values are read from ────────────────────────────────────────────────────────────────────────────────────────────────────


class Absent(dict[str, Any]):
    """A dict that makes up what is not there."""

    def __missing__(self, key: str) -> int:
        return 99


class Failing(dict[str, Any]):
    """A dict that fails."""

    def __getitem__(self, key: str) -> Any:
        raise OSError(key)


class FailingTest(dict[str, Any]):
    """A dict that cannot say what is in it."""

    def __contains__(self, key: object) -> bool:
        raise OSError(key)


def row() -> sqlite3.Row:
    """A row of SQLite: it looks up by name, and looks for a name among its values."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    found: sqlite3.Row = connection.execute("select 3 as x").fetchone()
    connection.close()
    return found


NO_MAPPING = "an expression is evaluated on a mapping from names to values, not on "

MAPPINGS: dict[str, tuple[Any, Any]] = {
    "a dict that makes up": (Absent(), MISSING),
    "a default dict": (collections.defaultdict(lambda: 99), MISSING),
    "a chain": (collections.ChainMap({}, {"x": 3}), True),
    "a read-only view": (MappingProxyType({"x": 3}), True),
    "a UserDict": (collections.UserDict(x=3), True),
    "a row of pandas": (pd.DataFrame({"x": [3], "y": ["won"]}).loc[0], True),
    "a dict that fails": (Failing(x=3), Refused("the mapping that `x` is read from fails: OSError")),
    "a dict that cannot say": (FailingTest(x=3), Refused("the mapping that `x` is read from fails: OSError")),
    "nothing": (None, Refused(f"{NO_MAPPING}nothing")),
    "a list": (["x"], Refused(f"{NO_MAPPING}a list")),
    "a text": ("x", Refused(f"{NO_MAPPING}a str")),
    "a set": ({"x"}, Refused(f"{NO_MAPPING}a set")),
    "a number": (3, Refused(f"{NO_MAPPING}an int")),
    "a row of SQLite": (row(), Refused(f"{NO_MAPPING}a Row")),
}


@each_evaluator
@pytest.mark.parametrize(("values", "expected"), MAPPINGS.values(), ids=MAPPINGS)
def test_what_values_are_read_from(run: Callable[[dos.Expression, Mapping[str, Any]], Any], values: Any, expected: Any) -> None:
    """A mapping would make up a value that was not given, or its own failure, or a list, would end in an exception of Python's."""
    expression = dos.compile("x > 2")
    if isinstance(expected, Refused):
        with pytest.raises(dos.InputError) as caught:
            run(expression, values)
        assert (expected.message, True) == (caught.value.message, bool(caught.value.hint))
    else:
        assert expected == run(expression, values)


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("x > 3", "4", "`x`: the text '4' does not compare with a number (write the number 4)"),
        ("3 < x", "30%", "`x`: a number does not compare with the text '30%' (write the number 0.3)"),
        ("x + 1 > 3", "1,200.50", "`x` is the text '1,200.50' where a number is needed (write the number 1200.5)"),
        ("x > 3", "won", "`x`: the text 'won' does not compare with a number"),
        ('x == "won"', 3, "`x`: a number does not compare with the text 'won'"),
        (
            "x - 1 > 3",
            dt.date(2026, 1, 5),
            "`x` is a date where a number is needed (compare it with another; what lies between two of them is an input",
        ),
    ],
)
def test_a_text_in_a_numbers_place_is_shown_with_what_to_write(text: str, value: object, said: str) -> None:
    """Whoever hands in a text would not see which, and not what to do."""
    expression = dos.compile(text)
    for ask in (expression.evaluate, expression.explain):
        with pytest.raises(dos.InputError) as caught:
            ask({"x": value})
        assert said in str(caught.value)
