"""The compiled expression: what the rest of the library, and its users, hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs

from decision_os.errors import Issue, Where
from decision_os.expr import explanation, residual
from decision_os.expr.arithmetic import Context
from decision_os.expr.compiler import functions
from decision_os.expr.explanation import Explanation
from decision_os.expr.place import place
from decision_os.expr.residual import Residual, Standing
from decision_os.expr.tree import FUNCTIONS, Around, Call, Defined, Interval, Name, Node, SetOf, body_of, children, walk, with_children
from decision_os.expr.unparse import unparse
from decision_os.expr.work import Work
from decision_os.units import Unit
from decision_os.values import Scalar, Unknown, Value

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from decision_os.expr.columns import Masks, Stage

__all__ = ["Expression", "outside_definitions", "read_and_used"]


@attrs.frozen(kw_only=True, getstate_setstate=False)
class Expression:
    """An expression that was read, checked and made ready; made by `compile`.

    `text` is the author's; `names` are the inputs it reads, in the order of their first appearance, through definitions; `uses`
    are the definitions it rests on; `unit` is that of its number (None: not known); `warnings` is what is suspicious about it.
    Two expressions are equal when text, tree and definitions are.

    >>> from decision_os.expr import compile
    >>> margin = compile("revenue - cost", units={"revenue": "USD", "cost": "USD"})
    >>> margin.names, str(margin.unit), margin.evaluate({"revenue": 5, "cost": 3.5})
    (('revenue', 'cost'), 'USD', 1.5)
    >>> gate = compile("E ∈ [−1.0, −0.3] and cm_uplift ≥ $3")
    >>> gate.evaluate({"E": -0.5, "cm_uplift": 4.0}), gate.evaluate({"E": 0.2})
    (True, False)
    >>> print(gate.evaluate({"E": -0.5, "cm_uplift": None}))
    unknown (cm_uplift is missing)
    """

    text: str
    tree: Node
    unit: Unit | None
    is_condition: bool
    names: tuple[str, ...]
    uses: tuple[str, ...]
    warnings: tuple[Issue, ...] = ()
    context: Context = attrs.field(repr=False, hash=False)
    evaluate: Callable[[Mapping[str, Any]], Scalar | Unknown] = attrs.field(init=False, eq=False, repr=False)
    """What it comes to for these values: True, False, a number, a text, a date, or an Unknown that says why.

    A name that is absent is missing; a `Reading` counts as its value; names it does not read are ignored.

    Raises `InputError` for a value that a rule cannot read, or that does not go with its place.
    """
    evaluate_settled: Callable[[Mapping[str, Value]], Scalar | Unknown] = attrs.field(init=False, eq=False, repr=False)
    """The same for values that went through `values.settle` already."""

    @property
    def is_range(self) -> bool:
        """Whether it is an interval or a set: good as a definition alone, to the right of `in`."""
        return isinstance(body_of(self.tree), Interval | Around | SetOf)

    @property
    def canonical(self) -> str:
        """The expression in its canonical form, in ASCII but for names and texts."""
        return unparse(self.tree)

    @property
    def calls(self) -> tuple[str, ...]:
        """The registered functions it calls, through definitions, in alphabetical order."""
        return tuple(sorted(self.context.functions))

    def place_of_call(self) -> Where:
        """Where in its text it first calls a registered function, itself or by a definition; its start where it calls none."""
        spans = [node.span for node in outside_definitions(self.tree) if _calls(node)]
        return Where("", *place(self.text, spans[0][0] if spans else 0))

    def __str__(self) -> str:
        return self.text

    if not TYPE_CHECKING:  # to the type checker the two functions are fields like any other

        def __getattr__(self, name: str) -> Any:
            """Make the two functions when one is first asked for: loading many expressions costs little, and evaluating is one call."""
            if name not in ("evaluate", "evaluate_settled"):
                raise AttributeError(f"an expression has no attribute `{name}`", name=name, obj=self)
            for field, function in functions(self.tree, self.context)._asdict().items():
                object.__setattr__(self, field, function)
            return object.__getattribute__(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, or what a pickle restores, makes its own functions."""
        return _restored, ({field.name: getattr(self, field.name) for field in attrs.fields(Expression) if field.init},)

    def renamed(self, names: Mapping[str, str]) -> Expression:
        """The same expression over other input names; its text stays the author's.

        >>> from decision_os.expr import compile
        >>> compile("value in [0, 1]").renamed({"value": "win_rate"}).names
        ('win_rate',)
        """
        units = {names.get(name, name): unit for name, unit in self.context.units.items()}
        return Expression(
            text=self.text,
            tree=_renamed(self.tree, names),
            unit=self.unit,
            is_condition=self.is_condition,
            names=tuple(names.get(name, name) for name in self.names),
            uses=self.uses,
            warnings=self.warnings,
            context=attrs.evolve(self.context, units=units, seen=frozenset(names.get(name, name) for name in self.context.seen)),
        )

    def with_tree(self, tree: Node) -> Expression:
        """Another condition or formula made of the same texts and definitions: a part of this one, or this one changed."""
        names, uses, _ = read_and_used(tree)
        return attrs.evolve(self, tree=tree, names=names, uses=uses)

    def explain(self, values: Mapping[str, Any]) -> Explanation:
        """What it comes to and why: every sub-value, and each condition with its margin and what would flip it.

        >>> from decision_os.expr import compile
        >>> print(compile("cac <= baseline * 0.9").explain({"cac": 95, "baseline": 100}))
        False
          fails: cac <= baseline * 0.9; cac = 95, baseline = 100; 5 short; flips with cac at most 90
          one input alone that would flip the answer:
            cac at most 90 (now 95)
            baseline at least 105.56 (now 100)
          step by step:
            cac <= baseline * 0.9 = False
              cac = 95
              baseline * 0.9 = 90
                baseline = 100
        """
        return explanation.explain(self.tree, values, self.context, self.evaluate)

    def residual(self, values: Mapping[str, Any]) -> Residual:
        """What is still needed: the smallest set of unknown inputs that settles the answer whatever they are, and what is left to decide.

        Inputs that can no longer change the answer are not in it. Raises `InputError` as evaluating does.

        >>> from decision_os.expr import compile
        >>> gate = compile("(cac <= 90 or payback < 6) and win_rate >= base + 2pp")
        >>> left = gate.residual({"cac": 95, "base": 0.27})
        >>> left.names, left.expression
        (('payback', 'win_rate'), 'payback < 6 and win_rate >= 0.29')
        >>> print(gate.residual({"win_rate": 0.2, "base": 0.27}))
        settled: False
        """
        return residual.residual(self.tree, values, self.context)

    def standings(self, values: Mapping[str, Any], work: Work) -> Callable[[frozenset[str]], frozenset[Standing]]:
        """What a condition can come to when some inputs are known, whatever they are, and the others stay as given; see `Standing`. Asking spends `work`."""
        return residual.standings(self.tree, values, self.context, work)

    def columns(self, schema: Mapping[str, Any] | None = None) -> nw.Expr:
        """One narwhals expression: a number, or true / false, and null where it is unknown.

        `schema` gives the types of the columns, as `frame.collect_schema()` does, or their kinds as text (`columns.Schema`). A name
        it lacks is missing in every row; without a schema, names are taken from how the expression uses them.

        Raises `InputError` for a column whose type does not fit its place, and `ExpressionError` for what no dataframe engine can do.

        >>> import polars as pl
        >>> from decision_os.expr import compile
        >>> frame = pl.DataFrame({"ltv": [9.0, 0.0, None], "cac": [3.0, 0.0, 1.0]})
        >>> import narwhals.stable.v2 as nw
        >>> nw.from_native(frame).select(healthy=compile("ltv/cac >= 3").columns())["healthy"].to_list()
        [True, None, None]
        """
        found: nw.Expr = self._columns().value(self.tree, schema, self.context)
        return found

    def masks(self, schema: Mapping[str, Any] | None = None, stage: Stage | None = None) -> Masks:
        """The pair (known true, known false) of a condition as narwhals expressions, neither ever null; see `columns`.

        With a `stage` they refer to columns that it keeps, for frames decided by many conditions; what is the same for all rows is then a plain bool.
        """
        found: Masks = self._columns().masks(self.tree, schema, self.context, stage)
        return found if stage is not None else found.as_columns()

    def blame(self, schema: Mapping[str, Any] | None = None, stage: Stage | None = None) -> Mapping[str, nw.Expr]:
        """For each input, where it is among the reasons why the answer is unknown; masks that are never null. See `masks`."""
        columns = self._columns()
        found: Mapping[str, nw.Expr] = columns.blame(self.tree, schema, self.context, stage)
        return found if stage is not None else {name: columns.as_column(mask) for name, mask in found.items()}

    @staticmethod
    def _columns() -> ModuleType:
        """The room of the dataframe engines, which is entered when a frame is met."""
        from decision_os.expr import columns  # noqa: PLC0415 - as said

        return columns


def _restored(fields: dict[str, Any]) -> Expression:
    return Expression(**fields)


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The tree with its inputs called otherwise."""
    if isinstance(node, Name):
        return attrs.evolve(node, name=names.get(node.name, node.name))
    return with_children(node, lambda child: _renamed(child, names))


def outside_definitions(node: Node) -> Iterator[Node]:
    """The nodes that stand in the text itself."""
    yield node
    if not isinstance(node, Defined):
        for child in children(node):
            yield from outside_definitions(child)


def _calls(node: Node) -> bool:
    """Whether a node is the call of a registered function, or a definition that calls one."""
    if isinstance(node, Defined):
        return any(_calls(inner) for inner in walk(node.body))
    return isinstance(node, Call) and node.function not in FUNCTIONS


def read_and_used(tree: Node) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The names a tree reads, the definitions it uses and the registered functions it calls, each once."""
    found: dict[type[Node], dict[str, None]] = {Name: {}, Defined: {}, Call: {}}
    for node in walk(tree):
        if isinstance(node, Name | Defined):
            found[type(node)][node.name] = None
        elif isinstance(node, Call) and _calls(node):
            found[Call][node.function] = None
    names, uses, calls = (tuple(each) for each in found.values())
    return names, uses, calls
