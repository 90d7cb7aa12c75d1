"""Raw cells into typed columns, on every engine alike."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.calendars import instant_of, zone_of
from decision_os.entities import ROW, UNREAD, read_entity
from decision_os.errors import DataError, NotFoundError
from decision_os.model import Column, Entity

ENGINES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "polars": lambda data: pl.DataFrame(data, schema_overrides=dict.fromkeys(data, pl.String)),
    "polars-lazy": lambda data: pl.LazyFrame(data, schema_overrides=dict.fromkeys(data, pl.String)),
    "pandas": lambda data: pd.DataFrame(data, dtype="str"),
    "pandas-object": lambda data: pd.DataFrame(data, dtype="object"),
    "pandas-arrow": lambda data: pa.table(data, schema=pa.schema([(name, pa.string()) for name in data])).to_pandas(types_mapper=pd.ArrowDtype),
    "pyarrow": lambda data: pa.table(data, schema=pa.schema([(name, pa.string()) for name in data])),
}
NEW_YORK = zone_of("ET")


def entity(kind: str, **more: Any) -> Entity:
    """An entity of one column `c`, called `C` in the export."""
    return Entity(id="things", source="crm", key=("c",), columns={"c": Column(id="c", source_name="C", type=kind, **more)})


def plain(value: Any) -> Any:
    """A cell of any engine as Python's own value."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def read(kind: str, frame: Any, *, zone: str = "ET", currency: str = "USD", **more: Any) -> tuple[list[Any], list[Any]]:
    """The values of the column and the texts that could not be read."""
    rows = read_entity(entity(kind, **more), frame, zone=zone, currency=currency)
    rows = rows.collect() if isinstance(rows, nw.LazyFrame) else rows
    return [plain(value) for value in rows["c"].to_list()], [plain(value) for value in rows[UNREAD + "c"].to_list()]


def read_texts(kind: str, texts: list[str | None], **more: Any) -> tuple[list[Any], list[Any]]:
    """The same from a column of text."""
    return read(kind, ENGINES["polars"]({"C": texts}), **more)


