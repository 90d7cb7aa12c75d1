"""What is said where words of the language make no expression: a value or an operator is missing, or one stands in another's place."""

from __future__ import annotations

import re
from typing import Final

from decision_os.errors import ExpressionError, UnitError, nearest
from decision_os.expr import habits
from decision_os.expr.cursor import Cursor
from decision_os.expr.place import short
from decision_os.expr.scope import Scope
from decision_os.expr.tokens import Token, compared
from decision_os.expr.tree import Arithmetic, Node, Number, Text
from decision_os.expr.unparse import unparse
from decision_os.units import CURRENCIES, RATIO, conversion, divided, parse_unit

__all__ = ["instead_of_ends", "leftover", "name_in_set", "no_range", "no_value", "not_a_range", "unknown_label", "unknown_name"]

_YES_OR_NO: Final = {"yes": "write `true`", "no": "write `false`", "on": "write `true`", "off": "write `false`"}
_TURNED: Final = re.compile(r"\](?P<ends>[^\[\]\r\n]{1,30})(?P<closing>[\[\]])")


def leftover(cursor: Cursor, scope: Scope) -> ExpressionError:
    """What stands behind an expression that is complete."""
    token = cursor.token
    shown = cursor.shown(token)
    if token.kind == "op":
        if token.text == "[":
            return cursor.error_on(token, "an expression reads no subscripts", "an interval stands after `in`: `x in [low, high]`")
        if token.text == "(":
            before = cursor.tokens[cursor.at - 1]
            multiplied = before.kind in ("number", "op")
            hint = "write `*` between the two" if multiplied else f"the functions are {', '.join(scope.known_functions())}"
            return cursor.error_on(token, "only a function can be called", hint)
        if token.text == "+/-":
            return cursor.error_on(token, "`±` makes a range, which stands after `in`", "write `x in target ± 3`")
        if token.text in (")", "]", "}"):
            return cursor.error_on(token, f"`{shown}` closes nothing")
        if token.text == ",":
            last = cursor.tokens[cursor.at + 1].kind == "end"
            return cursor.error_on(token, "a comma stands only in an interval, a set or a call", "leave it out" if last else "join conditions with `and`")
        return cursor.error_on(token, f"`{shown}` has no place here")
    if token.kind == "word" and token.text not in ("true", "false"):
        hint = "write `a if condition else b`" if token.text == "else" else "put parentheses around it" if token.text == "not" else ""
        return cursor.error_on(token, f"`{shown}` has no place here", hint)
    before = cursor.tokens[cursor.at - 1]
    if token.text == "per" and _is_amount(before) and cursor.tokens[cursor.at + 1].kind == "name":
        return _per(cursor, before, cursor.tokens[cursor.at + 1])
    for word in (token, before):
        habit = habits.INSTEAD_OF_WORD.get(word.text.lower(), "") if word.kind == "name" else ""
        if habit:
            return cursor.error_on(word, f"`{cursor.shown(word)}` is not part of the language", habit)
    return cursor.error_on(token, f"an operator is missing between `{cursor.shown(before)}` and `{shown}`", _between(cursor, before, token))


def no_value(cursor: Cursor, token: Token) -> ExpressionError:
    """What stands where a value is wanted."""
    if token.kind == "end":
        before = cursor.tokens[cursor.at - 1] if cursor.at else token
        return cursor.error_on(token, f"a value is missing after `{cursor.shown(before)}`")
    if token.kind == "op" and token.text in ("[", "{"):
        words = _words_inside(cursor)
        if words:
            hint = f"a name stands alone: `{words}`" if words.isidentifier() else f"a label stands in backticks: `` `{words}` ``"
            return cursor.error_on(token, "no name stands in brackets", hint)
    if token.kind == "op" and token.text == "[":
        return cursor.error_on(token, "an interval stands only after `in`", "write `x in [low, high]`, or `x in {a, b}` for a set")
    if token.kind == "op" and token.text == "{":
        return cursor.error_on(token, "a set stands only after `in`", 'write `stage in {"won", "lost"}`')
    hint = ""
    following = cursor.tokens[cursor.at + 1]
    if token.kind == "word" and following.kind == "op" and following.text == "(":
        hint = habits.INSTEAD_OF_CALL.get(token.text, "")
    elif cursor.at == 0 and token.compares:
        hint = f"write what is compared, as in `x {cursor.shown(token)} …`"
    elif token.kind == "word" and token.text == "if":
        hint = "write `a if condition else b`"
    return cursor.error_on(token, f"a value is missing before `{cursor.shown(token)}`", hint)


def unknown_name(cursor: Cursor, scope: Scope, token: Token) -> ExpressionError:
    """An unknown name may be the first word of a name or a label of several, or a text without its quotes."""
    name, known = token.text, scope.known()
    before, following = cursor.tokens[cursor.at - 2] if cursor.at > 1 else None, cursor.tokens[cursor.at]
    divided_by = cursor.at > 2 and before is not None and before.text == "/" and _is_amount(cursor.tokens[cursor.at - 3])
    close = nearest(name, known, cutoff=0.8).removeprefix("did you mean ").strip("`?")
    if divided_by and (not close or _thing(close) == _thing(name)):
        return _per(cursor, cursor.tokens[cursor.at - 3], token)
    meant, end = habits.apart(cursor.text, token.start, token.end, (*(scope.labels or ()), *known))
    if meant:
        hint = f"did you mean `{meant}`?" if meant in known else f"a label stands in backticks: `` `{meant}` ``"
    else:
        end = token.end
        hint = nearest(name, known) or _YES_OR_NO.get(name.lower(), "")
        if not hint and before is not None and before.kind == "op" and before.text in ("==", "!="):
            hint = f'a text stands in quotes: `"{name}"`'
        elif not hint and following.kind == "name":
            hint = "a name of several words stands in backticks"
    return cursor.error(token.start, end, f"unknown name `{short(cursor.text[token.start : end])}`", hint, "unknown-name")


