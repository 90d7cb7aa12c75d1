"""What a text may refer to, and the reading of texts by it: parsed, checked, and made an `Expression`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs

from decision_os.errors import ExpressionError, InputError, Issue, Severity, Where
from decision_os.expr import notation, parser
from decision_os.expr.arithmetic import Context, Function
from decision_os.expr.checker import check
from decision_os.expr.expression import Expression, outside_definitions, read_and_used
from decision_os.expr.place import error_at
from decision_os.expr.tree import FUNCTIONS, Call, Defined, Node, walk
from decision_os.units import Unit, parse_unit

__all__ = ["Analysis", "Readings", "Vocabulary", "analyse", "analyse_threshold", "compile", "compile_threshold"]


@attrs.frozen
class Analysis:
    """The expression (nothing where it has an error) and everything that was found in it, in the order of the places."""

    expression: Expression | None
    issues: tuple[Issue, ...]


def _functions(given: Mapping[str, Function] | None) -> Mapping[str, Function]:
    functions: Mapping[str, Any] = _mapped("functions", given)
    for name, function in functions.items():
        if not isinstance(function, Function):
            hint = f"write `dos.Function({name}, takes=…, gives=…)`, with the units of its values and of its result"
            raise InputError(f"the function `{name}` is handed in as a {type(function).__name__}, so nothing says what it takes", name=name, hint=hint)
        if name in FUNCTIONS:
            raise InputError(f"`{name}` is a function of the language", name=name, hint="give yours another name")
    return functions


def _units(given: Mapping[str, str | Unit | None] | None) -> Mapping[str, str | Unit | None]:
    units: Mapping[str, Any] = _mapped("units", given, (str, Unit, type(None)), "a unit as text, such as `USD/seat`")
    return units


def _labels(given: Mapping[str, str] | None) -> Mapping[str, str] | None:
    labels: Mapping[str, Any] = _mapped("labels", given, str, "the name that the label stands for")
    return labels if given is not None else None


def _definitions(given: Mapping[str, Expression] | None) -> Mapping[str, Expression]:
    definitions: Mapping[str, Any] = _mapped("definitions", given, Expression, "what `compile` or `compile_threshold` gives")
    return definitions


def _mapped(what: str, given: object, kind: type | tuple[type, ...] = object, wanted: str = "") -> Mapping[str, object]:
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


def _names(given: Any) -> Collection[str] | None:
    """The names that may be read. Raises `InputError` for what lists no names, and for one text, which would be a name for each letter."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable | None):
        raise InputError(f"`names` is a list of names, not of type {type(given).__name__}", name="names", hint='write it as in `names=["cac", "win_rate"]`')
    if given is None:
        return None
    listed: Collection[Any] = given if isinstance(given, Collection) else tuple(given)
    for name in listed:
        if not isinstance(name, str):
            raise InputError(f"`names` has one of type {type(name).__name__}", name="names", hint="a name is a text")
    return dict.fromkeys(listed)  # asked for every name of every text, and for the nearest one in a fixed order


class Readings:
    """What texts came to in vocabularies that share it: a rule book says the same conditions of one playbook after another, and each is read once.

    What a text without an error comes to rests on what its own names mean, and on nothing else of a vocabulary. Errors are not kept: their hints name others.
    """

    def __init__(self) -> None:
        self._words: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._known: dict[tuple[object, ...], tuple[Analysis, tuple[object, ...]]] = {}

    def find(self, text: str, vocabulary: Vocabulary, *, threshold: bool) -> Analysis | None:
        """What the text came to where its names meant the same."""
        words = self._words.get((text, threshold))
        found = self._known.get((text, threshold, *vocabulary.meaning(words))) if words is not None else None
        return found[0] if found is not None else None

    def keep(self, text: str, vocabulary: Vocabulary, words: tuple[str, ...], analysis: Analysis, *, threshold: bool) -> None:
        """Keep what a text came to; and what its names stand for, since a meaning holds the identities of those."""
        self._words[text, threshold] = words
        stands_for = tuple(each for word in words for each in (vocabulary.definitions.get(word), vocabulary.functions.get(word)))
        self._known[text, threshold, *vocabulary.meaning(words)] = analysis, stands_for