def utc(text: str) -> dt.datetime:
    """An instant."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


BAD = object()
"""Expected of a cell that cannot be read."""

CELLS: dict[str, dict[str, Any]] = {
    "money": {
        "USD 12,345.00": 12345.0,
        "12,345.00 USD": 12345.0,
        "$1,234.56": 1234.56,
        "1234.5": 1234.5,
        "1.15": 1.15,
        "(1,234.50)": -1234.5,
        "($5)": -5.0,
        "-$5": -5.0,
        "$-5": -5.0,
        "USD -4,200.00": -4200.0,
        "−$4": -4.0,
        "$ 5": 5.0,
        "US$5": 5.0,
        "0.006": 0.01,
        "-0.006": -0.01,
        "EUR 5": BAD,
        "€5": BAD,
        "1.234,56": BAD,
        "12,34": BAD,
        "-$-5": BAD,
        "-($5)": BAD,
        "$": BAD,
        "lots": BAD,
        "5%": BAD,
        "99999999999999": BAD,
        "9" * 400: BAD,
    },
    "number": {"1,234.5": 1234.5, "1e3": 1000.0, "-2": -2.0, "+3": 3.0, ".5": 0.5, "5.": BAD, "1e999": BAD, "NaN": BAD, "inf": BAD, "True": BAD, "1 2": BAD},
    "integer": {"12": 12, "1,200": 1200, "3.00": 3, "-7": -7, "3.5": BAD, "1e3": BAD, "9007199254740991": 2**53 - 1, "9007199254740993": BAD, "9" * 30: BAD},
    "share": {"12.5%": 0.125, "0.125": 0.125, "12.5 %": 0.125, "115%": 1.15, "-3%": -0.03, "x%": BAD, "%": BAD},
    "boolean": {"TRUE": True, "yes": True, "1": True, "False": False, "NO": False, "0": False, "maybe": BAD, "2": BAD},
    "identifier": {"  00aB ": "00aB", "00AB": "00AB", "1e5": "1e5"},
    "category": {" Closed Won": "Closed Won", "closed won": "closed won"},
    "date": {
        "2026-09-03": dt.date(2026, 9, 3),
        "9/3/2026": dt.date(2026, 9, 3),
        "09/13/2026": dt.date(2026, 9, 13),
        "12/31/2026": dt.date(2026, 12, 31),
        "2026-07-01 12:33": dt.date(2026, 7, 1),
        "2026-07-31T23:59:59.123Z": dt.date(2026, 7, 31),
        "7/1/2026 1:05 PM": dt.date(2026, 7, 1),
        "2/29/2024": dt.date(2024, 2, 29),
        "2/29/2000": dt.date(2000, 2, 29),
        "9999-12-31": dt.date(9999, 12, 31),
        "2/29/2023": BAD,
        "2/29/1900": BAD,
        "9/31/2026": BAD,
        "13/1/2026": BAD,
        "0000-01-01": BAD,
        "3.9.2026": BAD,
        "2026-09-03 25:00": BAD,
        "9/3/26": BAD,
    },
    "month": {"2026-09": dt.date(2026, 9, 1), "2026-09-14": dt.date(2026, 9, 1), "9/14/2026": dt.date(2026, 9, 1), "2026-13": BAD, "9/31/2026": BAD},
    "instant": {
        "2026-10-01T09:30:05-04:00": utc("2026-10-01T13:30:05+00:00"),
        "2026-01-01T05:00+0530": utc("2025-12-31T23:30:00+00:00"),
        "2026-01-31T00:00:00.123456789Z": utc("2026-01-31T00:00:00.123456+00:00"),
        "2026-01-01 10:00:00,5 UTC": utc("2026-01-01T10:00:00.500+00:00"),
        "2026-07-01 12:33": utc("2026-07-01T16:33:00+00:00"),
        "2026-01-01": utc("2026-01-01T05:00:00+00:00"),
        "7/1/2026 1:05 PM": utc("2026-07-01T17:05:00+00:00"),
        "2026-01-01 12:00 am": utc("2026-01-01T05:00:00+00:00"),
        "2026-01-01 12:00 PM": utc("2026-01-01T17:00:00+00:00"),
        "2026-11-01 01:30:00-05:00": utc("2026-11-01T06:30:00+00:00"),
        "2026-03-08 02:30": BAD,  # clocks were put forward over it
        "2026-11-01 01:30": BAD,  # it was twice
        "7/1/2026 13:05 PM": BAD,
        "7/1/2026 0:05 PM": BAD,
        "12:00": BAD,
        "2026-02-30 10:00": BAD,
        "9999-12-31T23:59:59": BAD,  # in UTC that is in the year 10000
    },
}
BLANK: list[str | None] = [None, "", "   ", "--", " -- "]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", CELLS)
def test_each_engine_reads_each_cell_alike(engine: str, kind: str) -> None:
    """A cell would mean one thing on one engine and another elsewhere, or a cell that cannot be read would vanish without its text."""
    texts = [*CELLS[kind], *BLANK]
    values, unread = read(kind, ENGINES[engine]({"C": texts}))
    expected = [*CELLS[kind].values(), *[None] * len(BLANK)]
    assert [(text, None if value is BAD else value) for text, value in zip(texts, expected, strict=True)] == list(zip(texts, values, strict=True))
    assert [str(text).strip() if value is BAD else None for text, value in zip(texts, expected, strict=True)] == unread


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("kind", CELLS)
def test_no_rows_and_all_blank_are_columns_of_the_type(engine: str, kind: str) -> None:
    """An empty export, or a column nobody fills, would fail or come out as another type than a full one."""
    full = read_entity(entity(kind), ENGINES[engine]({"C": list(CELLS[kind])}), zone="ET").collect_schema()
    for texts in ([], [None, ""]):
        rows: Any = read_entity(entity(kind), ENGINES[engine]({"C": texts}), zone="ET")
        assert full == rows.collect_schema()
        assert [None] * len(texts) == [plain(value) for value in rows["c"].to_list()]


# --- laws ---

cents = st.integers(-(10**13), 10**13)
few = settings(max_examples=25, deadline=None)


@given(st.lists(st.tuples(cents, st.sampled_from(["{:,.2f}", "{:.2f}", "${:,.2f}", "USD {:,.2f}", "{:,.2f} USD", "$ {:.2f}"])), min_size=1, max_size=20))
@few
def test_money_is_the_cents_that_were_written(written: list[tuple[int, str]]) -> None:
    """A sum in cents would be off by one for some amounts."""
    texts = [form.format(Decimal(amount) / 100) for amount, form in written]
    for engine in ("polars", "pyarrow"):
        values, _ = read("money", ENGINES[engine]({"C": texts}))
        assert [float(Decimal(amount) / 100) for amount, _ in written] == values


@given(st.lists(st.floats(-(10**12), 10**12), min_size=1, max_size=20))
@few
def test_typed_money_comes_to_whole_cents_and_stays(amounts: list[float]) -> None:
    """Money that an engine computed would differ from the same money read back, or differ between engines."""
    once, _ = read("money", pl.DataFrame({"C": amounts}))
    assert once == read("money", pa.table({"C": amounts}))[0] == read("money", pl.DataFrame({"C": once}))[0]
    assert all(math.isclose(amount, cent, abs_tol=0.00501, rel_tol=1e-15) for amount, cent in zip(amounts, once, strict=True))
    assert [round(cent, 2) for cent in once] == once


@given(st.lists(st.tuples(st.dates(), st.booleans()), min_size=1, max_size=20))
@few
def test_a_date_reads_back_in_both_default_forms(written: list[tuple[dt.date, bool]]) -> None:
    """Some date would be read as another, a day and a month swapped."""
    texts: list[str | None] = [day.isoformat() if iso else f"{day.month}/{day.day}/{day.year:04d}" for day, iso in written]
    assert ([day for day, _ in written], [None] * len(written)) == read_texts("date", texts)


@given(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
@settings(max_examples=60, deadline=None)
def test_what_is_no_date_is_not_read(year: int, month: int, day: int) -> None:
    """The 31st of a short month would slip into the next one."""
    text = f"{year:04d}-{month:02d}-{day:02d}"
    try:
        expected: dt.date | None = dt.date(year, month, day)
    except ValueError:
        expected = None
    assert ([expected], [None if expected else text]) == read_texts("date", [text])


near_changes = st.datetimes(dt.datetime(2026, 3, 7), dt.datetime(2026, 3, 9)) | st.datetimes(dt.datetime(2026, 10, 31), dt.datetime(2026, 11, 2))


@given(
    st.lists(near_changes | st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2035, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["ET", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
@few
def test_a_time_on_the_clocks_is_the_instant_the_calendar_says(shown: list[dt.datetime], zone: str) -> None:
    """Around a change of clocks a time would be read an hour off, or a time that never was would be read at all."""

    def oracle(local: dt.datetime) -> dt.datetime | None:
        try:
            return instant_of(local, zone_of(zone))
        except DataError:
            return None

    expected = [oracle(local) for local in shown]
    assert expected == read_texts("instant", [local.isoformat(sep=" ") for local in shown], zone=zone)[0]
    assert expected == read("instant", pl.DataFrame({"C": shown}), zone=zone)[0]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=20), st.sampled_from(sorted(CELLS)))
@settings(max_examples=40, deadline=None)
def test_any_text_is_blank_read_or_kept(texts: list[str], kind: str) -> None:
    """Some text would make an engine stop, be read otherwise by another, or be lost: neither read nor kept."""
    values, unread = read(kind, ENGINES["polars"]({"C": texts}))
    assert (values, unread) == read(kind, ENGINES["pyarrow"]({"C": texts}))
    for text, value, kept in zip(texts, values, unread, strict=True):
        trimmed = text.strip(" \t\n\v\f\r\u00a0\u2007\u202f\u3000\u200b\ufeff")
        assert (trimmed in ("", "--")) == (value is None and kept is None)
        assert kept is None or (value is None and kept == trimmed)


# --- typed already ---


def test_typed_columns_are_taken_as_they_are() -> None:
    """A frame whose types are right would be read through its text and change."""
    day, instant = dt.date(2026, 9, 14), utc("2026-09-14T23:30:00-04:00")
    cases: list[tuple[str, Any, Any]] = [
        ("date", [day, None], [day, None]),
        ("month", [day, None], [dt.date(2026, 9, 1), None]),
        ("date", [instant, None], [day, None]),  # the date on the clocks of the zone
        ("instant", [instant, None], [instant, None]),
        ("instant", [day, None], [utc("2026-09-14T00:00:00-04:00"), None]),
        ("money", [Decimal("1.50"), None], [1.5, None]),
        ("money", [3, None], [3.0, None]),
        ("number", [3, None], [3.0, None]),
        ("integer", [3.0, None], [3, None]),
        ("integer", [3, None], [3, None]),
        ("boolean", [True, None], [True, None]),
        ("boolean", [1, None], [True, None]),
        ("identifier", [7, None], ["7", None]),
        ("identifier", [7.0, None], ["7", None]),
        ("identifier", [True, None], ["true", None]),
        ("text", [instant.replace(microsecond=0), None], ["2026-09-15T03:30:00Z", None]),
    ]
    for kind, data, expected in cases:
        frames = {"polars": pl.DataFrame({"C": data}), "pandas": pd.DataFrame({"C": data}), "pyarrow": pa.table({"C": data})}
        for engine, frame in frames.items():
            assert (kind, engine, (expected, [None, None])) == (kind, engine, read(kind, frame))


def test_typed_values_that_do_not_fit_are_unread() -> None:
    """Half a seat, infinite money, or a boolean where a number belongs would pass the schema."""
    cases: list[tuple[str, Any, str]] = [
        ("integer", 2.5, "2.5"),
        ("integer", 2**60, str(2**60)),
        ("number", 2**60, str(2**60)),
        ("number", math.inf, "inf"),
        ("money", -math.inf, "-inf"),
        ("number", True, "true"),
        ("date", 20260914, "20260914"),
    ]
    for kind, value, text in cases:
        nullable = pd.DataFrame({"C": pd.array([value, None], dtype="Int64" if type(value) is int else None)})
        for frame in (pl.DataFrame({"C": [value, None]}), pa.table({"C": [value, None]}), nullable):
            assert (kind, ([None, None], [text, None])) == (kind, read(kind, frame))


def test_nan_is_missing() -> None:
    """NaN would be a number on one engine and missing on the other."""
    for frame in (pl.DataFrame({"C": [1.0, math.nan]}), pd.DataFrame({"C": [1.0, math.nan]}), pa.table({"C": [1.0, math.nan]})):
        for kind in ("number", "money", "share", "integer"):
            assert ([1, None], [None, None]) == read(kind, frame)


def test_categoricals_are_their_texts() -> None:
    """A category column would stop an engine that stores its values elsewhere."""
    for frame in (pl.DataFrame({"C": pl.Series(["a", None], dtype=pl.Categorical)}), pd.DataFrame({"C": pd.Categorical(["a", None])})):
        assert (["a", None], [None, None]) == read("category", frame)


def test_a_column_of_several_python_types_is_read_as_text() -> None:
    """A spreadsheet's mixed column would stop the run instead of failing in the rows that are wrong."""
    assert ([3.0, 4.5, None, None], [None, None, "x", None]) == read("number", pd.DataFrame({"C": [3, "4.5", "x", None]}, dtype="object"))


