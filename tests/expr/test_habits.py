"""The whole notation in any mix, and what people write instead out of habit: for each the place that is pointed at, and the hint."""

# signs that only look like ASCII are the point

from __future__ import annotations

import re
from itertools import product
from typing import Final

import pytest

import decision_os as dos
from tests.named import plain

# ── the notation ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

# Conditions in every notation there is, and their canonical form.
NOTATION: Final[dict[str, str]] = {
    "a ≤ 3": "a <= 3",
    "a ⩽ b": "a <= b",
    "a ≥ 3 × b": "a >= 3 * b",
    "a ⩾ b ÷ 2": "a >= b / 2",
    "a ≠ b · 2": "a != b * 2",
    "a − b > −3": "a - b > -3",
    "a\u00a0–\u00a0b\u202f>\u20093": "a - b > 3",
    "a < 3 ∧ b > 3": "a < 3 and b > 3",
    "a < 3 ∨ b > 3": "a < 3 or b > 3",
    "¬(a < 3)": "not a < 3",
    "a < 3 AND NOT b > 3": "a < 3 and not b > 3",
    "E ∈ [−1.0, −0.3]": "E in [-1, -0.3]",
    "E in [a, b)": "E in [a, b)",
    "E in (a, b]": "E in (a, b]",
    "E ∉ (a, b)": "E not in (a, b)",
    "stage in {\"won\", 'lost'}": 'stage in {"won", "lost"}',
    "n not in {1, 2}": "n not in {1, 2}",
    "rate ≥ 5%": "rate >= 5%",
    "rate ≥ base + 2pp": "rate >= base + 2pp",
    "rate − base ≥ +2 pp": "rate - base >= 2pp",
    "x in base ± 5%": "x in base +/- 5%",
    "x ∈ target ± 3": "x in target +/- 3",
    "cost ≥ $3": "cost >= $3",
    "cost in [$10k, $1M]": "cost in [$10000, $1000000]",
    "cost < 3 USD": "cost < $3",
    "age < 24h": "age < 24h",
    "wait < 1h30m": "wait < 90m",
    "lag in [2m, 14 days]": "lag in [2m, 14d]",
    "life > 0.5 months": "life > 0.5 months",
    "`CAC/SQO` > 3": "`CAC/SQO` > 3",
    "`GM%` ≥ 60%": "`GM%` >= 60%",
    "CAC/SQO > 3": "CAC / SQO > 3",
    "P(Route<2m) ≥ 0.95": "`P(Route<2m)` >= 0.95",
    "(1 if a > b else c) > .5": "(1 if a > b else c) > 0.5",
    "min(a, b) < max(c, 1_000)": "min(a, b) < max(c, 1000)",
    "abs(a) > clip(b, 0, 1e-6)": "abs(a) > clip(b, 0, 0.000001)",
    "is_missing(a)": "is_missing(a)",
    "coalesce(a, b, 0) == 0": "coalesce(a, b, 0) == 0",
    "10 < a <= b < 20": "10 < a <= b < 20",
    "a ** 2 > 4": "a * a > 4",
    "open == TRUE": "open == True",
}


@pytest.mark.parametrize("text", NOTATION)
def test_what_is_written_means_this(text: str) -> None:
    """A notation of a playbook would be refused, or mean something else than it says."""
    found = dos.compile(text)
    assert (NOTATION[text], True) == (found.canonical, found.is_condition)
    assert found.tree == dos.compile(found.canonical).tree


def test_every_notation_goes_with_every_other() -> None:
    """Two notations that each work would not work beside each other, one inside the other, or over several lines."""
    for (left, one), (right, other) in product(NOTATION.items(), repeat=2):
        whole = dos.compile(f"({left})\n  ∧ ¬({right})")
        assert whole.canonical == dos.compile(f"({one}) and not ({other})").canonical
        assert whole.canonical == dos.compile(whole.canonical).canonical


