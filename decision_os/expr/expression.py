"""The compiled expression: what the rest of the library, and its users, hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import attrs

from decision_os.errors import ExpressionError, InputError, Issue, Severity, Where
from decision_os.expr import explanation, notation, parser, residual
from decision_os.expr.arithmetic import Context, Function
from decision_os.expr.checker import check
from decision_os.expr.compiler import functions
from decision_os.expr.explanation import Condition, Explanation
from decision_os.expr.flips import Flip
from decision_os.expr.place import error_at, place
from decision_os.expr.reference import Step
from decision_os.expr.residual import Residual, Standing
from decision_os.expr.tree import FUNCTIONS, Around, Call, Defined, Interval, Name, Node, SetOf, body_of, children, walk, with_children
from decision_os.expr.unparse import unparse
from decision_os.units import Unit, parse_unit
from decision_os.values import Scalar, Unknown, Value

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from decision_os.expr.columns import Masks, Stage

__all__ = [
    "Analysis",
    "Condition",
    "Explanation",
    "Expression",
    "Flip",
    "Function",
    "Residual",
    "Standing",
    "Step",
    "analyse",
    "analyse_threshold",
    "compile",
    "compile_threshold",
]


@attrs.frozen(kw_only=True, getstate_setstate=False)
class Expression:
    """An expression that was read, checked and made ready; made by `compile`.

    `text` is the author's; `names` are the inputs it reads, in the order of their first appearance, through definitions; `uses`
    are the definitions it rests on; `unit` is that of its number (None: not known); `warnings` is what is suspicious about it.
    Two expressions are equal when text, tree and definitions are.

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
        spans = [node.span for node in _outside_definitions(self.tree) if _calls(node)]
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
        names, uses, _ = _read_and_used(tree)
        return attrs.evolve(self, tree=tree, names=names, uses=uses)

    def explain(self, values: Mapping[str, Any]) -> Explanation:
        """What it comes to and why: every sub-value, and each condition with its margin and what would flip it.

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

        >>> gate = compile("(cac <= 90 or payback < 6) and win_rate >= base + 2pp")
        >>> left = gate.residual({"cac": 95, "base": 0.27})
        >>> left.names, left.expression
        (('payback', 'win_rate'), 'payback < 6 and win_rate >= 0.29')
        >>> print(gate.residual({"win_rate": 0.2, "base": 0.27}))
        settled: False
        """
        return residual.residual(self.tree, values, self.context)

    def standings(self, values: Mapping[str, Any], known: frozenset[str]) -> frozenset[Standing]:
        """What a condition can come to when the inputs `known` are, whatever they are, and the others stay as given; see `Standing`."""
        return residual.standings(self.tree, values, self.context, known)

    def columns(self, schema: Mapping[str, Any] | None = None) -> nw.Expr:
        """One narwhals expression: a number, or true / false, and null where it is unknown.

        `schema` gives the types of the columns, as `frame.collect_schema()` does, or their kinds as text (`columns.Schema`). A name
        it lacks is missing in every row; without a schema, names are taken from how the expression uses them.

        Raises `InputError` for a column whose type does not fit its place, and `ExpressionError` for what no dataframe engine can do.

        >>> import polars as pl
        >>> frame = pl.DataFrame({"ltv": [9.0, 0.0, None], "cac": [3.0, 0.0, 1.0]})
        >>> import narwhals.stable.v2 as nw
        >>> nw.from_native(frame).select(healthy=compile("ltv/cac >= 3").columns())["healthy"].to_list()
        [True, None, None]
        """
        found: nw.Expr = self._columns().value(self.tree, schema, self.context)
        return found

    def masks(self, schema: Mapping[str, Any] | None = None, stage: Stage | None = None) -> Masks:
        """The pair (known true, known false) of a condition as narwhals expressions, neither ever null; see `columns`.

        With a `stage` they refer to columns that it keeps, for frames decided by many conditions.
        """
        found: Masks = self._columns().masks(self.tree, schema, self.context, stage)
        return found

    def blame(self, schema: Mapping[str, Any] | None = None, stage: Stage | None = None) -> Mapping[str, nw.Expr]:
        """For each input, where it is among the reasons why the answer is unknown; masks that are never null. See `masks`."""
        found: Mapping[str, nw.Expr] = self._columns().blame(self.tree, schema, self.context, stage)
        return found

    @staticmethod
    def _columns() -> ModuleType:
        """The room of the dataframe engines, which is entered when a frame is met."""
        from decision_os.expr import columns  # noqa: PLC0415 - as said

        return columns


def _restored(fields: dict[str, Any]) -> Expression:
    return Expression(**fields)


@attrs.frozen
class Analysis:
    """The expression (nothing where it has an error) and everything that was found in it, in the order of the places."""

    expression: Expression | None
    issues: tuple[Issue, ...]


