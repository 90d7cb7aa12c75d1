"""The words of the language: every row of the notation, and every character that is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.errors import ExpressionError
from decision_os.expr.notation import MAX_LENGTH, MAX_TOKENS, normal_label, tokens
from decision_os.expr.numerals import holdable
from decision_os.expr.place import place
from decision_os.units import PERCENT, PP, parse_unit
from tests.named import plain

NUMBERS = [
    ("3", "3", None),
    ("0.29", "0.29", None),
    (".5", "0.5", None),
    ("1e-6", "0.000001", None),
    ("2.5E+3", "2500", None),
    ("1_000", "1000", None),
    ("1_0.2_5", "10.25", None),
    ("9007199254740992", "9007199254740992", None),
    ("9007199254740994", "9007199254740994", None),
    ("5%", "0.05", PERCENT),
    ("5 %", "0.05", PERCENT),
    ("99.5\u202f%", "0.995", PERCENT),
    ("2pp", "0.02", PP),
    ("2 pp", "0.02", PP),
    ("$3", "3", "USD"),
    ("$ 3", "3", "USD"),
    ("$3.20", "3.2", "USD"),
    ("$.5", "0.5", "USD"),
    ("$10k", "10000", "USD"),
    ("$1M", "1000000", "USD"),
    ("$1.5M", "1500000", "USD"),
    ("$1_000", "1000", "USD"),
    ("3 USD", "3", "USD"),
    ("3USD", "3", "USD"),
    ("24h", "24", "hours"),
    ("2m", "2", "minutes"),
    ("30s", "30", "seconds"),
    ("14d", "14", "days"),
    ("2w", "2", "weeks"),
    ("1.5h", "1.5", "hours"),
    ("1h30m", "90", "minutes"),
    ("2w1d", "15", "days"),
    ("1d12h30m15s", "131415", "seconds"),
    ("0.5 months", "0.5", "months"),
    ("1 month", "1", "months"),
    ("2\u00a0quarters", "2", "quarters"),
    ("3 years", "3", "years"),
    ("24 hours", "24", "hours"),
    ("14 days", "14", "days"),
]


@pytest.mark.parametrize(("text", "exact", "unit"), NUMBERS, ids=[plain(row[0]) for row in NUMBERS])
def test_number(text: Any, exact: Any, unit: Any) -> None:
    """A number would be read as another number, or in another unit, than its notation says."""
    wanted = parse_unit(unit) if isinstance(unit, str) else unit
    number, end = tokens(text)
    assert ("number", Fraction(exact), wanted) == (number.kind, number.value, number.unit)
    assert (0, len(text), "end") == (number.start, number.end, end.kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a≤b", ["a", "<=", "b"]),
        ("a ≥ b ≠ c", ["a", ">=", "b", "!=", "c"]),
        ("a×b÷c·d⋅e", ["a", "*", "b", "/", "c", "*", "d", "*", "e"]),
        ("a−b – c ‑ d", ["a", "-", "b", "-", "c", "-", "d"]),
        ("a ∧ b ∨ ¬c", ["a", "and", "b", "or", "not", "c"]),
        ("a ∈ b ∉ c", ["a", "in", "b", "not", "in", "c"]),
        ("a ± b", ["a", "+/-", "b"]),
        ("a AND NOT b", ["a", "and", "not", "b"]),
        ("a\u00a0+\u2009b\u202f+\u3000c", ["a", "+", "b", "+", "c"]),
        ("a\r\n\t+ b", ["a", "+", "b"]),
        ("`GM %`", ["GM %"]),
        ("`  Win\u00a0 rate `", ["Win rate"]),
        ("P(Route<2m)≥0.98", ["P(Route<2m)", ">=", "0.98"]),
        ("P(f(x) < 2 m)", ["P(f(x)<2m)"]),
        ("P + P1(", ["P", "+", "P1", "("]),
        ("2**3", ["2", "**", "3"]),
        ("5%*x", ["5%", "*", "x"]),
        ("1 if x else 2", ["1", "if", "x", "else", "2"]),
        ("'a\\'b' == \"c\\n\\\\\"", ["a'b", "==", "c\n\\"]),
        ("Größe + выручка + 売上 + Δ", ["Größe", "+", "выручка", "+", "売上", "+", "Δ"]),
        ("[1, 2]", ["[", "1", ",", "2", "]"]),
        ("[0,100]", ["[", "0", ",", "100", "]"]),
        ("(a,b)", ["(", "a", ",", "b", ")"]),
    ],
)
def test_words(text: Any, words: Any) -> None:
    """A notation would be split or spelled in another way."""
    assert [*words, ""] == [token.text for token in tokens(text)]


REFUSED = [
    ("x = 3", 3, 1, "`==`"),
    ("a && b", 3, 2, "`and`"),
    ("a & b", 3, 1, "`and`"),
    ("a || b", 3, 2, "`or`"),
    ("a | b", 3, 1, "`or`"),
    ("!a", 1, 1, "`not`"),
    ("~a", 1, 1, "`not`"),
    ("a <> b", 3, 2, "`!=`"),
    ("a =< b", 3, 2, "`<=`"),
    ("a => b", 3, 2, "`>=`"),
    ("a === b", 3, 3, "`==`"),
    ("a !== b", 3, 3, "`!=`"),
    ("a ^ 2", 3, 1, "`**`"),
    ("a // b", 3, 2, "`/`"),
    ("a ≈ b", 3, 1, "±"),
    ("a := b", 3, 2, "assigns nothing"),
    ("a; b", 2, 1, "no statements"),
    ("a # b", 3, 1, "no comments"),
    ("{1: 2}", 3, 1, "sets"),
    ("a -> b", 3, 2, "if"),
    ("a ? b", 3, 1, "else"),
    ("a \\\n b", 3, 1, "no backslash"),
    ("@a", 1, 1, ""),
    ("“won”", 1, 1, "straight quotes"),
    ("a — b", 3, 1, "`-`"),
    ("SQL→Win", 4, 1, "backticks"),
    ("GM% > 3", 1, 3, "`` `GM%` ``"),
    ("(a) % 3", 5, 1, "`%` follows a number"),
    ("a.b", 2, 1, "backticks"),
    ("(a).b", 4, 1, ""),
    ("1.b", 1, 2, "`1.0`"),
    ("1.2.3", 1, 4, ""),
    ("'abc", 1, 1, ""),
    ('"a\nb"', 1, 1, ""),
    ("`abc", 1, 1, ""),
    ("``", 1, 2, ""),
    ("P(a", 1, 2, "P(Route<2m)"),
    ("f'a'", 1, 1, "quotes alone"),
    ("'a' 'b'", 5, 3, ""),
    ("'\\x41'", 2, 2, "escapes"),
    ("None", 1, 4, "is_missing"),
    ("x is y", 3, 2, "`==`"),
    ("lambda: 1", 1, 6, "functions"),
    ("[x for x in y]", 4, 3, "loops"),
    ("import os", 1, 6, ""),
    ("await x", 1, 5, ""),
    ("1,000", 1, 5, "`1_000`"),
    ("$1,000.50", 1, 9, "`$1_000.50`"),
    ("min(x, 1,200)", 8, 5, "space after the comma"),
    ("0,5", 1, 3, "`0.5`"),
    ("2x", 1, 2, "`2 * x`"),
    ("2 x", 1, 3, "operator between"),
    ("24 h", 1, 4, "`24h`"),
    ("24H", 1, 3, "`24h`"),
    ("2M", 1, 2, "`2_000_000`"),
    ("10k", 1, 3, "`10_000`"),
    ("30 min", 1, 6, "`30m`"),
    ("3 moths", 1, 7, "`months`"),
    ("1h30", 1, 4, "1h30m"),
    ("30m1h", 1, 5, "1h30m"),
    ("1h1h", 1, 4, "1h30m"),
    ("5%x", 1, 3, "operator"),
    ("$1m", 1, 3, "`$1M`"),
    ("$1B", 1, 3, "`$1_000M`"),
    ("$x", 1, 1, "`$3`"),
    ("$-3", 1, 1, "`-$3`"),
    ("3$", 1, 2, "`$3`"),
    ("$5%", 1, 3, ""),
    ("€3", 1, 2, "USD"),
    ("3 EUR", 1, 5, "USD"),
    ("5.", 1, 2, "`5.0`"),
    ("1__0", 1, 4, ""),
    ("007", 1, 3, ""),
    ("1e999", 1, 5, ""),
    ("1e-320", 1, 6, ""),
    ("$1e305M", 1, 7, ""),
    ("1e99999", 1, 7, ""),
    ("9007199254740993", 1, 16, "larger unit"),
    ("5–10%", 1, 5, "[5, 10%]"),
    ("a\u200bb", 2, 1, "type the text anew"),
    ("a\u202eb", 2, 1, "type the text anew"),
    ("\ufeffa", 1, 1, "type the text anew"),
    ("a\x00b", 2, 1, "type the text anew"),
    ("a\x0cb", 2, 1, "type the text anew"),
    ("'\x1b'", 2, 1, "type the text anew"),
    ("'\ud800'", 2, 1, "type the text anew"),
    ("a\u2028b", 2, 1, "type the text anew"),
    ("cac\u0332", 4, 1, "as one"),
]


@pytest.mark.parametrize(("text", "column", "width", "hint"), REFUSED, ids=[plain(repr(row[0])[:30]) for row in REFUSED])
def test_refused(text: Any, column: Any, width: Any, hint: Any) -> None:
    """Something outside the language would be accepted, or pointed at in the wrong place, or without what to write instead."""
    with pytest.raises(ExpressionError) as caught:
        tokens(text)
    assert (1, column, width) == (caught.value.line, caught.value.column, caught.value.width)
    assert hint in caught.value.hint
    assert bool(hint) <= bool(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("саc", "cac"),  # Cyrillic with Latin
        ("сас", "cac"),  # Cyrillic alone
        ("CΑC", "CAC"),  # a Greek capital
        ("wın_rate", "win_rate"),  # a dotless i
        ("ｃａｃ", "cac"),  # full width
        ("𝐜𝐚𝐜", "cac"),  # mathematical bold
        ("ﬁt", "fit"),  # a ligature
        ("a一b", "a-b"),  # an ideograph like a dash
    ],
)
def test_look_alike_is_refused_with_the_name_meant(text: Any, meant: Any) -> None:
    """A disguised name would be a second metric that nobody can tell from the first."""
    with pytest.raises(ExpressionError) as caught:
        tokens(text)
    assert f"did you mean `{meant}`?" == caught.value.hint


@pytest.mark.parametrize("text", ["ɑbc", "x²", "x½", "aאב", "a١", "ᏟᎪᏟ", "e\u0301x"])
def test_letters_that_can_pass_for_others_are_refused(text: Any) -> None:
    """Phonetic, right-to-left, exotic or not normalised letters would be part of a name."""
    with pytest.raises(ExpressionError):
        tokens(text)


def test_place_in_a_text_of_several_lines() -> None:
    """An error in a YAML block of several lines would point at the wrong line."""
    with pytest.raises(ExpressionError) as caught:
        tokens("a and\r\n  b.c")
    assert (2, 4) == (caught.value.line, caught.value.column)
    assert "      b.c\n       ^" == caught.value.excerpt
    assert [(1, 1), (2, 1), (3, 1)] == [place("a\nb\rc", offset) for offset in (0, 2, 4)]


def test_length_is_capped_at_its_limit() -> None:
    """A text at the cap would be refused, or one beyond it worked on."""
    assert 2 == len(tokens("a" * MAX_LENGTH))
    with pytest.raises(ExpressionError, match="at most 2,000 characters, this one 2,001"):
        tokens("a" * (MAX_LENGTH + 1))


def test_words_are_capped_at_their_limit() -> None:
    """A text at the cap would be refused, or one beyond it worked on."""
    assert MAX_TOKENS + 1 == len(tokens("-" * MAX_TOKENS))
    with pytest.raises(ExpressionError, match="at most 500 words"):
        tokens("-" * (MAX_TOKENS + 1))


@pytest.mark.parametrize("text", [None, 3, True, b"a", ["a"]])
def test_what_is_no_text_is_refused(text: Any) -> None:
    """A YAML number or null in place of an expression would end in another exception."""
    with pytest.raises(ExpressionError, match="an expression is a text"):
        tokens(text)


def test_a_subclass_of_str_has_no_say() -> None:
    """A text with methods of its own could show the checks one thing and the reader another."""

    class Sly(str):
        __slots__ = ()

        def isprintable(self: Any) -> Any:
            return True

    with pytest.raises(ExpressionError, match=r"U\+0000"):
        tokens(Sly("a\x00"))


def test_dollar_of_another_dollar_currency() -> None:
    """`$` in a Canadian rule book would be refused, `€` in a Swiss one accepted."""
    assert "CAD" == str(tokens("$3", currency="CAD")[0].unit)
    assert "EUR" == str(tokens("€3", currency="EUR")[0].unit)
    with pytest.raises(ExpressionError, match="is in USD, but the rule book's money is in EUR"):
        tokens("$3", currency="EUR")


def test_normal_label() -> None:
    """Two spellings of one label would be two labels."""
    assert normal_label("CAC / SQO") == normal_label("CAC/SQO")
    assert normal_label("P(Route ≤ 2m)") == normal_label("P(Route<=2m)")
    assert normal_label("GM%") != normal_label("gm%")


def test_holdable() -> None:
    """A literal that overflows, or that lost digits below the normal range, would be compared."""
    assert [True, True, False, False] == [holdable(Fraction(value)) for value in ("0", "-1e308", "2e308", "1e-308")]


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_tokens_cover_the_text_in_order(text: Any) -> None:
    """A part of the author's text would be dropped, or read twice."""
    try:
        found = tokens(text)
    except ExpressionError:
        return
    ends = [0, *(token.end for token in found)]
    gaps = [text[end : token.start] for end, token in zip(ends, found, strict=False) if token.start >= end]
    assert "" == "".join(gaps).strip()
