"""The engine: a rule book made ready once, deciding for one mapping, for a frame, or for everything a run is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decision_os.calendars import period_of, zone_of
from decision_os.engine.decide import Decider
from decision_os.errors import InputError, Issue, NotFoundError, RuleBookError, Severity, nearest
from decision_os.graph import build
from decision_os.lint import check
from decision_os.model import RuleBook
from decision_os.plan import Plan, plans
from decision_os.record import DecisionRecord
from decision_os.wire import read_book

if TYPE_CHECKING:  # the graph's type only; and the run, which needs the dataframe layer, is imported when it is asked for
    import networkx as nx

    from decision_os.engine.result import RunResult

__all__ = ["Engine"]


@lru_cache(maxsize=256)
def _before(today: dt.date, grain: str, fiscal_year_start: int) -> str:
    """The last period that was complete on a day; all decisions of that day share it."""
    return str(period_of(today, grain, fiscal_year_start).previous())  # type: ignore[arg-type]  # a time grain, by the loader


class Engine:
    """A checked rule book, ready to decide.

    `book` is the rule book, `issues` what is worth knowing about it that does not stop it (warnings, notes), `graph` its graph.
    """

    def __init__(self, book: RuleBook, issues: Sequence[Issue] = ()) -> None:
        self.book = book
        self.issues: tuple[Issue, ...] = tuple(issues)
        self._plans: dict[str, Plan] = plans(book)
        self._zone = zone_of(book.zone)
        self._deciders: dict[str, Decider] = {}

    @classmethod
    def load(cls, folder: str | Path, *, functions: Mapping[str, Callable[..., object]] | None = None) -> Engine:
        """Read, check and resolve a rules folder. Nothing is evaluated.

        `functions` are the Python functions that the rule book declares, by name; nothing is imported or called to find them.

        Raises `RuleBookError`, whose `issues` are every error of every file, each with file, line and column.
        """
        loaded = read_book(folder, functions or {})
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

    def needs(self, node: str) -> tuple[str, ...]:
        """The names a decision reads: its inputs, and the feeds its pre-checks ask for. Raises `NotFoundError`."""
        found = self._plan(node)
        return (*found.inputs, *found.feeds)

    def decide(
        self,
        node: str,
        values: Mapping[str, Any],
        *,
        at: dt.datetime | None = None,
        subject: str | None = None,
        period: str | None = None,
        choose: Mapping[str, float] | None = None,
    ) -> DecisionRecord:
        """Decide once, for one subject and period.

        `values` gives the inputs by name (or by their metric's label): numbers, `Reading`s, `Unknown`s, and for an input of a finer grain a mapping
        from key to value. What is absent is unknown. `at` is the instant decided at (now, unless given; give it for a result that repeats);
        `subject` and `period` name what is decided about (the subject's keys in `values`, and the last complete period, unless given);
        `choose` sets action parameters.

        Raises `NotFoundError` for a decision that does not exist, `InputError` for a name or a value that cannot be read.
        """
        decider = self._decider(node)
        when = dt.datetime.now(dt.UTC) if at is None else at
        _refuse_zoneless(when)
        playbook = self._plans[node].playbook
        if subject is None:
            named = [str(values[key]) for key in playbook.subject.keys if key in values]
            subject = " / ".join(named) if named else playbook.subject.id
        if period is None:
            period = _before(when.astimezone(self._zone).date(), playbook.period, self.book.fiscal_year_start)
        return decider.decide(values, at=when, subject=subject, period=period, choose=choose)

    def decide_frame(self, node: str, frame: Any, *, choose: Mapping[str, float] | None = None, given: Mapping[str, Any] | None = None) -> Any:
        """Decide for every row of a frame, in the frame's own engine.

        Columns are named as the inputs (or their metrics' labels) are; `given` supplies inputs that are the same for all rows. The same
        type comes back, lazy where it was lazy, with the columns `outcome`, `action`, `branch` and `unknowns` (names, comma-separated) added.

        Raises `NotFoundError` for a decision that does not exist, `DataError` for a column of a type no rule can read, and for a decision
        that calls a Python function, which no dataframe engine can run.
        """
        from decision_os.frames import decide_frame  # noqa: PLC0415  # the dataframe layer, when it is used

        return decide_frame(self._plan(node), frame, choose=choose, given=given or {})

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
    ) -> RunResult:
        """The whole path: frames of raw exports and of ready-made metrics in, records and effects out.

        `sources` are frames by entity; `metrics` frames by metric, or one long frame with a `metric` column; `loads` is the load log (pairs of
        source and instant, or a mapping); `incidents` dicts with `severity`, `opened_at`, `resolved_at`; `open_decisions` the records whose action is
        still monitored; `nodes` the decisions to take (all, unless given); `choose` action parameters by decision; `given` what the caller
        vouches for instead of the load log or the incidents (`slo_green`, `open_sev2_incidents`), recorded as asserted.

        Raises `NotFoundError` for names the rule book does not have, `DataError` for a frame that cannot be read as declared.
        """
        from decision_os.engine.run import run  # noqa: PLC0415  # the dataframe layer, when it is used

        _refuse_zoneless(at)
        return run(
            self.book,
            self._plans,
            self._decider,
            at=at,
            sources=sources,
            metrics=metrics,
            loads=loads,
            incidents=incidents,
            open_decisions=open_decisions,
            nodes=nodes,
            choose=choose,
            given=given,
        )

    def _plan(self, node: str) -> Plan:
        if node not in self._plans:
            hint = nearest(node, self._plans) or f"known: {', '.join(self._plans)}"
            raise NotFoundError(f"no decision `{node}` in the rule book ({hint})")
        return self._plans[node]

    def _decider(self, node: str) -> Decider:
        """Made when a decision is first asked for: of many playbooks, a process may decide few."""
        found = self._deciders.get(node)
        if found is None:
            found = self._deciders[node] = Decider(self.book, self._plan(node))
        return found

    def __repr__(self) -> str:
        return f"<Engine {self.book.id} {self.book.version}: {', '.join(self._plans)}>"


def _refuse_zoneless(at: object) -> None:
    wrong = "is a time without a zone" if isinstance(at, dt.datetime) else f"is a {type(at).__name__}, not an instant"
    if not isinstance(at, dt.datetime) or at.utcoffset() is None:
        raise InputError(f"`at` {wrong}", name="at", hint="give an aware datetime, as in `datetime(2026, 10, 6, tzinfo=UTC)`")
