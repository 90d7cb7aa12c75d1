"""TEMPORARY stand-in by the lead so that others can import; the evaluators' engineer replaces this file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from decision_os.errors import ExpressionError, Issue, Severity, Where
from decision_os.expr.arithmetic import Context, Function
from decision_os.expr.checker import check
from decision_os.expr.parser import parse, parse_threshold
from decision_os.expr.reference import Step, Tracer
from decision_os.expr.tree import Around, Defined, Interval, Name, Node, SetOf, children
from decision_os.expr.unparse import unparse
from decision_os.units import Unit, parse_unit
from decision_os.values import Cause, Reading, Unknown, settle


@attrs.frozen
class Condition:
    text: str
    holds: bool | None
    left: Any = None
    op: str = ""
    right: Any = None
    margin: float | None = None
    unit: str = ""
    causes: tuple[Cause, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()
    needs: str = ""


@attrs.frozen
class Explanation:
    value: Any
    steps: tuple[Step, ...] = ()
    conditions: tuple[Condition, ...] = ()


@attrs.frozen
class Analysis:
    expression: Expression | None
    issues: tuple[Issue, ...]


def _walk(node: Node) -> Any:
    yield node
    for child in children(node):
        yield from _walk(child)


@attrs.frozen
class Expression:
    text: str
    tree: Node
    unit: Unit | None
    is_condition: bool
    context: Context
    warnings: tuple[Issue, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n.name for n in _walk(self.tree) if isinstance(n, Name)))

    @property
    def uses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n.name for n in _walk(self.tree) if isinstance(n, Defined)))

    @property
    def is_range(self) -> bool:
        return isinstance(self.tree, Interval | Around | SetOf)

    @property
    def canonical(self) -> str:
        return unparse(self.tree)

    def evaluate(self, mapping: Mapping[str, Any]) -> Any:
        return self.evaluate_settled({n: settle(v.value if isinstance(v, Reading) else v, n) for n, v in mapping.items() if n in self.names})

    def evaluate_settled(self, values: Mapping[str, Any]) -> Any:
        return Tracer(values, self.context, settled=True).value(self.tree)

    def explain(self, mapping: Mapping[str, Any]) -> Explanation:
        t = Tracer(mapping, self.context)
        v = t.value(self.tree)
        return Explanation(v, tuple(t.steps), (Condition(self.text, None if isinstance(v, Unknown) else v),))


def analyse(text: str, *, names: Any = None, units: Any = None, labels: Any = None, definitions: Any = None, functions: Any = None, currency: str = "USD", threshold: bool = False) -> Analysis:
    try:
        known = {n: parse_unit(u) if isinstance(u, str) else u for n, u in (units or {}).items()}
        defs = definitions or {}
        reader = parse_threshold if threshold else parse
        parsed = reader(text, names=names, labels=labels, definitions={n: d.tree for n, d in defs.items()}, functions=tuple(functions or ()), currency=currency)
    except ExpressionError as e:
        return Analysis(None, (Issue(e.code, e.message, Where("", e.line, e.column), hint=e.hint, excerpt=e.excerpt),))
    checked = check(parsed.tree, units=known, text=text)
    issues = (*parsed.warnings, *checked.issues)
    texts = {}
    for n, d in defs.items():
        texts[n] = d.text
        texts.update(d.context.texts)
    bad = any(i.severity is Severity.ERROR for i in issues)
    return Analysis(None if bad else Expression(text, checked.tree, checked.unit, checked.condition, Context(text=text, texts=texts, units=checked.units, functions=functions or {})), issues)


def analyse_threshold(text: str, **k: Any) -> Analysis:
    return analyse(text, threshold=True, **k)


def compile(text: str, **k: Any) -> Expression:
    a = analyse(text, **k)
    if a.expression is None:
        i = next(i for i in a.issues if i.severity is Severity.ERROR)
        raise ExpressionError(i.message, text=text, line=i.where.line, column=i.where.column, hint=i.hint, code=i.code)
    return a.expression
