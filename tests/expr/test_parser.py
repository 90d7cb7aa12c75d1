"""The grammar: what each form means, where each mistake is shown, and that the canonical text reads back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.errors import ExpressionError, Severity
from decision_os.expr.parser import MAX_DEPTH, MAX_NODES, MAX_TREE_DEPTH, parse, parse_threshold
from decision_os.expr.tree import (
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
    Not,
    SetOf,
    Text,
    Truth,
)
from decision_os.expr.unparse import unparse
from decision_os.units import PERCENT, PP
from tests.expr.trees import HOURS, MONEY, MONTHS, boolean, literal, mixed, numeric, ranges
from tests.named import plain

A, B, C, X = Name("a"), Name("b"), Name("c"), Name("x")
ONE, TWO, THREE = literal("1"), literal("2"), literal("3")

FORMS = [
    ("a + b * c", Arithmetic("+", A, Arithmetic("*", B, C))),
    ("a - b - c", Arithmetic("-", Arithmetic("-", A, B), C)),
    ("a - (b - c)", Arithmetic("-", A, Arithmetic("-", B, C))),
    ("a / b * c", Arithmetic("*", Arithmetic("/", A, B), C)),
    ("(a + b) × c ÷ 2", Arithmetic("/", Arithmetic("*", Arithmetic("+", A, B), C), TWO)),
    ("−a", Negative(A)),
    ("-a * b", Arithmetic("*", Negative(A), B)),
    ("-1.0", literal("-1")),
    ("- 1", literal("-1")),
    ("-(1)", Negative(ONE)),
    ("--1", Negative(literal("-1"))),
    ("a - -1", Arithmetic("-", A, literal("-1"))),
    ("+a", A),
    ("a ** 3", Arithmetic("*", Arithmetic("*", A, A), A)),
    ("a ** 1", A),
    ("-a ** 2", Negative(Arithmetic("*", A, A))),
    ("-2 ** 2", Negative(Arithmetic("*", TWO, TWO))),
    ("2 * a ** 2", Arithmetic("*", TWO, Arithmetic("*", A, A))),
    ("a < b <= c", Comparison(A, ("<", "<="), (B, C))),
    ("a == b < c", Comparison(A, ("==", "<"), (B, C))),
    ("a + 1 >= b", Comparison(Arithmetic("+", A, ONE), (">=",), (B,))),
    ("(a < b) == c", Comparison(Comparison(A, ("<",), (B,)), ("==",), (C,))),
    ("a and b or c", Logic("or", (Logic("and", (A, B)), C))),
    ("a or b and c", Logic("or", (A, Logic("and", (B, C))))),
    ("a and b and c", Logic("and", (A, B, C))),
    ("(a and b) and c", Logic("and", (Logic("and", (A, B)), C))),
    ("a AND b", Logic("and", (A, B))),
    ("a ∧ b ∨ ¬c", Logic("or", (Logic("and", (A, B)), Not(C)))),
    ("not a < b", Not(Comparison(A, ("<",), (B,)))),
    ("not not a", Not(Not(A))),
    ("a and not b", Logic("and", (A, Not(B)))),
    ("a if b else c", Choice(B, A, C)),
    ("a if b else c if x else 1", Choice(B, A, Choice(X, C, ONE))),
    ("(a if b else c) + 1", Arithmetic("+", Choice(B, A, C), ONE)),
    ("x in [1, 2]", Membership(X, Interval(ONE, TWO))),
    ("x ∈ [1, 2)", Membership(X, Interval(ONE, TWO, True, False))),
    ("x in (1, 2]", Membership(X, Interval(ONE, TWO, False, True))),
    ("x in (a, b)", Membership(X, Interval(A, B, False, False))),
    ("x ∉ [1, 2]", Membership(X, Interval(ONE, TWO), negated=True)),
    ("x not in [1, 2]", Membership(X, Interval(ONE, TWO), negated=True)),
    ("not x in [1, 2]", Not(Membership(X, Interval(ONE, TWO)))),
    ("x in [min(a, b), a + 1]", Membership(X, Interval(Call("min", (A, B)), Arithmetic("+", A, ONE)))),
    ("x in (min(a, b), 3]", Membership(X, Interval(Call("min", (A, B)), THREE, False, True))),
    ("x in {\"won\", 'lost'}", Membership(X, SetOf((Text("won"), Text("lost"))))),
    ("x in {1, -2, 5%}", Membership(X, SetOf((ONE, literal("-2"), literal("0.05", PERCENT))))),
    ("x in {True}", Membership(X, SetOf((Truth(True),)))),
    ("x in a ± 5%", Membership(X, Around(A, literal("0.05", PERCENT), relative=True))),
    ("x in a ± 3", Membership(X, Around(A, THREE))),
    ("x in a +/- 3", Membership(X, Around(A, THREE))),
    ("x in (a ± 5pp)", Membership(X, Around(A, literal("0.05", PP)))),
    ("x in (a + b) * 2 ± 3", Membership(X, Around(Arithmetic("*", Arithmetic("+", A, B), TWO), THREE))),
    ("x in a ± 3 and b", Logic("and", (Membership(X, Around(A, THREE)), B))),
    ("E ∈ [−1.0, −0.3] and x", Logic("and", (Membership(Name("E"), Interval(literal("-1"), literal("-0.3"))), X))),
    ("clip(x, 0, 1)", Call("clip", (X, literal("0"), ONE))),
    ("is_missing(x)", Call("is_missing", (X,))),
    ("coalesce(x, a, 0)", Call("coalesce", (X, A, literal("0")))),
    ("x == TRUE", Comparison(X, ("==",), (Truth(True),))),
    ("`CAC/SQO` ≤ 3", Comparison(Name("CAC/SQO", "CAC/SQO"), ("<=",), (THREE,))),
    ("CAC/SQO ≤ 3", Comparison(Arithmetic("/", Name("CAC"), Name("SQO")), ("<=",), (THREE,))),
    ("P(Route < 2m) ≥ 1", Comparison(Name("P(Route<2m)", "P(Route<2m)"), (">=",), (ONE,))),
    ("x >= +$3", Comparison(X, (">=",), (literal("3", MONEY),))),
    ("a\n  and b", Logic("and", (A, B))),
]


@pytest.mark.parametrize(("text", "tree"), FORMS, ids=[plain(text) for text, _ in FORMS])
def test_form_means(text: Any, tree: Any) -> None:
    """A form of the language would mean something else than the design says."""
    assert tree == parse(text).tree


@pytest.mark.parametrize("text", [text for text, _ in FORMS])
def test_every_form_reads_back(text: Any) -> None:
    """The canonical text of a form would read as another tree, or would not be ASCII."""
    tree: Any = parse(text).tree
    assert tree == parse(unparse(tree)).tree
    assert unparse(tree).isascii()


@given(mixed(4))
@settings(max_examples=150, deadline=None)
def test_canonical_text_reads_back(tree: Any) -> None:
    """Some tree would be written as a text that means another tree."""
    assert tree == parse(unparse(tree)).tree


@given(ranges(numeric(2)) | mixed(2))
@settings(max_examples=80, deadline=None)
def test_canonical_threshold_reads_back(tree: Any) -> None:
    """Some value of a threshold would be written as a text that means another one."""
    assert tree == parse_threshold(unparse(tree)).tree


@given(boolean(2), st.data())
@settings(max_examples=60, deadline=None)
def test_definitions_read_back(body: Any, data: Any) -> None:
    """A tree with definitions and labels would not be written by their names."""
    scope: dict[str, Any] = {"definitions": {"d": body}, "labels": {"Win rate": "win_rate"}, "names": ["win_rate", "a"]}
    text = data.draw(st.sampled_from(["d and a > 3", "not d or `Win  rate` > 5%", "a if d else `Win rate`"]))
    tree: Any = parse(text, **scope).tree
    assert tree == parse(unparse(tree), **scope).tree


def test_spans_point_into_the_text() -> None:
    """An error of an evaluator would point at another part of the author's text."""
    text = "a +\n (b × 1h30m) ≥ −$3"
    tree: Any = parse(text).tree
    spans = [tree.first.left, tree.first.right, tree.first.right.right, tree.rest[0]]
    assert ["a", "(b × 1h30m)", "1h30m", "−$3"] == [text[slice(*node.span)] for node in spans]


