"""Tokens → the allow-listed tree, by precedence climbing. Precedence is Python's; ranges stand to the right of `in`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final, Literal, cast

import attrs

from decision_os.errors import ExpressionError, Issue, nearest
from decision_os.expr import habits, misplaced
from decision_os.expr.notation import is_plain_name
from decision_os.expr.place import error_at
from decision_os.expr.ranges import Ranges, is_range
from decision_os.expr.scope import Scope, arity
from decision_os.expr.tokens import Token
from decision_os.expr.tree import Arithmetic, Call, Choice, Comparison, Defined, Logic, Membership, Name, Negative, Node, Not, Number, Text, Truth, children

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_TREE_DEPTH", "Parsed", "parse", "parse_threshold"]

MAX_DEPTH: Final = 50
"""Parentheses, signs and `not` inside one another."""

MAX_NODES: Final = 1_000
"""Nodes of one tree, the definitions it uses included."""

MAX_TREE_DEPTH: Final = 100
"""Nodes below one another, the definitions used included: every evaluator may recurse over a tree that passed."""

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _POWER = range(1, 9)
_LEVELS: Final = {
    "or": _OR,
    "and": _AND,
    "not": _COMPARE,
    "in": _COMPARE,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARE),
    "+": _SUM,
    "-": _SUM,
    "*": _PRODUCT,
    "/": _PRODUCT,
    "**": _POWER,
}
_LARGEST_POWER: Final = 8

_Op = Literal["<", "<=", ">", ">=", "==", "!="]


@attrs.frozen
class Parsed:
    """A tree, and what is suspicious about how it was written."""

    tree: Node
    warnings: tuple[Issue, ...] = ()
    words: tuple[str, ...] | None = None
    """The names in the text, whatever each stands for, in the order written; nothing where a label is among them."""


def parse(
    text: str,
    *,
    names: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Node] | None = None,
    functions: Iterable[str] = (),
    currency: str = "USD",
) -> Parsed:
    """The tree of an expression.

    `names` limits what it may read (None: anything); `labels` maps the labels written in backticks to names; a name in
    `definitions` stands for that tree; `functions` are those a rule book registers beside the language's own.

    Raises `ExpressionError` with the place in the author's text and what to write instead.

    >>> parse("win_rate ≥ 2pp").tree.rest
    (Number(value=0.02, exact=Fraction(1, 50), unit=Unit(factors=(), kind='pp'), scale=Fraction(1, 1), span=(11, 14)),)
    >>> parse("win_rte > 0.2", names=["win_rate"])
    Traceback (most recent call last):
        ...
    decision_os.errors.ExpressionError: 1:1 unknown name `win_rte` (did you mean `win_rate`?)
        win_rte > 0.2
        ^^^^^^^
    """
    return _Parser(text, Scope(names, labels, definitions or {}, functions), currency).run(threshold=False)


def parse_threshold(
    text: str,
    *,
    names: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
    definitions: Mapping[str, Node] | None = None,
    functions: Iterable[str] = (),
    currency: str = "USD",
) -> Parsed:
    """The tree of a named threshold's value: a number, an interval, `centre ± spread`, a set, a text, a truth, or an expression.

    A leading `∈` or `in` is allowed before a range, as people write it.

    >>> parse_threshold("∈ [−1.0, −0.3)").tree.high_closed
    False
    >>> parse_threshold("+2pp").tree.value
    0.02
    """
    return _Parser(text, Scope(names, labels, definitions or {}, functions), currency).run(threshold=True)


class _Parser(Ranges):
    """One pass over the words of one text."""

    def __init__(self, text: str, scope: Scope, currency: str) -> None:
        super().__init__(text, scope, currency)
        self.depth = 0

    def run(self, *, threshold: bool) -> Parsed:
        if self.token.kind == "end":
            what = "threshold" if threshold else "expression"
            hint = "write for example `[-1.0, -0.3]`" if threshold else "write for example `win_rate >= 0.2`"
            raise ExpressionError(f"the {what} is empty", text=self.text, hint=hint)
        try:
            tree = self.threshold() if threshold else self.expression()
            if self.at < len(self.tokens) - 1:
                raise misplaced.leftover(self, self.scope)
            self.measure(tree)
        except RecursionError:
            raise error_at(self.text, 0, len(self.text), "the expression is nested too deeply for the stack that is left") from None
        labelled = any(token.kind == "label" for token in self.tokens)
        words = None if labelled else tuple(dict.fromkeys(token.text for token in self.tokens if token.kind == "name"))
        return Parsed(tree, tuple(self.warnings), words)

    # the grammar

    def threshold(self) -> Node:
        if self.token.kind == "op" and self.token.text in ("<", "<=", ">", ">=", "==", "!="):
            raise self.error_on(self.token, "a threshold is the value alone", "the comparison belongs to the branch that uses it")
        if self.is_op("+/-"):
            raise self.error_on(self.token, "`±` needs a centre", "write `baseline ± 5%`")
        marked = self.is_word("in")
        if marked:
            self.advance()
        if marked or self.is_op("{") or self.is_op("[") or (self.is_op("(") and self.holds(",")):
            return self.range_()
        start = self.token.start
        alone = self.tokens[self.at + 1].kind == "end" and self.token.kind in ("name", "label")
        alias = self.definition(self.token) if alone else None
        if alias is not None:
            self.advance()
            return alias
        value = self.expression()
        return self.around(value, start) if self.is_op("+/-") else value

    def expression(self) -> Node:
        self.enter()
        then = self.binary(_OR)
        if self.is_word("if"):
            self.advance()
            condition = self.binary(_OR)
            if not self.is_word("else"):
                raise self.error_on(self.token, "an `if` without `else`", "write `a if condition else b`")
            self.advance()
            otherwise = self.expression()
            then = Choice(condition, then, otherwise, span=(then.span[0], otherwise.span[1]))
        self.depth -= 1
        return then

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error_on(self.token, f"the expression is nested more than {MAX_DEPTH} deep", "define a part of it as a name")

    def value(self) -> Node:
        return self.binary(_SUM)

    def literal(self) -> Node:
        return self.prefix(_SIGN)

    def binary(self, floor: int) -> Node:
        left = self.prefix(floor)
        while self.token.kind in ("op", "word"):
            op = self.token.text
            level = _LEVELS.get(op)
            if level is None or level < floor:
                break
            if level in (_OR, _AND):
                left = self.logic(left, cast("Literal['and', 'or']", op), level)
            elif level == _COMPARE:
                left = self.comparison(left)
            elif level == _POWER:
                left = self.power(left)
            else:
                self.advance()
                right = self.binary(level + 1)
                left = Arithmetic(cast("Literal['+', '-', '*', '/']", op), left, right, span=(left.span[0], right.span[1]))
        return left

    def prefix(self, floor: int) -> Node:
        token = self.token
        if token.kind == "word" and token.text == "not":
            if floor > _NOT:
                raise self.error_on(token, "`not` has no place here", "put parentheses around it: `(not x)`")
            return self.signed(_NOT)
        if token.kind == "op" and token.text in ("-", "+"):
            return self.signed(_SIGN)
        return self.primary()

    def signed(self, level: int) -> Node:
        token = self.advance()
        self.enter()
        following = self.tokens[self.at + 1] if self.token.kind == "number" else None
        if token.text == "-" and following is not None and not (following.kind == "op" and following.text == "**"):
            number = self.advance()
            self.depth -= 1
            return self.number(number, -number.value, token.start)
        operand = self.binary(level)
        self.depth -= 1
        if token.text == "+":
            return operand
        kind = Not if token.text == "not" else Negative
        return kind(operand, span=(token.start, operand.span[1]))

    def number(self, token: Token, exact: Fraction, start: int) -> Number:
        return Number(float(exact), exact, token.unit, span=(start, token.end))

    def logic(self, first: Node, op: Literal["and", "or"], level: int) -> Node:
        operands = [first]
        while self.is_word(op):
            self.advance()
            operands.append(self.binary(level + 1))
        return Logic(op, tuple(operands), span=(first.span[0], operands[-1].span[1]))

    def comparison(self, first: Node) -> Node:
        if self.token.kind == "word":
            return self.membership(first)
        ops: list[_Op] = []
        rest: list[Node] = []
        signs: list[Token] = []
        while self.token.kind == "op" and self.token.compares:
            signs.append(self.advance())
            ops.append(cast("_Op", signs[-1].text))
            rest.append(self.value())
        if self.is_word("in") or (self.is_word("not") and self.tokens[self.at + 1].text == "in"):
            raise self.error_on(self.token, "`in` cannot be part of a chain", "join the two with `and`")
        up = next((sign for sign in signs if sign.text[0] == "<"), None)
        down = next((sign for sign in signs if sign.text[0] == ">"), None)
        if up and down:
            later = max(up, down, key=lambda sign: sign.start)
            hint = f"write `… and {self.quoted(rest[-2])} {later.text} …`, or turn one of the two around"
            raise self.error_on(later, "the two directions of this chain disagree", hint)
        return Comparison(first, tuple(ops), tuple(rest), span=(first.span[0], rest[-1].span[1]))

    def membership(self, operand: Node) -> Node:
        negated = self.is_word("not")
        token = self.advance()
        if negated:
            if not self.is_word("in"):
                raise self.error_on(token, "`not` has no place here", "write `x not in […]`, `not (x > 3)`, or put `and` before it")
            self.advance()
        where = self.range_()
        if self.token.compares:
            raise self.error_on(self.token, "`in` cannot be part of a chain", "join the two with `and`")
        return Membership(operand, where, negated, span=(operand.span[0], where.span[1]))

    def power(self, base: Node) -> Node:
        sign = self.advance()
        exponent = self.token
        whole = exponent.kind == "number" and exponent.unit is None and exponent.value.denominator == 1
        if not whole or not 1 <= exponent.value <= _LARGEST_POWER:
            raise self.error(sign.start, exponent.end, f"a power is a whole number from 1 to {_LARGEST_POWER}", "write for example `x ** 2`")
        self.advance()
        if self.is_op("**"):
            raise self.error_on(self.token, "a power of a power", "put parentheses around the first")
        span = (base.span[0], exponent.end)
        result = base
        for _ in range(int(exponent.value) - 1):
            result = Arithmetic("*", result, base, span=span)
        return result

    def primary(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.advance()
            return self.number(token, token.value, token.start)
        if token.kind == "name":
            self.advance()
            return self.call(token) if self.is_op("(") else self.name(token)
        if token.kind == "label":
            self.advance()
            return self.label(token)
        if token.kind == "text":
            self.advance()
            return Text(token.text, span=(token.start, token.end))
        if token.kind == "word" and token.text in ("true", "false"):
            self.advance()
            return Truth(token.text == "true", span=(token.start, token.end))
        if self.is_op("("):
            self.advance()
            inner = self.expression()
            if self.is_op(","):
                raise self.error_on(self.token, "a comma stands only in an interval, a set or a call", "an interval stands after `in`")
            if self.token.kind != "end" and not self.is_op(")"):
                raise misplaced.leftover(self, self.scope)
            end = self.expect(")", "the parenthesis is not closed: expected `)`").end
            return attrs.evolve(inner, span=(token.start, end))  # with its parentheses, or what holds it would be quoted with one of them
        raise misplaced.no_value(self, token)

    # names and calls

    def call(self, token: Token) -> Node:
        function = token.text
        if not self.scope.calls(function):
            known = self.scope.known_functions()
            hint = habits.INSTEAD_OF_CALL.get(function.lower(), "") or nearest(function, known) or f"the functions are {', '.join(known)}"
            raise self.error_on(token, f"unknown function `{self.shown(token)}`", hint)
        self.advance()
        arguments: list[Node] = []
        while not self.is_op(")"):
            if arguments:
                self.expect(",", f"expected a comma or `)` in the call of `{function}`")
            arguments.append(self.expression())
        end = self.advance().end
        least, most, example = arity(function)
        if not least <= len(arguments) <= most:
            wanted = f"{least}" if least == most else f"at least {least}"
            hint = f"write `{example}`" if example else ""
            raise self.error(token.start, end, f"`{function}` takes {wanted} value{'' if wanted == '1' else 's'}, not {len(arguments)}", hint)
        return Call(function, tuple(arguments), span=(token.start, end))

    def name(self, token: Token) -> Node:
        name, scope = token.text, self.scope
        if name not in scope.definitions and scope.calls(name):
            raise self.error_on(token, f"`{name}` is a function", f"write `{arity(name)[2] or name + '(…)'}`")
        if not scope.reads(name):
            raise misplaced.unknown_name(self, scope, token)
        return self.named(name, "", token)

    def label(self, token: Token) -> Node:
        label, scope = token.text, self.scope
        name = scope.labelled(label)
        if name is None and scope.names is not None and label in scope.names:
            return self.named(label, "" if is_plain_name(label) and not scope.calls(label) else label, token)
        if name is None and scope.labels is None:
            name = label
        if name is None or not scope.reads(name):
            raise misplaced.unknown_label(self, scope, token, name)
        return self.named(name, label, token)

    def named(self, name: str, label: str, token: Token) -> Node:
        span = (token.start, token.end)
        body = self.scope.definitions.get(name)
        node = Name(name, label, span=span) if body is None else Defined(name, body, span=span)
        if is_range(node):
            raise self.error_on(token, f"`{label or name}` is a range, not a value", "a range stands after `in`" if label else f"write `x in {name}`")
        return node

    def measure(self, tree: Node) -> None:
        """Refuse a tree too big or too deep for an evaluator; powers and definitions are counted as often as they stand in it."""
        count = 0
        waiting = [(tree, 1)]
        while waiting:
            node, depth = waiting.pop()
            count += 1
            if count > MAX_NODES:
                hint = "powers and definitions count as often as they are used"
                raise self.error(0, len(self.text), f"the expression has more than {MAX_NODES:,} parts", hint)
            if depth > MAX_TREE_DEPTH:
                message = f"the expression is more than {MAX_TREE_DEPTH} operations deep"
                raise self.error(0, len(self.text), message, "split a long sum in parentheses")
            waiting += [(child, depth + 1) for child in children(node)]
