"""The engine: a rule book made ready once, deciding for one mapping, for a frame, or for everything a run is given."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_os.engine.decide import Decider
from decision_os.engine.feeds import freshness as freshness_of
from decision_os.engine.feeds import load_log
from decision_os.engine.freeze import Standing, gate, governed, rests_unseen
from decision_os.engine.reviews import Review, agenda_of, reviews_of
from decision_os.errors import InputError, Issue, NotFoundError, RuleBookError, Severity, nearest
from decision_os.graph import build
from decision_os.lint import check
from decision_os.model import RuleBook
from decision_os.plan import Plan, plans
from decision_os.record import DecisionRecord, Override
from decision_os.values import settle, zoned
from decision_os.wire import read_book

if TYPE_CHECKING:  # the graph's type only; and the run, which needs the dataframe layer, is imported when it is asked for
    import networkx as nx

    from decision_os.engine.result import RunResult
    from decision_os.freshness import FreshnessReport

__all__ = ["Engine"]


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No search for garbage in circles: what makes many things that stay, and no such garbage, spends up to half its time on it."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()


class Engine:
    """A checked rule book, ready to decide.

    `book` is the rule book, `issues` what is worth knowing about it that does not stop it (warnings, notes), `graph` its graph.
    """

    def __init__(self, book: RuleBook, issues: Sequence[Issue] = ()) -> None:
        self.book = book
        self.issues: tuple[Issue, ...] = tuple(issues)
        self._plans: dict[str, Plan] = plans(book)
        self._deciders: dict[str, Decider] = {}

    @classmethod
    def load(cls, folder: str | Path, *, functions: Mapping[str, Callable[..., object]] | None = None) -> Engine:
        """Read, check and resolve a rules folder. Nothing is evaluated.

        `functions` are the Python functions that the rule book declares, by name; nothing is imported or called to find them.

        Raises `RuleBookError`, whose `issues` are every error of every file, each with file, line and column.
        """
        with _collector_at_rest():
            return cls._loaded(folder, functions or {})

    @classmethod
    def _loaded(cls, folder: str | Path, functions: Mapping[str, Callable[..., object]]) -> Engine:
        loaded = read_book(folder, functions)
        issues = (*loaded.issues, *check(loaded.book))
        errors = [issue for issue in issues if issue.severity is Severity.ERROR]
        if errors:
            raise RuleBookError(sorted(errors, key=lambda issue: issue.where))
        return cls(loaded.book, issues)

    @property
    def graph(self) -> nx.DiGraph[str]:
        """The graph of the rule book: sources, entities, tests, facts, metrics, decisions."""
        return build(self.book)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the decisions."""
        return tuple(self._plans)

    def plan(self, node: str) -> Plan:
        """A decision resolved against its rule book: what its conditions read, and in what order they are asked. Raises `NotFoundError`."""
        if node not in self._plans:
            hint = nearest(node, self._plans) or f"known: {', '.join(self._plans)}"
            raise NotFoundError(f"no decision `{node}` in the rule book ({hint})")
        return self._plans[node]

    def needs(self, node: str) -> tuple[str, ...]:
        """The names a decision reads: its inputs, and the feeds its pre-checks ask for. Raises `NotFoundError`."""
        found = self.plan(node)
        return (*found.inputs, *found.feeds)

    def decide(
        self,
        node: str,
        values: Mapping[str, Any],
        *,
        at: dt.datetime | None = None,
        subject: str | int | None = None,
        period: str | int | None = None,
        choose: Mapping[str, float] | None = None,
        freshness: FreshnessReport | None = None,
        overrides: Iterable[Override] = (),
    ) -> DecisionRecord:
        """Decide once, for one subject and period.

        `values` gives the inputs by name (or by their metric's label): numbers, `Reading`s, `Unknown`s, and for an input of a finer grain a mapping
        from key to value. What is absent is unknown. `at` is the instant decided at (now, unless given; give it for a result that repeats);
        `subject` and `period` name what is decided about (the subject's keys in `values`, and the last complete period, unless given), each a text, or a
        whole number that becomes its digits; `choose` sets action parameters. With `freshness` (see `Engine.freshness`) the decision reads from it whether
        the promises are kept, and a risky act waits while a budget is spent, or not known to be there; `overrides` let it through.

        Raises `NotFoundError` for a decision that does not exist, `InputError` for a name or a value that cannot be read, for an override by a
        role that may not, and for a freshness report of a later instant.
        """
        when = dt.datetime.now(dt.UTC) if at is None else _instant(at)
        decider = self._decider(node)
        plan = self._plans[node]
        if freshness is None and not overrides and not rests_unseen(plan):
            return decider.decide(values, at=when, subject=subject, period=period, choose=choose)
        values, stands = gate(self.book, plan, freshness, overrides, when)(values)
        return governed(plan, decider.decide(values, at=when, subject=subject, period=period, choose=choose), stands)

    def decide_many(
        self,
        node: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        at: dt.datetime | None = None,
        subject: str | int | Iterable[str | int | None] | None = None,
        period: str | int | Iterable[str | int | None] | None = None,
        choose: Mapping[str, float] | None = None,
        freshness: FreshnessReport | None = None,
        overrides: Iterable[Override] = (),
    ) -> list[DecisionRecord]:
        """Decide once for each of many mappings, at one instant: the records that `decide` gives for them, in their order.

        `subject` and `period` are a text for all rows or a list (a column of a frame, a generator) with one for each, and otherwise, as where the list has
        None, what they are in `decide`: the subject's keys in the row, and the last complete period. The other arguments are those of `decide`. A frame is
        decided by `decide_frame`, which makes no records.

        Raises what `decide` raises; an `InputError` says in which row, counted from 1, and for lists of another length than the rows.

        >>> from decision_os import Engine, reference_rules
        >>> engine = Engine.load(reference_rules())
        >>> rows = [{"channel": "Ads", "slo_green": False}, {"channel": "Events"}]
        >>> [(record.subject, record.outcome.value) for record in engine.decide_many("channel.invest", rows)]
        [('Ads', 'blocked'), ('Events', 'blocked')]
        """
        decider = self._decider(node)
        when = dt.datetime.now(dt.UTC) if at is None else _instant(at)
        every, plan = _every_row(rows), self._plans[node]
        stands: list[Standing] = []
        if freshness is not None or overrides or rests_unseen(plan):
            opened = gate(self.book, plan, freshness, overrides, when)
            every, stands = map(list, zip(*map(opened, every), strict=True)) if every else ([], [])
        subjects, periods = _for_each(subject, "subject", len(every)), _for_each(period, "period", len(every))
        records = decider.decide_many(every, at=when, subjects=subjects, periods=periods, choose=choose)
        found: list[DecisionRecord] = []
        while len(found) < len(every):
            with _collector_at_rest():  # a while at a time: others may make garbage meanwhile
                found += islice(records, 10_000)
        return [governed(plan, record, stood) for record, stood in zip(found, stands, strict=True)] if stands else found

    def freshness(self, loads: Any, *, at: dt.datetime) -> FreshnessReport:
        """How every freshness SLO of the rule book stands at an instant, by a load log as `run` takes it.

        Raises `NotFoundError` for a source that the rule book does not have, `DataError` for a log that cannot be read.
        """
        when = _instant(at)
        return freshness_of(self.book, load_log(self.book, loads), when)

    def reviews(self, at: dt.datetime) -> tuple[Review, ...]:
        """The next review of each cadence of the rule book after an aware instant, the soonest first, with the decisions that come to it.

        >>> from decision_os.reference import reference_rules
        >>> engine = Engine.load(reference_rules())
        >>> [(review.id, review.at.isoformat()) for review in engine.reviews(dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC))][:2]
        [('monthly_business_review', '2026-10-07T13:00:00-04:00'), ('weekly_ops', '2026-10-13T10:00:00-04:00')]
        """
        return reviews_of(self.book, self._plans, _instant(at))

    def agenda(self, records: Iterable[DecisionRecord], at: dt.datetime) -> tuple[Review, ...]:
        """The next reviews with the proposals that wait for each: those among `records` that still lack an approval and were not rejected.

        Of records with the same id the last one counts; a proposal whose review has been is `overdue`, and waits for the next. From a ledger, hand in
        `lifecycle.current(ledger).records.values()`: its events say which were approved and rejected.
        """
        return agenda_of(self.reviews(at), records, _instant(at))

    def decide_frame(
        self,
        node: str,
        frame: Any,
        *,
        choose: Mapping[str, float] | None = None,
        given: Mapping[str, Any] | None = None,
        thresholds: bool | Collection[str] = False,
        freshness: FreshnessReport | None = None,
        overrides: Iterable[Override] = (),
    ) -> Any:
        """Decide for every row of a frame, in the frame's own engine.

        Columns are named as the inputs (or their metrics' labels) are; `given` supplies inputs that are the same for all rows. The same
        type comes back, lazy where it was lazy, with the columns `outcome`, `action`, `branch` and `unknowns` (names, comma-separated) added;
        with `thresholds=True`, or the names of some, each of them as a column too, as it is written in the rule book.

        An integer beyond 2**53 is unknown in its row, as a value outside its metric's valid range is.

        With `freshness` every row reads from it whether the promises are kept, and none acts where the budget is spent, as with `decide`; `overrides`
        let them through. A column or a `given` of that name does not count then.

        Raises `NotFoundError` for a decision that does not exist, `DataError` for a column of a type no rule can read, and for a decision
        that calls a Python function, which no dataframe engine can run; `InputError` for `overrides` that may not, or without `freshness`.
        """
        from decision_os.frames import decide_frame  # noqa: PLC0415  # the dataframe layer, when it is used

        plan = self.plan(node)
        if freshness is None:
            if tuple(overrides):
                raise InputError("`overrides` of a frame need `freshness`", name="overrides", hint="give `freshness=engine.freshness(loads, at=at)`")
            return decide_frame(plan, frame, choose=choose, given=given or {}, thresholds=thresholds)
        from decision_os.engine.framed import as_it_stands, held_rows  # noqa: PLC0415  # the dataframe layer, when it is used

        _, stands = gate(self.book, plan, freshness, overrides, freshness.at)({})
        rows, green = as_it_stands(plan, frame, stands)
        return held_rows(plan, decide_frame(plan, rows, choose=choose, given={**(given or {}), **green}, thresholds=thresholds), stands)

    def frame_records(
        self,
        node: str,
        frame: Any,
        *,
        at: dt.datetime | None = None,
        period: str | None = None,
        choose: Mapping[str, float] | None = None,
        given: Mapping[str, Any] | None = None,
        freshness: FreshnessReport | None = None,
        overrides: Iterable[Override] = (),
    ) -> Iterator[DecisionRecord]:
        """The record of each row of a frame, one by one: what `decide` gives for it, hash and identity included.

        Columns and `given` are as for `decide_frame`, the rest as for `decide`; all records are decided at one instant. The subject is
        named by the columns of the subject's keys. Rows are read as records are asked for, in the frame's order where its engine has one.

        Raises `NotFoundError` and `DataError` at once, and `InputError` at a row with a value no rule can read.
        """
        from decision_os.frames import rows  # noqa: PLC0415  # the dataframe layer, when it is used

        found = self.plan(node)
        when = dt.datetime.now(dt.UTC) if at is None else _instant(at)
        values = rows(found, frame, given)
        kept = tuple(overrides)
        return (self.decide(node, row, at=when, period=period, choose=choose, freshness=freshness, overrides=kept) for row in values)

    def run(
        self,
        *,
        sources: Mapping[str, Any] | None = None,
        metrics: Any = None,
        loads: Any = None,
        incidents: Iterable[Mapping[str, Any]] | None = None,
        open_decisions: Iterable[DecisionRecord] = (),
        at: dt.datetime,
        nodes: Sequence[str] | None = None,
        choose: Mapping[str, Mapping[str, float]] | None = None,
        given: Mapping[str, Any] | None = None,
        overrides: Iterable[Override] = (),
    ) -> RunResult:
        """The whole path: frames of raw exports and of ready-made metrics in, records and effects out.

        `sources` are frames by entity; `metrics` frames by metric, or one long frame with a `metric` column; `loads` is the load log (pairs of
        source and instant, a mapping, a frame, or dbt's artifacts: see `decision_os.freshness.LoadLog.of`); `incidents` dicts with `severity`,
        `opened_at`, `resolved_at`; `open_decisions` the records whose action is still monitored; `nodes` the decisions to take (all, unless given);
        `choose` action parameters by decision; `given` what the caller vouches for instead of the load log or the incidents (`slo_green`,
        `open_sev2_incidents`), recorded as asserted; `overrides` let risky acts through although a freshness budget is spent.

        Raises `NotFoundError` for names the rule book does not have, `DataError` for a frame that cannot be read as declared.
        """
        from decision_os.engine.run import run  # noqa: PLC0415  # the dataframe layer, when it is used

        return run(
            self.book,
            self._plans,
            self._decider,
            at=_instant(at),
            sources=sources,
            metrics=metrics,
            loads=loads,
            incidents=incidents,
            open_decisions=open_decisions,
            nodes=nodes,
            choose=choose,
            given=given,
            overrides=overrides,
        )

    def _decider(self, node: str) -> Decider:
        """Made when a decision is first asked for: of many playbooks, a process may decide few."""
        found = self._deciders.get(node)
        if found is None:
            found = self._deciders[node] = Decider(self.book, self.plan(node))
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what a pickle restores in another process, is made ready there."""
        return Engine, (self.book, self.issues)

    def __repr__(self) -> str:
        return f"<Engine {self.book.id} {self.book.version}: {', '.join(self._plans)}>"


def _every_row(rows: object) -> list[Any]:
    if isinstance(rows, Mapping):
        raise InputError("`rows` is one mapping, not many", name="rows", hint="give a list of mappings, or call `decide`")
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        hint = "give a list of mappings, as `frame.to_dict('records')` or `frame.to_dicts()` does"
        raise InputError(f"`rows` are mappings, not a {type(rows).__name__}", name="rows", hint=hint)
    return list(rows)


def _for_each(given: object, name: str, rows: int) -> Iterable[Any]:
    """A text for each row: the same for all, or those of a list. Each is read when its row is decided."""
    if given is None or isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return repeat(given)
    if isinstance(given, Mapping | AbstractSet):
        raise InputError(f"`{name}` is a {type(given).__name__}, which has no order of rows", name=name, hint="give a list with one for each row")
    every = list(given)
    if len(every) != rows:
        raise InputError(f"`{name}` has {len(every)} texts for {rows} rows", name=name, hint="give one for each row, or one text for all")
    return every


def _instant(at: object) -> dt.datetime:
    """The instant to decide at, in Python's own class, at a fixed offset. At the edge of the calendar there is no period before it, or no review after it."""
    wrong = "is a time without a zone" if isinstance(at, dt.datetime) else f"is a {type(at).__name__}, not an instant"
    if not isinstance(at, dt.datetime) or at.utcoffset() is None:
        raise InputError(f"`at` {wrong}", name="at", hint="give an aware datetime, as in `datetime(2026, 10, 6, tzinfo=UTC)`")
    if not dt.MINYEAR < at.year < dt.MAXYEAR:
        raise InputError(f"`at` lies at the edge of the calendar: {at}", name="at", hint="give an instant of the years 2 to 9998")
    return zoned(at) if type(at) is dt.datetime else settle(at, "at")  # type: ignore[return-value]  # an instant settles as one
