"""Metric values computed elsewhere (a dbt mart, a notebook, a form): frames and readings, read into cells and checked.

A frame has one column for each dimension of the metric, one for its period (by the name of the grain entry, or `period`), one for the value
(by the metric's id, or `value`), and may have `n`, `members`, `loaded_at` and `valid_until`. One frame for many metrics is long, with a column
`metric` besides, or wide, as a mart is: a column for each metric by its id or label, and `<id>_n` for its sample size; its other columns are not read.
Cells may be texts, as a CSV export has them.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs
import narwhals.stable.v2 as nw

from decision_os.calendars import Period, instant_of, parse_period
from decision_os.errors import DataError, ExpressionError, InputError, nearest
from decision_os.metrics.measures import as_member, period_from, plain_value
from decision_os.metrics.places import Key
from decision_os.model import Metric, RuleBook, time_grain
from decision_os.values import Reading, Unknown, settle

__all__ = ["LONG_FORM", "Supplied", "read_supplied"]

LONG_FORM: Final = "metrics"
"""The name under which one frame for many metrics is handed in."""

_EXTRAS: Final = ("n", "members", "loaded_at", "valid_until")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")


@attrs.frozen
class Supplied:
    """The readings of one metric: key (members in the order of its dimensions) and period (None where it has none) → reading."""

    cells: Mapping[tuple[Key, Period | None], Reading]


def read_supplied(book: RuleBook, supplied: Any, zone: ZoneInfo) -> dict[str, Supplied]:
    """The metrics handed in ready-made, by id: from a mapping of metric to frame or readings, or from one frame of many metrics.

    Raises `DataError` naming the metric, and the column or the row, for what cannot be read as what its contract declares; `NotFoundError` for
    a metric that is none.
    """
    found: dict[str, Supplied] = {}
    if supplied is None:
        return found
    for name, given in (supplied if isinstance(supplied, Mapping) else {LONG_FORM: supplied}).items():
        reader = _Reader(book, zone)
        if name == LONG_FORM and name not in book.metrics:
            by_metric = reader.many(given)
        else:
            metric = book.metric(name)
            by_metric = {metric.id: reader.readings(metric, given) if _is_readings(given) else reader.frame(metric, given)}
        for metric_id, cells in by_metric.items():
            if metric_id in found:
                raise DataError(f"metric `{metric_id}` is supplied twice; hand it in once")
            found[metric_id] = Supplied(cells)
    return found


def _is_readings(given: Any) -> bool:
    return isinstance(given, Reading) or (isinstance(given, Sequence) and all(isinstance(each, Reading) for each in given))


Cells = dict[tuple[Key, Period | None], Reading]


class _Reader:
    def __init__(self, book: RuleBook, zone: ZoneInfo) -> None:
        self.book, self.zone = book, zone

    def readings(self, metric: Metric, given: Reading | Sequence[Reading]) -> Cells:
        """Readings of a metric without dimensions."""
        if metric.dimensions:
            raise DataError(
                f"metric `{metric.id}` has the dimension `{metric.dimensions[0]}`, which a reading cannot say; "
                f"give a frame with the columns {', '.join(self._wanted(metric))}"
            )
        cells: Cells = {}
        for row, reading in enumerate([given] if isinstance(given, Reading) else given, 1):
            where = f"metric `{metric.id}`, reading {row}"
            value = self._value(metric, reading.value, where)
            self._put(cells, ((), self._period(metric, reading.period, where)), attrs.evolve(reading, value=value), where)
        return cells

    def frame(self, metric: Metric, given: Any) -> Cells:
        """A frame of one metric, or that metric out of a mart of many."""
        columns, rows = _rows(given, f"metric `{metric.id}`")
        if not self._others(metric, columns):
            known = {*self._wanted(metric), metric.id, metric.label, "value", "period", *_EXTRAS}
            for column in columns:
                if column not in known:
                    hint = nearest(column, known) or f"known: {', '.join(sorted(known))}"
                    raise DataError(f"metric `{metric.id}` has no use for the column `{column}` ({hint})")
        value = next((column for column in (metric.id, "value", metric.label) if column in columns), None)
        if value is None:
            raise DataError(f"metric `{metric.id}` has no column `{metric.id}` or `value` ({self._present(columns)})")
        return self._column(metric, columns, rows, value)

    def many(self, given: Any) -> dict[str, Cells]:
        """One frame of many metrics, long or wide."""
        columns, rows = _rows(given, f"`{LONG_FORM}`")
        if "metric" in columns or "value" in columns:
            return self.long_form(columns, rows)
        found: dict[str, Cells] = {}
        for metric in self.book.metrics.values():
            value = next((column for column in (metric.id, metric.label) if column in columns and column not in metric.grain), None)
            if value is not None:
                found[metric.id] = self._column(metric, columns, rows, value)
        known = {word for metric in self.book.metrics.values() for word in (metric.id, metric.label, f"{metric.id}_n", f"{metric.id}_members", *metric.grain)}
        lacking = [word for metric in self.book.metrics.values() if metric.id not in found for word in (metric.id, metric.label)]
        for column in columns:
            if column not in known and (hint := nearest(column, lacking, cutoff=0.85)):
                raise DataError(f"`{LONG_FORM}` has a column `{column}`, which is almost the name of a metric it lacks ({hint})")
        if not found:
            raise DataError(f"`{LONG_FORM}` has neither a column `metric` nor one named as a metric is ({self._present(columns)})")
        return found

    def _others(self, metric: Metric, columns: Sequence[str]) -> list[str]:
        """The columns of other metrics: with them, the frame is a mart, and has columns for other readers too."""
        return [column for other in self.book.metrics.values() if other.id != metric.id for column in (other.id, other.label) if column in columns]

    def _column(self, metric: Metric, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], value: str) -> Cells:
        period = self._period_column(metric, columns)
        self._dimensions(metric, columns)
        cells: Cells = {}
        for number, row in enumerate(rows, 1):
            self._put(cells, *self._row(metric, row, (value, period), f"metric `{metric.id}`, row {number}"))
        return cells

    def long_form(self, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> dict[str, Cells]:
        """One frame of many metrics, a row a value."""
        for column in ("metric", "value"):
            if column not in columns:
                raise DataError(f"`{LONG_FORM}` has no column `{column}` ({self._present(columns)})")
        dimensions = {entry for metric in self.book.metrics.values() for entry in metric.grain}
        known = {"metric", "value", "period", *_EXTRAS, *dimensions}
        for column in columns:
            if column not in known:
                raise DataError(f"`{LONG_FORM}` has a column `{column}`, which is no dimension of any metric ({nearest(column, known)})")
        found: dict[str, Cells] = {}
        for number, row in enumerate(rows, 1):
            metric = self.book.metric(as_member(row["metric"]))
            if metric.id not in found:
                found[metric.id] = {}
                self._dimensions(metric, columns)
            columns_of_it = ("value", self._period_column(metric, columns))
            self._put(found[metric.id], *self._row(metric, row, columns_of_it, f"metric `{metric.id}`, row {number}"))
        return found

    def _wanted(self, metric: Metric) -> tuple[str, ...]:
        return (*metric.grain, "value")

    @staticmethod
    def _present(columns: Sequence[str]) -> str:
        return f"there are {', '.join(columns)}" if columns else "it has no columns"

    def _dimensions(self, metric: Metric, columns: Sequence[str]) -> None:
        for name in metric.dimensions:
            if name not in columns:
                raise DataError(f"metric `{metric.id}` has no column `{name}` ({nearest(name, columns) or self._present(columns)})")

    def _period_column(self, metric: Metric, columns: Sequence[str]) -> str:
        if not metric.period:
            return ""
        for name in (metric.period, "period"):
            if name in columns:
                return name
        raise DataError(f"metric `{metric.id}` has no column `{metric.period}` or `period` ({self._present(columns)})")

    def _row(self, metric: Metric, row: Mapping[str, Any], columns: tuple[str, str], where: str) -> tuple[tuple[Key, Period | None], Reading, str]:
        value, period = columns
        key = tuple(as_member(row[name]) for name in metric.dimensions)
        reading = Reading(
            value=self._value(metric, row[value], where),
            n=self._count(row.get(f"{metric.id}_n", row.get("n")), where),
            loaded_at=self._instant(row.get("loaded_at"), "loaded_at", where),
            valid_until=self._instant(row.get("valid_until"), "valid_until", where),
            members=self._count(row.get(f"{metric.id}_members", row.get("members")), where, "members"),
        )
        return (key, self._period(metric, row[period] if period else None, where)), reading, where

    @staticmethod
    def _put(cells: Cells, place: tuple[Key, Period | None], reading: Reading, where: str) -> None:
        if place in cells:
            at = ", ".join([*place[0], *([str(place[1])] if place[1] else [])]) or "the only place it has"
            raise DataError(f"{where}: a second value for {at}")
        cells[place] = reading

    def _value(self, metric: Metric, raw: Any, where: str) -> Any:
        plain = plain_value(raw)
        if isinstance(plain, str):
            plain = plain.strip() or None
        if plain is None or isinstance(plain, Unknown):
            return plain
        if isinstance(plain, str) and not metric.text:
            if not _NUMBER.fullmatch(plain):
                raise DataError(f"{where}: `{plain}` is a text where a number belongs")
            plain = float(plain)
        elif metric.text and not isinstance(plain, str):
            raise DataError(f"{where}: `{plain}` is not a text")
        try:
            return settle(plain, metric.id)
        except InputError as error:
            raise DataError(f"{where}: {error}") from None

    def _period(self, metric: Metric, raw: Any, where: str) -> Period | None:
        if not metric.period:
            return None
        grain = time_grain(metric.period) or ""
        plain = plain_value(raw)
        if plain is None or plain == "":
            raise DataError(f"{where}: the period is missing; give one such as `2026-09`")
        start = 1 if grain in ("day", "week", "month") else self.book.fiscal_year_start
        if isinstance(plain, dt.date) and not isinstance(plain, dt.datetime):
            return period_from(plain, grain, start)
        try:
            period = parse_period(str(plain), self.book.fiscal_year_start)
        except ExpressionError as error:
            raise DataError(f"{where}: {error.message} ({error.hint})") from None
        if period.grain != grain:
            if period.grain == "day" and period_from(period.start, grain, start).start == period.start:
                return period_from(period.start, grain, start)  # a mart's month is often its first day
            raise DataError(f"{where}: `{plain}` is a {period.grain}, but its periods are {grain}s")
        return period

    @staticmethod
    def _count(raw: Any, where: str, name: str = "n") -> int | None:
        plain = plain_value(raw)
        if plain is None or plain == "":
            return None
        try:
            number = float(plain)
        except (TypeError, ValueError):
            number = math.nan
        if not number.is_integer() or number < 0:
            raise DataError(f"{where}: {name} is `{plain}`, which is not a whole number")
        return int(number)

    def _instant(self, raw: Any, name: str, where: str) -> dt.datetime | None:
        plain = plain_value(raw)
        if plain is None or plain == "":
            return None
        if isinstance(plain, str):
            try:
                plain = dt.datetime.fromisoformat(plain.strip())
            except ValueError:
                raise DataError(f"{where}: {name} is `{plain}`, which is not an instant; write `2026-10-06T12:00:00Z`") from None
        if isinstance(plain, dt.date) and not isinstance(plain, dt.datetime):
            plain = dt.datetime.combine(plain, dt.time())
        if not isinstance(plain, dt.datetime):
            raise DataError(f"{where}: {name} is `{plain}`, which is not an instant")
        return plain if plain.tzinfo else instant_of(plain, self.zone)


def _rows(given: Any, what: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns and the rows of a frame of metric values: aggregates already, so they may be collected."""
    try:
        frame: Any = nw.from_native(nw.to_native(given, pass_through=True))
    except TypeError:
        raise DataError(f"{what} is a {type(given).__name__}; give a dataframe, or a list of readings") from None
    columns = list(frame.collect_schema().names())
    odd = [name for name in columns if not isinstance(name, str)]
    if odd:
        raise DataError(f"{what} has a column named {odd[0]!r}, which is no text")
    return columns, list(frame.lazy().collect().iter_rows(named=True))