# scope


def test_unknown_name_says_the_nearest() -> None:
    """A misspelled metric would be read as missing, or refused without saying what was meant."""
    with pytest.raises(ExpressionError, match="unknown name `win_rte`") as caught:
        parse("cac < 3 and\nwin_rte > 0.2", names=["win_rate", "cac"])
    assert (2, 1, 7, "did you mean `win_rate`?", "unknown-name") == (
        caught.value.line,
        caught.value.column,
        caught.value.width,
        caught.value.hint,
        caught.value.code,
    )


def test_label_finds_its_name_past_spaces_and_typography() -> None:
    """A label would be found only when typed exactly as in its contract."""
    labels = {"CAC / SQO": "cac_per_sqo", "P(Route<=2m)": "route_share"}
    assert Name("cac_per_sqo", "CAC/SQO") == parse("`CAC/SQO`", labels=labels).tree
    assert Name("route_share", "P(Route≤2m)") == parse("P(Route ≤ 2m)", labels=labels).tree


def test_unknown_label_says_the_nearest() -> None:
    """A misspelled label would be refused without saying what was meant."""
    with pytest.raises(ExpressionError, match="unknown label `CAC/SQl`") as caught:
        parse("`CAC/SQl` > 3", labels={"CAC/SQO": "cac_per_sqo"})
    assert "did you mean `CAC/SQO`?" == caught.value.hint


