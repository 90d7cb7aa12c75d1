"""Random rules over random frames, on any engine, beside the reference evaluator: what the agreement tests and the soak are made of.

Many rules are asked of one frame at once, and many rows of each rule. Rows are drawn from a few values for each column, so that each rule meets every
boundary beside every other; the reference evaluator is asked once for each different combination of the values that a rule reads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
import narwhals.stable.v2 as nw
import pyarrow as pa

from decision_os.expr.arithmetic import Context
from decision_os.expr.clear import Clear, clear
from decision_os.expr.columns import Stage, blame, masks, value
from decision_os.expr.reference import Reference
from decision_os.expr.tree import Arithmetic, Call, Choice, Comparison, Logic, Membership, Name, Negative, Node, Not, Number, Truth, children
from decision_os.values import Unknown
from tests.engines import loaded, taken
from tests.expr import trees

__all__ = ["Answer", "Batch", "batch", "disagreements", "unclear"]

AWKWARD: Final = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 2.0**53)
SCHEMA: Final = {**dict.fromkeys(trees.NUMBER_NAMES, nw.Float64()), trees.TEXT_NAME: nw.String(), trees.TRUTH_NAME: nw.Boolean()}
_ARROW: Final = {**dict.fromkeys(trees.NUMBER_NAMES, pa.float64()), trees.TEXT_NAME: pa.string(), trees.TRUTH_NAME: pa.bool_(), "id": pa.int32()}
_CONTEXT: Final = Context(text="")

Answer = tuple[Any, frozenset[str]]
"""A value (None where it is unknown), and the names that are to blame."""


@attrs.frozen
class Batch:
    """Rules, and the rows they are asked for."""

    rules: tuple[Node, ...]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def pairs(self) -> int:
        return len(self.rules) * len(self.rows)


def batch(rules: Sequence[Node], pools: Mapping[str, Sequence[Any]], rows: int, seed: int) -> Batch:
    """Rows of values drawn from the pools; a gap is in each."""
    draw = random.Random(seed)
    return Batch(tuple(rules), tuple({name: draw.choice(pool) for name, pool in pools.items()} for _ in range(rows)))


def pools(seed: int, each: int = 9) -> dict[str, list[Any]]:
    """A few values for each column: boundaries, numbers near them, awkward ones, and a gap."""
    draw = random.Random(seed)
    numbers: dict[str, list[Any]] = {}
    for name in trees.NUMBER_NAMES:
        usual = [float(text) for text in draw.sample(trees.BOUNDARIES, each)]
        near = [
            math.nextafter(draw.choice(usual), draw.choice((-math.inf, math.inf))),
            draw.choice(usual) * draw.choice((0.9, 1.2, 3.0)),
            draw.choice(usual) + 0.02,
        ]
        numbers[name] = [*usual, *near, draw.randint(-1000, 1000) / 10 ** draw.randint(0, 4), draw.choice(AWKWARD), None, None]
    return {**numbers, trees.TEXT_NAME: [*draw.sample(trees.TEXTS, 3), None], trees.TRUTH_NAME: [True, False, None]}


def table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows, numbered: an engine may hand them back in any order."""
    return pa.table({name: pa.array([place if name == "id" else row[name] for place, row in enumerate(rows)], kind) for name, kind in _ARROW.items()})


def is_condition(tree: Node) -> bool:
    """Whether a random tree is true or false, not a number."""
    match tree:
        case Comparison() | Membership() | Logic() | Not() | Truth():
            return True
        case Name():
            return tree.name == trees.TRUTH_NAME
        case Call():
            return tree.function == "is_missing" or (tree.function == "coalesce" and is_condition(tree.arguments[0]))
        case Choice():
            return is_condition(tree.then)
        case Arithmetic() | Negative() | Number():
            return False
    raise AssertionError(tree)


def expected(tree: Node, rows: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """What the reference evaluator answers, row by row."""
    names = sorted(_names(tree))
    known: dict[tuple[Any, ...], Answer] = {}
    answers = []
    for row in rows:
        key = tuple(repr(row[name]) for name in names)
        if key not in known:
            found = Reference(row, _CONTEXT).value(tree)
            known[key] = (None, frozenset(found.names)) if isinstance(found, Unknown) else (found, frozenset())
        answers.append(known[key])
    return answers


def _names(tree: Node) -> set[str]:
    found = {tree.name} if isinstance(tree, Name) else set()
    for child in children(tree):
        found |= _names(child)
    return found


def asked(rules: Sequence[Node]) -> dict[str, nw.Expr]:
    """The columns that all of the rules give."""
    columns: dict[str, nw.Expr] = {}
    for place, tree in enumerate(rules):
        columns[f"v{place}"] = value(tree, SCHEMA, _CONTEXT)
        if is_condition(tree):
            columns[f"t{place}"], columns[f"f{place}"] = masks(tree, SCHEMA, _CONTEXT)
            for name, mask in blame(tree, SCHEMA, _CONTEXT).items():
                columns[f"b{place}_{name}"] = mask
    return columns


def disagreements(engine: str, given: Batch, answers: Sequence[Sequence[Answer]]) -> Iterator[str]:
    """Each (rule, row) for which the engine answers otherwise than the reference, in words."""
    columns = asked(given.rules)
    frame = nw.from_native(loaded(table(given.rows), engine)).select(nw.col("id"), **columns)
    names = ["id", *columns]
    rows = sorted(taken(nw.to_native(frame), names))
    by_name = dict(zip(names, zip(*rows, strict=True), strict=True))
    for place, tree in enumerate(given.rules):
        values = by_name[f"v{place}"]
        truths, falses = by_name.get(f"t{place}"), by_name.get(f"f{place}")
        blamed = {name.partition("_")[2]: found for name, found in by_name.items() if name.startswith(f"b{place}_")}
        for number, (known, names_to_blame) in enumerate(answers[place]):
            found = values[number]
            found = None if isinstance(found, float) and math.isnan(found) else found
            right = found == known and isinstance(found, bool) is isinstance(known, bool)
            if truths is not None and falses is not None:
                right = right and truths[number] is (known is True) and falses[number] is (known is False)
                right = right and names_to_blame == {name for name, mask in blamed.items() if mask[number]}
            if not right:
                yield f"{engine}: {tree} over {given.rows[number]} is {known}, not {found}"


def unclear(engine: str, given: Batch, answers: Sequence[Sequence[Answer]]) -> Iterator[str]:
    """Each (rule, row) that the quick pass holds to be clear and answers otherwise than the reference, in words."""
    columns: dict[str, Any] = {}
    found: dict[int, Clear] = {}
    stage = Stage()
    for place, tree in enumerate(given.rules):
        if is_condition(tree):
            found[place] = one = clear(tree, SCHEMA, _CONTEXT, stage)
            columns |= {f"{word}{place}": side for word, side in (("t", one.truth), ("d", one.doubt)) if not isinstance(side, bool)}
    frame = stage.apply(nw.from_native(loaded(table(given.rows), engine))).select(nw.col("id"), **columns)
    by_name = dict(zip(["id", *columns], zip(*taken(nw.to_native(frame), ["id", *columns]), strict=True), strict=True))
    for place, one in found.items():
        for number, (known, _) in enumerate(answers[place]):
            truth, doubt = (side if isinstance(side, bool) else by_name[f"{word}{place}"][number] for word, side in (("t", one.truth), ("d", one.doubt)))
            if doubt is False and truth is not known:
                yield f"{engine}: {given.rules[place]} over {given.rows[number]} is {known}, not clearly {truth}"
