"""Metrics that are measures: a value worked out from the rows of a fact, with every reason not to trust it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

import attrs
import narwhals.stable.v2 as nw

from decision_os.errors import DataError
from decision_os.metrics.answers import Answer, Places, because, oldest, own_grain, period_at, withheld
from decision_os.metrics.facts import QUARANTINED, CheckedRows, FactRows
from decision_os.metrics.measures import Cells, Partial, Shape, collect_cells, everybody, measured, members_of
from decision_os.metrics.places import Place, spelled
from decision_os.model import Measure, Metric, RuleBook
from decision_os.values import Reason, Unknown

__all__ = ["Computed"]


class Computed:
    """The measures of a rule book over checked entities. Each is collected once for each shape it is asked in."""

    def __init__(
        self,
        book: RuleBook,
        checked: Mapping[str, CheckedRows],
        zone: ZoneInfo,
        stale: Callable[[str], Unknown | None],
        loads: Callable[[str], dt.datetime | None],
    ) -> None:
        self._book, self._checked, self._zone, self._stale, self._loads = book, checked, zone, stale, loads
        self._rows = FactRows(book, checked)
        self._cells: dict[tuple[str, Shape], Cells] = {}
        self._members: dict[tuple[str, str], tuple[str, ...]] = {}
        self._sources: dict[str, tuple[str, ...]] = {}
        self._unplaced: dict[tuple[str, tuple[str, ...]], float] = {}

    def given(self, measure: Measure) -> bool:
        """Whether the rows that a measure rests on were handed in."""
        return self._rows.given(measure.fact) and (measure.members is None or self._rows.given(measure.members[0]))

    def answer(self, metric: Metric, measure: Measure, place: Place, roll_up: str) -> Answer:
        """The measure at a place. `roll_up` is `mean` for the mean over the finer keys of the metric's own grain.

        Raises `DataError` for a column that the fact does not have or that cannot be aggregated.
        """
        if not self.given(measure):
            return withheld(metric, Reason.MISSING, f"no rows were given for `{measure.fact}`, and nobody supplied it")
        time = place.time or self._time(measure)
        if place.periods and not time:
            raise DataError(f"metric `{metric.id}` is asked for by period, but neither it nor its fact `{measure.fact}` has a `time`")
        shape = self._shape(metric, measure, place, time, roll_up)
        by_mean = bool(shape.fine or shape.fine_grain)
        cells = self._collected(metric, shape)
        by_start = cells.by_key.get(place.members, {})
        parts = [by_start[period.start] for period in place.periods if period.start in by_start] if shape.grain else list(by_start.values())
        if len(parts) > 1 and (by_mean or measure.aggregate == "count_distinct"):  # not a sum of its parts: counted over the span as a whole
            spans = tuple((period.start, period.end) for period in place.periods)
            whole = self._collected(metric, attrs.evolve(shape, grain="", spans=spans))
            parts = list(whole.by_key.get(place.members, {}).values())
        part = sum(parts, start=Partial())
        value = measured(measure, part, cells.digits, self._members_of(metric, measure))
        if by_mean:
            value = value / part.distinct if part.distinct else None
        causes = list(self._untrusted(metric, measure, part))
        adrift = self._adrift(measure, shape)
        if measure.rows == "passed" and adrift > metric.max_quarantined:
            words = "{} of rows quarantined without what would place them, at most {} allowed"
            causes.append(because(metric, Reason.QUARANTINED, _percents(words, adrift, metric.max_quarantined)))
        outside = [period for period in place.periods if not (cells.first and cells.last and cells.first <= period.start <= cells.last)]
        if outside or not cells.by_key:
            causes.append(because(metric, Reason.MISSING, f"no rows in {spelled(outside)}" if outside else "no rows"))
        elif value is None:
            causes.append(because(metric, *_no_value(measure, part, place)))
        own_n = part.known if measure.aggregate in ("share", "mean", "gini") else None
        return Answer(
            value=Unknown.merged(causes) if causes else value,
            n=part.distinct if by_mean else own_n,
            members=len(everybody(part, self._members_of(metric, measure))) if measure.aggregate == "gini" else None,
            loaded_at=oldest(map(self._loads, self._sources_of(metric, measure))),
            since=min((start for start, each in by_start.items() if start is not None and each.trusted), default=None),
            blocks=self._row_blocks(measure, part),
        )

    def places(self, metric: Metric, measure: Measure, dimensions: Sequence[str], time: str, grain: str) -> Places:
        """Where a measure has rows, by those dimensions (in their order) and periods of that grain."""
        if not self.given(measure):
            return set()
        ordered = tuple(sorted(dimensions))
        at = [ordered.index(name) for name in dimensions]
        cells = self._collected(metric, Shape(ordered, (time or self._time(measure)) if grain else "", grain))
        return {
            (tuple(key[index] for index in at), period_at(self._book, start, grain) if start else None)
            for key, by_start in cells.by_key.items()
            for start in by_start
        }

    def _time(self, measure: Measure) -> str:
        fact = self._book.facts.get(measure.fact)
        return measure.time or (fact.time if fact else "")

    def _shape(self, metric: Metric, measure: Measure, place: Place, time: str, roll_up: str) -> Shape:
        shape = Shape(dimensions=place.dimensions, time=time if place.periods else "", grain=place.grain)
        if roll_up != "mean" or measure.aggregate not in ("sum", "count"):
            return shape
        own = own_grain(metric)
        apart = bool(own) and (bool(place.time) or own != place.grain)
        return attrs.evolve(
            shape,
            fine=tuple(name for name in metric.dimensions if name not in place.dimensions),
            fine_time=self._time(measure) if apart else "",
            fine_grain=own if apart else "",
        )

    def _collected(self, metric: Metric, shape: Shape) -> Cells:
        memo = (metric.id, shape)
        if memo not in self._cells:
            table = self._rows.table(metric.measure.fact if metric.measure else "")
            self._cells[memo] = collect_cells(table, metric, shape, zone=self._zone, fiscal_year_start=self._book.fiscal_year_start)
        return self._cells[memo]

    def _members_of(self, metric: Metric, measure: Measure) -> tuple[str, ...]:
        if measure.members is None:
            return ()
        if measure.members not in self._members:
            name, column = measure.members
            self._members[measure.members] = members_of(self._rows.table(name), column, metric.id)
        return self._members[measure.members]

    def _sources_of(self, metric: Metric, measure: Measure) -> tuple[str, ...]:
        """Every source that a measure rests on, lookups and members included."""
        if metric.id not in self._sources:
            facts = [measure.fact, *([measure.members[0]] if measure.members else [])]
            entities = [entity for fact in facts for entity in self._rows.table(fact).entities]
            self._sources[metric.id] = tuple(dict.fromkeys(self._book.entities[entity].source for entity in entities))
        return self._sources[metric.id]

    def _untrusted(self, metric: Metric, measure: Measure, part: Partial) -> Iterable[Unknown]:
        """Why the rows themselves do not carry a value."""
        for stale in map(self._stale, self._sources_of(metric, measure)):
            if stale is not None:
                yield stale.named(metric.id)
        limit = metric.max_quarantined
        if measure.rows == "passed" and part.quarantined_share > limit:
            yield because(metric, Reason.QUARANTINED, _percents("{} of rows quarantined, at most {} allowed", part.quarantined_share, limit))
        if measure.aggregate == "share" and part.unsettled_share > limit:
            yield because(metric, Reason.MISSING, _percents("its condition is unknown for {} of rows, at most {} allowed", part.unsettled_share, limit))
        for test, path in self._row_blocks(measure, part):
            yield because(metric, Reason.BLOCKED, f"test `{test}` failed for rows of `{path[0]}`")

    def _adrift(self, measure: Measure, shape: Shape) -> float:
        """The share of all rows that are quarantined and lack a period or a dimension: they may belong to any key, so they count against each."""
        columns = (*shape.dimensions, *([shape.time] if shape.time else []))
        if not columns:
            return 0.0
        memo = (measure.fact, columns)
        if memo not in self._unplaced:
            frame = self._rows.table(measure.fact).frame
            lost = nw.col(QUARANTINED) & nw.any_horizontal(*(nw.col(name).is_null() for name in columns), ignore_nulls=True)
            row = next(frame.select(lost=lost.cast(nw.Int64).sum(), seen=nw.len()).collect().iter_rows(named=True))
            self._unplaced[memo] = int(row["lost"] or 0) / row["seen"] if row["seen"] else 0.0
        return self._unplaced[memo]

    def _row_blocks(self, measure: Measure, part: Partial) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The row tests that block this value: those of blocked rows at its key, and those that block the whole metric."""
        entities = self._rows.table(measure.fact).entities
        found = [(block.test, (entity,)) for entity in entities for block in self._checked[entity].blocks if part.blocked or block.scope == "metric"]
        return tuple(found or ([(entities[0], (entities[0],))] if part.blocked else []))


def _no_value(measure: Measure, part: Partial, place: Place) -> tuple[Reason, str]:
    if measure.aggregate in ("sum", "min", "max"):
        return Reason.MISSING, f"no {'value' if part.used else 'rows'} for {place.label()}"
    return Reason.UNDEFINED, f"0/0: nothing to take a {measure.aggregate} of for {place.label()}"


def _percents(words: str, share: float, limit: float) -> str:
    """Both shares in words, in as many digits as it takes to tell them apart."""
    digits = next((digits for digits in (1, 2, 3) if f"{share:.{digits}%}" != f"{limit:.{digits}%}"), 6)
    return words.format(f"{share:.{digits}%}", f"{limit:.{digits}%}")