def test_backticked_name_is_the_name() -> None:
    """A known name in backticks would be refused."""
    assert Name("cac") == parse("`cac`", names=["cac"], labels={}).tree


def test_label_outside_the_scope_is_refused() -> None:
    """A label would smuggle in a name that the scope excludes."""
    with pytest.raises(ExpressionError, match="unknown label `CAC`"):
        parse("`CAC` > 3", labels={"CAC": "cac"}, names=["win_rate"])


def test_definition_stands_for_its_tree() -> None:
    """A named threshold would be read as an input."""
    scope: dict[str, Any] = {"definitions": {"E_range": parse_threshold("[-1, -0.3]").tree, "floor": literal("3", MONEY)}, "names": ["E", "cm"]}
    interval = Interval(literal("-1"), literal("-0.3"))
    assert Membership(Name("E"), Defined("E_range", interval)) == parse("E ∈ E_range", **scope).tree
    assert Comparison(Name("cm"), (">=",), (Defined("floor", literal("3", MONEY)),)) == parse("cm >= floor", **scope).tree


def test_alias_of_a_range() -> None:
    """A threshold could not be another named range, or would no longer be a range."""
    body = parse_threshold("[-1, -0.3]").tree
    alias = parse_threshold("E_range", definitions={"E_range": body}).tree
    assert Defined("E_range", body) == alias == parse_threshold("in E_range", definitions={"E_range": body}).tree
    assert Membership(X, Defined("other", alias)) == parse("x in other", definitions={"other": alias}).tree
    with pytest.raises(ExpressionError, match="is a range, not a value"):
        parse("x > other", definitions={"other": alias})


@pytest.mark.parametrize("text", ["E >= E_range", "E_range", "min(E_range, 3)", "`E_range` > 3"])
def test_range_is_no_value(text: Any) -> None:
    """A range would be compared like a number."""
    with pytest.raises(ExpressionError, match="is a range, not a value"):
        parse(text, definitions={"E_range": parse_threshold("[-1, -0.3]").tree})