def test_an_object_column_without_a_value_is_of_its_type() -> None:
    """A column nobody filled would come out of pandas as another type."""
    rows = read_entity(entity("money"), pd.DataFrame({"C": [None, None]}, dtype="object"), zone="ET")
    assert nw.Float64 == rows.collect_schema()["c"]


# --- forms ---


def test_the_first_form_that_fits_decides() -> None:
    """A European export would be read month first although its column says otherwise."""
    texts: list[str | None] = ["3/9/2026", "2026-09-03", "03/09/2026 10:00"]
    day = dt.date(2026, 9, 3)
    assert ([day, None, day], [None, "2026-09-03", None]) == read_texts("date", texts, formats=("%d/%m/%Y",))
    assert ([day, day, day], [None] * 3) == read_texts("date", texts, formats=("%d/%m/%Y", "%Y-%m-%d"))
    assert ([dt.date(2026, 9, 14)], [None]) == read_texts("date", ["20260914"], formats=("%Y%m%d",))
    assert ([dt.date(2026, 9, 14)], [None]) == read("date", pl.DataFrame({"C": [20260914]}), formats=("%Y%m%d",))
    assert ([utc("2026-09-03T10:15:00-04:00")], [None]) == read_texts("instant", ["3.9.2026 10:15"], formats=("%d.%m.%Y %H:%M",))
    assert ([dt.date(2026, 9, 1)], [None]) == read_texts("month", ["09/2026"], formats=("%m/%Y",))


