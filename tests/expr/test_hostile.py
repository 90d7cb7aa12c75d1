"""Any text at all has a documented meaning or raises `ExpressionError`: nothing else, in a bounded number of steps."""

from __future__ import annotations

import gc
import linecache
import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decision_os as dos
from decision_os.calendars import parse_cadence
from decision_os.errors import ExpressionError
from decision_os.expr import analyse, compile_threshold
from decision_os.slo import parse_slo
from decision_os.units import parse_unit
from decision_os.wire.book import read_book
from decision_os.wire.nodes import MapNode, ScalarNode, SeqNode, read_nodes
from tests.expr import hostile, safety

LARGEST = (
    *("+".join(["a"] * 100), "a/(b+" * 45 + "c" + ")" * 45 + " > 3", "a" + " < b+c" * 99, " and ".join(["a+b<c"] * 70), "a if b<c else " * 45 + "d"),
    *(" and ".join(["(a+b<c*d or d/a>1)"] * 28), "min(" * 40 + "a" + ",b)" * 40 + " > 3", "((a**8)**8)**5", " and ".join(f"n{i}>{i}" for i in range(120))),
    *(
        " and ".join(["t<1h30m"] * 100),
        "a and " * 249 + "a",
        "abs(" * 48 + "a" + ")" * 48,
        "not " * 48 + "(a<b)",
        "0." + "1" * 1990 + " > a",
        "mni" * 600 + "(a)",
    ),
    *("coalesce(" * 40 + "a" + ",b)" * 40 + " > 1", "`" + "x" * 1997 + "`", 's == "' + "x" * 1990 + '"', "a in {" + ", ".join(map(str, range(240))) + "}"),
)
"""What costs most, within the caps."""

CALLS = {"compile": 150_000, "compile_threshold": 150_000, "units": 400_000, "evaluate": 150_000, "explain": 1_000_000, "columns": 400_000, "canonical": 30_000}
"""About twice of what the largest of them take today: a step that becomes quadratic is far beyond it."""


def test_every_known_attempt_is_read_or_refused() -> None:
    """A look-alike, an invisible character, a nest or a break-out would end in another exception, or mean something."""
    met = {safety.examined(text, whole=False) for text in hostile.fixed()}
    assert {"read", "refused"} == met


def test_every_piece_of_a_text_is_read_or_refused() -> None:
    """A text that was cut off, or lacks one character, would end in another exception."""
    met = {safety.examined(text, whole=False) for text in hostile.pieces(2)}
    assert {"read", "refused"} == met


def test_random_hostile_texts_are_read_or_refused() -> None:
    """Some mixture would end in another exception; or what was read of it could not be explained or made columns of."""
    met = [safety.examined(text) for text in islice(hostile.texts(random.Random(20261006)), 500)]
    assert len(met) // 20 < met.count("read") < len(met) // 2


@pytest.mark.parametrize("text", LARGEST, ids=range(len(LARGEST)))
def test_steps_are_bounded(text: str) -> None:
    """A text within the caps would keep a machine busy: a step that grows faster than the text does."""
    meter = safety.CallMeter()
    safety.examined(text, meter)
    assert {} == {what: calls for what, calls in meter.most.items() if calls > CALLS[what]}


@pytest.mark.parametrize("text", hostile.NO_TEXTS, ids=lambda value: type(value).__name__)
def test_what_is_no_text_is_refused(text: Any) -> None:
    """A number or bytes given as an expression would end in an exception about the inside of the library."""
    for read in (dos.compile, compile_threshold):
        with pytest.raises(ExpressionError, match="an expression is a text"):
            read(text)
    assert "bad-expression" == analyse(text).issues[0].code


@pytest.mark.parametrize("read", [dos.compile, compile_threshold])
def test_a_subclass_of_text_is_its_characters(read: Callable[..., dos.Expression]) -> None:
    """An object could show the caps one text and the evaluator another."""
    expression = read(hostile.Shouting("a > 3"))
    assert (str, "a > 3", True) == (type(expression.text), expression.text, expression.evaluate({"a": 4}))
    with pytest.raises(ExpressionError, match="at most"):
        read(hostile.Shouting("a" * 2_001))
    with pytest.raises(ExpressionError, match="no attributes") as caught:
        read(hostile.Shouting("a.b"))
    assert "a.b" in str(caught.value)


