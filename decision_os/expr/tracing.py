"""Every sub-value of an expression, in the author's words and in its unit: those that the answer needed, and those that it did without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, cast

import attrs

from decision_os.errors import InputError
from decision_os.expr import arithmetic, wording
from decision_os.expr.arithmetic import Context, Refusal, Term
from decision_os.expr.reference import Part, Reference
from decision_os.expr.tree import Arithmetic, Around, Choice, Comparison, Defined, Interval, Name, Node, Number, Text, Truth
from decision_os.units import PP, Unit
from decision_os.values import Reason, Scalar, Unknown

__all__ = ["Step", "Tracer"]


@attrs.frozen
class Step:
    """One sub-value: the author's words for it, what it came to, and how deep below the whole it stands.

    `unit` is what a number is in (empty: not known). Not `needed` is what the answer was settled without: what stands behind the operand that decided,
    the branch that was not chosen. `given` is the number and the unit in which an input came, where it had to be converted to `unit`.
    """

    text: str
    value: Scalar | Unknown
    depth: int
    unit: str = ""
    needed: bool = True
    given: tuple[float, str] | None = None

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Why it is unknown, if it is."""
        return tuple(str(cause) for cause in self.value.causes) if isinstance(self.value, Unknown) else ()


@attrs.frozen
class _Called:
    """What a part of `centre ± half width` is called; `text` is empty for one that nobody wants to see. The node is kept: it is known by its identity."""

    node: Node
    text: str
    unit: Unit | None = None


class Tracer(Reference):
    """Evaluates as the reference does, and records every sub-value; `units` says what each node's number is in, by identity.

    What the answer does not need is evaluated all the same, and refused there, a value counts as unknown.
    """

    def __init__(self, values: Mapping[str, object], context: Context, units: Mapping[int, Unit | None]) -> None:
        super().__init__(values, context)
        self.steps: list[Step] = []
        self._units = units
        self._depth = 0
        self._needed = True
        self._called: dict[int, _Called] = {}
        self._once: dict[int, Term | None] = {}

    # ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _eval(self, node: Node) -> Term:
        again = self._once.get(id(node))
        if again is not None:
            return again
        called = self._called.get(id(node))
        if isinstance(node, Number | Text | Truth) or (called is not None and not called.text):
            return super()._eval(node)
        work = partial(super()._eval, node)
        if called is not None:
            term = self._recorded(called.text, called.unit, work)
        else:
            term = self._recorded(self._words(node), self._units.get(id(node)), work, node if isinstance(node, Name) else None)
        if id(node) in self._once:
            self._once[id(node)] = term
        return term

    def _recorded(self, text: str, unit: Unit | None, work: Callable[[], Term], name: Name | None = None) -> Term:
        index, self._depth = len(self.steps), self._depth + 1
        try:
            term = work()
        except (InputError, Refusal) as error:
            if self._needed:
                raise
            term = Unknown.because(Reason.ERROR, detail=error.message)
        finally:
            self._depth -= 1
        value = wording.shortest(term) if isinstance(term, tuple) else term
        shown = str(unit) if isinstance(term, tuple) and unit is not None else ""
        given = self._given(name) if isinstance(term, tuple) and name is not None and name.scale != 1 else None
        if given is not None and not shown:  # the unit that it was converted to has no name
            (value, shown), given = given, None
        self.steps.insert(index, Step(text, value, self._depth, shown, self._needed, given))
        return term

    def _given(self, name: Name) -> tuple[float, str] | None:
        """The number that an input came as, and its unit."""
        unit = self.context.units.get(name.name)
        term = arithmetic.read(self.names[name.name], attrs.evolve(name, scale=Fraction(1)), unit, settled=self.settled)
        return (term[0], "" if unit is None else str(unit)) if isinstance(term, tuple) else None

    def _words(self, node: Node) -> str:
        """The author's own words for a node, or its name where the text does not show it."""
        return " ".join(self.text[slice(*node.span)].split()) or (node.name if isinstance(node, Name | Defined) else "")

    # ── what the answer did not need ─────────────────────────────────────────────────────────────────────────────────────────────

    def _aside(self, work: Callable[[], Any]) -> None:
        """Evaluate what the answer did not need."""
        needed, self._needed = self._needed, False
        try:
            work()
        except (InputError, Refusal):  # its parts are recorded, and it is no part itself
            pass
        finally:
            self._needed = needed

    def _kleene(self, decider: bool, parts: Iterator[Part]) -> bool | Unknown:
        answer = super()._kleene(decider, parts)
        for part in parts:
            self._aside(part)
        return answer

    def _first_known(self, arguments: Iterator[Node]) -> Term:
        term = super()._first_known(arguments)
        for argument in arguments:
            self._aside(partial(self._eval, argument))
        return term

    def _choice(self, node: Choice) -> Term:
        chosen = self._chosen(node)
        term: Term = chosen if isinstance(chosen, Unknown) else False
        for branch in (node.then, node.otherwise):
            if branch is chosen:
                term = self._eval(branch)
            else:
                self._aside(partial(self._eval, branch))
        return term

    def _defined(self, node: Defined) -> Term:
        if self._needed or id(node.body) in self._terms:
            return super()._defined(node)
        with self._inside(node):  # not kept: here what is refused counts as unknown
            return self._eval(node.body)

    # ── chains and ranges ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _link(self, node: Comparison, place: int, part: Part) -> bool | Unknown:
        if len(node.ops) == 1:
            return part()
        left, right = (node.first, *node.rest)[place : place + 2]
        words = " ".join(self.text[left.span[0] : right.span[1]].split())
        return cast("bool | Unknown", self._recorded(words, None, part))

    def _interval(self, node: Around) -> Interval:
        interval = super()._interval(node)
        low, high = cast("tuple[Arithmetic, Arithmetic]", (interval.low, interval.high))
        centre, half = low.left, low.right
        words, unit = self._words(node), self._units.get(id(node))
        width = PP if unit is not None and unit.kind == "share" else unit
        parts = [
            _Called(low, f"low end of {words}", unit),
            _Called(high, f"high end of {words}", unit),
            _Called(centre, f"centre {self._words(centre)}", unit),
            _Called(half, f"half width {f'of {words}' if node.relative else self._words(half)}", width),
        ]
        if node.relative:
            parts.append(_Called(cast("Arithmetic", half).left, ""))
        self._called |= {id(part.node): part for part in parts}
        self._once |= {id(centre): None, id(half): None}
        return interval