# ── what people write instead ────────────────────────────────────────────────────────────────────────────────────────────────────

# What is written, the part of it that is pointed at, and the hint.
HABITS: Final[list[tuple[str, str, str]]] = [
    # comparisons
    ("x = 3", "=", "write `==` to compare"),
    ("x === 3", "===", "write `==`"),
    ("x !== 3", "!==", "write `!=`"),
    ("x <> 3", "<>", "write `!=`"),
    ("x =< 3", "=<", "write `<=`"),
    ("x => 3", "=>", "write `>=`"),
    ("x > = 3", "> =", "write `>=` as one"),
    ("x ! = 3", "! =", "write `!=` as one"),
    ("=x > 3", "=", "an expression begins without `=`"),
    ("> 3", ">", "write what is compared, as in `x > …`"),
    ("x := 3", ":=", "an expression assigns nothing"),
    ("80 <= x >= 20", ">=", "write `… and x >= …`, or turn one of the two around"),
    ("20 >= x <= 80", "<=", "write `… and x <= …`, or turn one of the two around"),
    ("x == 1 or 2", "2", "write `x in {1, 2}`"),
    ('stage == "a" or "b"', '"b"', 'write `stage in {"a", "b"}`'),
    ("x equals 3", "equals", "write `==`"),
    ("x is 3", "is", "write `==`"),
    ("x is not 3", "is not", "write `!=`"),
    ("x is >= 3", "is", "leave it out"),
    ("x >= is 3", "is", "leave it out"),
    ("a >== 3", ">==", "write `>=`"),
    ("x not > 3", "not", "write `x not in […]`, `not (x > 3)`, or put `and` before it"),
    ("x ~ 10", "~", "write `not`, or `x in target ± 3`"),
    ("x ≈ 10", "≈", "write `x in target ± 3`"),
    ("x == 10 ± 3", "±", "write `x in target ± 3`"),
    ("x = 10 ± 3", "=", "write `in`: what follows is a range"),
    ("x = [1, 2]", "=", "write `in`: what follows is a range"),
    ("x in 10 +- 3", "10 +- 3", 'write `in [low, high]`, `in {"a", "b"}` or `in target ± 3`'),
    # logic
    ("x > 3 && y < 2", "&&", "write `and`"),
    ("x > 3 || y > 3", "||", "write `or`"),
    ("!(x > 3)", "!", "write `not`"),
    ("x > 3 y > 4", "y", "join the two conditions: write `3 and y`"),
    ("x > 3 rate > 2", "rate", "join the two conditions: write `3 and rate`"),
    ("x > y z > 4", "z", "join the two conditions: write `y and z`"),
    ("x > 3 Or y < 2", "Or", "write `or`"),
    ("x > 3 And y < 2", "And", "write `and`"),
    ("Not x", "Not", "write `not`"),
    ("x > 3 xor y", "xor", "write `!=` between two conditions"),
    ("AND(x > 3, y < 2)", "AND", "write `a and b`"),
    ("OR(x > 3, y < 2)", "OR", "write `a or b`"),
    ("x > 3; y > 3", ";", "one expression holds no statements"),
    ("x > 3,", ",", "leave it out"),
    ("x, y", ",", "join conditions with `and`"),
    # intervals and sets
    ("rate in [0.2, 0.5, 0.7]", "[0.2, 0.5, 0.7]", "a set is written in braces: `{0.2, 0.5, 0.7}`"),
    ("x == [0.2, 0.5]", "[", "write `x in [low, high]`, or `x in {a, b}` for a set"),
    ('stage in ["won", "lost"]', '"won"', 'a set is written in braces: `{"won", "lost"}`'),
    ('stage IN ("won", "lost")', '"won"', 'a set is written in braces: `{"won", "lost"}`'),
    ('stage in "won"', '"won"', 'write `in {"won"}`, or `== "won"`'),
    ("stage in {won, lost}", "won", 'write a text in quotes: `"won"`'),
    ("x in [3]", "[3]", "a set is written in braces: `{3}`"),
    ("x in [a]", "[a]", "compare with it: `x == a`"),
    ("x in [a, b, 3]", "[a, b, 3]", "compare with each: `x == a or x == b or x == 3`"),
    ("x in {a, 2}", "a", "compare with each: `x == a or x == 2`"),
    ("x in {2, a}", "a", "compare with each: `x == 2 or x == a`"),
    ("x in [1 - 2]", "[1 - 2]", "write `[1, 2]`"),
    ("x in [−1.0 −0.3]", "[−1.0 −0.3]", "write `[−1.0, −0.3]`"),
    ("x in = 3 ± 1", "=", "leave it out"),
    ("x > y y", "y", "leave one of the two out"),
    ("x in []", "[]", "write `[low, high]`"),
    ("x in {}", "{}", 'write for example `{"won", "lost"}`'),
    ("x in [5, 1]", "[5, 1]", "write the smaller end first"),
    ("x in [1; 5]", ";", "values are separated by commas"),
    ("x in [1:5]", ":", "only `[low, high]` intervals and `{…}` sets are written in brackets"),
    ("x in [1..5]", "1..5", "write `1, 5`"),
    ("x in ]1, 5[", "]", "an end that does not belong to it has a parenthesis: `(1, 5)`"),
    ("x in ]1,2[", "]", "an end that does not belong to it has a parenthesis: `(1,2)`"),
    ("x in ]1, 2]", "]", "an end that does not belong to it has a parenthesis: `(1, 2]`"),
    ("x in 5-10", "5-10", "write `in [5, 10]`"),
    ("x in 5–10", "5–10", "write `in [5, 10]`, or `-` for a minus"),
    ("x in 5..10", "5..10", "write `in [5, 10]`"),
    ("x in 5 to 10", "to", "write `in [low, high]`"),
    ("x in 1, 2", "1", 'write `in [low, high]`, `in {"a", "b"}` or `in target ± 3`'),
    ("x BETWEEN 1 AND 5", "BETWEEN", "write `x in [low, high]`"),
    ("x between 1 and 5", "between", "write `x in [low, high]`"),
    # numbers
    ("rate > 1,5", "1,5", "write `1.5`"),
    ("rate > 1,000", "1,000", "write `1_000`"),
    ("rate > 1,000,000", "1,000,000", "write `1_000_000`"),
    ("rate > 1.000,50", "1.000,50", "write `1_000.50`"),
    ("x > 1 000", "1 000", "write `1_000`"),
    ("x > 1\xa0000", "1\xa0000", "write `1_000`"),
    ("x > 1\u202f000 000", "1\u202f000 000", "write `1_000_000`"),
    ("x > 1'000", "1'000", "write `1_000`"),
    ("x > 5.", "5.", "write `5.0`"),
    ("x > 007", "007", "write the number without it, and without a comma before"),
    ("x > 0x10", "0x10", "write it in decimal digits"),
    ("x > 1e", "1e", "write for example `1e-6`"),
    ("x > 10 thousand", "10 thousand", "write `10_000`"),
    ("x > 2.5 million", "2.5 million", "write `2_500_000`"),
    ("|x| > 3", "|x|", "write `abs(x)`"),
    ("|x - y| > 3", "|x - y|", "write `abs(x - y)`"),
    ("2x > 3", "2x", "write `2 * x`"),
    ("2(x) > 3", "(", "write `*` between the two"),
    ("x^2 > 3", "^", "write `**` for a power"),
    ("x² > 3", "x²", "write `** 2`"),
    ("x > ½", "½", "write `0.5`"),
    ("x % 2 == 0", "%", "`%` follows a number, and there is no remainder; a name that holds it is written in backticks: `` `GM%` ``"),
    ("x mod 2 == 0", "mod", "there is no remainder"),
    ("x // 2 > 1", "//", "write `/`"),
    ("x < inf", "inf", "leave the bound out, as in `x >= 3`"),
    ("x < ∞", "∞", "leave the bound out, as in `x >= 3`"),
    # money
    ("cost > $1m", "$1m", "a million is `$1M`, a thousand `$1k`"),
    ("cost > $1mm", "$1mm", "write `$1M`"),
    ("cost > $1bn", "$1bn", "write `$1_000M`"),
    ("cost > $1B", "$1B", "write `$1_000M`"),
    ("cost > $1K", "$1K", "write `$1k`"),
    ("cost > 1k", "1k", "write `1_000`; `k` and `M` belong to money, as in `$1k`"),
    ("cost > 1M", "1M", "write `1_000_000`; `k` and `M` belong to money, as in `$1M`"),
    ("cost > 3$", "3$", "write `$3`"),
    ("cost > 3 dollars", "3 dollars", "write `$3`"),
    ("cost > 3 usd", "3 usd", "write `3 USD`"),
    ("cost > $3 million", "$3 million", "write `$3M`"),
    ("cost > $10 thousand", "$10 thousand", "write `$10k`"),
    ("cost > $2 billion", "$2 billion", "write `$2_000M`"),
    ("cost > USD 3", "3", "write `3 USD`"),
    ("cost > US$3", "$3", "write `$3`"),
    ("cost > $-3", "$", "the minus stands before the sign: `-$3`"),
    ("cost > $1,000", "$1,000", "write `$1_000`"),
    ("cost > €3", "€3", "convert it and write it in USD"),
    # shares
    ("x > 5 percent", "5 percent", "write `5%`"),
    ("x > 5pct", "5pct", "write `5%`"),
    ("x > 5 pts", "5 pts", "write `5pp`"),
    ("x > 5 percentage points", "5 percentage points", "write `5pp`"),
    ("x > 5 % points", "5 % points", "write `5pp`"),
    ("x > 3p.p.", "3p.p.", "write `3pp`"),
    ("x > 20 basis points", "20 basis points", "write `0.2pp`"),
    ("x > 5bps", "5bps", "write `0.05pp`"),
    ("GM% > 3", "GM%", "write the label in backticks: `` `GM%` ``"),
    ("GM % > 3", "%", "`%` follows a number, and there is no remainder; a name that holds it is written in backticks: `` `GM%` ``"),
    # durations and dates
    ("x > 24hrs", "24hrs", "write `24h`"),
    ("x > 2 min", "2 min", "write `2m`"),
    ("x > 30sec", "30sec", "write `30s`"),
    ("x > 3 mo", "3 mo", "write `3 months`"),
    ("x > 1y", "1y", "write `1 year`"),
    ("x > 2Q", "2Q", "write `2 quarters`"),
    ("x > 24H", "24H", "write `24h`"),
    ("x > 2 Weeks", "2 Weeks", "write `2 weeks`"),
    ("x > 12h1d", "12h1d", "write for example `1h30m`"),
    ("x > 1h 30m", "30m", "write `1h30m` in one piece"),
    ("x > 30m 1h", "1h", "write `90m` in one piece"),
    ("x > 2 weeks 3 days", "3 days", "write `2w3d` in one piece"),
    ("x > 1 year 6 months", "6 months", "write `18 months` in one piece"),
    ("x > 100ms", "100ms", "write `0.1s`"),
    ("age < 24:00", ":", "a duration is written as in `24h`"),
    ("day >= 2026-10-06", "2026-10-06", "compare two inputs, or a number of days"),
    ("day >= 06/10/2026", "06/10/2026", "compare two inputs, or a number of days"),
    ("day > DATE(2026,1,1)", "DATE", "an expression holds no dates: compare two inputs, or a number of days"),
    ("age < 1 month 3 days", "3 days", "months and days do not add up: write one of the two"),
    # names
    ("win rate that is not there > 3", "is not", "a name of several words stands in backticks"),
    ("Win Rate > 3", "Rate", "write `*`, `and` or a comparison between them; a name of several words stands in backticks"),
    ("[Win Rate] > 3", "[", "a label stands in backticks: `` `Win Rate` ``"),
    ("[win_rate] > 3", "[", "a name stands alone: `win_rate`"),
    ("{{win_rate}} > 3", "{", "a name stands alone: `win_rate`"),
    ("@win_rate > 3", "@", "a name stands alone, as in `win_rate`"),
    ('prop("Win rate") > 3', "prop", "a metric is written by its name, or by its label in backticks"),
    ("metrics.win_rate > 3", ".", "a name that holds a dot is written in backticks"),
    ('metrics["win_rate"] > 3', "[", "an interval stands after `in`: `x in [low, high]`"),
    ("`win rate > 3", "`", "close it with a backtick"),
    ("P (Route<2m) > 0.95", "P", "a label such as `P(Route<2m)` has no space before its parenthesis"),
    ("ｘ > 3", "ｘ", "did you mean `x`?"),
    ("cafe\u0301 > 3", "cafe\u0301", "did you mean `café`?"),
    ("re\u0301gion > 3", "re\u0301gion", "did you mean `région`?"),
    ("сас > 3", "сас", "did you mean `cac`?"),
    # missing values
    ("x IS NULL", "IS NULL", "write `is_missing(x)`"),
    ("x IS NOT NULL", "IS NOT NULL", "write `not is_missing(x)`"),
    ("x is not null", "is not null", "write `not is_missing(x)`"),
    ("x is None", "is None", "write `is_missing(x)`"),
    ("isnotnull(x)", "isnotnull", "write `not is_missing(x)`"),
    ("x != None", "None", "write `not is_missing(x)`"),
    ("x == None", "None", "write `is_missing(x)`, or `coalesce(x, 0)`"),
    ("x != null", "null", "write `not is_missing(x)`"),
    ("x == NULL", "NULL", "write `is_missing(x)`, or `coalesce(x, 0)`"),
    ("x == NaN", "NaN", "write `is_missing(x)`, or `coalesce(x, 0)`"),
    ("isnull(x)", "isnull", "write `is_missing(x)`"),
    ("ISBLANK(x)", "ISBLANK", "write `is_missing(x)`"),
    ("x = NULL", "=", "write `==` to compare"),
    # functions of spreadsheets and SQL
    ("IF(x > 3, 1, 0)", "IF", "write `a if condition else b`"),
    ("IF(x>3;1;0)", ";", "values are separated by commas"),
    ("IFERROR(x/y, 0)", "IFERROR", "write `coalesce(x, fallback)`; a division by zero is unknown already"),
    ("NULLIF(y, 0)", "NULLIF", "write `coalesce(x, fallback)`; a division by zero is unknown already"),
    ("NVL(x, 0)", "NVL", "write `coalesce(x, fallback)`; a division by zero is unknown already"),
    ("SUM(x, y)", "SUM", "write `a + b`; what is taken over rows is a metric's measure"),
    ("AVERAGE(x, y)", "AVERAGE", "what is taken over rows is a metric's measure"),
    ("ROUND(x, 2)", "ROUND", "nothing is rounded here: compare with a margin, as in `x in target ± 0.5`"),
    ("MAX(x, y)", "MAX", "did you mean `max`?"),
    ("SQRT(x) > 2", "SQRT", "write the square on the other side, as in `x > y ** 2`"),
    ("CASE WHEN x > 3 THEN 1 ELSE 0 END", "THEN", "write `a if condition else b`"),
    ("if x > 3 then 1 else 0", "then", "write `a if condition else b`"),
    ("x > 3 ? 1 : 0", "?", "write `a if condition else b`"),
    ("stage LIKE 'won%'", "LIKE", 'a text is compared whole: `stage in {"won", "lost"}`'),
    ('CONTAINS(stage, "won")', "CONTAINS", 'a text is compared whole: `stage in {"won", "lost"}`'),
    ('stage.lower() == "won"', ".", "a name that holds a dot is written in backticks"),
    # signs
    ("stage == “won”", "“", 'write straight quotes: `"won"`'),
    ("stage == ‘won’", "‘", "write straight quotes: `'won'`"),
    ("stage == «won»", "«", 'write straight quotes: `"won"`'),
    ("x ＞ 3", "＞", "write `>`"),
    ("x ≥ ３", "３", "write `3`"),
    ("（x > 3）", "（", "write `(`"),
    ("x ＝ 3", "＝", "write `==`"),
    ("x > 3％", "％", "write `%`"),
    ("x ≦ 3", "≦", "write `<=`"),
    ("x ⁄ y > 1", "⁄", "write `/`"),
    ("x ✕ y > 1", "✕", "write `*`"),
    ("x > —3", "—", "a minus is `-`"),
    ("x > 3 -- at least", "-- at least", "leave it out; a minus before a minus is written `- -x`"),
    ("x > 3 # at least", "#", "an expression holds no comments"),
    ("x > 3 // at least", "//", "write `/`"),
]