def unknown_label(cursor: Cursor, scope: Scope, token: Token, name: str | None) -> ExpressionError:
    """A label that stands for nothing, or for a name that is not to be read."""
    hint = nearest(token.text, [*(scope.labels or ()), *(scope.names or ())]) if name is None else nearest(name, scope.known())
    return cursor.error(token.start, token.end, f"unknown label `{token.text}`", hint, "unknown-name")


def no_range(cursor: Cursor) -> ExpressionError:
    """Nothing behind `in`, or an interval whose ends are turned outwards: `x in ]1, 2[`."""
    token = cursor.token
    if token.kind == "end":
        return cursor.error_on(token, "a range is missing after `in`", 'write `in [low, high]` or `in {"a", "b"}`')
    found = _TURNED.match(cursor.text, token.start)
    hint = f"`({found[1]}{')' if found[2] == '[' else ']'}`" if found else "`(1, 5)`"
    return cursor.error_on(token, "an interval opens with `[` or `(`", f"an end that does not belong to it has a parenthesis: {hint}")


def not_a_range(cursor: Cursor, value: Node) -> ExpressionError:
    """A value behind `in`."""
    written = cursor.quoted(value)
    hint = 'write `in [low, high]`, `in {"a", "b"}` or `in target ± 3`'
    if isinstance(value, Text):
        hint = f"write `in {{{written}}}`, or `== {written}`"
    elif isinstance(value, Arithmetic) and value.op == "-" and isinstance(value.left, Number) and isinstance(value.right, Number):
        hint = f"write `in [{cursor.quoted(value.left)}, {cursor.quoted(value.right)}]`"
    return cursor.error(*value.span, f"`{written[:40]}` is not a range", hint if len(hint) <= 100 else "write `in [low, high]`")


def name_in_set(cursor: Cursor, opening: Token) -> ExpressionError:
    """A name in a set that opens there."""
    items = [item.strip() for item in cursor.text[opening.end :].partition("}")[0].split(",")]
    texts = all(item.isidentifier() or item[:1] in "\"'" for item in items)
    return cursor.error_on(cursor.token, "a set holds literals", f'write a text in quotes: `"{cursor.shown(cursor.token)}"`' if texts else _each(items))


def instead_of_ends(cursor: Cursor, ends: list[Node]) -> str:
    """What is written for brackets that hold one value or more than two."""
    values = [cursor.quoted(end) for end in ends]
    if all(isinstance(end, Number) for end in ends):
        items = ", ".join(values)
        return f"a set is written in braces: `{{{items if len(items) <= 40 else '0.2, 0.5'}}}`"
    only = ends[0]
    if len(ends) == 1 and isinstance(only, Arithmetic) and only.op == "-":
        low, high = only.left.span[1], only.right.span[0]
        sign = cursor.text[low:high]
        signed = sign.startswith(" ") and not sign.endswith(" ")  # `[1 -2]` lacks a comma, `[1 - 2]` and `[1-2]` are ranges
        return f"write `[{cursor.quoted(only.left)}, {cursor.text[high - signed : only.right.span[1]]}]`"
    return _each(values)


def _between(cursor: Cursor, before: Token, token: Token) -> str:
    """What is written for two values side by side."""
    shown = cursor.shown(token)
    hint = "write `*`, `and` or a comparison between them; a name of several words stands in backticks"
    if shown == cursor.shown(before):
        hint = "leave one of the two out"
    elif _begins_condition(cursor):
        hint = f"join the two conditions: write `{cursor.shown(before)} and {shown}`"
    elif before.kind == token.kind == "number" and before.unit is not None and before.unit.duration:
        hint = _in_one_piece(before, token) or hint
    elif before.kind == "name" and before.text in ("US", *CURRENCIES) and token.kind == "number":
        hint = f"write `{shown}`" if token.unit is not None else f"write `{shown} {before.text}`"
    return hint


def _begins_condition(cursor: Cursor) -> bool:
    """Whether another condition begins here, behind one that is complete, the word between the two lacking."""
    following = cursor.tokens[cursor.at + 1]
    if following.text == "not":
        following = cursor.tokens[cursor.at + 2]
    return following.compares and following.text != "not" and compared(reversed(cursor.tokens[: cursor.at]))


def _words_inside(cursor: Cursor) -> str:
    """The words between the bracket that opens here, or two of them, and the next that closes; nothing where it holds more than words."""
    at = cursor.at
    while cursor.tokens[at].kind == "op" and cursor.tokens[at].text == cursor.token.text:
        at += 1
    words = []
    while cursor.tokens[at].kind == "name":
        words.append(cursor.tokens[at].text)
        at += 1
    closes = cursor.tokens[at].kind == "op" and cursor.tokens[at].text in ("]", "}")
    return " ".join(words) if closes else ""


def _is_amount(token: Token) -> bool:
    return token.kind == "number" and token.unit is not None and bool(token.unit.currency)


def _per(cursor: Cursor, amount: Token, token: Token) -> ExpressionError:
    """`$3/seat`, `$3 per seat`: an amount takes its unit from what it stands beside."""
    hint = f"write `{cursor.shown(amount)}`: beside a value in {amount.unit}/{_thing(token.text)} it is read as that"
    written = " ".join(cursor.text[amount.start : token.end].split())
    return cursor.error(amount.start, token.end, f"`{written[:40]}` is no amount: there is no `{cursor.shown(token)}` to divide by", hint, "unknown-name")


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
