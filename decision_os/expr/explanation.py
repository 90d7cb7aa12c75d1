"""Why an expression came to what it came to: every sub-value, and each condition with its values, its margin and what would flip it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Final, SupportsIndex

import attrs

from decision_os.errors import InputError
from decision_os.expr import arithmetic, wording
from decision_os.expr.arithmetic import Context, Refusal, Term
from decision_os.expr.checker import held_units
from decision_os.expr.flips import Flip, Flips, flips
from decision_os.expr.reference import Reference
from decision_os.expr.tracing import Step, Tracer
from decision_os.expr.tree import (
    Around,
    Call,
    Choice,
    Comparison,
    Defined,
    Interval,
    Logic,
    Membership,
    Name,
    Node,
    Not,
    SetOf,
    children,
    walk,
)
from decision_os.units import PP, Unit, conversion, format_value, parse_unit
from decision_os.values import Cause, Reason, Scalar, Unknown

__all__ = ["Condition", "Explanation", "explain"]

_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "in": "not in", "not in": "in", "is": "is not", "is not": "is"}
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_HOLDS: Final = {True: "holds", False: "fails", None: "unknown"}


@attrs.frozen
class Condition:
    """One comparison, membership or truth value of an expression, as it came out. Pure data.

    `text` is the author's, with `not` before it where the expression turns it around; `holds`, `op` and `margin` are those of the
    text. `margin` is the room in `unit`: positive with that much to spare, negative short by so much, 0 within rounding of the
    edge. `right` is a number, a text, or a range as text. `values` holds the known inputs and definitions in it, by name, and `units` the
    unit of each (empty: none known). `needs` is the smallest change of one side that would flip it, in words.
    """

    text: str
    holds: bool | None
    left: Scalar | None = None
    op: str = ""
    right: Scalar | None = None
    margin: float | None = None
    unit: str = ""
    causes: tuple[Cause, ...] = ()
    values: tuple[tuple[str, Scalar], ...] = ()
    needs: str = ""
    units: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        """The margin in words; nothing where there is none, and where two sides that are asked to be equal are.

        >>> Condition("x > 3", False, op=">", margin=0.0).room, Condition("x > 3", True, op=">", margin=2.0, unit="hours").room
        ('at the boundary', '2h to spare')
        """
        if self.margin is None or self.holds is None:
            return ""
        if not self.margin:
            return "" if self.op in ("==", "!=") else "at the boundary"
        shown = format_value(abs(self.margin), parse_unit(self.unit) if self.unit else None).removeprefix("+")
        return f"{shown} {'to spare' if self.holds else 'short'}"

    def told_values(self, shown: Callable[[Scalar, str], str]) -> Iterator[tuple[str, str]]:
        """The names in `values`, and what each was given as, by `shown`; in the unit of the condition, too, where that is another of the same dimension."""
        for (name, value), unit in zip(self.values, self.units or ("",) * len(self.values), strict=True):
            factor = conversion(parse_unit(unit), parse_unit(self.unit)) if unit and self.unit else None
            other = f" (= {shown(float(Fraction(repr(value)) * factor), self.unit)})" if factor not in (None, 1) and isinstance(value, float) else ""
            yield name, shown(value, unit) + other

    def __str__(self) -> str:
        parts = [f"{_HOLDS[self.holds]}: {self.text}"]
        if self.values:
            parts.append(", ".join(f"{name} = {words}" for name, words in self.told_values(_shown)))
        parts += filter(None, (self.room,))
        parts += [str(cause) for cause in self.causes]
        if self.needs:
            parts.append(f"flips with {self.needs}" if self.holds is not None else f"holds with {self.needs}")
        return "; ".join(parts)


@attrs.frozen
class Explanation:
    """What an expression came to, every sub-value on the way, its conditions in the order written, and what would change the whole.

    A condition that the answer did not need is there all the same, with what it came to.
    """

    value: Scalar | Unknown
    steps: tuple[Step, ...]
    conditions: tuple[Condition, ...]
    _flips: Callable[[], Flips] | Flips = attrs.field(default=Flips(), eq=False, repr=False)

    @property
    def flips(self) -> tuple[Flip, ...]:
        """For each input the nearest change of it alone that flips the whole answer, the smallest first; worked out when first asked for.

        Where the answer is unknown, what would make it true, and what would make it false. Empty where no one input does, and for what is no condition.
        """
        return self._tried().found

    @property
    def unsolved(self) -> tuple[str, ...]:
        """The inputs that have no flip here and may have one all the same: it was looked for and not solved, or the search was given up.

        That is where a registered function stands in the way, and where an expression is too large for what is spent on it.
        """
        return self._tried().unsolved

    def _tried(self) -> Flips:
        found = self._flips
        if not isinstance(found, Flips):
            found = found()
            object.__setattr__(self, "_flips", found)  # a cache on a frozen class
        return found

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A copy, or what a pickle restores, has its flips worked out: the functions that work them out stay here."""
        self.flips  # noqa: B018 - worked out here, and kept
        return super().__reduce_ex__(protocol)

    def __str__(self) -> str:
        head = [_shown(self.value, self.steps[0].unit if self.steps else "")]
        lines = [f"  {condition}" for condition in self.conditions]
        if lines:
            lines += self._flip_lines()
        steps = [f"    {line}" for line in _outline(self.steps)]
        return "\n".join([*head, *lines, "  step by step:", *steps] if steps else [*head, *lines])

    def _flip_lines(self) -> list[str]:
        if isinstance(self.value, Unknown):
            told = [f"    {_shown(flip.answer)} with {flip.text}" for flip in self.flips]
            head, none = "  one input alone that would settle it:", "  no one input alone would settle it"
        elif isinstance(self.value, bool):
            told = [f"    {flip.text}" for flip in self.flips]
            head, none = "  one input alone that would flip the answer:", "  no change of one input alone flips the answer"
        else:
            return []
        if self.unsolved:
            return [*([head, *told] if told else []), f"  not solved for {', '.join(self.unsolved)}: a change of it alone may do, too"]
        return [head, *told] if told else [none]