@pytest.mark.parametrize(
    ("kind", "form"), [("date", "%m/%Y"), ("date", "%d %b %Y"), ("date", "%Y-%m-%d-%d"), ("date", "day"), ("month", "%d/%m"), ("date", "%")]
)
def test_a_form_that_cannot_be_read_is_refused(kind: str, form: str) -> None:
    """Every row would quietly fail to parse because of a slip in the rule book."""
    with pytest.raises(DataError, match=r"column `c` has the date form `.*`, which cannot be read \(write the year as `%Y`"):
        read_texts(kind, ["2026-09-14"], formats=(form,))


def test_blanks_are_the_columns_own() -> None:
    """`n/a` would be quarantined although the rule book calls it missing."""
    assert ([None, None, 1.0], [None, "--", None]) == read_texts("number", ["n/a", "--", "1"], blanks=("n/a",))


def test_another_currency_has_its_own_marks() -> None:
    """Euros would be summed as dollars, or refused in a rule book that is kept in euros."""
    assert ([5.0, 5.0, 5.0, None], [None, None, None, "$5"]) == read_texts("money", ["€5", "EUR 5", "5", "$5"], currency="EUR")


# --- the frame ---


def test_columns_go_by_their_name_in_the_export_or_by_their_id() -> None:
    """A frame that was already renamed would be refused, or the wrong one of two columns be read."""
    assert (["a"], [None]) == read("text", pl.DataFrame({"c": ["a"]}))
    assert (["b"], [None]) == read("text", pl.DataFrame({"c": ["a"], "C": ["b"]}))