def test_relative_spread_through_a_definition() -> None:
    """`baseline ± band` would be absolute although band is a per cent."""
    tree: Any = parse("x in a ± band", definitions={"band": literal("0.05", PERCENT)}).tree
    assert tree.where.relative is True


def test_registered_function() -> None:
    """A function of the rule book could not be called, or one that is not there could."""
    assert Call("decay", (A, ONE)) == parse("decay(a, 1)", functions=["decay"]).tree
    with pytest.raises(ExpressionError, match="unknown function `decoy`") as caught:
        parse("decoy(a)", functions=["decay"])
    assert "did you mean `decay`?" == caught.value.hint


def test_other_currency_of_the_rule_book() -> None:
    """`$` would be refused in a rule book kept in Canadian dollars, or taken for US dollars."""
    dollars: Any = parse("$3", currency="CAD").tree
    assert "CAD" == str(dollars.unit)
    tree: Any = parse("x >= 3 CHF and y < 1e20 CHF", currency="CHF").tree
    assert tree == parse(unparse(tree), currency="CHF").tree


# thresholds


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("3", THREE),
        ("+$3", literal("3", MONEY)),
        ("+2pp", literal("0.02", PP)),
        ("0.5 months", literal("0.5", MONTHS)),
        ("1.5h", literal("1.5", HOURS)),
        ("∈ [−1.0, −0.3]", Interval(literal("-1"), literal("-0.3"))),
        ("in (1, 2]", Interval(ONE, TWO, False, True)),
        ("[1, 2)", Interval(ONE, TWO, True, False)),
        ("(1 + 2) * 3", Arithmetic("*", Arithmetic("+", ONE, TWO), THREE)),
        ("baseline ± 5%", Around(Name("baseline"), literal("0.05", PERCENT), relative=True)),
        ("in baseline ± 3", Around(Name("baseline"), THREE)),
        ("{'won', 'lost'}", SetOf((Text("won"), Text("lost")))),
        ("'won'", Text("won")),
        ("true", Truth(True)),
        ("a * 0.9", Arithmetic("*", A, literal("0.9"))),
    ],
)
def test_threshold_means(text: Any, tree: Any) -> None:
    """A threshold's value would be read as something else."""
    assert tree == parse_threshold(text).tree


# mistakes: text, what is underlined, part of the message, part of the hint

