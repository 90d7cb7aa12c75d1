"""The soak in small, and that it can fail: mistakes planted in the evaluators are found."""

from __future__ import annotations

from fractions import Fraction

import pytest

from decision_os.expr.parser import parse
from tests.expr import agreement, mutants, oracle
from tests.expr.soak import SHOWN, soak

QUICK = (
    *("`<` includes equality", "a sum forgets the bounds of its terms", "an input counts as exact", "`min` and `max` change places"),
    *("unknown counts as false in `and` and `or`", "closures: an unknown operand ends `and` and `or`"),
    *(
        "fast path: a literal's boundary is one float off",
        "fast path: a comparison with a literal skips its guard",
        "fast path: a set is tested by float equality",
    ),
)


def test_compiled_reference_and_oracle_agree() -> None:
    """A rule would be decided otherwise than on paper, or than its explanation says."""
    tally, found = soak(20261006, 4_000)
    assert [] == [str(one) for one in found]
    assert [] == [name for name in SHOWN if name != "text" and not tally[name]], "nothing of a kind was met, so nothing was tested of it"
    assert tally["oracle answered"] > 3 * tally["oracle declined"]


@pytest.mark.parametrize("mutant", [pytest.param(one, id=one.name) for one in mutants.MUTANTS if one.name in QUICK])
def test_the_property_finds_a_planted_mistake(mutant: mutants.Mutant) -> None:
    """The property could not fail: it would hold of wrong evaluators as well."""
    kill = mutants.killed(mutant, most=3_000)
    assert kill is not None
    assert kill.comparison in (agreement.COMPILED, agreement.EXACT)


def test_the_real_evaluators_outlive_what_kills_mutants() -> None:
    """Planting itself, not the mistake, would be what the property finds."""
    harmless = mutants.Mutant("nothing changed", "arithmetic", "ROUNDING: Final =", "ROUNDING: Final  =")
    assert mutants.killed(harmless, most=3_000) is None


def test_every_mutant_can_be_planted() -> None:
    """The list would speak of lines that are no longer there."""
    assert len(mutants.MUTANTS) == len({mutant.name for mutant in mutants.MUTANTS}) >= 25
    assert len(QUICK) == len([mutant for mutant in mutants.MUTANTS if mutant.name in QUICK])
    for mutant in mutants.MUTANTS:
        compile(mutant.source, mutant.module, "exec")


def test_a_disagreement_can_be_reproduced() -> None:
    """A finding of a long run would be lost: its case would lack what it takes to run it again."""
    mutant = next(one for one in mutants.MUTANTS if one.name == "an input counts as exact")
    _, found = soak(3, 20_000, mutants.planted(mutant), stop_at=1)
    text, values = found[0].subject.text, dict(found[0].values)
    assert found[0].comparison in (agreement.COMPILED, agreement.EXACT)
    assert repr(text) in str(found[0])
    assert repr(values) in str(found[0])


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a >= 0.27 + 0.02", {"a": 0.29}, True),
        ("a > 0.1 and b > 3", {"a": 0.10000000000000002, "b": 2}, False),
        ("a > 0.1 or b > 2", {"a": 0.10000000000000002, "b": 2.5}, True),
        ("a / (b - 0.1 - 0.2)", {"a": 1, "b": 0.3}, None),
        ("a * b", {"a": 1e300, "b": 1e22}, None),
        ("a / 3", {"a": 1}, Fraction(1, 3)),
    ],
)
def test_the_oracle_speaks(text: str, values: dict[str, float], expected: object) -> None:
    """The oracle would have no opinion where paper has one, or another one."""
    found = oracle.answer(parse(text).tree, values)
    assert expected == (found.value if isinstance(found, oracle.Exact) else found)


@pytest.mark.parametrize(
    ("text", "values"), [("a > 0.1", {"a": 0.10000000000000002}), ("a * b", {"a": 1e-200, "b": 1e-100}), ("a * b", {"a": 1e160, "b": 1e148})]
)
def test_the_oracle_declines(text: str, values: dict[str, float]) -> None:
    """The oracle would claim to know what rounding hides, and call a right evaluator wrong."""
    with pytest.raises(oracle.TooClose):
        oracle.answer(parse(text).tree, values)