def test_rows_are_numbered_as_they_come() -> None:
    """A message about a row would point to another one."""
    for frame in (pl.DataFrame({"C": ["b", "a"]}), pl.LazyFrame({"C": ["b", "a"]}), pd.DataFrame({"C": ["b", "a"]}, index=[7, 7])):
        rows = read_entity(entity("text"), frame, zone="ET")
        rows = rows.collect() if isinstance(rows, nw.LazyFrame) else rows
        assert [(1, "b"), (2, "a")] == list(zip(rows[ROW].to_list(), rows["c"].to_list(), strict=True))


def test_a_frame_of_one_kind_stays_one() -> None:
    """A lazy frame would be collected, or pandas turned into Polars."""
    for engine, kind in {"polars": pl.DataFrame, "polars-lazy": pl.LazyFrame, "pandas": pd.DataFrame, "pyarrow": pa.Table}.items():
        assert isinstance(read_entity(entity("date"), ENGINES[engine]({"C": ["2026-09-14"]}), zone="ET").to_native(), kind)


def test_the_callers_frame_is_left_alone() -> None:
    """Reading would change what the notebook user still works with."""
    frame = pd.DataFrame({"C": ["$5", None]})
    before = frame.copy(deep=True)
    read("money", frame)
    pd.testing.assert_frame_equal(before, frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"Amuont": [1]}), "the rows of entity `things` have no column `Amount`, from which `c` is read (did you mean `Amuont`?)"),
        (pl.DataFrame({"x": [1]}), "the rows of entity `things` have no column `Amount`, from which `c` is read (the columns are `x`)"),
        (pl.DataFrame(), "the rows of entity `things` have no column `Amount`, from which `c` is read (there are no columns at all)"),
        (pd.DataFrame({0: [1], 1: [2]}), "the rows of entity `things` have no column `Amount`, from which `c` is read (the columns are `0`, `1`)"),
        (pd.DataFrame([[1, 2]], columns=["Amount", "Amount"]), "the rows of entity `things` have the column `Amount` more than once (rename all but one)"),
        ([1, 2], "the rows of entity `things` are a list, not a dataframe (read a file with `read_export` and `to_frame`)"),
        (None, "the rows of entity `things` are a NoneType, not a dataframe (read a file with `read_export` and `to_frame`)"),
    ],
)
def test_what_cannot_be_read_is_named(frame: Any, message: str) -> None:
    """A wrong file would end in an engine's own words about a column nobody knows."""
    amount = Entity(id="things", source="crm", key=("c",), columns={"c": Column(id="c", source_name="Amount", type="money")})
    with pytest.raises(DataError) as caught:
        read_entity(amount, frame, zone="ET")
    assert message == str(caught.value)


def test_other_columns_do_no_harm() -> None:
    """A column that nobody reads, of a name or type nobody expects, would stop the run."""
    frame = pd.DataFrame([["a", 1, 2, [3]]], columns=["C", 5, "twice", "twice"])
    assert (["a"], [None]) == read("text", frame)


def test_nested_values_are_refused_with_their_column() -> None:
    """A list in a cell would be read as some text an engine makes of it."""
    with pytest.raises(DataError, match=r"the column `C` of entity `things` holds List\(Int64\), from which no number is read"):
        read("number", pl.DataFrame({"C": [[1]]}))


def test_pandas_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user would meet a failed import from deep inside."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pandas frames are read through pyarrow, which is not installed \(install `decision-os\[pandas\]`\)"):
        read("text", pd.DataFrame({"C": ["a"]}))


def test_an_unknown_zone_is_refused() -> None:
    """Times would be read in a zone that was misspelled."""
    with pytest.raises(NotFoundError, match="no zone `Amrica/New_York`"):
        read_texts("date", [None], zone="Amrica/New_York")
