"""What the language says of a text, word for word: the tree it reads, or the error with its place and hint.

`said.txt` holds the texts and the answers; `python -m tests.expr.said` writes the answers anew, for a reader to go through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs

from decision_os.errors import ExpressionError, Issue
from decision_os.expr import Analysis, Expression, Function, analyse, analyse_threshold, compile_threshold
from decision_os.expr.tree import Node, children
from decision_os.units import Unit, parse_unit

FILE = Path(__file__).with_name("said.txt")

UNITS: dict[str, str | Unit] = {
    "price": "USD",
    "list_price": "USD/seat",
    "fee": "EUR",
    "seats": "seats",
    "leads": "count",
    "payback": "months",
    "age": "hours",
    "late": "days",
    "win_rate": "share",
    "win_rate_baseline": "share",
    "uplift": "pp",
    "growth": "percent",
    "cac_ratio": "ratio",
    "E": "ratio",
    "stage": parse_unit("ratio"),
    "mrr": "USD/month",
}
UNITS.pop("stage")
NAMES = frozenset({*UNITS, "stage", "flag", "plain", "cac", "baseline", "GM%"})
LABELS = {"CAC/SQO": "cac_ratio", "P(Route<2m)": "win_rate", "Win rate": "win_rate", "E range": "E_range", "GM %": "plain"}
FUNCTIONS = {
    "net": Function(lambda price, share: price * (1 - share), 2, parse_unit("USD")),
    "one": Function(abs, 1),
    "cut": Function(lambda price, share: price * (1 - share), takes=["USD", "share"], gives="USD"),
    "lasts": Function(lambda months: months > 3, takes=["months"], gives="truth"),
    "grade": Function(lambda share: "a" if share > 0.5 else "b", takes=["any"], gives="text"),
}
DEFINITIONS: dict[str, Expression] = {}
for _name, _text in (
    ("E_range", "[−1.0, −0.3]"),
    ("stages", '{"won", "lost"}'),
    ("around", "100 ± 5%"),
    ("uplift_min", "+2pp"),
    ("price_min", "$3"),
    ("slack", "2d"),
    ("margin", "price - $1"),
    ("good", "win_rate >= 20%"),
    ("word", '"won"'),
):
    DEFINITIONS[_name] = compile_threshold(_text, units=UNITS, definitions=DEFINITIONS)
SCOPE: dict[str, Any] = {"names": NAMES, "units": UNITS, "labels": LABELS, "definitions": DEFINITIONS, "functions": FUNCTIONS}

_SHOWN = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩|⏎")
_CASE = re.compile(r"^(open|book|euro|limit)> (.*)$")


def text_of(shown: str) -> str:
    """A text as it stands in the file → the text itself: `⏎` is a line break, `⟨U+200B⟩` a character that cannot be seen."""
    return _SHOWN.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\n", shown)


def cases() -> Iterator[tuple[str, str, str]]:
    """The scope, the text as shown, and what is said of it."""
    blocks = re.split(r"\n\n+", FILE.read_text(encoding="utf-8").strip())
    for block in blocks:
        lines = [line for line in block.split("\n") if not line.startswith("#")]
        if not lines:
            continue
        found = _CASE.match(lines[0])
        assert found, f"not a case: {lines[0]!r}"
        yield found[1], found[2], "\n".join(lines[1:])


def analysed(scope: str, text: str) -> Analysis:
    """A text in an `open` scope, in that of a `book`, in one with `euro` as its money, or as a threshold (`limit`)."""
    match scope:
        case "open":
            return analyse(text)
        case "euro":
            return analyse(text, currency="EUR")
        case "book":
            return analyse(text, **SCOPE)
        case _:
            return analyse_threshold(text, **{**SCOPE, "names": None})


def said(scope: str, text: str) -> str:
    """What is said of a text in one of the scopes of `analysed`."""
    analysis = analysed(scope, text)
    lines = [_issue(issue) for issue in analysis.issues]
    if analysis.expression is not None:
        lines += _expression(analysis.expression)
    return "\n".join(lines)


def _issue(issue: Issue) -> str:
    return f"{issue.severity.value}: {issue}"


def _expression(expression: Expression) -> Iterator[str]:
    kind = "condition" if expression.is_condition else "range" if expression.is_range else "value"
    unit = f" in {expression.unit}" if expression.unit is not None else ""
    yield f"{kind}{unit}; reads {', '.join(expression.names) or 'nothing'}" + (f"; uses {', '.join(expression.uses)}" if expression.uses else "")
    units = {name: str(unit) for name, unit in expression.context.units.items() if name not in UNITS}
    if units:
        yield f"takes {', '.join(f'{name} in {unit}' for name, unit in units.items())}"
    yield f"= {expression.canonical}"
    yield from _nodes(expression.tree, expression.text, expression, 1)


def _nodes(node: Node, text: str, expression: Expression, depth: int) -> Iterator[str]:
    fields = []
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        if field.name == "exact":
            if Fraction(node.value) != value:  # type: ignore[union-attr]  # a number has it
                fields.append(str(value))
        elif isinstance(value, str | bool | float | Unit | Fraction) and field.name != "scale":
            fields.append(str(value))
        elif field.name == "scale" and value != 1:
            fields.append(f"×{value}")
        elif field.name == "ops":
            fields.append(" ".join(value))
    words = text[slice(*node.span)].replace("\n", "⏎")
    yield f"{'  ' * depth}{type(node).__name__} {' '.join(fields)}".rstrip() + f"  «{words}»"
    inner = expression.context.texts.get(node.name, "") if hasattr(node, "body") else text  # type: ignore[union-attr]  # a definition has one
    for child in children(node):
        yield from _nodes(child, inner, expression, depth + 1)


def main() -> None:
    """Write the answers anew."""
    head = [line for line in FILE.read_text(encoding="utf-8").split("\n\n", 1)[0].split("\n") if line.startswith("#")]
    blocks = ["\n".join(head)] if head else []
    for block in re.split(r"\n\n+", FILE.read_text(encoding="utf-8").strip()):
        lines = block.split("\n")
        asked = next((line for line in lines if not line.startswith("#")), None)
        if asked is None:
            if lines != head:
                blocks.append(block)
            continue
        comments = [line for line in lines if line.startswith("#")]
        found = _CASE.match(asked)
        assert found, f"not a case: {asked!r}"
        try:
            answer = said(found[1], text_of(found[2]))
        except ExpressionError as error:
            answer = f"raises: {error}"
        blocks.append("\n".join([*comments, asked, answer]))
    FILE.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
