"""Kinds and units: what goes together, what is said when it does not, and that conversions are exact."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os.errors import Severity
from decision_os.expr.arithmetic import Function
from decision_os.expr.checker import check
from decision_os.expr.parser import parse, parse_threshold
from decision_os.expr.tree import Defined, Name, Number, children, walk
from decision_os.expr.unparse import unparse
from decision_os.units import PP, RATIO, SHARE, parse_unit
from tests.expr.trees import mixed
from tests.named import plain

UNITS = {
    name: parse_unit(unit)
    for name, unit in {
        "price": "USD",
        "cost": "EUR",
        "cm": "USD/seat",
        "mrr": "USD/month",
        "arr": "USD/year",
        "rate": "USD/day",
        "payback": "months",
        "age": "hours",
        "days": "days",
        "share": "share",
        "base": "share",
        "lift": "pp",
        "n": "count",
        "seats": "seat",
        "leads": "lead",
        "ratio": "ratio",
    }.items()
}
DEFINITIONS = {
    "E_range": parse_threshold("[-1.0, -0.3]").tree,
    "cm_min": parse_threshold("$3").tree,
    "max_age": parse_threshold("2d").tree,
    "window": parse_threshold("[12h, 2d]").tree,
    "wrong": parse("price + payback").tree,
    "share_min": parse_threshold("99.5").tree,
    "yearly": parse("mrr * 12").tree,
    "won": parse("share > 0.5").tree,
}


def checked(text: Any, **units: Any) -> Any:
    """The check of a text over the units above; more names with their units, or None, may be given."""
    scope = {**UNITS, **{name: unit and parse_unit(unit) for name, unit in units.items()}}
    return check(parse(text, definitions=DEFINITIONS).tree, units=scope, text=text)


FINE = [
    "price > $10k",
    "price > 0",
    "max(price, 0) > $3",
    "share >= base + 2pp",
    "share - 2pp >= base",
    "share - base >= 5pp",
    "abs(share - base) < 2pp",
    "lift + 1pp - 2pp > 0.5pp",
    "share >= 99.5%",
    "share >= 0.995",
    "share > ratio",
    "share * 0.9 < base",
    "base * (1 + 5%) > share",
    "1 - share > base",
    "100% - share > base",
    "(share - base) / base >= 5%",
    "price * (1 + 2%) > $3",
    "price * share > $3",
    "price / seats > cm",
    "cm * seats > price",
    "price / price >= 3",
    "ratio >= 3",
    "n >= 30",
    "n > seats",
    "seats + 1 > n",
    "leads / seats > 2",
    "payback <= 12 months",
    "payback < 1 quarter",
    "age < 2d",
    "days < 1h30m",
    "age in [1d, 2d]",
    "age in window",
    "age in days ± 2h",
    "share in base ± 5%",
    "share in base ± 5pp",
    "price in price ± 5%",
    "arr > mrr",
    "rate * age > $3",
    "rate * age / price > 2",
    "age / days < 0.5",
    "clip(share, 0%, 100%) > base",
    "coalesce(age, 2d) > 0",
    "(age if won else 2d) > 1d",
    "share in {0.1, 20%}",
    "stage in {'won', 'lost'} and stage == 'won'",
    "stage != other",
    "flag and share > 0.5 or not flag",
    "flag == True",
    "flag in {True}",
    "is_missing(price) and is_missing(stage)",
    "won and share in E_range",
    "(share > 0.5) == flag",
    "unknown + 3 > other * price",
]


@pytest.mark.parametrize("text", FINE)
def test_fine(text: Any) -> None:
    """What goes together on paper would be refused or warned about."""
    assert () == checked(text).issues


WRONG = [
    # text, code, severity, column, parts of message and hint
    ("price + payback > 0", "unit-mismatch", "error", 1, ["cannot add `price` (USD, as declared) and `payback` (months, as declared)"]),
    ("price - payback > 0", "unit-mismatch", "error", 1, ["cannot subtract"]),
    ("n > 1 and price < payback", "unit-mismatch", "error", 11, ["cannot compare `price`"]),
    ("share > 5 months", "unit-mismatch", "error", 1, ["`share` (share, as declared) and `5 months` (months, as written)"]),
    ("price > cost", "mixed-currencies", "error", 1, ["USD", "EUR", "convert"]),
    ("price + cost * 2 > 0", "mixed-currencies", "error", 1, ["`cost * 2` (EUR, as computed)"]),
    ("payback <= 24h", "calendar-duration", "error", 1, ["a month has no fixed number of hours"]),
    ("days > payback", "calendar-duration", "error", 1, ["a month has no fixed number of days"]),
    ("price > cm", "unit-mismatch", "error", 1, ["USD/seat"]),
    ("seats > leads", "unit-mismatch", "error", 1, ["seat", "lead"]),
    ("ratio > price", "unit-mismatch", "error", 1, ["(ratio, as declared)"]),
    ("price > ratio * payback", "unit-mismatch", "error", 1, ["`ratio * payback` (months, as computed)"]),
    ("price + 2% > 0", "unit-mismatch", "error", 1, ["write `price * (1 + 2%)`"]),
    ("price - 2% > 0", "unit-mismatch", "error", 1, ["write `price * (1 - 2%)`"]),
    ("price >= 5%", "unit-mismatch", "error", 1, ["write `baseline * 5%`"]),
    ("price + 2pp > 0", "unit-mismatch", "error", 1, ["(pp, as written)"]),
    ("share + 2% > base", "percent-for-points", "warning", 9, ["write `2pp`, or `× (1 + 2%)`"]),
    ("share - 2% > base", "percent-for-points", "warning", 9, ["write `2pp`, or `× (1 - 2%)`"]),
    ("2% + share > base", "percent-for-points", "warning", 1, ["`2pp`"]),
    ("lift >= 5%", "percent-for-points", "warning", 9, ["write `5pp`"]),
    ("share - base >= 5%", "percent-for-points", "warning", 17, ["`share - base` (pp, as computed)", "write `5pp`"]),
    ("share > 5pp", "points-for-share", "warning", 1, ["difference of shares"]),
    ("share >= share_min", "bare-share", "warning", 10, ["`share_min`, which is 99.5, is 9950%", "define it as `99.5%`, or `9950%` if that is meant"]),
    ("100 - share > base", "bare-share", "warning", 1, ["write `100%`"]),
    ("base + 2 < share", "bare-share", "warning", 8, ["write `2pp`"]),
    ("arr > yearly", "converted-twice", "warning", 7, ["`mrr * 12` in `yearly` counts the factor again", "write `mrr`"]),
    ("cm >= $3/seats", "money-per-thing", "warning", 7, ["divides `$3` by an input", "write `$3`, which is read as USD/seat"]),
    ("cm >= $3", "money-per-thing", "note", 7, ["`$3` is read as USD/seat"]),
    ("cm >= cm_min", "money-per-thing", "note", 7, ["`cm_min` is read as USD/seat"]),
    ("price > 3", "bare-number", "note", 9, ["write `$3`"]),
    ("max(price, 1e-6) > $3", "bare-number", "note", 12, ["has no unit"]),
    ("payback + 1 < 12 months", "bare-number", "note", 11, ["write `1 month`"]),
    ("min(price, payback) == 0", "unit-mismatch", "error", 1, ["cannot choose between"]),
    ("(price if won else payback) == 0", "unit-mismatch", "error", 1, ["cannot choose between"]),
    ("coalesce(price, cost) == 0", "mixed-currencies", "error", 1, ["cannot choose between"]),
    ("price in [$1, 2 months]", "unit-mismatch", "error", 10, ["cannot compare"]),
    ("price in [1d, 2d]", "unit-mismatch", "error", 1, ["cannot compare"]),
    ("price in payback ± 5%", "unit-mismatch", "error", 1, ["cannot compare"]),
    ("price in price ± 2d", "unit-mismatch", "error", 10, ["cannot add"]),
    ("price in {$1, 2d}", "unit-mismatch", "error", 10, ["cannot choose between"]),
    ("x < 24h and x > 2d", "undeclared-duration", "error", 13, ["`x` has no declared unit, and stands beside hours and beside days"]),
    ("12h < x < 2d", "undeclared-duration", "error", 7, ["declare its unit"]),
    ("x in [12h, 2d] or x < days", "undeclared-duration", "error", 19, ["hours", "days"]),
    ("wrong > $3", "unit-mismatch", "error", 1, ["in `wrong`: cannot add `price`"]),
    ("n > 3 and 1 < wrong", "unit-mismatch", "error", 15, ["in `wrong`"]),
    ("price and n > 3", "not-a-condition", "error", 1, ["`price` is a number where a condition is needed", "`price > 0`"]),
    ("not 3", "not-a-condition", "error", 5, ["a condition is needed"]),
    ("1 if price else 2", "not-a-condition", "error", 6, ["a condition is needed"]),
    ("'a' or flag", "not-a-condition", "error", 1, ["`'a'` is a text"]),
    ("(n > 3) + 1", "not-a-number", "error", 1, ["true or false where a number is needed"]),
    ("-'a'", "not-a-number", "error", 2, ["`'a'` is a text"]),
    ("abs(True)", "not-a-number", "error", 5, ["a number is needed"]),
    ("flag in ['a' + 1, 2]", "not-a-number", "error", 10, ["a number is needed"]),
    ("price == 'a'", "mixed-kinds", "error", 1, ["cannot compare `'a'` (a text) and `price` (a number)"]),
    ("won == 1", "mixed-kinds", "error", 1, ["`won` (true or false) and `1` (a number)"]),
    ("stage < 'a'", "mixed-kinds", "error", 9, ["has no order"]),
    ("won > True", "mixed-kinds", "error", 1, ["has no order"]),
    ("x in {'a', 3}", "mixed-kinds", "error", 6, ["`'a'` is a text, but `3` is a number"]),
    ("price in {'a'}", "mixed-kinds", "error", 1, ["holds texts"]),
    ("'a' in [1, 2]", "mixed-kinds", "error", 1, ["holds numbers"]),
    ("(price if flag else 'a') == 3", "mixed-kinds", "error", 1, ["`price` is a number, but `'a'` is a text"]),
]


@pytest.mark.parametrize(("text", "code", "severity", "column", "parts"), WRONG, ids=[plain(row[0]) for row in WRONG])
def test_wrong(text: Any, code: Any, severity: Any, column: Any, parts: Any) -> None:
    """What does not go together would load, or be told in the wrong place, or without both units and what to write."""
    (issue,) = checked(text).issues
    assert (code, Severity(severity), (1, column)) == (issue.code, issue.severity, (issue.where.line, issue.where.column))
    assert "^" in issue.excerpt
    for part in parts:
        assert part in f"{issue.message} ({issue.hint})"


# What was meant and is read as something else, or counted twice: each has a hint that can stand in its place.
DOUBTFUL = [
    *(
        "share >= 30",
        "share in [20, 50]",
        "share in (20, 50]",
        "share in {10, 20}",
        "share in 30 ± 5",
        "share in 30 ± 5%",
        "share in base ± 5",
        "share - base >= 2",
    ),
    *("share - base in [2, 5]", "share + 2 > base", "100 - share > base", "lift > 5", "max(share, 5) > base", "clip(share, 0, 100) > base", "share >= -5"),
    *(
        "coalesce(share, 50) > base",
        "(share if won else 3) > base",
        "share > 5 > base",
        "arr == mrr * 12",
        "arr == 12 * mrr",
        "arr / 12 == mrr",
        "mrr == arr / 12",
    ),
    *(
        "arr * (1 / 12) > mrr",
        "age > days * 24",
        "age / 24 > days",
        "age > 2d * 24",
        "arr in [mrr * 12, mrr * 24]",
        "arr > max(mrr * 12, $3)",
        "arr - mrr * 12 > 0",
    ),
    *("arr / 12 * payback > price", "arr * payback / 12 > price", "arr * (payback / 12) > price", "arr / mrr / 12 > 2", "arr / (mrr * 12) > 2"),
]


@pytest.mark.parametrize("text", DOUBTFUL, ids=[plain(text) for text in DOUBTFUL])
def test_the_hint_for_a_doubtful_number_can_be_followed(text: str) -> None:
    """The author would do as told, and be warned again, or get another rule than the one that is said to be read now."""
    issue = next(issue for issue in checked(text).issues if issue.code in ("bare-share", "converted-twice"))
    assert issue.severity is Severity.WARNING
    start, width = issue.where.column - 1, issue.excerpt.count("^")
    meant, *read = (text[:start] + word + text[start + width :] for word in re.findall(r"`([^`]+)`", issue.hint))
    assert issue not in checked(meant).issues
    assert not {"bare-share", "percent-for-points", "points-for-share"} & {found.code for found in checked(meant).issues}
    scope = {name: unit for name, unit in UNITS.items() if name in {node.name for node in walk(parse(text).tree) if isinstance(node, Name)}}
    for values in (dict.fromkeys(scope, 0.25), dict.fromkeys(scope, 7), {name: 55 + place for place, name in enumerate(scope)}):
        for same in read:
            assert dos.compile(text, units=scope).evaluate(values) == dos.compile(same, units=scope).evaluate(values)


NOT_DOUBTFUL = [
    *(
        "share >= 1",
        "share in [0, 1]",
        "share * 100 >= 30",
        "(share - base) * 100 >= 2",
        "share / base > 3",
        "share > ratio",
        "1 - share > base",
        "1 + share > base",
    ),
    *(
        "share in base ± 0.05",
        "max(share, 0) > base",
        "ratio > 30",
        "n > 30",
        "arr > mrr",
        "arr > mrr * 2",
        "12 * arr > mrr",
        "arr > mrr * 12 + mrr",
        "mrr * 12 > 0",
    ),
    *("age > days * 7", "arr * payback > price", "arr * payback * 12 > price", "price / seats > cm"),
]


@pytest.mark.parametrize("text", NOT_DOUBTFUL, ids=[plain(text) for text in NOT_DOUBTFUL])
def test_what_is_not_doubtful(text: str) -> None:
    """A rule that says what it means would be warned of."""
    assert [] == [issue.message for issue in checked(text).issues if issue.severity is Severity.WARNING]


def test_all_problems_at_once_in_order() -> None:
    """The author would mend one problem only to be shown the next."""
    issues = checked("price + payback > 0\nand share > 5 months and not n or price > cost").issues
    assert [(1, 1), (2, 5), (2, 30), (2, 35)] == [(issue.where.line, issue.where.column) for issue in issues]


def test_a_problem_is_told_once() -> None:
    """A power or a definition used twice would repeat its problem at the same place."""
    assert 1 == len(checked("(price + payback) ** 3 > 0").issues)


def test_without_a_text_issues_have_no_place() -> None:
    """A tree built by hand could not be checked."""
    (issue,) = check(parse("price > payback").tree, units=UNITS).issues
    assert (0, "", "cannot compare `price` (USD, as declared) and `payback` (months, as declared)") == (
        issue.where.line,
        issue.excerpt,
        issue.message,
    )


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("price", "USD"),
        ("price * 2", "USD"),
        ("price / seats", "USD/seat"),
        ("2 / payback", "1/month"),
        ("share - base", "pp"),
        ("share + base", "share"),
        ("share + 2pp", "share"),
        ("1 + 2%", "ratio"),
        ("1 - share", "share"),
        ("-price", "USD"),
        ("price / price", "ratio"),
        ("rate * age", "USD"),
        ("n + seats", "seat"),
        ("age + 1d", "hours"),
        ("min(age, days)", "hours"),
        ("arr - mrr", "USD/year"),
        ("price if won else $3", "USD"),
        ("coalesce(price, 0)", "USD"),
        ("2 + 3", None),
        ("x + price", None),
        ("x * price", None),
        ("won", None),
    ],
)
def test_unit_of_a_value(text: Any, unit: Any) -> None:
    """A projection would be shown, or checked further up, in another unit."""
    assert (unit and parse_unit(unit)) == checked(text).unit


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("price > $3", True),
        ("share in E_range", True),
        ("not flag", True),
        ("won", True),
        ("True", True),
        ("is_missing(x)", True),
        ("won if flag else share > 0.5", True),
        ("price", False),
        ("flag", False),
        ("min(1, 2)", False),
    ],
)
def test_condition(text: Any, condition: Any) -> None:
    """A number would be taken for a condition of a branch, or the other way round."""
    assert condition is checked(text).condition


# conversion


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("age < 2d", "age < 48h"),
        ("2d > age", "48h > age"),
        ("days < 1h30m", "days < 0.0625d"),
        ("days < 36h", "days < 1.5d"),
        ("age + 1d < 2w", "age + 24h < 336h"),
        ("age < -(1d + 30m)", "age < -(24h + 0.5h)"),
        ("age < 2 * 1d", "age < 2 * 24h"),
        ("age < 1d * 2 / 3", "age < 24h * 2 / 3"),
        ("age in [1d, 36h)", "age in [24h, 36h)"),
        ("age in {1d}", "age in {24h}"),
        ("age in 1d ± 5%", "age in 24h +/- 5%"),
        ("age in 1d ± 30m", "age in 24h +/- 0.5h"),
        ("age < max(1d, 2h)", "age < max(24h, 2h)"),
        ("age < (1d if won else 2d)", "age < (24h if won else 48h)"),
        ("payback < 1 quarter", "payback < 3 months"),
        ("payback < 1 year", "payback < 12 months"),
        ("price < $3", "price < $3"),
    ],
)
def test_literals_are_brought_to_the_names_unit(text: Any, resolved: Any) -> None:
    """A literal would be compared in its own unit with a number in another."""
    assert numbers(parse(resolved, definitions=DEFINITIONS).tree) == numbers(checked(text).tree)
    assert unparse(parse(text, definitions=DEFINITIONS).tree) == unparse(checked(text).tree)


def numbers(node: Any) -> Any:
    """Every number of a tree, as it is compared."""
    return [part.exact for part in walk(node) if isinstance(part, Number)]


def scales(node: Any) -> Any:
    """Every name of a tree with its scale."""
    own = [(node.name, node.scale)] if isinstance(node, Name) else []
    return own + [pair for child in children(node) for pair in scales(child)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("age < days", [("age", 1), ("days", 24)]),
        ("days < age", [("days", 24), ("age", 1)]),
        ("age < days * 2 - days / 3", [("age", 1), ("days", 24), ("days", 24)]),
        ("age < 2 * days", [("age", 1), ("days", 24)]),
        ("arr > mrr", [("arr", 1), ("mrr", 12)]),
        ("rate * age > $3", [("rate", 1), ("age", Fraction(1, 24))]),
        ("age / days < 1", [("age", 1), ("days", 24)]),
        ("min(days, age) > coalesce(age, days)", [("days", 24), ("age", 1), ("age", 1), ("days", 24)]),
        ("(days if days > 3d else age) < age", [("days", 1), ("days", 24), ("age", 1), ("age", 1)]),
        ("age in [days, 2 * days]", [("age", 1), ("days", 24), ("days", 24)]),
        ("age in days ± 5%", [("age", 1), ("days", 24)]),
        ("abs(-days) < age", [("days", 24), ("age", 1)]),
    ],
)
def test_names_are_brought_to_one_unit(text: Any, wanted: Any) -> None:
    """Hours would be compared with days as plain numbers."""
    assert wanted == scales(checked(text).tree)


def test_a_definition_is_converted_where_it_is_used() -> None:
    """A threshold of 2 days would be compared with hours as 2."""
    tree = checked("age < max_age and days < max_age and age in window").tree
    first, second = (operand.rest[0] for operand in tree.operands[:2])
    assert (48.0, 2.0) == (first.body.value, second.body.value)
    assert isinstance(first, Defined)
    assert (12.0, 48.0) == (tree.operands[2].where.body.low.value, tree.operands[2].where.body.high.value)


def test_a_registered_function_is_converted_by_a_factor() -> None:
    """A function's value in days would be compared with hours as it is."""
    tree: Any = parse("longest(x) < age", functions=["longest"]).tree
    found: Any = check(tree, units={"age": parse_unit("hours")}, functions={"longest": Function(max, 1, "days")})
    assert "longest(x) < age" == unparse(found.tree)
    assert Fraction(24) == found.tree.first.right.exact


