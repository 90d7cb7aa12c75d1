"""The property: compiled = reference = oracle. One place for the tests, the soak and the mutants that show it can fail."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from types import ModuleType
from typing import Any
from unittest import mock

import attrs

from decision_os.errors import InputError
from decision_os.expr import arithmetic, compiler, reference
from decision_os.expr.parser import parse, parse_threshold
from decision_os.expr.tree import Defined, Interval, Node, children
from decision_os.expr.unparse import unparse
from decision_os.values import Unknown
from tests.expr import growth, oracle, trees

COMPILED, EXACT = "compiled ≠ reference", "reference ≠ oracle"


@attrs.frozen
class Refused:
    """An InputError, as data."""

    message: str
    place: tuple[int, int]
    name: str


def outcome(run: Callable[[], Any]) -> Any:
    """What a run gives: a value with its type, an unknown, or what it refuses."""
    try:
        found = run()
    except InputError as error:
        return Refused(error.message, (error.line, error.column), error.name)
    return found if isinstance(found, Unknown) else (type(found), found)


@attrs.frozen
class Evaluators:
    """The modules under test; mutants are planted in copies of them."""

    arithmetic: ModuleType = arithmetic
    compiler: ModuleType = compiler
    reference: ModuleType = reference


REAL = Evaluators()


@attrs.frozen
class Subject:
    """A tree as an author would write it, so that every span points into a text, with the texts of its definitions."""

    tree: Node
    text: str
    definitions: Mapping[str, str]
    scales: Mapping[str, Fraction]

    @classmethod
    def of(cls, tree: Node, scales: Mapping[str, Fraction] | None = None) -> Subject:
        """Write the tree down and read it back; what comes back must be what was written."""
        bodies = {node.name: node.body for node in _walk(tree) if isinstance(node, Defined)}
        texts = {name: unparse(body) for name, body in bodies.items()}
        read = {name: (parse_threshold if isinstance(bodies[name], Interval) else parse)(text).tree for name, text in texts.items()}
        text = unparse(tree)
        back = parse(text, definitions=read).tree
        assert tree == back, text
        return cls(growth.scaled(back, scales) if scales else back, text, texts, scales or {})


def _walk(node: Node) -> Iterable[Node]:
    yield node
    for child in children(node):
        yield from _walk(child)


@attrs.frozen
class Disagreement:
    """A case to reproduce: the expression, its definitions, the inputs, and what each side says."""

    comparison: str
    subject: Subject
    values: Mapping[str, Any]
    said: Mapping[str, Any]

    def __str__(self) -> str:
        lines = [self.comparison, f"  text        {self.subject.text!r}", f"  values      {dict(self.values)!r}"]
        lines += [f"  definitions {dict(self.subject.definitions)!r}"] if self.subject.definitions else []
        lines += [f"  scales      {dict(self.subject.scales)!r}"] if self.subject.scales else []
        return "\n".join([*lines, *(f"  {who:<11} {what!r}" for who, what in self.said.items())])


class Left:
    """Counts how often the fast path was left for the closures."""

    def __init__(self) -> None:
        self.times = 0

    def counted(self, run: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counting(values: Any) -> Any:
            self.times += 1
            return run(values)

        return counting


def disagreement(subject: Subject, several: Iterable[Mapping[str, Any]], tally: Counter[str], evaluators: Evaluators = REAL) -> Disagreement | None:
    """The first disagreement over these inputs, if any; what was met on the way is counted in `tally`."""
    context = evaluators.arithmetic.Context(text=subject.text, texts=subject.definitions)
    left, closures = Left(), evaluators.compiler.exact
    with mock.patch.object(evaluators.compiler, "exact", lambda *args, **kwargs: left.counted(closures(*args, **kwargs))):
        program = evaluators.compiler.functions(subject.tree, context)
    tally["trees"] += 1
    tally["trees without a fast path"] += program.evaluate.__name__ == "counting"
    ask = oracle.compiled(subject.tree)
    for number, values in enumerate(several):
        tally["pairs"] += 1
        ordinary = _ordinary(values)
        run = program.evaluate_settled if ordinary and number % 2 else program.evaluate
        found = outcome(lambda run=run, values=values: run(values))  # type: ignore[misc]  # mypy infers no lambda with a default
        term: Any = None

        def trace(values: Mapping[str, Any] = values) -> Any:
            nonlocal term
            term = evaluators.reference.Reference(values, context).term(subject.tree)
            return evaluators.arithmetic.plain(term)

        traced = outcome(trace)
        tally[_kind(traced)] += 1
        if found != traced:
            return Disagreement(COMPILED, subject, values, {"compiled": found, "reference": traced})
        if not ordinary:
            tally["oracle not asked"] += 1
            continue
        try:
            expected = ask(values)
        except oracle.TooClose:
            tally["oracle declined"] += 1
            continue
        tally["oracle answered"] += 1
        if not _agrees(expected, term, traced):
            return Disagreement(EXACT, subject, values, {"reference": term or traced, "oracle": oracle.shown(expected)})
    tally["fast path left"] += left.times
    return None


def _agrees(expected: oracle.Answer, term: Any, traced: Any) -> bool:
    if isinstance(expected, tuple):
        return isinstance(term, tuple) and abs(Fraction(term[0]) - Fraction(expected[0], expected[1])) <= Fraction(term[1])
    if expected is None:
        return isinstance(traced, Unknown)
    return bool(traced == (type(expected), expected))


def _kind(found: Any) -> str:
    if isinstance(found, Refused):
        return "refused"
    if isinstance(found, Unknown):
        return "unknown"
    kind, value = found
    return str(value).lower() if kind is bool else "number" if kind in (int, float) else "text"


def _ordinary(values: Mapping[str, Any]) -> bool:
    """Whether the oracle understands these inputs: numbers, a text and a truth in their places, or nothing."""
    for name, value in values.items():
        if value is None:
            continue
        kind = type(value)
        if name == trees.TEXT_NAME:
            good = kind is str
        elif name == trees.TRUTH_NAME:
            good = kind is bool
        else:
            good = (kind is float and math.isfinite(value)) or (kind is int and abs(value) <= 2**53)
        if not good:
            return False
    return True
