"""Tokens → the allow-listed tree, by precedence climbing. Precedence is Python's; ranges stand to the right of `in`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from fractions import Fraction
from itertools import takewhile
from typing import Final, Literal, cast

import attrs

from decision_os.errors import ExpressionError, Issue, Severity, UnitError, Where, nearest
from decision_os.expr import habits
from decision_os.expr.notation import MAX_DEPTH, MAX_NODES, Token, error_at, is_plain_name, normal_label, plain_text, tokens
from decision_os.expr.tree import (
    FUNCTIONS,
    Arithmetic,
    Around,
    Call,
    Choice,
    Comparison,
    Defined,
    Interval,
    Logic,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Number,
    SetOf,
    Text,
    Truth,
    children,
    walk,
)
from decision_os.expr.unparse import unparse
from decision_os.units import CURRENCIES, PERCENT, RATIO, conversion, divided, parse_unit

__all__ = ["MAX_TREE_DEPTH", "Parsed", "parse", "parse_threshold"]

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
_ARITY: Final = {"abs": (1, 1), "clip": (3, 3), "coalesce": (2, 100), "is_missing": (1, 1), "max": (2, 100), "min": (2, 100)}
_ARITY_HINT: Final = {
    "abs": "abs(x)",
    "clip": "clip(x, low, high)",
    "coalesce": "coalesce(x, fallback)",
    "is_missing": "is_missing(x)",
    "max": "max(a, b)",
    "min": "min(a, b)",
}
_LARGEST_POWER: Final = 8
_TURNED: Final = re.compile(r"\](?P<ends>[^\[\]\r\n]{1,30})(?P<closing>[\[\]])")
_YES_OR_NO: Final = {"yes": "write `true`", "no": "write `false`", "on": "write `true`", "off": "write `false`"}

Op = Literal["<", "<=", ">", ">=", "==", "!="]


@attrs.frozen
class Parsed:
    """A tree, and what is suspicious about how it was written."""

    tree: Node
    warnings: tuple[Issue, ...] = ()


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
    return _Parser(text, names, labels, definitions, functions, currency).run(threshold=False)


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
    return _Parser(text, names, labels, definitions, functions, currency).run(threshold=True)


class _Parser:
    """One pass over the tokens of one text."""

    def __init__(  # private, and called by the two functions above alone
        self,
        text: str,
        names: Iterable[str] | None,
        labels: Mapping[str, str] | None,
        definitions: Mapping[str, Node] | None,
        functions: Iterable[str],
        currency: str,
    ) -> None:
        self.text = plain_text(text)
        self.tokens = tokens(self.text, currency=currency)
        self.names: Collection[str] | None = names if names is None or isinstance(names, AbstractSet | Mapping) else frozenset(names)
        self.labels = labels
        self.definitions: Mapping[str, Node] = definitions or {}
        self.functions: Collection[str] = functions if isinstance(functions, AbstractSet | Mapping) else frozenset(functions)
        self.at = 0
        self.token = self.tokens[0]
        self.depth = 0
        self.warnings: list[Issue] = []

    def run(self, *, threshold: bool) -> Parsed:
        if self.token.kind == "end":
            what = "threshold" if threshold else "expression"
            hint = "write for example `[-1.0, -0.3]`" if threshold else "write for example `win_rate >= 0.2`"
            raise ExpressionError(f"the {what} is empty", text=self.text, hint=hint)
        try:
            tree = self.threshold() if threshold else self.expression()
            if self.at < len(self.tokens) - 1:
                raise self.leftover()
            self.measure(tree)
        except RecursionError:
            raise error_at(self.text, 0, len(self.text), "the expression is nested too deeply for the stack that is left") from None
        return Parsed(tree, tuple(self.warnings))

    # moving and failing

    def advance(self) -> Token:
        token = self.token
        self.at += 1
        self.token = self.tokens[self.at]
        return token

    def is_op(self, text: str) -> bool:
        return self.token.kind == "op" and self.token.text == text

    def is_word(self, text: str) -> bool:
        return self.token.kind == "word" and self.token.text == text

    def expect(self, text: str, message: str, hint: str = "") -> Token:
        if not self.is_op(text):
            if self.token.kind == "end":
                raise self.error_on(self.token, f"{message}, but the expression ends", hint)
            raise self.error_on(self.token, f"{message}, not `{self.shown(self.token)}`", hint)
        return self.advance()

    def shown(self, token: Token) -> str:
        written = self.text[token.start : token.end]
        return written if len(written) <= 40 else written[:37] + "…"

    def error(self, start: int, end: int, message: str, hint: str = "", code: str = "bad-expression") -> ExpressionError:
        return error_at(self.text, start, end, message, hint, code)

    def error_on(self, token: Token, message: str, hint: str = "") -> ExpressionError:
        return self.error(token.start, token.end, message, hint)

    def warn(self, code: str, start: int, end: int, message: str, hint: str) -> None:
        error = error_at(self.text, start, end, message)
        self.warnings.append(Issue(code, message, Where("", error.line, error.column), Severity.WARNING, hint, error.excerpt))

    def leftover(self) -> ExpressionError:
        token = self.token
        shown = self.shown(token)
        if token.kind == "op":
            if token.text == "[":
                return self.error_on(token, "an expression reads no subscripts", "an interval stands after `in`: `x in [low, high]`")
            if token.text == "(":
                before = self.tokens[self.at - 1]
                multiplied = before.kind in ("number", "op")
                hint = "write `*` between the two" if multiplied else f"the functions are {', '.join(self.known_functions())}"
                return self.error_on(token, "only a function can be called", hint)
            if token.text == "+/-":
                return self.error_on(token, "`±` makes a range, which stands after `in`", "write `x in target ± 3`")
            if token.text in (")", "]", "}"):
                return self.error_on(token, f"`{shown}` closes nothing")
            if token.text == ",":
                last = self.tokens[self.at + 1].kind == "end"
                return self.error_on(token, "a comma stands only in an interval, a set or a call", "leave it out" if last else "join conditions with `and`")
            return self.error_on(token, f"`{shown}` has no place here")
        if token.kind == "word" and token.text not in ("true", "false"):
            hint = "write `a if condition else b`" if token.text == "else" else "put parentheses around it" if token.text == "not" else ""
            return self.error_on(token, f"`{shown}` has no place here", hint)
        before = self.tokens[self.at - 1]
        if token.text == "per" and self.is_amount(before) and self.tokens[self.at + 1].kind == "name":
            return self.per(before, self.tokens[self.at + 1])
        for word in (token, before):
            habit = habits.INSTEAD_OF_WORD.get(word.text.lower(), "") if word.kind == "name" else ""
            if habit:
                return self.error_on(word, f"`{self.shown(word)}` is not part of the language", habit)
        return self.error_on(token, f"an operator is missing between `{self.shown(before)}` and `{shown}`", self.between(before, token))

    def between(self, before: Token, token: Token) -> str:
        """What is written for two values side by side."""
        shown = self.shown(token)
        hint = "write `*`, `and` or a comparison between them; a name of several words stands in backticks"
        if shown == self.shown(before):
            hint = "leave one of the two out"
        elif self.begins_condition():
            hint = f"join the two conditions: write `{self.shown(before)} and {shown}`"
        elif before.kind == token.kind == "number" and before.unit is not None and before.unit.duration:
            hint = _in_one_piece(before, token) or hint
        elif before.kind == "name" and before.text in ("US", *CURRENCIES) and token.kind == "number":
            hint = f"write `{shown}`" if token.unit is not None else f"write `{shown} {before.text}`"
        return hint

    def begins_condition(self) -> bool:
        """Whether another condition begins here, behind one that is complete, the word between the two lacking."""
        since = takewhile(lambda token: token.text not in ("and", "or"), reversed(self.tokens[: self.at]))
        following = self.tokens[self.at + 1]
        if following.text == "not":
            following = self.tokens[self.at + 2]
        return (
            _LEVELS.get(following.text) == _COMPARE
            and following.text != "not"
            and any(_LEVELS.get(token.text) == _COMPARE and token.kind in ("op", "word") for token in since)
        )

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
        ops: list[Op] = []
        rest: list[Node] = []
        signs: list[Token] = []
        while self.token.kind == "op" and _LEVELS.get(self.token.text) == _COMPARE:
            signs.append(self.advance())
            ops.append(cast("Op", signs[-1].text))
            rest.append(self.binary(_SUM))
        if self.is_word("in") or (self.is_word("not") and self.tokens[self.at + 1].text == "in"):
            raise self.error_on(self.token, "`in` cannot be part of a chain", "join the two with `and`")
        up = next((sign for sign in signs if sign.text[0] == "<"), None)
        down = next((sign for sign in signs if sign.text[0] == ">"), None)
        if up and down:
            later = max(up, down, key=lambda sign: sign.start)
            middle = self.text[rest[-2].span[0] : rest[-2].span[1]]
            hint = f"write `… and {middle} {later.text} …`, or turn one of the two around"
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
        if self.token.kind in ("op", "word") and _LEVELS.get(self.token.text) == _COMPARE:
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
            if self.is_op("+/-"):
                raise self.leftover()
            if self.token.kind != "end" and not self.is_op(")"):
                raise self.leftover()
            end = self.expect(")", "the parenthesis is not closed: expected `)`").end
            return attrs.evolve(inner, span=(token.start, end))  # with its parentheses, or what holds it would be quoted with one of them
        raise self.no_value(token)

    def no_value(self, token: Token) -> ExpressionError:
        if token.kind == "end":
            before = self.tokens[self.at - 1] if self.at else token
            return self.error_on(token, f"a value is missing after `{self.shown(before)}`")
        if token.kind == "op" and token.text in ("[", "{"):
            words = self.words_inside()
            if words:
                hint = f"a name stands alone: `{words}`" if words.isidentifier() else f"a label stands in backticks: `` `{words}` ``"
                return self.error_on(token, "no name stands in brackets", hint)
        if token.kind == "op" and token.text == "[":
            return self.error_on(token, "an interval stands only after `in`", "write `x in [low, high]`, or `x in {a, b}` for a set")
        if token.kind == "op" and token.text == "{":
            return self.error_on(token, "a set stands only after `in`", 'write `stage in {"won", "lost"}`')
        hint = ""
        following = self.tokens[self.at + 1]
        if token.kind == "word" and following.kind == "op" and following.text == "(":
            hint = habits.INSTEAD_OF_CALL.get(token.text, "")
        elif self.at == 0 and (_LEVELS.get(token.text) == _COMPARE):
            hint = f"write what is compared, as in `x {self.shown(token)} …`"
        elif token.kind == "word" and token.text == "if":
            hint = "write `a if condition else b`"
        return self.error_on(token, f"a value is missing before `{self.shown(token)}`", hint)

    def words_inside(self) -> str:
        """The words between the bracket that opens here, or two of them, and the next that closes; nothing where it holds more than words."""
        at = self.at
        while self.tokens[at].kind == "op" and self.tokens[at].text == self.token.text:
            at += 1
        words = []
        while self.tokens[at].kind == "name":
            words.append(self.tokens[at].text)
            at += 1
        closes = self.tokens[at].kind == "op" and self.tokens[at].text in ("]", "}")
        return " ".join(words) if closes else ""

    # names and calls

    def known_functions(self) -> list[str]:
        return sorted({*FUNCTIONS, *self.functions})

    def call(self, token: Token) -> Node:
        function = token.text
        if function not in FUNCTIONS and function not in self.functions:
            known = self.known_functions()
            hint = habits.INSTEAD_OF_CALL.get(function.lower(), "") or nearest(function, known) or f"the functions are {', '.join(known)}"
            raise self.error_on(token, f"unknown function `{self.shown(token)}`", hint)
        self.advance()
        arguments: list[Node] = []
        while not self.is_op(")"):
            if arguments:
                self.expect(",", f"expected a comma or `)` in the call of `{function}`")
            arguments.append(self.expression())
        end = self.advance().end
        least, most = _ARITY.get(function, (0, 100))
        if not least <= len(arguments) <= most:
            wanted = f"{least}" if least == most else f"at least {least}"
            hint = f"write `{_ARITY_HINT[function]}`" if function in _ARITY_HINT else ""
            raise self.error(token.start, end, f"`{function}` takes {wanted} value{'' if wanted == '1' else 's'}, not {len(arguments)}", hint)
        return Call(function, tuple(arguments), span=(token.start, end))

    def name(self, token: Token) -> Node:
        node = self.named(token.text, "", token)
        if _is_range(node):
            raise self.error_on(token, f"`{token.text}` is a range, not a value", f"write `x in {token.text}`")
        return node

    def named(self, name: str, label: str, token: Token) -> Node:
        span = (token.start, token.end)
        if name in self.definitions:
            return Defined(name, self.definitions[name], span=span)
        if not label and (name in FUNCTIONS or name in self.functions):
            raise self.error_on(token, f"`{name}` is a function", f"write `{_ARITY_HINT.get(name, name + '(…)')}`")
        if self.names is not None and name not in self.names:
            if not label:
                raise self.unknown_name(name, token)
            raise self.error(*span, f"unknown label `{label}`", nearest(name, [*self.names, *self.definitions]), "unknown-name")
        return Name(name, label, span=span)

    def unknown_name(self, name: str, token: Token) -> ExpressionError:
        """An unknown name may be the first word of a name or a label of several, or a text without its quotes."""
        known = [*(self.names or ()), *self.definitions]
        close = nearest(name, known, cutoff=0.8).removeprefix("did you mean ").strip("`?")
        per_name = self.at > 2 and self.tokens[self.at - 2].text == "/" and self.is_amount(self.tokens[self.at - 3])
        if per_name and (not close or _thing(close) == _thing(name)):
            return self.per(self.tokens[self.at - 3], token)
        meant, end = habits.apart(self.text, token.start, token.end, (*(self.labels or ()), *known))
        before, following = self.tokens[self.at - 2] if self.at > 1 else None, self.tokens[self.at]
        words = self.text[token.start : end]
        if meant:
            hint = f"did you mean `{meant}`?" if meant in known else f"a label stands in backticks: `` `{meant}` ``"
        else:
            end = token.end
            hint = nearest(name, known) or _YES_OR_NO.get(name.lower(), "")
            if not hint and before is not None and before.kind == "op" and before.text in ("==", "!="):
                hint = f'a text stands in quotes: `"{words}"`'
            elif not hint and following.kind == "name":
                hint = "a name of several words stands in backticks"
        words = self.text[token.start : end]
        return self.error(token.start, end, f"unknown name `{words if len(words) <= 40 else words[:37] + '…'}`", hint, "unknown-name")

    def is_amount(self, token: Token) -> bool:
        return token.kind == "number" and token.unit is not None and bool(token.unit.currency)

    def per(self, amount: Token, token: Token) -> ExpressionError:
        """`$3/seat`, `$3 per seat`: an amount takes its unit from what it stands beside."""
        hint = f"write `{self.shown(amount)}`: beside a value in {amount.unit}/{_thing(token.text)} it is read as that"
        written = " ".join(self.text[amount.start : token.end].split())
        return self.error(amount.start, token.end, f"`{written[:40]}` is no amount: there is no `{self.shown(token)}` to divide by", hint, "unknown-name")

    def label(self, token: Token) -> Node:
        label = token.text
        if self.labels is not None:
            name = self.labels.get(label)
            if name is None:
                wanted = normal_label(label)
                name = next((name for known, name in self.labels.items() if normal_label(known) == wanted), None)
            if name is not None:
                return self.labelled(name, label, token)
        if self.names is not None and label in self.names:
            return self.labelled(label, "" if is_plain_name(label) and label not in FUNCTIONS and label not in self.functions else label, token)
        if self.labels is None:
            return self.labelled(label, label, token)
        hint = nearest(label, [*self.labels, *(self.names or ())])
        raise self.error(token.start, token.end, f"unknown label `{label}`", hint, "unknown-name")

    def labelled(self, name: str, label: str, token: Token) -> Node:
        node = self.named(name, label, token)
        if _is_range(node):
            raise self.error_on(token, f"`{label or name}` is a range, not a value", "a range stands after `in`")
        return node

    # ranges

    def holds(self, wanted: str) -> bool:
        """Whether the bracket that opens here holds this operator, not nested any deeper, and none follows it."""
        depth, found = 0, False
        for place, token in enumerate(self.tokens[self.at :], self.at):
            if token.kind != "op":
                continue
            if token.text in ("(", "[", "{"):
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    after = self.tokens[place + 1]
                    return found and not (after.kind == "op" and after.text == wanted)
            elif depth == 1 and token.text == wanted:
                found = True
        return found

    def range_(self) -> Node:
        if self.is_op("{"):
            return self.set_of()
        if self.is_op("[") or (self.is_op("(") and self.holds(",")):
            return self.interval()
        token = self.token
        if self.is_op("(") and self.holds("+/-"):
            self.advance()
            start = self.token.start
            inner = self.around(self.binary(_SUM), start)
            end = self.expect(")", "the parenthesis is not closed: expected `)`").end
            return attrs.evolve(inner, span=(token.start, end))
        if token.kind in ("name", "label") and not (self.tokens[self.at + 1].kind == "op" and self.tokens[self.at + 1].text == "("):
            defined = self.definition(token)
            if defined is not None:
                self.advance()
                return defined
        if self.is_op("]"):
            found = _TURNED.match(self.text, token.start)
            hint = f"`({found[1]}{')' if found[2] == '[' else ']'}`" if found else "`(1, 5)`"
            raise self.error_on(token, "an interval opens with `[` or `(`", f"an end that does not belong to it has a parenthesis: {hint}")
        if token.kind == "end":
            raise self.error_on(token, "a range is missing after `in`", 'write `in [low, high]` or `in {"a", "b"}`')
        centre = self.binary(_SUM)
        if not self.is_op("+/-"):
            written = self.text[slice(*centre.span)]
            hint = 'write `in [low, high]`, `in {"a", "b"}` or `in target ± 3`'
            if isinstance(centre, Text):
                hint = f"write `in {{{written}}}`, or `== {written}`"
            elif isinstance(centre, Arithmetic) and centre.op == "-" and isinstance(centre.left, Number) and isinstance(centre.right, Number):
                hint = f"write `in [{self.text[slice(*centre.left.span)]}, {self.text[slice(*centre.right.span)]}]`"
            raise self.error(*centre.span, f"`{written[:40]}` is not a range", hint if len(hint) <= 100 else "write `in [low, high]`")
        return self.around(centre, token.start)

    def definition(self, token: Token) -> Defined | None:
        name = token.text
        if token.kind == "label" and self.labels is not None:
            wanted = normal_label(name)
            name = next((known for label, known in self.labels.items() if normal_label(label) == wanted), name)
        body = self.definitions.get(name)
        return Defined(name, body, span=(token.start, token.end)) if body is not None and _is_range(body) else None

    def around(self, centre: Node, start: int) -> Around:
        self.advance()
        spread = self.binary(_SUM)
        body = spread
        while isinstance(body, Defined):
            body = body.body
        if isinstance(body, Number) and body.exact < 0:
            raise self.error(*spread.span, "the spread of `±` is negative", "write it without the sign")
        if isinstance(centre, Truth | Text) or isinstance(spread, Truth | Text):
            raise self.error(start, spread.span[1], "`±` stands between two numbers")
        relative = isinstance(body, Number) and body.unit == PERCENT
        if not relative and any(isinstance(node, Number) and node.unit == PERCENT for node in walk(body)):
            hint = "write `target ± 10%`, or a half width without per cents: `2pp`, `0.1 * target`"
            raise self.error(*spread.span, "a half width that is relative is one number with `%`", hint)
        return Around(centre, spread, relative, span=(start, spread.span[1]))

    def interval(self) -> Node:
        opening = self.advance()
        if self.is_op("]") or self.is_op(")"):
            raise self.error(opening.start, self.token.end, "an interval has two ends", "write `[low, high]`")
        ends = [self.interval_end()]
        while self.is_op(","):
            self.advance()
            ends.append(self.interval_end())
        if not (self.is_op("]") or self.is_op(")")):
            self.expect("]", "the interval is not closed: expected `,`, `]` or `)`")
        closing = self.advance()
        if len(ends) != 2:
            items = ", ".join(self.text[slice(*end.span)] for end in ends)
            hint = f"a set is written in braces: `{{{items if len(items) <= 40 else '0.2, 0.5'}}}`"
            if not all(isinstance(end, Number) for end in ends):
                hint = self.range_of(ends)
            raise self.error(opening.start, closing.end, f"an interval has two ends, not {len(ends)}", hint)
        low, high = ends
        low_closed, high_closed = opening.text == "[", closing.text == "]"
        span = (opening.start, closing.end)
        self.refuse_empty(low, high, closed=low_closed and high_closed, span=span)
        if not low_closed and not high_closed and isinstance(low, Number) and isinstance(high, Number):
            inner = f"{self.text[slice(*low.span)]}, {self.text[slice(*high.span)]}"
            message = f"`({inner})` is an open interval: neither end belongs to it"
            self.warn("open-interval", *span, message, f"the set of the two is `{{{inner}}}`, the closed interval `[{inner}]`")
        return Interval(low, high, low_closed, high_closed, span=span)

    def range_of(self, ends: list[Node]) -> str:
        """What is written for brackets that hold one value or more than two, not all of them literals."""
        only = ends[0]
        if len(ends) == 1 and isinstance(only, Arithmetic) and only.op == "-":
            low, high = only.left.span[1], only.right.span[0]
            signed = self.text[low:high].startswith(" ") and not self.text[low:high].endswith(" ")  # `[1 -2]` lacks a comma, `[1 - 2]` and `[1-2]` are ranges
            return f"write `[{self.text[slice(*only.left.span)]}, {self.text[high - signed : only.right.span[1]]}]`"
        return _each([self.text[slice(*end.span)] for end in ends])

    def interval_end(self) -> Node:
        end = self.binary(_SUM)
        if isinstance(end, Text | Truth):
            raise self.error(*end.span, "an interval goes from number to number", 'a set is written in braces: `{"won", "lost"}`')
        return end

    def refuse_empty(self, low: Node, high: Node, *, closed: bool, span: tuple[int, int]) -> None:
        if not (isinstance(low, Number) and isinstance(high, Number)):
            return
        factor = conversion(high.unit or RATIO, low.unit or RATIO)
        if factor is None:
            return
        if low.exact > high.exact * factor:
            raise self.error(*span, "the interval ends before it begins", "write the smaller end first")
        if low.exact == high.exact * factor and not closed:
            raise self.error(*span, "the interval is empty: its ends are equal and not both included", "write `[low, high]`")

    def set_of(self) -> Node:
        opening = self.advance()
        items: list[Node] = []
        while not self.is_op("}"):
            if items:
                self.expect(",", "expected a comma or `}` in the set")
            items.append(self.set_item(opening))
        end = self.advance().end
        if not items:
            raise self.error(opening.start, end, "the set is empty", 'write for example `{"won", "lost"}`')
        return SetOf(tuple(items), span=(opening.start, end))

    def set_item(self, opening: Token) -> Node:
        token = self.token
        if token.kind == "name":
            items = [item.strip() for item in self.text[opening.end :].partition("}")[0].split(",")]
            texts = all(item.isidentifier() or item[:1] in "\"'" for item in items)
            raise self.error_on(token, "a set holds literals", f'write a text in quotes: `"{self.shown(token)}"`' if texts else _each(items))
        item = self.prefix(_SIGN)
        if not isinstance(item, Number | Text | Truth):
            raise self.error(*item.span, "a set holds literals", "write numbers, or texts in quotes")
        return item

    # size

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
            waiting.extend((child, depth + 1) for child in children(node))


def _thing(name: str) -> str:
    """What an amount is per, as its unit is written."""
    try:
        return str(divided(RATIO, parse_unit(name))).removeprefix("1/")
    except UnitError:
        return name


def _each(values: list[str]) -> str:
    """What is written for a set that holds more than literals."""
    written = " or ".join(f"x == {value}" for value in values)
    return f"compare with {'it' if len(values) == 1 else 'each'}: `{written if len(written) <= 80 else 'x == a or x == b'}`"


def _in_one_piece(large: Token, small: Token) -> str:
    """What is written for two durations beside one another, `2 weeks 3 days`; nothing where they are none."""
    first, second = large.unit, small.unit
    if first is None or second is None or not second.duration:
        return ""
    factor = conversion(first, second)
    if factor is None:
        return f"{first} and {second} do not add up: write one of the two"
    letters = {"week": "w", "day": "d", "hour": "h", "minute": "m", "second": "s"}
    if first.duration in letters and factor > 1 and large.value.denominator == small.value.denominator == 1:
        return f"write `{large.value}{letters[first.duration]}{small.value}{letters[second.duration]}` in one piece"
    total, unit = (large.value * factor + small.value, second) if factor >= 1 else (large.value + small.value / factor, first)
    return f"write `{unparse(Number(float(total), total, unit))}` in one piece"


def _is_range(node: Node) -> bool:
    """Whether a node is a range, or a definition that stands for one."""
    while isinstance(node, Defined):
        node = node.body
    return isinstance(node, Interval | Around | SetOf)