MISTAKES = [
    ("80 <= x >= 20", ">=", "directions of this chain disagree", "x >= …"),
    ("x > 3 < 5", "<", "directions of this chain disagree", "3 < …"),
    ("x in ['a', 'b']", "'a'", "from number to number", "braces"),
    ("x in [1, 2, 3]", "[1, 2, 3]", "two ends, not 3", "{1, 2, 3}"),
    ("x in [1]", "[1]", "two ends, not 1", "braces"),
    ("x in []", "[]", "two ends", "[low, high]"),
    ("x in [3, 1]", "[3, 1]", "ends before it begins", "smaller end first"),
    ("x in [3, 3)", "[3, 3)", "empty", "[low, high]"),
    ("x in [2d, 24h]", "[2d, 24h]", "ends before it begins", ""),
    ("x in {won}", "won", "a set holds literals", '`"won"`'),
    ("x in {a + 1}", "a", "a set holds literals", ""),
    ("x in {}", "{}", "the set is empty", ""),
    ("x in 3", "3", "`3` is not a range", "±"),
    ("x in (1)", "(1)", "`(1)` is not a range", ""),
    ("x in a ± -3", "-3", "negative", ""),
    ("x in 'a' ± 3", "'a' ± 3", "between two numbers", ""),
    ("a < b in [1, 2]", "in", "cannot be part of a chain", "and"),
    ("a in [1, 2] < b", "<", "cannot be part of a chain", "and"),
    ("x ± 3", "±", "after `in`", ""),
    ("(x ± 3)", "±", "after `in`", ""),
    ("[1, 2]", "[", "only after `in`", "x in [low, high]"),
    ("{1}", "{", "only after `in`", "won"),
    ("x[0]", "[", "no subscripts", ""),
    ("(a)(b)", "(", "only a function can be called", "write `*`"),
    ("a, b", ",", "comma", ""),
    ("(1, 2)", ",", "comma", "after `in`"),
    ("a)", ")", "closes nothing", ""),
    ("a b", "b", "operator is missing between `a` and `b`", "backticks"),
    ("10 % 3", "3", "operator is missing", ""),
    ("a not b", "not", "`not` has no place here", ""),
    ("a + not b", "not", "`not` has no place here", "(not x)"),
    ("a if b", "", "without `else`", "a if condition else b"),
    ("a else b", "else", "has no place here", "if condition"),
    ("x ** 9", "** 9", "from 1 to 8", ""),
    ("x ** 0", "** 0", "from 1 to 8", ""),
    ("x ** 0.5", "** 0.5", "from 1 to 8", ""),
    ("x ** y", "** y", "from 1 to 8", ""),
    ("x ** 2%", "** 2%", "from 1 to 8", ""),
    ("x ** 2 ** 2", "**", "power of a power", ""),
    ("(a", "", "expected `)`", ""),
    ("a <", "", "missing after `<`", ""),
    ("a and and b", "and", "missing before `and`", ""),
    ("x in", "", "range is missing", ""),
    ("min(1)", "min(1)", "at least 2 values, not 1", "min(a, b)"),
    ("abs(1, 2)", "abs(1, 2)", "takes 1 value, not 2", "abs(x)"),
    ("clip(x, 1)", "clip(x, 1)", "takes 3 values", "clip(x, low, high)"),
    ("is_missing()", "is_missing()", "takes 1 value, not 0", ""),
    ("min(1, 2", "", "comma or `)`", ""),
    ("min(1,)", ")", "missing before `)`", ""),
    ("min > 3", "min", "is a function", "min(a, b)"),
    ("mni(1, 2)", "mni", "unknown function `mni`", "did you mean `min`?"),
    ("__import__('os')", "__import__", "unknown function", ""),
]


