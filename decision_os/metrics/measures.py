"""Measures: partial aggregates of a fact, per key and period, collected once and added where a span covers several periods.

How sums stay the same on every engine, whatever the order of the rows: money is summed in whole cents, integers as they are, and any
other column that has a declared unit of money, or a declared precision, in whole millionths (or finer, three digits beyond the
precision). A plain number without either, or a sum too wide for 64 bits of those, is summed as floats, and equal only to the 12 significant
digits that readings are brought to.

A row without a date lies in no period; a row without a member of a dimension is counted under `(none)`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import narwhals.stable.v2 as nw

from decision_os.calendars import Grain, Period, period_of
from decision_os.clocks import Clock, Micros, Shown, Word, added
from decision_os.errors import DataError
from decision_os.metrics.facts import BLOCKED, INSIDE, QUARANTINED, FactTable, known_true
from decision_os.metrics.places import NONE, Key
from decision_os.model import Measure, Metric
from decision_os.sampling import gini

__all__ = ["Cells", "Partial", "Shape", "as_member", "collect_cells", "everybody", "measured", "members_of", "period_from", "plain_value"]

_DAY: Final = 86_400_000_000
_WIDEST: Final = 2.0**62
_BEFORE_1970: Final = 719_162
"""Days from 0001-01-01, a Monday, to 1970-01-01: counted from there all days are positive, so that division floors on every engine."""


@attrs.frozen
class Shape:
    """What a measure is grouped by: columns of the fact, and periods of `grain` by the column `time`.

    With `spans` only rows of those days (from, up to) are read, and not told apart by period. `fine` are the further columns whose
    combinations are counted, for a mean over finer keys; `fine_grain` adds the periods by `fine_time` to them.
    """

    dimensions: tuple[str, ...]
    time: str = ""
    grain: str = ""
    spans: tuple[tuple[dt.date, dt.date], ...] = ()
    fine: tuple[str, ...] = ()
    fine_time: str = ""
    fine_grain: str = ""


@attrs.frozen
class Partial:
    """What is known of one cell; two of disjoint rows add up.

    `seen` and `quarantined` count the entity's rows before the fact's filter, `rows` and `rows_quarantined` those it takes: enum drift shows
    in the first pair, a bad minority in the second. `used` are the rows aggregated, `known` those of them that have a value.
    """

    seen: int = 0
    quarantined: int = 0
    blocked: int = 0
    rows: int = 0
    rows_quarantined: int = 0
    used: int = 0
    known: int = 0
    total: int | float = 0
    low: Any = None
    high: Any = None
    distinct: int = 0
    tallies: Mapping[str, int] = attrs.field(factory=dict)

    def __add__(self, other: Partial) -> Partial:
        tallies = {member: self.tallies.get(member, 0) + other.tallies.get(member, 0) for member in {**self.tallies, **other.tallies}}
        lows = [value for value in (self.low, other.low) if value is not None]
        highs = [value for value in (self.high, other.high) if value is not None]
        return Partial(
            seen=self.seen + other.seen,
            quarantined=self.quarantined + other.quarantined,
            blocked=self.blocked + other.blocked,
            rows=self.rows + other.rows,
            rows_quarantined=self.rows_quarantined + other.rows_quarantined,
            used=self.used + other.used,
            known=self.known + other.known,
            total=self.total + other.total,
            low=min(lows, default=None),
            high=max(highs, default=None),
            distinct=self.distinct + other.distinct,
            tallies=tallies,
        )

    @property
    def trusted(self) -> bool:
        """Whether any row passed: the dates of quarantined ones say nothing about what the data covers."""
        return self.seen > self.quarantined

    @property
    def quarantined_share(self) -> float:
        """The larger of the quarantined shares before and after the fact's filter."""
        return max(_share(self.quarantined, self.seen), _share(self.rows_quarantined, self.rows))

    @property
    def unsettled_share(self) -> float:
        """The share of the rows aggregated that have no value."""
        return _share(self.used - self.known, self.used)


@attrs.frozen
class Cells:
    """The partials of a measure in one shape: key → first day of the period (None: all of time) → partial. `first` and `last` bound its data."""

    by_key: Mapping[Key, Mapping[dt.date | None, Partial]]
    digits: int
    """Sums are in units of 10 to the minus this."""
    first: dt.date | None = None
    last: dt.date | None = None


def as_member(value: Any) -> str:
    """The text of a member as any engine hands it back; a null is `(none)`.

    >>> as_member("SMB"), as_member(float("nan")), as_member(3.0), as_member(True)
    ('SMB', '(none)', '3', 'True')
    """
    plain = plain_value(value)
    if plain is None:
        return NONE
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)


