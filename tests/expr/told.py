"""What an expression comes to and what is told of it, word for word: every text of `said.txt` that compiles, over two mappings each.

`told.txt` holds the answers; `python -m tests.expr.told` writes them anew, for a reader to go through.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from decision_os.errors import InputError
from decision_os.expr import Expression
from decision_os.expr.explanation import Condition, Explanation
from decision_os.values import Unknown
from tests.expr.said import analysed, cases, text_of

FILE = Path(__file__).with_name("told.txt")
HEAD = "# Expressions over values, and what is told of them. Written by `python -m tests.expr.told`; each change of it is for a reader to go through."

ORDINARY: dict[str, Any] = {
    "price": 12.5,
    "list_price": 99,
    "fee": 7,
    "seats": 40,
    "leads": 120,
    "payback": 9,
    "age": 30,
    "late": 2,
    "win_rate": 0.31,
    "win_rate_baseline": 0.27,
    "uplift": 0.02,
    "growth": 12,
    "cac_ratio": 0.9,
    "E": -0.5,
    "mrr": 1000,
    "stage": "won",
    "flag": True,
    "plain": 3,
    "cac": 85,
    "baseline": 100,
    "GM%": 0.8,
}
"""What each name of the book usually is; a name of no book is one of `OTHERS` by its place."""
OTHERS = (3, 0.25, 2.0, -1)
WRONG = (True, "won", dt.date(2026, 10, 6), float("nan"), dt.timedelta(hours=3), [3], dt.datetime(2026, 10, 6, 12))


def _mappings(names: tuple[str, ...], place: int) -> Iterator[dict[str, Any]]:
    """Two of six mappings, by the place of the text in the file: usual, all zero, small, the first missing, the last known alone, the first of a wrong kind."""
    usual = {name: ORDINARY.get(name, OTHERS[index % len(OTHERS)]) for index, name in enumerate(names)}
    numbers = {name for name, value in usual.items() if not isinstance(value, str | bool)}
    kinds: tuple[dict[str, Any], ...] = (
        usual,
        {name: 0 if name in numbers else value for name, value in usual.items()},
        {name: value / 1000 if name in numbers else value for name, value in usual.items()},
        {name: value for name, value in usual.items() if name != names[0]},
        {name: value for name, value in usual.items() if name == names[-1]},
        {**usual, **dict.fromkeys(names[:1], WRONG[place // 6 % len(WRONG)])},
    )
    chosen = [kinds[place % 6], kinds[(place // 6 + 1 + place) % 6]] if names else [{}]
    yield from (mapping for index, mapping in enumerate(chosen) if mapping not in chosen[:index])


def told() -> Iterator[tuple[str, str]]:
    """Each question, and all that is told."""
    for place, (scope, shown, _) in enumerate(cases()):
        expression = analysed(scope, text_of(shown)).expression
        if expression is None or expression.is_range:
            continue
        for values in _mappings(expression.names, place):
            given = ", ".join(f"{name} = {value!r}" for name, value in values.items()) or "nothing"
            yield f"{scope}> {shown}\nwith {given}", "\n".join(_answer(expression, values))


def _answer(expression: Expression, values: Mapping[str, Any]) -> Iterator[str]:
    for ask in (expression.evaluate, expression.explain, expression.residual):
        try:
            found = ask(values)
        except InputError as error:
            yield f"refused: {error} [{error.name}]"
            return
        if isinstance(found, Explanation):
            yield str(found)
            yield from (f"  | {_fields(condition)}" for condition in found.conditions)
            yield from (f"  ~ {flip!r}" for flip in found.flips)
        elif ask == expression.residual:
            yield f"residual: {found!r}"
        else:
            yield f"= {found.causes!r}" if isinstance(found, Unknown) else f"= {found!r}"


def _fields(condition: Condition) -> str:
    shown = (condition.left, condition.op, condition.right, condition.margin, condition.unit, condition.values, condition.units, condition.needs)
    return " | ".join(map(str, shown))


def kept() -> list[str]:
    """What the file holds, question by question."""
    return FILE.read_text(encoding="utf-8").removesuffix("\n").split("\n\n")[1:]


if __name__ == "__main__":
    FILE.write_text("\n\n".join([HEAD, *(f"{asked}\n{answer}" for asked, answer in told())]) + "\n", encoding="utf-8")
