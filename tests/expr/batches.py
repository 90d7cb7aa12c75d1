"""Random rules over random frames, on any engine, beside the reference evaluator: what the agreement tests and the soak are made of.

Many rules are asked of one frame at once, and many rows of each rule. Half of the rows are drawn from a few values for each column, so that each rule meets
every boundary beside every other, half are solved for the boundaries of the rules. The reference evaluator is asked once for each different combination of
the values that a rule reads, whatever the number of engines. An engine gives its answers as an Arrow table, which is compared column by column.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs
import narwhals.stable.v2 as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from decision_os.expr.arithmetic import Context
from decision_os.expr.clear import Clear, clear
from decision_os.expr.columns import Stage, blame, masks, value
from decision_os.expr.reference import Reference
from decision_os.expr.tree import Arithmetic, Call, Choice, Comparison, Defined, Logic, Membership, Name, Negative, Node, Not, Number, Truth, walk
from decision_os.expr.truths import as_column
from decision_os.expr.unparse import unparse
from decision_os.values import Unknown
from tests.engines import arrow_of, loaded
from tests.expr import growth, trees

__all__ = ["Answers", "Batch", "batch", "disagreements", "expected", "pools", "unclear"]

AWKWARD: Final = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 2.0**53)
SCHEMA: Final = {**dict.fromkeys(trees.NUMBER_NAMES, nw.Float64()), trees.TEXT_NAME: nw.String(), trees.TRUTH_NAME: nw.Boolean()}
_ARROW: Final = {**dict.fromkeys(trees.NUMBER_NAMES, pa.float64()), trees.TEXT_NAME: pa.string(), trees.TRUTH_NAME: pa.bool_(), "id": pa.int32()}
_CONTEXT: Final = Context(text="")

Truths: TypeAlias = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class Answers:
    """What the reference evaluator says of one rule, row by row: a value (None where it is unknown), and the names that are to blame."""

    values: tuple[Any, ...]
    blamed: tuple[frozenset[str], ...]

    @functools.cached_property
    def known(self) -> Truths:
        return np.array([value is not None for value in self.values])

    @functools.cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """Truths as 0 and 1; zero where unknown."""
        return np.array([0.0 if value is None else float(value) for value in self.values])

    @functools.cached_property
    def blame(self) -> Mapping[str, Truths]:
        return {name: np.array([name in names for names in self.blamed]) for name in frozenset().union(*set(self.blamed))}


@attrs.frozen
class Batch:
    """Rules, and the rows they are asked for."""

    rules: tuple[Node, ...]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def pairs(self) -> int:
        return len(self.rules) * len(self.rows)


def batch(rules: Sequence[Node], pools: Mapping[str, Sequence[Any]], rows: int, seed: int) -> Batch:
    """Rows, half of them of values drawn from the pools, half solved for the boundaries of one rule after the other; a gap is in each."""
    draw = random.Random(seed)
    drawn = [{name: draw.choice(pool) for name, pool in pools.items()} for _ in range(rows - rows // 2)]
    each = itertools.cycle([growth.inputs(rule, draw) for rule in rules])
    solved = [{name: _fitting(name, values.get(name)) for name in SCHEMA} for values in (next(next(each)) for _ in range(rows // 2))]
    return Batch(tuple(rules), (*drawn, *solved))


def _fitting(name: str, value: Any) -> Any:
    """A value that a column of the schema can hold, or a gap."""
    kind = str if name == trees.TEXT_NAME else bool if name == trees.TRUTH_NAME else float
    if kind is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    return value if type(value) is kind else None


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
        case Defined():
            return is_condition(tree.body)
        case Call():
            return tree.function == "is_missing" or (tree.function == "coalesce" and is_condition(tree.arguments[0]))
        case Choice():
            return is_condition(tree.then)
        case Arithmetic() | Negative() | Number():
            return False
    raise AssertionError(tree)


def expected(tree: Node, rows: Sequence[Mapping[str, Any]]) -> Answers:
    """What the reference evaluator answers, row by row."""
    names = sorted({node.name for node in walk(tree) if isinstance(node, Name)})
    known: dict[tuple[Any, ...], tuple[Any, frozenset[str]]] = {}
    answers = []
    for row in rows:
        key = tuple(repr(row[name]) for name in names)
        if key not in known:
            found = Reference(row, _CONTEXT).value(tree)
            known[key] = (None, frozenset(found.names)) if isinstance(found, Unknown) else (found, frozenset())
        answers.append(known[key])
    values, blamed = zip(*answers, strict=True)
    return Answers(values, blamed)


def asked(rules: Sequence[Node], stage: Stage) -> dict[str, nw.Expr]:
    """The columns that all of the rules give: values written out, as `Expression.columns` does, masks and blame by a stage, as `decide_frame` does."""
    columns: dict[str, nw.Expr] = {}
    for place, tree in enumerate(rules):
        columns[f"v{place}"] = value(tree, SCHEMA, _CONTEXT)
        if is_condition(tree):
            columns[f"t{place}"], columns[f"f{place}"] = masks(tree, SCHEMA, _CONTEXT, stage).as_columns()
            for name, mask in blame(tree, SCHEMA, _CONTEXT, stage).items():
                columns[f"b{place}_{name}"] = as_column(mask)
    return columns


def _answered(engine: str, given: Batch, columns: Mapping[str, nw.Expr], stage: Stage) -> pa.Table:
    """The columns over the batch, in the order of its rows."""
    frame = stage.apply(nw.from_native(loaded(table(given.rows), engine))).select(nw.col("id"), **columns)
    found = arrow_of(nw.to_native(frame), ["id", *columns])
    numbers = found["id"].to_numpy()
    if not (numbers[:-1] < numbers[1:]).all():
        found = found.take(pa.array(np.argsort(numbers)))
    assert found["id"].to_pylist() == list(range(len(given.rows)))
    return found


def _truths(column: pa.ChunkedArray) -> Truths:
    """A column of truths without a gap; a mask is never null."""
    assert column.type == pa.bool_(), column.type
    assert column.null_count == 0
    return column.combine_chunks().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _alike(column: pa.ChunkedArray, known: Answers, *, truth: bool) -> Truths:
    """Where a column of values says the same; a NaN is unknown, and a number is no truth."""
    if column.null_count == len(column):
        return ~known.known
    assert column.type == pa.bool_() if truth else pa.types.is_floating(column.type), column.type
    there = column.is_valid().to_numpy()
    filled = column.fill_null(False if truth else math.nan)
    numbers = filled.combine_chunks().to_numpy(zero_copy_only=False).astype(np.float64)
    there = there & ~np.isnan(numbers)
    return (there == known.known) & (~there | (numbers == known.numbers))  # type: ignore[no-any-return]


def disagreements(engine: str, given: Batch, answers: Sequence[Answers]) -> Iterator[str]:
    """Each (rule, row) for which the engine answers otherwise than the reference, in words."""
    stage = Stage()
    columns = asked(given.rules, stage)
    found = _answered(engine, given, columns, stage)
    nobody = np.zeros(len(given.rows), dtype=bool)
    for place, (tree, known) in enumerate(zip(given.rules, answers, strict=True)):
        truth = is_condition(tree)
        right = {"value": _alike(found[f"v{place}"], known, truth=truth)}
        if truth:
            right["true"] = _truths(found[f"t{place}"]) == (known.numbers == 1)
            right["false"] = _truths(found[f"f{place}"]) == (known.known & (known.numbers == 0))
            blamed = {name.partition("_")[2]: _truths(found[name]) for name in columns if name.startswith(f"b{place}_")}
            right |= {f"blame of {name}": blamed.get(name, nobody) == known.blame.get(name, nobody) for name in {*blamed, *known.blame}}
        for what, same in right.items():
            for number in np.flatnonzero(~same).tolist():
                said = f"{known.values[number]} {sorted(known.blamed[number])}, and {what} is not"
                yield f"{engine}: {_shown(tree)} over {given.rows[number]} is {said}"


def _shown(tree: Node) -> str:
    """A rule as it is written, with what its inputs are multiplied by."""
    scales = {node.name: str(node.scale) for node in walk(tree) if isinstance(node, Name) and node.scale != 1}
    return f"`{unparse(tree)}`" + (f" with {scales}" if scales else "")


def unclear(engine: str, given: Batch, answers: Sequence[Answers]) -> Iterator[str]:
    """Each (rule, row) that the quick pass holds to be clear and answers otherwise than the reference, in words."""
    columns: dict[str, Any] = {}
    clears: dict[int, Clear] = {}
    stage = Stage()
    for place, tree in enumerate(given.rules):
        if is_condition(tree):
            clears[place] = one = clear(tree, SCHEMA, _CONTEXT, stage)
            columns |= {f"{word}{place}": side for word, side in (("t", one.truth), ("d", one.doubt)) if not isinstance(side, bool)}
    found = _answered(engine, given, columns, stage)
    for place, one in clears.items():
        known = answers[place]
        everywhere = np.ones(len(given.rows), dtype=bool)
        sides = (everywhere & side if isinstance(side, bool) else _perhaps(found[f"{word}{place}"]) for word, side in (("t", one.truth), ("d", one.doubt)))
        truth, doubt = sides
        for number in np.flatnonzero((doubt == 0) & ((truth < 0) | ~known.known | (truth != known.numbers))).tolist():
            yield f"{engine}: {_shown(given.rules[place])} over {given.rows[number]} is {known.values[number]}, not clearly {truth[number]}"


def _perhaps(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """1, 0, and -1 for a gap: what is in doubt may have any truth, and a doubt without a value is one."""
    return column.cast(pa.int8()).fill_null(-1).combine_chunks().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