@pytest.mark.parametrize(("text", "underlined", "message", "hint"), MISTAKES, ids=[plain(row[0]) for row in MISTAKES])
def test_mistake_is_shown(text: Any, underlined: Any, message: Any, hint: Any) -> None:
    """A mistake would be accepted, shown in the wrong place, or not explained."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert hint in error.hint
    assert 1 == error.line
    assert underlined == text[error.column - 1 :][: len(underlined)]
    assert max(1, len(underlined)) == error.width


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("≥ 3", "the value alone"),
        ("±5%", "needs a centre"),
        ("in x", "not a range"),
        ("", "the threshold is empty"),
        ("[1, 2", "not closed"),
        ("3 4", "operator is missing"),
    ],
)
def test_threshold_mistake(text: Any, message: Any) -> None:
    """A mistake in a threshold would be accepted or not explained."""
    with pytest.raises(ExpressionError) as caught:
        parse_threshold(text)
    assert message in caught.value.message


def test_open_interval_is_warned_about() -> None:
    """`in (1, 2)` meant as a set would pass silently."""
    (warning,) = parse("a and x in (0.2, 0.5)").warnings
    assert ("open-interval", Severity.WARNING, 12) == (warning.code, warning.severity, warning.where.column)
    assert "{0.2, 0.5}" in warning.hint
    assert () == parse("x in [0.2, 0.5] and x in (a, b) and x in (1, 2]").warnings


# caps


def test_depth_is_capped_at_its_limit() -> None:
    """A nest within the cap would be refused, or one beyond it would be tried."""
    within = MAX_DEPTH - 1
    assert A == parse("(" * within + "a" + ")" * within).tree
    for text in ("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, "not " * MAX_DEPTH + "a", "- " * MAX_DEPTH + "a", "a if b else " * MAX_DEPTH + "c"):
        with pytest.raises(ExpressionError, match="nested more than"):
            parse(text)


def test_tree_depth_is_capped_at_its_limit() -> None:
    """A long sum would be built so deep that an evaluator runs out of stack."""
    assert isinstance(parse("+".join("a" * MAX_TREE_DEPTH)).tree, Arithmetic)
    with pytest.raises(ExpressionError, match="operations deep"):
        parse("+".join("a" * (MAX_TREE_DEPTH + 1)))


def test_nodes_are_capped_through_powers_and_definitions() -> None:
    """A short text would stand for a tree of millions of nodes."""
    with pytest.raises(ExpressionError, match=f"more than {MAX_NODES:,} parts"):
        parse("(((a ** 8) ** 8) ** 8) ** 8")
    tree: Any = A
    for _ in range(40):
        tree = Defined("twice", Arithmetic("*", tree, tree))
    with pytest.raises(ExpressionError, match="parts"):
        parse("x + 1", definitions={"x": tree})


def test_depth_counts_definitions() -> None:
    """A chain of definitions would be deeper than any evaluator's stack."""
    tree: Any = A
    for _ in range(MAX_TREE_DEPTH):
        tree = Defined("next", Negative(tree))
    with pytest.raises(ExpressionError, match="operations deep"):
        parse("x", definitions={"x": tree})


def outcome(reader: Any, text: Any) -> Any:
    """The tree of a text, or the typed error it is refused with."""
    try:
        return reader(text).tree, None
    except ExpressionError as error:
        return None, error


@given(st.text(alphabet="ab1.5%()[]{},<>=!+-*/ \"'`$€≤∈±notifelsepmhd_#\n\\:;@", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: Any) -> None:
    """Some text would end in another exception than the typed one, or with a place outside the text."""
    for reader in (parse, parse_threshold):
        tree, error = outcome(reader, text)
        if error is None:
            assert tree == reader(unparse(tree)).tree
            continue
        lines = (text + "x").splitlines()
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
        assert str(error)


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_unicode_is_read_or_refused(text: Any) -> None:
    """Some character would end in another exception than the typed one."""
    tree, error = outcome(parse, text)
    assert str(error) if error else tree == parse(unparse(tree)).tree


def test_literals_are_exact() -> None:
    """A literal would carry another exact value than the text says."""
    number: Any = parse("0.1").tree
    assert (Fraction(1, 10), 0.1) == (number.exact, number.value)


def test_a_parenthesised_centre_may_hold_a_range_of_its_own() -> None:
    """The parenthesis would be taken for one around the whole range, and the `±` behind it for an error."""
    text = "a in (a if b in (b +/- 1) and c in c +/- 2 else b) +/- 0.5"
    assert unparse(parse(text).tree) == unparse(parse(unparse(parse(text).tree)).tree)


@pytest.mark.parametrize("label", ["true", "null", "and", "in", "None", "class", "max", "net", "is", "GM%", "win rate"])
def test_a_label_that_is_a_word_of_the_language_keeps_its_backticks(label: str) -> None:
    """A column called `true` would turn into the literal in the canonical form."""
    scope: Any = {"names": [label, "b"], "functions": ["net"]}
    tree = parse(f"`{label}` == b", **scope).tree
    assert label == tree.first.name  # type: ignore[union-attr]  # a comparison
    assert tree == parse(unparse(tree), **scope).tree


def test_a_word_that_is_plain_loses_its_backticks() -> None:
    """Two ways to write one name would have two canonical forms."""
    assert "a > b" == unparse(parse("`a` > b", names=["a", "b"]).tree)