@pytest.mark.parametrize(("text", "marked", "hint"), HABITS, ids=[plain(text) for text, _, _ in HABITS])
def test_what_is_written_out_of_habit_gets_a_hint(text: str, marked: str, hint: str) -> None:
    """The author would be shown another place, or would not be told what to write instead."""
    with pytest.raises(dos.ExpressionError) as caught:
        dos.compile(text)
    error = caught.value
    assert (1, marked, hint) == (error.line, text[error.column - 1 : error.column - 1 + error.width], error.hint)
    line, carets = error.excerpt.splitlines()
    assert ("    " + "".join(ch if ch.isprintable() else "\N{REPLACEMENT CHARACTER}" for ch in text), len(carets.strip())) == (line, error.width)


@pytest.mark.parametrize(("text", "marked", "hint"), HABITS, ids=[plain(text) for text, _, _ in HABITS])
def test_the_place_holds_on_a_later_line(text: str, marked: str, hint: str) -> None:
    """In a block of several lines the caret would stand under another one."""
    if text[0] in "=>":
        return  # what begins an expression is another mistake in the middle of one
    with pytest.raises(dos.ExpressionError) as caught:
        dos.compile(f"a > 0 and\n{text}")
    assert (2, marked) == (caught.value.line, text[caught.value.column - 1 : caught.value.column - 1 + caught.value.width])
    assert hint