FOUND = (
    "P(a` b)",
    "P(`a`) > 3",
    '""',
    "2w!=1d",
    "x in [1 month, 1 year] and t < 3w + 1s",
)
"""Texts that once did otherwise."""


@pytest.mark.parametrize("text", FOUND)
def test_what_was_found_stays_mended(text: str) -> None:
    """A mistake that was found by a hostile text would come back."""
    safety.examined(text)


def test_an_excerpt_is_no_wider_than_a_screen() -> None:
    """Hundreds of findings in one long line would each show the whole of it."""
    issues = analyse("a and " * 249 + "a", units={"a": "USD"}).issues
    assert 250 == len(issues)
    assert all(len(line) <= 124 for issue in issues for line in issue.excerpt.splitlines())


def test_texts_that_are_gone_leave_nothing_behind() -> None:
    """A service that reads texts of its users would keep the source of each for ever."""

    def read() -> None:
        for number in range(20):
            dos.compile(f"a > {number} and b < {number} * c").evaluate({"a": 1, "b": 2, "c": 3})

    read()
    gc.collect()
    before = len(linecache.cache)
    read()
    gc.collect()
    assert before >= len(linecache.cache)


# ── the other small languages ────────────────────────────────────────────────────────────────────────────────────────────────────

SMALL: dict[str, tuple[Callable[[Any], object], tuple[str, ...]]] = {
    "units": (parse_unit, ("USD/seat/month", "USD per seats / months", "count^2*share", "1/month", "percent")),
    "freshness objectives": (parse_slo, ("P(MetricAge<24h)≥0.98", "P(MetricAge < 1h30m) >= 98%")),
    "cadences": (parse_cadence, ("1st Wed 13:00 ET", "Tue 10:00", "Q-10d", "last Fri 09:30 Europe/Berlin")),
}
ODD = "²³٣½①Ⅷ\x00\ud800\u202e\u200b\u00a0\u2028é\u0301ﬁµΩ∞%^*/·-–−.:0129ETQdhms()<≤≥ "


@pytest.mark.parametrize("language", SMALL)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_small_languages_read_or_refuse(language: str, data: st.DataObject) -> None:
    """A unit, an objective or a cadence in a rule file would end the loading instead of being one finding."""
    parse, valid = SMALL[language]
    text = data.draw(st.sampled_from(valid))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(ODD, max_size=3) | st.text(max_size=2)) + text[at + data.draw(st.integers(0, 2)) :]
    safety.parsed(parse, text)


@pytest.mark.parametrize("language", SMALL)
def test_small_languages_meet_every_hostile_text(language: str) -> None:
    """As above, for texts that are made to harm."""
    parse, valid = SMALL[language]
    assert all(safety.parsed(parse, text) for text in valid)
    digits = "9" * 5_000
    for text in (*hostile.fixed(), *islice(hostile.texts(random.Random(7)), 1_000), digits, f"P(aAge<{digits}h)≥1", f"Q-{digits}d"):
        safety.parsed(parse, text)
    for value in hostile.NO_TEXTS:
        safety.parsed(parse, value)


YAML = (
    b"rule_book: {id: x, zone: UTC}\nsources:\n  a: &b {max_age: 24h}\nmetrics:\n  m: !t {unit: USD, formula: [a, *b]}\n"
    b"  ? {k: 1}\n  : >5\n--- |\n \x00\t%@`\xff\xfe"
)
PIECES = [YAML[start : start + 9] for start in range(0, len(YAML), 9)]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_or_reported(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A rule file that is broken anyhow would end in an exception of the YAML library, or in one of Python's."""
    raw = YAML
    for _ in range(data.draw(st.integers(0, 6))):
        at, less = data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, 30))
        raw = raw[:at] + data.draw(st.binary(max_size=4) | st.sampled_from(PIECES)) + raw[at + less :]
    text = raw.decode("utf-8", "surrogateescape")
    node, issues = read_nodes(text, "x.yaml")
    assert isinstance(node, MapNode | SeqNode | ScalarNode | None)
    assert all(str(issue) and issue.where.line >= 1 for issue in issues)
    folder = _folder(tmp_path_factory)
    (folder / "rules.yaml").write_bytes(raw)
    assert all(str(issue) for issue in read_book(folder).issues)


_made: list[Path] = []


def _folder(factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    if not _made:
        _made.append(factory.mktemp("bytes"))
    return _made[0]