@attrs.frozen(kw_only=True, eq=False)
class Vocabulary:
    """What texts may refer to. It is checked, and made ready to be asked, once for all of them.

    The fields are the arguments of `compile`, and the `readings` that it shares with others. Raises `InputError` for an argument of the wrong kind.

    >>> channel = Vocabulary(units={"cac": "USD", "baseline": "USD"})
    >>> [channel.analyse(text).expression.evaluate({"cac": 95, "baseline": 100}) for text in ("cac / baseline", "cac <= $90")]
    [0.95, False]
    """

    names: Collection[str] | None = attrs.field(default=None, converter=_names)
    units: Mapping[str, str | Unit | None] = attrs.field(default=None, converter=_units)
    labels: Mapping[str, str] | None = attrs.field(default=None, converter=_labels)
    definitions: Mapping[str, Expression] = attrs.field(default=None, converter=_definitions)
    functions: Mapping[str, Function] = attrs.field(default=None, converter=_functions)
    currency: str = "USD"
    readings: Readings = attrs.field(factory=Readings)

    def analyse(self, text: str) -> Analysis:
        """Read and check a condition or a formula."""
        return self._analyse(text, threshold=False)

    def analyse_threshold(self, text: str) -> Analysis:
        """Read and check the value of a named threshold: it may also be an interval or a set."""
        return self._analyse(text, threshold=True)

    def meaning(self, words: Iterable[str]) -> Iterator[object]:
        """What words mean here: equal where they stand for the same things, of the same units."""
        yield self.currency
        for word in words:
            yield word if self.names is None or word in self.names else ""
            yield self._declared.get(word)
            yield id(self.functions.get(word))
            definition = self.definitions.get(word)
            yield id(definition)
            if definition is not None:  # what it rests on may be declared here in another way than where it was read
                yield from (self._declared.get(name, "") for name in definition.names)
                yield from (self._texts.get(name) for name in definition.uses)
                yield from (id(self._every_function.get(name)) for name in definition.calls)

    def _analyse(self, text: str, *, threshold: bool) -> Analysis:
        known = self.readings.find(text, self, threshold=threshold) if type(text) is str else None
        if known is not None:
            return known
        read = parser.parse_threshold if threshold else parser.parse
        try:
            text = notation.plain_text(text)
            parsed = read(text, names=self.names, labels=self.labels, definitions=self._trees, functions=self.functions, currency=self.currency)
            self._check_arity(parsed.tree, text)
        except ExpressionError as error:
            return Analysis(None, (_issue(error),))
        declared = self._declared_in(parsed.tree)
        checked = check(parsed.tree, units=declared, functions=self._every_function, text=text)
        issues = tuple(sorted((*parsed.warnings, *checked.issues), key=lambda issue: issue.where))
        if any(issue.severity is Severity.ERROR for issue in issues):
            return Analysis(None, issues)
        names, uses, calls = read_and_used(checked.tree)
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
                texts={name: self._texts[name] for name in uses if name in self._texts},
                units=checked.units,
                seen=frozenset(name for name in checked.units if declared.get(name) is None),
                functions={name: self._every_function[name] for name in calls},
                currency=self.currency,
            ),
        )
        analysis = Analysis(expression, issues)
        if parsed.words is not None:
            self.readings.keep(text, self, parsed.words, analysis, threshold=threshold)
        return analysis

    @cached_property
    def _declared(self) -> dict[str, Unit | None]:
        return {name: parse_unit(unit) if isinstance(unit, str) else unit for name, unit in self.units.items()}

    def _declared_in(self, tree: Node) -> dict[str, Unit | None]:
        """The units of names, those too that only a definition in the tree was given."""
        used = dict.fromkeys(node.name for node in outside_definitions(tree) if isinstance(node, Defined)) if self.definitions else ()
        found: dict[str, Unit | None] = {}
        for name in used:
            context = self.definitions[name].context
            found |= {read: unit for read, unit in context.units.items() if read not in context.seen}
        return found | self._declared if found.keys() - self._declared.keys() else self._declared

    @cached_property
    def _trees(self) -> dict[str, Node]:
        return {name: definition.tree for name, definition in self.definitions.items()}

    @cached_property
    def _every_function(self) -> dict[str, Function]:
        """The functions in scope, and those that definitions call."""
        called: dict[str, Function] = {}
        for definition in self.definitions.values():
            called |= definition.context.functions
        return called | dict(self.functions)

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The texts of the definitions, and of those they rest on."""
        texts: dict[str, str] = {}
        for definition in self.definitions.values():
            texts |= definition.context.texts
        return texts | {name: definition.text for name, definition in self.definitions.items()}

    def _check_arity(self, tree: Node, text: str) -> None:
        for node in walk(tree) if self.functions else ():
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
    return Vocabulary(names=names, units=units, labels=labels, definitions=definitions, functions=functions, currency=currency).analyse(text)


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
    return Vocabulary(names=names, units=units, labels=labels, definitions=definitions, functions=functions, currency=currency).analyse_threshold(text)


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
    return _usable(Vocabulary(names=names, units=units, labels=labels, definitions=definitions, functions=functions, currency=currency).analyse(text), text)


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
    return _usable(
        Vocabulary(names=names, units=units, labels=labels, definitions=definitions, functions=functions, currency=currency).analyse_threshold(text), text
    )


def _usable(analysis: Analysis, text: str) -> Expression:
    if analysis.expression is not None:
        return analysis.expression
    issue = next(issue for issue in analysis.issues if issue.severity is Severity.ERROR)
    text = str.__str__(text) if isinstance(text, str) else ""
    width = issue.excerpt.rpartition("\n")[2].count("^")
    raise ExpressionError(issue.message, text=text, line=issue.where.line, column=issue.where.column, width=width, hint=issue.hint, code=issue.code)


def _issue(error: ExpressionError) -> Issue:
    return Issue(error.code, error.message, Where("", error.line, error.column), hint=error.hint, excerpt=error.excerpt)