def explain(tree: Node, values: Mapping[str, object], context: Context, evaluate: Callable[[Mapping[str, Any]], Any]) -> Explanation:
    """Evaluate with the reference evaluator, and tell how it went. Raises `InputError` as evaluating does.

    `evaluate` is the compiled evaluator of the same tree: every flip is tried with it before it is told.
    """
    units = held_units(tree, context.units, context.functions)
    tracer = Tracer(values, context, units)
    value = tracer.value(tree)
    told = tuple(_Teller(values, context, units).conditions(tree, context.text))
    given = arithmetic.held(values, dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Name))) if told else {}
    return Explanation(value, tuple(tracer.steps), told, partial(flips, tree, given, context, evaluate) if told else Flips())


@attrs.frozen
class _Side:
    """One side of a comparison: its node, the text it stands in, and what it came to."""

    node: Node
    text: str
    term: Term

    @property
    def words(self) -> str:
        return " ".join(self.text[slice(*self.node.span)].split()) or (self.node.name if isinstance(self.node, Name | Defined) else "")

    @property
    def known(self) -> bool:
        return not isinstance(self.term, Unknown)


@attrs.frozen
class _Teller:
    """Tells the conditions of one expression over one mapping."""

    values: Mapping[str, object]
    context: Context
    units: Mapping[int, Unit | None]

    def conditions(self, node: Node, text: str, *, negated: bool = False) -> Iterator[Condition]:
        match node:
            case Defined():
                yield from self.conditions(node.body, self.context.texts.get(node.name, ""), negated=negated)
            case Logic():
                for operand in node.operands:
                    yield from self.operand(operand, text, negated=negated)
            case Not():
                yield from self.operand(node.operand, text, negated=not negated)
            case Choice():
                yield from self.operand(node.condition, text, negated=False)
                chosen = self.term(node.condition, text)
                if isinstance(chosen, bool):
                    yield from self.conditions(node.then if chosen else node.otherwise, text, negated=negated)
            case Comparison():
                for index, op in enumerate(node.ops):
                    yield self.told(self.comparison, node, text, negated, index, op)
            case Membership():
                yield self.told(self.membership, node, text, negated)
            case Name() | Call() if isinstance(self.term(node, text), bool):
                yield from self.operand(node, text, negated=negated)
            case _:
                return

    def operand(self, node: Node, text: str, *, negated: bool) -> Iterator[Condition]:
        """The same where a truth value stands: there a name or a call is a condition, known or not."""
        if isinstance(self.body(node, text)[0], Name | Call):
            yield self.told(self.truth, node, text, negated)
        else:
            yield from self.conditions(node, text, negated=negated)

    def term(self, node: Node, text: str) -> Term:
        reference = Reference(self.values, self.context)
        reference.text = text
        return reference.term(node)

    def side(self, node: Node, text: str) -> _Side:
        return _Side(node, text, self.term(node, text))

    def told(self, tell: object, node: Node, text: str, negated: bool, *more: object) -> Condition:
        """A condition the answer did not need may hold a value that is refused: it is told as such."""
        try:
            return tell(node, text, negated, *more)  # type: ignore[operator,no-any-return]  # one of the three methods below
        except (InputError, Refusal) as error:
            name = error.name if isinstance(error, InputError) else ""
            return Condition(_negation(_words(node, text), negated), None, causes=(Cause(name, Reason.ERROR.value, error.message),))

    # ── the three kinds of condition ─────────────────────────────────────────────────────────────────────────────────────────────

    def truth(self, node: Node, text: str, negated: bool) -> Condition:
        term = self.term(node, text)
        words = _words(node, text)
        holds = None if isinstance(term, Unknown) else term is not negated
        if isinstance(node, Call) and node.function == "is_missing":
            needs = f"{_words(node.arguments[0], text)} {'known' if (holds is True) is not negated else 'missing'}"
        else:
            needs = f"{words} {'false' if (holds is True) is not negated else 'true'}"
        return Condition(
            text=_negation(words, negated),
            holds=holds,
            left=term if isinstance(term, bool) else None,
            op="is not" if negated else "is",
            right=True,
            causes=_causes(term),
            **self.shown_values(node, text=text),
            needs=needs,
        )

    def comparison(self, node: Comparison, text: str, negated: bool, index: int, op: str) -> Condition:
        nodes = (node.first, *node.rest)
        left, right = self.side(nodes[index], text), self.side(nodes[index + 1], text)
        op = _OPPOSITE[op] if negated else op
        answer = arithmetic.compare(op, left.term, right.term)
        holds = answer if isinstance(answer, bool) else None
        unit = self.units.get(id(left.node)) or self.units.get(id(right.node))
        whole = text[left.node.span[0] : right.node.span[1]] or text
        difference = _difference(left.term, right.term)
        return Condition(
            text=_negation(" ".join(whole.split()), negated),
            holds=holds,
            left=_plain(left.term),
            op=op,
            right=_plain(right.term),
            margin=None if difference is None else _room(op, difference),
            unit=_margin_unit(left.term, unit),
            causes=_causes(answer),
            **self.shown_values(left.node, right.node, text=text),
            needs=_needs(op, left, right, holds, unit),
        )

    def membership(self, node: Membership, text: str, negated: bool) -> Condition:
        operand = self.side(node.operand, text)
        term = self.term(node, text)
        outside = node.negated is not negated
        where, where_text = self.body(node.where, text)
        ends = () if isinstance(where, Around) else children(where)  # a relative half width is not in the unit of its range
        unit = next((found for part in (node.operand, where, *ends) if (found := self.units.get(id(part)))), None)
        where = where.interval if isinstance(where, Around) else where
        inside = None if isinstance(term, Unknown) else term is not node.negated
        margin = None
        if isinstance(where, Interval):
            low, high = self.side(where.low, where_text), self.side(where.high, where_text)
            shown = _interval(where, low, high, unit)
            margin = _room_inside(operand.term, low.term, high.term)
            needs = _needs_interval(where, operand, low, high, inside, outside, unit)
        else:
            items = [_value(self.term(item, where_text), self.units.get(id(item)) or unit) for item in children(where)]
            shown = f"{{{', '.join(items)}}}"
            wanted_in = outside if inside is not None and inside is not outside else not outside
            needs = f"{operand.words} {'one' if wanted_in else 'none'} of {shown}"
        return Condition(
            text=_negation(_words(node, text), negated),
            holds=None if inside is None else inside is not outside,
            left=_plain(operand.term),
            op="not in" if outside else "in",
            right=shown,
            margin=margin if margin is None or not outside else 0.0 - margin,
            unit=_margin_unit(operand.term, unit),
            causes=_causes(term),
            **self.shown_values(node, text=text),
            needs=needs,
        )

    # ── what is in a condition ───────────────────────────────────────────────────────────────────────────────────────────────────

    def shown_values(self, *nodes: Node, text: str) -> dict[str, Any]:
        """The known inputs and definitions of a condition, in the order written, each once; and their units."""
        found: dict[str, tuple[Scalar, str]] = {}
        waiting = list(reversed(nodes))
        while waiting:
            node = waiting.pop()
            if isinstance(node, Name | Defined):
                value = self.shown_value(node, text)
                if value is not None:
                    found.setdefault(node.name, (value, self.shown_unit(node, value)))
            else:
                waiting += reversed(children(node))
        units = tuple(unit for _, unit in found.values())
        return {"values": tuple((name, value) for name, (value, _) in found.items()), "units": units if any(units) else ()}

    def shown_unit(self, node: Name | Defined, value: Scalar) -> str:
        """The unit that the value of a name is shown in: as declared, for that is how it was given."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        unit = self.context.units.get(node.name) if isinstance(node, Name) else self.units.get(id(node))
        return "" if unit is None else str(unit)

    def shown_value(self, node: Name | Defined, text: str) -> Scalar | None:
        body, inner = self.body(node, text)
        if isinstance(body, Interval | Around | SetOf):
            return " ".join(inner[slice(*body.span)].split()) or None
        return _plain(self.term(attrs.evolve(node, scale=Fraction(1)) if isinstance(node, Name) else node, text))

    def body(self, node: Node, text: str) -> tuple[Node, str]:
        """What a definition stands for, and the text that is written in."""
        while isinstance(node, Defined):
            text = self.context.texts.get(node.name, "")
            node = node.body
        return node, text


def _words(node: Node, text: str) -> str:
    return " ".join(text[slice(*node.span)].split()) or (node.name if isinstance(node, Name | Defined) else "")


def _negation(words: str, negated: bool) -> str:
    return f"not ({words})" if negated else words


def _plain(term: Term) -> Scalar | None:
    value = arithmetic.plain(term)
    return None if isinstance(value, Unknown) else value


def _causes(term: Term) -> tuple[Cause, ...]:
    return term.causes if isinstance(term, Unknown) else ()


def _shown(value: Scalar | Unknown, unit: str = "") -> str:
    return format_value(float(value), parse_unit(unit) if unit else None) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _outline(steps: Sequence[Step]) -> Iterator[str]:
    """The steps below one another; of what was not needed the uppermost says so."""
    aside: int | None = None
    for step in steps:
        given = "" if step.given is None else _shown(*step.given)
        words = f"{given} (= {_shown(step.value, step.unit)})" if given else _shown(step.value, step.unit)
        if aside is None or step.depth <= aside:
            aside = None if step.needed else step.depth
        mark = " (not needed)" if aside == step.depth and not step.needed else ""
        yield f"{'  ' * step.depth}{step.text} = {words}{mark}"


def _value(term: Term, unit: Unit | None) -> str:
    match term:
        case tuple():
            return format_value(term[0], unit)
        case bool():
            return str(term)
        case str():
            return f'"{term}"'
        case Unknown():
            return "?"
        case _:
            return term.isoformat()


# ── margins ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _difference(left: Term, right: Term) -> float | None:
    """Left minus right: a number, or days between dates; 0 where rounding could have made the whole of it."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        between = arithmetic.subtract(left, right)
        return wording.shortest(between) if isinstance(between, tuple) else left[0] - right[0]
    if isinstance(left, dt.date) and isinstance(right, dt.date):
        apart: dt.timedelta = arithmetic.instant(left) - arithmetic.instant(right)
        return apart.total_seconds() / 86400
    return None