def plain_value(value: Any) -> Any:
    """A value as any engine hands it back, as Python's own: a null or a NaN is None, a naive midnight a date (classic pandas has no dates)."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, dt.datetime):
        moment = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
        return moment.date() if moment.tzinfo is None and moment.time() == dt.time() else moment
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def members_of(table: FactTable, column: str, asker: str) -> tuple[str, ...]:
    """The distinct members in a column, of the rows that passed and are inside the fact's filter."""
    table.dtype(column, asker)
    rows = table.frame.filter(nw.col(INSIDE), ~nw.col(QUARANTINED), ~nw.col(column).is_null())
    return tuple(sorted(as_member(row[0]) for row in rows.group_by(column).agg(nw.len().alias("__n")).collect().iter_rows()))


def measured(measure: Measure, part: Partial, digits: int, members: Sequence[str]) -> Any:
    """The aggregate of a partial, or None where it has no value: a share or a mean of nothing."""
    match measure.aggregate:
        case "count":
            return int(part.total)
        case "count_distinct":
            return part.distinct
        case "sum":
            return _scaled(part.total, digits) if part.known else measure.empty
        case "mean":
            return _scaled(part.total, digits) / part.known if part.known else None
        case "share":
            return part.total / part.known if part.known else None
        case "min":
            return part.low
        case "max":
            return part.high
        case "gini":
            return gini([part.tallies.get(member, 0) for member in everybody(part, members)])
    raise DataError(f"no aggregate `{measure.aggregate}`")


def everybody(part: Partial, members: Iterable[str]) -> set[str]:
    """The members a Gini is taken over: those listed, and those who have any of the cases."""
    return {*members, *part.tallies}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _scaled(total: float, digits: int) -> float:
    return total / 10**digits if digits else total


# --- queries -----------------------------------------------------------------------------------------------------------------------


def collect_cells(table: FactTable, metric: Metric, shape: Shape, *, zone: ZoneInfo, fiscal_year_start: int) -> Cells:
    """The partials of a metric's measure in that shape, from one grouped query (two where members are told apart or counted).

    Raises `DataError` for a column that is not there or not of a type that can be aggregated.
    """
    measure = metric.measure
    if measure is None:
        raise DataError(f"`{metric.id}` is no measure")
    query = _Query(table, metric, measure, shape, zone=zone, fiscal_year_start=fiscal_year_start)
    found: defaultdict[Key, dict[dt.date | None, Partial]] = defaultdict(dict)
    for key, start, part in query.partials():
        found[key][start] = found[key][start] + part if start in found[key] else part
    starts = [start for by_start in found.values() for start, part in by_start.items() if start is not None and part.trusted]
    return Cells(dict(found), query.digits, min(starts, default=None), max(starts, default=None))


