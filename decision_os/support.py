"""Whether a sample can carry what is asked of it: thresholds on shares that one case decides, and on a Gini that a fair deal passes by chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Final

import attrs

from decision_os.expr import Expression
from decision_os.expr.tree import Around, Comparison, Defined, Interval, Membership, Name, Negative, Node, Number, children
from decision_os.expr.unparse import unparse
from decision_os.model import Metric, Playbook
from decision_os.sampling import fair_above
from decision_os.units import SHARE

__all__ = ["Asked", "asked_of", "is_gini", "is_share"]

_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BY_CHANCE: Final = 0.05
"""A Gini is called unsupported where more than this share of fair deals would fail it."""


def is_share(metric: Metric) -> bool:
    """Whether a metric is a share of cases, or a probability."""
    return metric.unit == SHARE or (metric.measure is not None and metric.measure.aggregate == "share")


def is_gini(metric: Metric) -> bool:
    """Whether a metric says how evenly cases are dealt."""
    return metric.measure is not None and metric.measure.aggregate == "gini"


@attrs.frozen(kw_only=True)
class Asked:
    """One comparison of an input with a number, as in `availability ≥ 99.5%`, or one end of an interval it is in. `least` tells at least from at most."""

    name: str
    text: str
    bound: Fraction
    least: bool
    strict: bool
    gini: bool

    @property
    def smallest_n(self) -> int | None:
        """The cases it takes for one that goes wrong not to decide by itself; None where none may go wrong at all."""
        room = 1 - self.bound if self.least else self.bound
        if self.gini or not 0 < room < 1:
            return None
        return math.floor(1 / room) + 1 if self.strict else math.ceil(1 / room)

    def short(self, n: int, members: int | None = None) -> str:
        """Why so many cases cannot carry it, in words; nothing where they can.

        >>> print(Asked(name="up", text="up >= 98%", bound=Fraction(98, 100), least=True, strict=False, gini=False).short(30))
        `up >= 98%` cannot miss one at n = 30: 29 of 30 is 96.7%; it takes n = 50
        """
        if n < 1:
            return ""
        if self.gini:
            return self._unfair(n, members)
        needed = self.smallest_n
        if needed is None or n >= needed:
            return ""
        if self.least:
            return f"`{self.text}` cannot miss one at n = {n:,}: {n - 1:,} of {n:,} is {(n - 1) / n:.1%}; it takes n = {needed:,}"
        return f"`{self.text}` cannot have one at n = {n:,}: 1 of {n:,} is {1 / n:.1%}; it takes n = {needed:,}"

    def _unfair(self, n: int, members: int | None) -> str:
        if self.least:
            return ""
        if not members:
            return f"whether `{self.text}` can tell fair from unfair at n = {n:,} is not known: among how many it is dealt was not given (`members`)"
        chance = fair_above(float(self.bound), n, members)
        if chance <= _BY_CHANCE:
            return ""
        dealt = f"{n:,} dealt fairly to {members:,}"
        return f"`{self.text}` cannot tell fair from unfair at n = {n:,}: {dealt} have a Gini above {float(self.bound):g} in {chance:.0%} of trials"


def asked_of(playbook: Playbook, metrics: Mapping[str, Metric]) -> tuple[Asked, ...]:
    """What the pre-checks and branches of a playbook ask of its shares and Ginis, each once."""
    kinds = {use.name: metrics[use.metric] for use in playbook.inputs.values() if use.metric in metrics}
    kinds = {name: metric for name, metric in kinds.items() if is_share(metric) or is_gini(metric)}
    conditions = [check.condition for check in playbook.pre_checks] + [branch.condition for branch in playbook.branches]
    return tuple(dict.fromkeys(asked for node in _nodes(conditions) for asked in _asked(node, kinds)))


def _nodes(conditions: Iterable[Expression]) -> list[Node]:
    """The nodes of all conditions, those above before those below."""
    nodes: list[Node] = [condition.tree for condition in conditions]
    for node in nodes:  # which grows on the way
        nodes += children(node)
    return nodes


def _asked(node: Node, kinds: Mapping[str, Metric]) -> Iterator[Asked]:
    for left, op, right in _bounds(node):
        for name, written, other in ((left, op, right), (right, _FLIPPED.get(op, op), left)):
            bound = _number(other)
            if isinstance(name, Name) and name.name in kinds and bound is not None and written in _FLIPPED:
                yield Asked(
                    name=name.name,
                    text=unparse(node),
                    bound=bound,
                    least=written in (">", ">="),
                    strict=written in ("<", ">"),
                    gini=is_gini(kinds[name.name]),
                )


def _bounds(node: Node) -> Iterator[tuple[Node, str, Node]]:
    """What a node asks one side to be of another: each step of a comparison, and each end of an interval that something is in."""
    match node:
        case Comparison(first=first, ops=ops, rest=rest):
            yield from zip((first, *rest), ops, rest, strict=False)
        case Membership(operand=operand, where=where, negated=False):
            within = where.body if isinstance(where, Defined) else where
            within = within.interval if isinstance(within, Around) else within
            if isinstance(within, Interval):
                yield operand, ">=" if within.low_closed else ">", within.low
                yield operand, "<=" if within.high_closed else "<", within.high


def _number(node: Node) -> Fraction | None:
    """The number that a literal, or a named threshold, is."""
    match node:
        case Number(exact=exact):
            return exact
        case Defined(body=body):
            return _number(body)
        case Negative(operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
    return None