_ONE_WORD: Final = re.compile(
    r"(?:join the two conditions: |compare with it: |compare with each: )?(?:write |did you mean )?`(?P<word>[^`]+)`(?: as one| in one piece)?\??"
)
_CONDITION: Final = re.compile(r"^[a-z]+ (?:in\b|[<>=])|is_missing|\bif\b|coalesce")
_TWO_MISTAKES: Final = {
    *("AND(x > 3, y < 2)", "OR(x > 3, y < 2)", "SUM(x, y)", "stage == “won”", "stage == ‘won’", "stage == «won»", "（x > 3）", "x = NULL", "x > 3 // at least"),
    *("stage in {won, lost}", "x in [5, 1]", "2(x) > 3", "cost > USD 3", "cost > US$3", "x² > 3", "x > USD 3"),
}
"""Texts whose hint mends the first of several mistakes, or says what stands in several words."""


@pytest.mark.parametrize(("text", "marked", "hint"), HABITS, ids=[plain(text) for text, _, _ in HABITS])
def test_a_hint_that_is_followed_leads_to_a_rule(text: str, marked: str, hint: str) -> None:
    """The author would do as told, and be refused again."""
    found = _ONE_WORD.fullmatch(hint)
    if found is None or text in _TWO_MISTAKES:
        return
    with pytest.raises(dos.ExpressionError) as caught:
        dos.compile(text)
    start, end, word = caught.value.column - 1, caught.value.column - 1 + len(marked), found["word"]
    if "in one piece" in hint or "join the two" in hint:  # the part before the place belongs to what is written
        start = text.index(">") + 2
    if _CONDITION.search(word):
        start, end = 0, len(text)
    elif word.startswith("in "):
        start, end = text.index(" in ") + 1, len(text)
    dos.compile(text[:start] + word + text[end:])