class _Query:
    """One shape of one measure: the columns it needs beside the fact's, and what is collected of them."""

    def __init__(self, table: FactTable, metric: Metric, measure: Measure, shape: Shape, *, zone: ZoneInfo, fiscal_year_start: int) -> None:
        self.table, self.metric, self.measure, self.shape = table, metric, measure, shape
        self.zone, self.fiscal_year_start = zone, fiscal_year_start
        self.digits = 0
        for column in shape.dimensions:
            table.dtype(column, metric.id)
        self.keys = {f"__key{index}": nw.col(column) for index, column in enumerate(shape.dimensions)} or {"__key0": nw.lit(1)}
        self.frame = table.frame
        if shape.grain:
            bucket = self._bucket(shape.time, shape.grain)
            self.keys["__period"] = bucket
            self.frame = self.frame.filter(~bucket.is_null())
        if shape.spans:
            day = self._bucket(shape.time, "day")
            within = [(day >= _days(begin)) & (day < _days(end)) for begin, end in shape.spans]
            self.frame = self.frame.filter(nw.any_horizontal(*within, ignore_nulls=False))
        self.frame = self.frame.with_columns(**self.keys)
        used = nw.col(INSIDE) if measure.rows == "all" else nw.col(INSIDE) & ~nw.col(QUARANTINED)
        if measure.condition is not None and measure.aggregate != "share":
            used = used & known_true(measure.condition, table.schema)
        self.used = used

    def partials(self) -> Iterable[tuple[Key, dt.date | None, Partial]]:
        tallies = self._tallies() if self.measure.aggregate == "gini" else {}
        distinct = self._distinct()
        quarantined, inside = nw.col(QUARANTINED), nw.col(INSIDE)
        counted = {
            "quarantined": quarantined,
            "blocked": nw.col(BLOCKED),
            "rows": inside,
            "rows_quarantined": inside & quarantined,
            "used": self.used,
        }
        columns, aggregates = self._values()
        columns = {**{f"__{name}": _as_integer(mask) for name, mask in counted.items()}, **columns}
        grouped = self.frame.with_columns(**columns).group_by(*self.keys)
        sums = [nw.col(f"__{name}").sum() for name in counted]
        for row in grouped.agg(nw.len().alias("__seen"), *sums, *aggregates).collect().iter_rows(named=True):
            place = self._place(row)
            parts = {name: _integer(row[f"__{name}"]) for name in ("seen", *counted, "known") if f"__{name}" in row}
            yield (
                *place,
                Partial(
                    **parts,
                    total=self._total(row),
                    low=plain_value(row.get("__low")),
                    high=plain_value(row.get("__high")),
                    distinct=distinct.get(place, 0),
                    tallies=tallies.get(place, {}),
                ),
            )

    # ── what is aggregated ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _values(self) -> tuple[dict[str, nw.Expr], list[nw.Expr]]:
        """Columns to add to the rows, and the aggregates of them beside the counts."""
        measure = self.measure
        total_and_known = [nw.col("__total").sum(), nw.col("__known").sum()]
        if measure.aggregate == "share":
            if measure.condition is None:
                raise DataError(f"`{self.metric.id}` is a share without a `condition`")
            holds, fails = measure.condition.masks(self.table.schema)
            hits = _as_integer(self.used & holds)
            return {"__total": hits, "__known": hits + _as_integer(self.used & fails)}, total_and_known
        if measure.aggregate in ("count", "count_distinct", "gini"):
            known = _as_integer(self._known(measure.of) if measure.of else self.used)
            return {"__total": known, "__known": known}, total_and_known
        dtype = self.table.dtype(measure.of, self.metric.id)
        if measure.aggregate in ("min", "max"):
            known = self._known(measure.of)
            found = nw.when(known).then(nw.col(measure.of))
            return {"__known": _as_integer(known), "__found": found}, [
                nw.col("__known").sum(),
                nw.col("__found").min().alias("__low"),
                nw.col("__found").max().alias("__high"),
            ]
        return self._summed(dtype)

    def _known(self, column: str) -> nw.Expr:
        """The used rows that have a value: not null, and a float that is a number."""
        dtype = self.table.dtype(column, self.metric.id)
        known = self.used & ~nw.col(column).is_null()
        return known & nw.col(column).is_finite() if dtype.is_float() else known

    def _summed(self, dtype: Any) -> tuple[dict[str, nw.Expr], list[nw.Expr]]:
        """Columns and aggregates of a sum: integers as they are, declared units as whole small ones, other numbers as floats."""
        of, known = self.measure.of, self._known(self.measure.of)
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            raise DataError(f"`{self.metric.id}` takes the {self.measure.aggregate} of `{of}`, which holds {str(dtype).lower()} and no numbers")
        whole = dtype.is_integer() or dtype == nw.Boolean
        self.digits = 0 if whole else self._declared_digits()
        number = nw.col(of).cast(nw.Int64 if whole else nw.Float64)
        total = nw.when(known).then(number).otherwise(0)
        columns = {"__total": total, "__known": _as_integer(known)}
        if self.digits:
            # Half up by floor, not round: engines round a half differently. What does not fit never reaches the cast.
            fits = known & (number.abs() < _WIDEST / 10**self.digits)
            scaled = nw.when(fits).then(number * 10**self.digits + 0.5).otherwise(0.0)
            columns |= {"__total": scaled.floor().cast(nw.Int64), "__rough": total, "__width": total.abs()}
        return columns, [nw.col(name).sum() for name in columns]

    def _total(self, row: Mapping[str, Any]) -> int | float:
        """The sum in whole small units, or in floats of them where the whole ones might have overflowed."""
        if self.digits and _number(row["__width"]) >= _WIDEST / 10**self.digits:
            rough = _number(row["__rough"])
            return rough * 10.0**self.digits
        return _number(row.get("__total"))

    def _declared_digits(self) -> int:
        if self.table.types.get(self.measure.of) == "money":
            return 2
        if self.metric.precision is not None or (self.metric.unit is not None and self.metric.unit.currency):
            return max(6, (self.metric.precision or 0) + 3)
        return 0

    def _tallies(self) -> dict[tuple[Key, dt.date | None], dict[str, int]]:
        """How many used rows each member has, per cell."""
        rows = self.frame.filter(self._known(self.measure.of)).with_columns(__member=nw.col(self.measure.of))
        found: defaultdict[tuple[Key, dt.date | None], dict[str, int]] = defaultdict(dict)
        for row in rows.group_by(*self.keys, "__member").agg(nw.len().alias("__n")).collect().iter_rows(named=True):
            tally = found[self._place(row)]
            member = as_member(row["__member"])
            tally[member] = tally.get(member, 0) + int(row["__n"])
        return found

    def _distinct(self) -> dict[tuple[Key, dt.date | None], int]:
        """How many distinct values, or combinations of finer keys, the used rows have per cell."""
        shape = self.shape
        if self.measure.aggregate == "count_distinct":
            apart = {"__apart0": nw.col(self.measure.of)}
        elif shape.fine or shape.fine_grain:
            apart = {f"__apart{index}": nw.col(column) for index, column in enumerate(shape.fine)}
            for column in shape.fine:
                self.table.dtype(column, self.metric.id)
            if shape.fine_grain:
                apart["__apart_period"] = self._bucket(shape.fine_time, shape.fine_grain)
        else:
            return {}
        known = self._known(self.measure.of) if self.measure.of else self.used
        rows = self.frame.filter(known).with_columns(**apart)
        combinations = rows.group_by(*self.keys, *apart).agg(nw.len().alias("__n"))
        found: defaultdict[tuple[Key, dt.date | None], int] = defaultdict(int)
        for row in combinations.group_by(*self.keys).agg(nw.len().alias("__n")).collect().iter_rows(named=True):
            found[self._place(row)] += int(row["__n"])
        return found

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _place(self, row: Mapping[str, Any]) -> tuple[Key, dt.date | None]:
        members = tuple(as_member(row[f"__key{index}"]) for index in range(len(self.shape.dimensions)))
        start = self._start(int(row["__period"])) if self.shape.grain else None
        return members, start

    def _bucket(self, column: str, grain: str) -> nw.Expr:
        """The number of the period in which a date lies: days and weeks since 0001-01-01, or months, quarters, years of the fiscal calendar."""
        dtype = self.table.dtype(column, self.metric.id)
        if not isinstance(dtype, nw.Datetime | nw.Date):
            raise DataError(f"`{self.metric.id}` counts periods by `{column}`, which holds {str(dtype).lower()} and no dates")
        date = column if dtype == nw.Date else self._date(column, dtype)
        if grain in ("day", "week"):
            # Of a date, not of a time: engines of SQL divide in floats, and the last microseconds of a day would be the next one.
            self._add(f"__day_of_{column}", Micros(date))
            day = (nw.col(f"__day_of_{column}") + _BEFORE_1970 * _DAY) // _DAY
            return day if grain == "day" else day // 7
        months = nw.col(date).dt.year().cast(nw.Int64) * 12 + nw.col(date).dt.month() - 1
        if grain == "month":
            return months
        return (months - (self.fiscal_year_start - 1)) // (3 if grain == "quarter" else 12)

    def _date(self, column: str, dtype: Any) -> str:
        """The column of dates in the rule book's zone, added to the frame where it is not there yet."""
        shown = f"__shown_{column}"
        self._add(f"{shown}_micros", Micros(column))
        zoned = isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
        self._add(f"{shown}_local", Shown(f"{shown}_micros", self.zone.key) if zoned else nw.col(f"{shown}_micros"))
        self._add(f"{shown}_clock", Clock(f"{shown}_local"))
        self._add(f"{shown}_date", nw.col(f"{shown}_clock").dt.date())
        return f"{shown}_date"

    def _add(self, name: str, column: nw.Expr | Word) -> None:
        if name not in self.frame.collect_schema().names():
            self.frame = added(self.frame, {name: column})

    def _start(self, number: int) -> dt.date:
        match self.shape.grain:
            case "day":
                return dt.date.fromordinal(number + 1)
            case "week":
                return dt.date.fromordinal(number * 7 + 1)
            case "month":
                months = number
            case grain:
                months = number * (3 if grain == "quarter" else 12) + self.fiscal_year_start - 1
        return dt.date(months // 12, months % 12 + 1, 1)


def period_from(start: dt.date, grain: str, fiscal_year_start: int) -> Period:
    """The period of that grain which starts there."""
    known: Grain = grain  # type: ignore[assignment]  # grains come from `time_grain` or from a Period
    return period_of(start, known, fiscal_year_start)


def _days(day: dt.date) -> int:
    return day.toordinal() - 1


def _as_integer(mask: nw.Expr) -> nw.Expr:
    return mask.cast(nw.Int64)


def _number(value: Any) -> int | float:
    plain = plain_value(value)
    if isinstance(plain, Decimal):  # DuckDB sums whole numbers into wider ones, which come back so
        return int(plain)
    found: int | float = 0 if plain is None else plain
    return found


def _integer(value: Any) -> int:
    return int(_number(value))