@attrs.frozen(kw_only=True)
class _Scope:
    """What a text may refer to."""

    names: Any = None
    units: Mapping[str, str | Unit]
    labels: Mapping[str, str] | None
    definitions: Mapping[str, Expression]
    functions: Mapping[str, Function]
    currency: str

    def analyse(self, text: str, *, threshold: bool) -> Analysis:
        read = parser.parse_threshold if threshold else parser.parse
        functions = self.every_function()
        try:
            text = notation.plain_text(text)
            parsed = read(
                text,
                names=self.names,
                labels=self.labels,
                definitions={name: definition.tree for name, definition in self.definitions.items()},
                functions=self.functions,
                currency=self.currency,
            )
            self.check_arity(parsed.tree, text)
        except ExpressionError as error:
            return Analysis(None, (_issue(error),))
        declared = self.declared(parsed.tree)
        checked = check(parsed.tree, units=declared, functions=functions, text=text)
        issues = tuple(sorted((*parsed.warnings, *checked.issues), key=lambda issue: issue.where))
        if any(issue.severity is Severity.ERROR for issue in issues):
            return Analysis(None, issues)
        names, uses, calls = _read_and_used(checked.tree)
        expression = Expression(
            text=text,
            tree=checked.tree,
            unit=checked.unit,
            is_condition=checked.condition,
            names=names,
            uses=uses,
            warnings=issues,
            context=Context(
                text=text,
                texts=self.texts(uses),
                units=checked.units,
                seen=frozenset(name for name in checked.units if declared.get(name) is None),
                functions={name: functions[name] for name in calls},
                currency=self.currency,
            ),
        )
        return Analysis(expression, issues)

    def declared(self, tree: Node) -> dict[str, Unit | None]:
        """The units of names, those too that only a definition in the tree was given."""
        found: dict[str, Unit | None] = {}
        for name in dict.fromkeys(node.name for node in _outside_definitions(tree) if isinstance(node, Defined)):
            context = self.definitions[name].context
            found |= {read: unit for read, unit in context.units.items() if read not in context.seen}
        return found | {name: parse_unit(unit) if isinstance(unit, str) else unit for name, unit in self.units.items()}

    def every_function(self) -> dict[str, Function]:
        """The functions in scope, and those that definitions call."""
        called: dict[str, Function] = {}
        for definition in self.definitions.values():
            called |= definition.context.functions
        return called | dict(self.functions)

    def texts(self, uses: tuple[str, ...]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for definition in self.definitions.values():
            texts |= definition.context.texts
        texts |= {name: definition.text for name, definition in self.definitions.items()}
        return {name: texts[name] for name in uses if name in texts}

    def check_arity(self, tree: Node, text: str) -> None:
        for node in walk(tree):
            if isinstance(node, Call) and node.function not in FUNCTIONS and node.function in self.functions:
                wanted, found = self.functions[node.function].arity, len(node.arguments)
                if found != wanted:
                    plural = "" if wanted == 1 else "s"
                    raise error_at(text, *node.span, f"`{node.function}` takes {wanted} value{plural}, not {found}")


def analyse(
    text: str,
    *,
    names: Any = None,
    units: Mapping[str, str | Unit] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Expression] | None = None,
    functions: Mapping[str, Function] | None = None,
    currency: str = "USD",
) -> Analysis:
    """Read and check an expression without raising for what is wrong with its text: for loaders, which report everything at once.

    The arguments are those of `compile`; the places of the issues count from the start of the text.

    >>> analyse("win_rate >= 0,2").issues[0].where.column
    13
    """
    return _scope(names, units, labels, definitions, functions, currency).analyse(text, threshold=False)


def analyse_threshold(
    text: str,
    *,
    names: Any = None,
    units: Mapping[str, str | Unit] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Expression] | None = None,
    functions: Mapping[str, Function] | None = None,
    currency: str = "USD",
) -> Analysis:
    """As `analyse`, for the value of a named threshold: it may also be an interval or a set."""
    return _scope(names, units, labels, definitions, functions, currency).analyse(text, threshold=True)


def compile(  # noqa: A001 - `dos.compile` is the public name
    text: str,
    *,
    names: Any = None,
    units: Mapping[str, str | Unit] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Expression] | None = None,
    functions: Mapping[str, Function] | None = None,
    currency: str = "USD",
) -> Expression:
    """Read, check and prepare an expression.

    `names` are those it may read (None: any); `units` gives units of names, and has them checked; `labels` maps what is written in
    backticks to names; `definitions` are expressions it may use by name; `functions` are Python functions it may call, each a `Function`.

    Raises `ExpressionError` for the first error, with its line, column and a hint.

    >>> step = compile("price * step", units={"price": "USD/seat", "step": "share"})
    >>> compile("uplift ≥ $3", definitions={"uplift": step}).evaluate({"price": 40, "step": 0.08})
    True
    """
    return _usable(_scope(names, units, labels, definitions, functions, currency).analyse(text, threshold=False), text)