def test_a_share_where_points_are_meant_is_a_warning_with_its_place() -> None:
    """`+ 5%` on a share would be read as relative by one reader and as points by another."""
    units = {"rate": "share", "base": "share", "lift": "pp"}
    (warning,) = dos.compile("rate ≥ base + 5%", units=units).warnings
    assert ("percent-for-points", 15, "write `5pp`, or `× (1 + 5%)` for a relative change") == (warning.code, warning.where.column, warning.hint)
    (warning,) = dos.compile("lift ≥ 5%", units=units).warnings
    assert ("percent-for-points", 8, "write `5pp`") == (warning.code, warning.where.column, warning.hint)


@pytest.mark.parametrize(
    ("text", "marked", "hint"),
    [
        ("cost >= $3/seat", "$3/seat", "write `$3`: beside a value in USD/seat it is read as that"),
        ("cost >= $3k/month", "$3k/month", "write `$3k`: beside a value in USD/month it is read as that"),
        ("cost >= $3 per seat", "$3 per seat", "write `$3`: beside a value in USD/seat it is read as that"),
        ("cost >= $3/win_rte", "win_rte", "did you mean `win_rate`?"),
        ("Win Rate > 3", "Win Rate", "a label stands in backticks: `` `Win Rate` ``"),
        ("CAC/SQO < 3", "CAC/SQO", "a label stands in backticks: `` `CAC/SQO` ``"),
        ("CAC / SQO < 3", "CAC / SQO", "a label stands in backticks: `` `CAC/SQO` ``"),
        ("cac-sqo < 3", "cac-sqo", "a label stands in backticks: `` `CAC/SQO` ``"),
        ("close-rate < 3", "close-rate", "did you mean `close_rate`?"),
        ("cost > seats and stage == won", "won", 'a text stands in quotes: `"won"`'),
        ("Foo Bar > 3", "Foo", "a name of several words stands in backticks"),
        ("Win > Rate", "Win", ""),
    ],
)
def test_a_name_that_is_not_in_the_book_is_told_by_what_stands_around_it(text: str, marked: str, hint: str) -> None:
    """A label without its backticks, a text without its quotes and an amount per thing would be unknown names, or names of something else."""
    names = ["cost", "seats", "win_rate", "close_rate", "cac_sqo", "stage"]
    labels = {"Win Rate": "win_rate", "CAC/SQO": "cac_sqo"}
    with pytest.raises(dos.ExpressionError) as caught:
        dos.compile(text, names=names, labels=labels, units={"cost": "USD/seat", "seats": "seat"})
    error = caught.value
    start, end = error.column - 1, error.column - 1 + error.width
    assert (marked, hint) == (text[start:end], error.hint)
    for word in re.findall(r"`` (`[^`]+`) ``|`([^`]+)`", hint.split(":", maxsplit=1)[0] if "read as" in hint else hint):
        dos.compile(text[:start] + "".join(word) + text[end:], names=names, labels=labels)


@pytest.mark.parametrize("name", ["yes", "No", "on"])
def test_yes_and_no_are_told_apart_from_names(name: str) -> None:
    """`x == yes` would be told to be an unknown name and no more."""
    with pytest.raises(dos.ExpressionError) as caught:
        dos.compile(f"x == {name}", names=["x"])
    assert ("unknown-name", "write `false`" if name == "No" else "write `true`") == (caught.value.code, caught.value.hint)