@pytest.mark.parametrize(
    "text",
    [
        "2d * -(2d1h30m ** 2) > 1",
        "1d * 1d + 1h * 1h > 1",
        "age * 1d > 3m * 5s",
        "2d * 2d < min(7m * 7m, 1)",
        "longest(3h) > 20m",
        "30m + longest(2h) * 2 > 1m",
        "rate >= 5%",
        "rate + 1pp > 3%",
        "2w <= 1 - a <= 1",
        "-2w <= 1 - 2d - a - 2w <= 1",
        "2d > age > 1",
    ],
)
def test_what_was_converted_is_printed_as_it_reads_back(text: str) -> None:
    """The canonical text of a product of durations in two units would stand for another product."""
    scope: Any = {"units": {"age": "hours", "rate": "percent"}, "functions": {"longest": Function(max, 1, "days")}}
    once = dos.compile(text, **scope)
    again = dos.compile(once.canonical, **scope)
    assert (once.tree, once.canonical) == (again.tree, again.canonical)


def test_a_literal_that_overflows_in_the_other_unit() -> None:
    """A literal too large for float64 after conversion would become infinite or end in another exception."""
    text = "age < 1e307 weeks"
    (issue,) = checked(text).issues
    assert ("bad-number", 7) == (issue.code, issue.where.column)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("x < 24h", {"x": "hours"}),
        ("x - y < 2d", {"x": "days", "y": "days"}),
        ("(x + 24h) * 2 < 2d", {"x": "hours"}),
        ("x < age", {"x": "hours", "age": "hours"}),
        ("x in [1d, 2d]", {"x": "days"}),
        ("x * 2 < 24h", {}),
        ("x < $3", {}),
        ("age in x ± 5%", {"x": "hours", "age": "hours"}),
        ("max(x, y) < (z if flag else 3d)", {"x": "days", "y": "days", "z": "days"}),
    ],
)
def test_undeclared_names_beside_durations(text: Any, read: Any) -> None:
    """`age < 24h` with undeclared age would not say in which unit age is read."""
    found = checked(text)
    assert {name: parse_unit(unit) for name, unit in read.items()} == found.units
    assert () == found.issues


def test_names_without_a_unit_are_not_checked() -> None:
    """Undeclared metrics would be refused."""
    found = checked("x + y > price * z", x=None)
    assert ((), None, {"price": parse_unit("USD")}) == (found.issues, found.unit, found.units)


@given(mixed(3), st.fixed_dictionaries({name: st.sampled_from([None, *UNITS.values(), SHARE, PP, RATIO]) for name in "abcd"}))
@settings(max_examples=100, deadline=None)
def test_any_tree_can_be_checked(tree: Any, units: Any) -> None:
    """Some tree would end in an exception, or with an issue that points at nothing."""
    text = unparse(tree)
    for issue in check(parse(text).tree, units=units, text=text).issues:
        assert 1 <= issue.where.column <= len(text.splitlines()[issue.where.line - 1])


@given(mixed(3, units=False))
@settings(max_examples=100, deadline=None)
def test_without_units_nothing_changes(tree: Any) -> None:
    """A tree without any unit would be rescaled, or found wrong in its units."""
    found = check(tree, units={})
    assert (tree, (), {}) == (found.tree, found.issues, found.units)