def compile_threshold(
    text: str,
    *,
    names: Any = None,
    units: Mapping[str, str | Unit] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Expression] | None = None,
    functions: Mapping[str, Function] | None = None,
    currency: str = "USD",
) -> Expression:
    """As `compile`, for the value of a named threshold: it may also be an interval or a set.

    >>> E_range = compile_threshold("[−1.0, −0.3]")
    >>> E_range.is_range, compile("E ∈ E_range", definitions={"E_range": E_range}).evaluate({"E": -0.5})
    (True, True)
    """
    return _usable(_scope(names, units, labels, definitions, functions, currency).analyse(text, threshold=True), text)


def _scope(
    names: Any,
    units: Mapping[str, str | Unit] | None,
    labels: Mapping[str, str] | None,
    definitions: Mapping[str, Expression] | None,
    functions: Mapping[str, Function] | None,
    currency: str,
) -> _Scope:
    for name in _mapped("functions", functions):
        function: object = (functions or {})[name]  # whatever the caller's type checker did not see
        if not isinstance(function, Function):
            hint = f"write `dos.Function({name}, takes=…, gives=…)`, with the units of its values and of its result"
            raise InputError(f"the function `{name}` is handed in as a {type(function).__name__}, so nothing says what it takes", name=name, hint=hint)
        if name in FUNCTIONS:
            raise InputError(f"`{name}` is a function of the language", name=name, hint="give yours another name")
    _mapped("units", units, str | Unit | None, "a unit as text, such as `USD/seat`")
    _mapped("labels", labels, str, "the name that the label stands for")
    _mapped("definitions", definitions, Expression, "what `compile` or `compile_threshold` gives")
    names = _listed(names)
    return _Scope(names=names, units=units or {}, labels=labels, definitions=definitions or {}, functions=functions or {}, currency=currency)


def _mapped(what: str, given: object, kind: Any = object, wanted: str = "") -> Mapping[str, object]:
    """An argument that maps names to things of a kind; nothing for None. Raises `InputError` for another."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InputError(f"`{what}` maps names, and is of type {type(given).__name__}", name=what, hint=f'write it as in `{what}={{"cac": …}}`')
    for name, each in given.items():
        if not isinstance(name, str):
            raise InputError(f"`{what}` has a name of type {type(name).__name__}", name=what, hint="a name is a text")
        if not isinstance(each, kind):
            raise InputError(f"`{what}` has something of type {type(each).__name__} for `{name}`", name=name, hint=f"give {wanted}")
    return given


def _listed(names: Any) -> Any:
    """The names that may be read. Raises `InputError` for what lists no names, and for one text, which would be a name for each letter."""
    if isinstance(names, str | bytes) or not isinstance(names, Iterable | None):
        raise InputError(f"`names` is a list of names, not of type {type(names).__name__}", name="names", hint='write it as in `names=["cac", "win_rate"]`')
    listed = names if names is None or isinstance(names, Collection) else tuple(names)
    for name in listed or ():
        if not isinstance(name, str):
            raise InputError(f"`names` has one of type {type(name).__name__}", name="names", hint="a name is a text")
    return listed


def _usable(analysis: Analysis, text: str) -> Expression:
    if analysis.expression is not None:
        return analysis.expression
    issue = next(issue for issue in analysis.issues if issue.severity is Severity.ERROR)
    text = str.__str__(text) if isinstance(text, str) else ""
    width = issue.excerpt.rpartition("\n")[2].count("^")
    raise ExpressionError(issue.message, text=text, line=issue.where.line, column=issue.where.column, width=width, hint=issue.hint, code=issue.code)


def _issue(error: ExpressionError) -> Issue:
    return Issue(error.code, error.message, Where("", error.line, error.column), hint=error.hint, excerpt=error.excerpt)


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The tree with its inputs called otherwise."""
    if isinstance(node, Name):
        return attrs.evolve(node, name=names.get(node.name, node.name))
    return with_children(node, lambda child: _renamed(child, names))


def _outside_definitions(node: Node) -> Iterator[Node]:
    """The nodes that stand in the text itself."""
    yield node
    if not isinstance(node, Defined):
        for child in children(node):
            yield from _outside_definitions(child)


def _calls(node: Node) -> bool:
    """Whether a node is the call of a registered function, or a definition that calls one."""
    if isinstance(node, Defined):
        return any(_calls(inner) for inner in walk(node.body))
    return isinstance(node, Call) and node.function not in FUNCTIONS


def _read_and_used(tree: Node) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The names a tree reads, the definitions it uses and the registered functions it calls, each once."""
    nodes = list(walk(tree))
    names = dict.fromkeys(node.name for node in nodes if isinstance(node, Name))
    uses = dict.fromkeys(node.name for node in nodes if isinstance(node, Defined))
    calls = dict.fromkeys(node.function for node in nodes if isinstance(node, Call) and _calls(node))
    return tuple(names), tuple(uses), tuple(calls)