def _room(op: str, difference: float) -> float:
    match op:
        case "<" | "<=":
            return 0.0 - difference
        case ">" | ">=":
            return difference
        case "==":
            return 0.0 - abs(difference)
        case _:
            return abs(difference)


def _room_inside(operand: Term, low: Term, high: Term) -> float | None:
    above, below = _difference(operand, low), _difference(high, operand)
    return None if above is None or below is None else min(above, below)


def _margin_unit(term: Term, unit: Unit | None) -> str:
    """A difference of shares is in percentage points, one of dates in days."""
    if isinstance(term, dt.date):
        return "days"
    if unit is None:
        return ""
    return str(PP if unit.kind == "share" else unit)


# ── what would flip it ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _needs(op: str, left: _Side, right: _Side, holds: bool | None, unit: Unit | None) -> str:
    side, target = left, right
    if _constant(left.node) and not _constant(right.node):
        side, target, op = right, left, _MIRRORED[op]
    if not target.known and side.known:
        side, target, op = target, side, _MIRRORED[op]
    if not target.known:
        return ""
    return f"{side.words} {_wanted(_OPPOSITE[op] if holds else op, target.term, unit)}"


def _constant(node: Node) -> bool:
    return not any(isinstance(part, Name) for part in walk(node))


def _needs_interval(where: Interval, operand: _Side, low: _Side, high: _Side, inside: bool | None, outside: bool, unit: Unit | None) -> str:
    if not (low.known and high.known):
        return ""
    low_op, high_op = ">=" if where.low_closed else ">", "<=" if where.high_closed else "<"
    from_low, to_high = _wanted(low_op, low.term, unit), _wanted(high_op, high.term, unit)
    leaves = f"{operand.words} {_wanted(_OPPOSITE[low_op], low.term, unit)} or {_wanted(_OPPOSITE[high_op], high.term, unit)}"
    if inside is None:
        return leaves if outside else f"{operand.words} {from_low} and {to_high}"
    if inside:
        return leaves
    short = arithmetic.compare(low_op, operand.term, low.term) is not True
    return f"{operand.words} {from_low if short else to_high}"


def _wanted(op: str, target: Term, unit: Unit | None) -> str:
    return wording.bound(op, target, unit) if isinstance(target, tuple) else f"{wording.WORDS[op]} {_value(target, unit)}"


def _interval(where: Interval, low: _Side, high: _Side, unit: Unit | None) -> str:
    opening, closing = "[" if where.low_closed else "(", "]" if where.high_closed else ")"
    return f"{opening}{_value(low.term, unit)}, {_value(high.term, unit)}{closing}"
