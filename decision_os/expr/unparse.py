"""The tree → its canonical ASCII text, which parses back to the same tree."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from decision_os.expr.notation import is_plain_name
from decision_os.expr.rescaling import as_written
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
)
from decision_os.units import PERCENT, PP

__all__ = ["unparse"]

_CHOICE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(9)
_SUFFIXES: Final = {
    "second": "s",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
    "month": " months",
    "quarter": " quarters",
    "year": " years",
}
_QUOTED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def unparse(tree: Node) -> str:
    r"""The canonical text of a tree, in ASCII but for the author's own names and texts.

    For every tree that `parse` gives, `parse(unparse(tree)).tree == tree`, with the same labels, definitions and currency; ranges
    at the top take `parse_threshold`. A power comes out as the products it stands for. What `check` has rescaled is printed
    as it was written.

    >>> from decision_os.expr.parser import parse
    >>> unparse(parse("E ∈ [−1.0, −0.3] and uplift ≥ $3 ∧ ¬ old").tree)
    'E in [-1, -0.3] and uplift >= $3 and not old'
    """
    return _text(as_written(tree), _CHOICE)


def _text(node: Node, floor: int) -> str:
    """The text of a node; in parentheses where it binds looser than its surroundings ask."""
    level, text = _levelled(node)
    return f"({text})" if level < floor else text


def _levelled(node: Node) -> tuple[int, str]:  # noqa: C901  # one case for each type of node
    match node:
        case Number():
            return _ATOM, _number(node)
        case Text():
            return _ATOM, f'"{node.value.translate(_QUOTED)}"'
        case Truth():
            return _ATOM, str(node.value)
        case Name():
            return _ATOM, f"`{node.label}`" if node.label else _name(node.name)
        case Defined():
            return _ATOM, _name(node.name)
        case Negative():
            inner = _text(node.operand, _SIGN)
            positive = isinstance(node.operand, Number) and not inner.startswith("-")
            return _SIGN, f"-({inner})" if positive else f"-{inner}"
        case Arithmetic():
            level = _SUM if node.op in ("+", "-") else _PRODUCT
            return level, f"{_text(node.left, level)} {node.op} {_text(node.right, level + 1)}"
        case Comparison():
            steps = (f" {op} {_text(operand, _SUM)}" for op, operand in zip(node.ops, node.rest, strict=True))
            return _COMPARE, _text(node.first, _SUM) + "".join(steps)
        case Membership():
            return _COMPARE, f"{_text(node.operand, _SUM)} {'not in' if node.negated else 'in'} {_text(node.where, _SUM)}"
        case Interval():
            ends = f"{_text(node.low, _SUM)}, {_text(node.high, _SUM)}"
            return _ATOM, f"{'[' if node.low_closed else '('}{ends}{']' if node.high_closed else ')'}"
        case Around():
            return _ATOM, f"{_text(node.centre, _SUM)} +/- {_text(node.spread, _SUM)}"
        case SetOf():
            return _ATOM, "{" + ", ".join(_text(item, _ATOM) for item in node.items) + "}"
        case Logic():
            level = _OR if node.op == "or" else _AND
            return level, f" {node.op} ".join(_text(operand, level + 1) for operand in node.operands)
        case Not():
            return _NOT, f"not {_text(node.operand, _NOT)}"
        case Choice():
            choice = f"{_text(node.then, _OR)} if {_text(node.condition, _OR)} else {_text(node.otherwise, _CHOICE)}"
            return _CHOICE, choice
        case Call():
            return _ATOM, f"{node.function}({', '.join(_text(argument, _CHOICE) for argument in node.arguments)})"


def _name(name: str) -> str:
    return name if is_plain_name(name) and name not in FUNCTIONS else f"`{name}`"


def _number(node: Number) -> str:
    exact, unit = node.exact, node.unit
    if unit == PERCENT:
        return _decimal(exact * 100) + "%"
    if unit == PP:
        return _decimal(exact * 100) + "pp"
    if unit is not None and unit.duration:
        suffix = _SUFFIXES[unit.duration]
        return _decimal(exact) + (suffix.removesuffix("s") if exact == 1 and suffix != "s" else suffix)
    if unit is not None and unit.factors == (("USD", 1),):
        return ("-$" if exact < 0 else "$") + _decimal(abs(exact))
    if unit is not None and unit.factors == ((unit.currency, 1),):
        return f"{_decimal(exact)} {unit.currency}"
    return _decimal(exact)


def _places(exact: Fraction) -> int | None:
    """How many decimal places a number has; None where they never end."""
    places, rest = 0, exact.denominator
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        places = max(places, power)
    return places if rest == 1 else None


def _decimal(exact: Fraction) -> str:
    """The shortest exact decimal; the nearest float's where there is none."""
    places = _places(exact)
    if places is None:
        return repr(float(exact))
    sign = "-" if exact < 0 else ""
    digits = str(abs(exact.numerator) * 10**places // exact.denominator)
    mantissa = digits.rstrip("0")
    if not places:
        zeros = len(digits) - len(mantissa)
        if Fraction(float(exact)) != exact:  # such an integer is refused as one
            return f"{sign}{digits[0]}{'.' * (len(mantissa) > 1)}{mantissa[1:]}e{len(digits) - 1}"
        return f"{sign}{mantissa}e{zeros}" if zeros > 15 else sign + digits
    if places > len(digits) + 5:
        return f"{sign}{digits}e-{places}"
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"
