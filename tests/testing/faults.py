"""Two hundred rules with a fault planted at a boundary, each with what is meant, said apart from the rule.

What is meant is Python over exact fractions of the decimal text of the inputs, with thresholds of its own: it shares nothing with the rule book, the engine or
the strategies. It says nothing (None) where two sides differ by no more than rounding may hide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

import attrs

__all__ = ["FAULTS", "RULES", "Fault", "Rule"]

Kind: TypeAlias = tuple[str, str]
Meant: TypeAlias = Callable[[Mapping[str, Any]], bool | None]

SHARE: Kind = ("share", "[0, 1]")
MONEY: Kind = ("USD", "[0, 1000000]")
COUNT: Kind = ("count", "[0, 100000]")
RATIO: Kind = ("ratio", "[-100, 100]")
MONTHS: Kind = ("months", "[0, 120]")
HOURS: Kind = ("hours", "[0, 10000]")
POINTS: Kind = ("pp", "[-1, 1]")
FLAG: Kind = ("flag", "")


@attrs.frozen(kw_only=True)
class Rule:
    """A sound rule, what it means, and the faults that somebody could write instead."""

    name: str
    inputs: Mapping[str, Kind]
    when: str
    meant: Meant
    faulty: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Fault:
    """One of them."""

    rule: Rule
    when: str

    @property
    def name(self) -> str:
        """What is written, and what is meant."""
        return f"{self.when} for {self.rule.when}"


# ── what is meant ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def exact(value: Any) -> Fraction:
    """A number as it is written."""
    return Fraction(str(value))


def compared(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None for what rounding may hide."""
    one, other = (Fraction(side) if isinstance(side, Fraction | int) else exact(side) for side in (left, right))
    if one == other:
        return 0
    return None if abs(one - other) <= Fraction(1, 10**14) * max(abs(one), abs(other)) else -1 if one < other else 1


def at_least(left: Any, right: Any) -> bool | None:
    """left ≥ right."""
    found = compared(left, right)
    return None if found is None else found >= 0


def above(left: Any, right: Any) -> bool | None:
    """left > right."""
    found = compared(left, right)
    return None if found is None else found > 0


def opposite(answer: bool | None) -> bool | None:
    """Not."""
    return None if answer is None else not answer


def every(*answers: bool | None) -> bool | None:
    """All of them, by Kleene."""
    return False if False in answers else None if None in answers else True


def some(*answers: bool | None) -> bool | None:
    """Any of them, by Kleene."""
    return True if True in answers else None if None in answers else False


F = Fraction


def _one_threshold() -> Iterator[Rule]:
    for kind, texts in (
        (SHARE, (("0.995", "0.994", "0.9951"), ("2%", "2.1%", "1.99%"), ("0.3", "0.31", "0.3001"))),
        (MONEY, (("$3", "$3.01", "$2.99"), ("$50k", "$50001", "$49999.99"), ("$999.99", "$1000", "$999.9"))),
        (COUNT, (("30", "31", "29"), ("1000", "1001", "999"))),
        (RATIO, (("-0.3", "-0.29", "-0.3001"), ("1.2", "1.21", "1.1999"))),
        (MONTHS, (("12 months", "13 months", "11.99 months"),)),
        (HOURS, (("24h", "25h", "23.99h"),)),
    ):
        for text, more, less in texts:
            number = _plain(text)
            yield Rule(
                name=f"at least {text}",
                inputs={"x": kind},
                when=f"x >= {text}",
                meant=lambda v, t=number: at_least(v["x"], t),  # type: ignore[misc]  # of this round
                faulty=(f"x > {text}", f"x >= {more}", f"x >= {less}", f"not x <= {text}"),
            )
            yield Rule(
                name=f"below {text}",
                inputs={"x": kind},
                when=f"x < {text}",
                meant=lambda v, t=number: opposite(at_least(v["x"], t)),  # type: ignore[misc]  # as above
                faulty=(f"x <= {text}", f"x < {more}", f"x < {less}"),
            )


def _plain(text: str) -> Fraction:
    number = text.split(" ", maxsplit=1)[0].strip("$h")
    if number.endswith("%"):
        return Fraction(number[:-1]) / 100
    return Fraction(number[:-1]) * 1000 if number.endswith("k") else Fraction(number)


def _intervals() -> Iterator[Rule]:
    for kind, low, high in ((RATIO, "-1.0", "-0.3"), (SHARE, "0.2", "0.4"), (MONTHS, "6 months", "18 months")):
        a, b = _plain(low), _plain(high)
        yield Rule(
            name=f"from {low} to {high}",
            inputs={"x": kind},
            when=f"x in [{low}, {high}]",
            meant=lambda v, a=a, b=b: every(at_least(v["x"], a), at_least(b, v["x"])),  # type: ignore[misc]  # of this round
            faulty=(f"x in ({low}, {high}]", f"x in [{low}, {high})", f"x in ({low}, {high})", f"x >= {low} or x <= {high}"),
        )
        yield Rule(
            name=f"outside {low} to {high}",
            inputs={"x": kind},
            when=f"x < {low} or x > {high}",
            meant=lambda v, a=a, b=b: some(above(a, v["x"]), above(v["x"], b)),  # type: ignore[misc]  # as above
            faulty=(f"x <= {low} or x > {high}", f"x < {low} or x >= {high}", f"x < {low} and x > {high}", f"x not in ({low}, {high})"),
        )


def _several_inputs() -> Iterator[Rule]:
    two = {"cac": MONEY, "base": MONEY}
    yield Rule(
        name="90 % of a baseline",
        inputs=two,
        when="cac <= base * 0.9",
        meant=lambda v: at_least(exact(v["base"]) * F("0.9"), v["cac"]),
        faulty=("cac < base * 0.9", "cac <= base * 0.89", "cac <= base * 0.9001", "cac < base", "cac <= base * 0.9 + 0.01", "cac <= base"),
    )
    yield Rule(
        name="120 % of a baseline",
        inputs=two,
        when="cac >= base * 1.2",
        meant=lambda v: at_least(v["cac"], exact(v["base"]) * F("1.2")),
        faulty=("cac > base * 1.2", "cac >= base * 1.21", "cac >= base * 1.19", "cac >= base + 1.2", "cac * 1.2 >= base"),
    )
    yield Rule(
        name="two points above a baseline",
        inputs={"win": SHARE, "base": SHARE},
        when="win >= base + 2pp",
        meant=lambda v: at_least(v["win"], exact(v["base"]) + F("0.02")),
        faulty=("win > base + 2pp", "win >= base * 1.02", "win >= base + 0.2pp", "win >= base + 2.1pp", "win >= base - 2pp"),
    )
    yield Rule(
        name="a difference",
        inputs={"a": MONTHS, "b": MONTHS},
        when="a - b >= 1 month",
        meant=lambda v: at_least(exact(v["a"]) - exact(v["b"]), 1),
        faulty=("a - b > 1 month", "b - a >= 1 month", "abs(a - b) >= 1 month", "a - b >= 1.01 months"),
    )
    yield Rule(
        name="a product of two",
        inputs={"price": MONEY, "step": SHARE, "floor": MONEY},
        when="price * step >= floor",
        meant=lambda v: at_least(exact(v["price"]) * exact(v["step"]), v["floor"]),
        faulty=("price * step > floor", "price * (1 + step) >= floor", "price * step >= floor + $1", "price * step >= floor * 1.001"),
    )
    yield Rule(
        name="a quotient",
        inputs={"ltv": MONEY, "cac": ("USD", "[1, 100000]")},
        when="ltv / cac >= 3",
        meant=lambda v: at_least(exact(v["ltv"]), 3 * exact(v["cac"])),
        faulty=("ltv / cac > 3", "ltv / cac >= 3.01", "ltv / cac >= 2.99", "cac / ltv >= 3", "ltv >= cac * 3.0001"),
    )
    yield Rule(
        name="near one another",
        inputs={"a": SHARE, "b": SHARE},
        when="abs(a - b) <= 5pp",
        meant=lambda v: at_least(F("0.05"), abs(exact(v["a"]) - exact(v["b"]))),
        faulty=("abs(a - b) < 5pp", "a - b <= 5pp", "abs(a - b) <= 5.1pp", "a in b ± 5%"),
    )
    yield Rule(
        name="the worse of two",
        inputs={"a": MONTHS, "b": MONTHS},
        when="max(a, b) <= 12 months",
        meant=lambda v: every(at_least(12, v["a"]), at_least(12, v["b"])),
        faulty=("max(a, b) < 12 months", "min(a, b) <= 12 months", "a <= 12 months", "max(a, b) <= 12.01 months"),
    )
    yield Rule(
        name="a part of a whole",
        inputs={"part": COUNT, "whole": ("count", "[1, 100000]")},
        when="part / whole >= 0.25",
        meant=lambda v: at_least(4 * exact(v["part"]), v["whole"]),
        faulty=(
            "part / whole > 0.25",
            "part / whole >= 0.26",
            "part / whole >= 0.2501",
            "part >= whole * 0.2499",
            "whole / part >= 0.25",
            "part > whole / 4",
        ),
    )
    yield Rule(
        name="capacity",
        inputs={"capacity": COUNT, "volume": COUNT},
        when="capacity >= volume",
        meant=lambda v: at_least(v["capacity"], v["volume"]),
        faulty=("capacity > volume", "capacity >= volume + 1", "capacity + 1 >= volume", "volume >= capacity"),
    )
    yield Rule(
        name="within a band of a forecast",
        inputs={"rate": MONEY, "forecast": MONEY},
        when="rate in forecast ± 5%",
        meant=lambda v: every(at_least(v["rate"], exact(v["forecast"]) * F("0.95")), at_least(exact(v["forecast"]) * F("1.05"), v["rate"])),
        faulty=("rate in forecast ± 5", "rate in forecast ± 4.9%", "rate in (forecast * 0.95, forecast * 1.05]", "rate >= forecast * 0.95"),
    )
    yield Rule(
        name="a weighted sum",
        inputs={"a": MONEY, "b": MONEY, "c": MONEY},
        when="0.25 * a + 0.75 * b <= c",
        meant=lambda v: at_least(exact(v["c"]), exact(v["a"]) / 4 + exact(v["b"]) * F("0.75")),
        faulty=("0.25 * a + 0.75 * b < c", "0.75 * a + 0.25 * b <= c", "0.25 * a + 0.74 * b <= c", "0.25 * (a + b) <= c"),
    )


def _joined() -> Iterator[Rule]:
    yield Rule(
        name="both of two",
        inputs={"cac": MONEY, "base": MONEY, "win": SHARE, "was": SHARE},
        when="cac <= base * 0.9 and win >= was + 2pp",
        meant=lambda v: every(at_least(exact(v["base"]) * F("0.9"), v["cac"]), at_least(v["win"], exact(v["was"]) + F("0.02"))),
        faulty=(
            "cac < base * 0.9 and win >= was + 2pp",
            "cac <= base * 0.9 and win > was + 2pp",
            "cac <= base * 0.9 or win >= was + 2pp",
            "cac <= base * 0.91 and win >= was + 2pp",
            "cac <= base * 0.9 and win >= was + 2.1pp",
            "cac <= base * 0.9",
            "win >= was + 2pp",
        ),
    )
    yield Rule(
        name="either of two",
        inputs={"x": SHARE, "n": COUNT},
        when="x < 0.995 or n >= 30",
        meant=lambda v: some(opposite(at_least(v["x"], F("0.995"))), at_least(v["n"], 30)),
        faulty=("x <= 0.995 or n >= 30", "x < 0.995 or n > 30", "x < 0.995 and n >= 30", "x < 0.9949 or n >= 30", "n >= 30"),
    )
    yield Rule(
        name="three of money, time and share",
        inputs={"e": RATIO, "uplift": MONEY, "worse": MONTHS},
        when="e in [-1.0, -0.3] and uplift >= $3 and worse <= 0.5 months",
        meant=lambda v: every(at_least(v["e"], -1), at_least(F("-0.3"), v["e"]), at_least(v["uplift"], 3), at_least(F("0.5"), v["worse"])),
        faulty=(
            "e in (-1.0, -0.3] and uplift >= $3 and worse <= 0.5 months",
            "e in [-1.0, -0.3) and uplift >= $3 and worse <= 0.5 months",
            "e in [-1.0, -0.3] and uplift > $3 and worse <= 0.5 months",
            "e in [-1.0, -0.3] and uplift >= $3 and worse < 0.5 months",
            "e in [-1.0, -0.3] and uplift >= $4 and worse <= 0.5 months",
            "e in [-1.0, -0.3] and uplift >= $3 and worse <= 5 months",
            "e in [-1.0, -0.29] and uplift >= $3 and worse <= 0.5 months",
            "e in [-1.0, -0.3] and uplift >= $3",
        ),
    )
    yield Rule(
        name="a gate and one of two",
        inputs={"match": SHARE, "gini": RATIO, "rate": SHARE, "ready": FLAG},
        when="gini <= 0.2 and (match >= 99.5% or ready) and rate <= 0.5%",
        meant=lambda v: every(at_least(F("0.2"), v["gini"]), some(at_least(v["match"], F("0.995")), bool(v["ready"])), at_least(F("0.005"), v["rate"])),
        faulty=(
            "gini < 0.2 and (match >= 99.5% or ready) and rate <= 0.5%",
            "gini <= 0.2 and (match > 99.5% or ready) and rate <= 0.5%",
            "gini <= 0.2 and (match >= 99.5% and ready) and rate <= 0.5%",
            "gini <= 0.2 and (match >= 99.5% or ready) and rate < 0.5%",
            "gini <= 0.2 and match >= 99.5% and rate <= 0.5%",
            "gini <= 0.2 and (match >= 99.5% or not ready) and rate <= 0.5%",
            "gini <= 0.2 and (match >= 99.5% or ready) and rate <= 0.05%",
            "gini <= 0.2 and (match >= 99% or ready) and rate <= 0.5%",
        ),
    )
    yield Rule(
        name="a threshold that depends",
        inputs={"n": COUNT, "sure": FLAG},
        when="n >= (30 if sure else 60)",
        meant=lambda v: at_least(v["n"], 30 if v["sure"] else 60),
        faulty=("n > (30 if sure else 60)", "n >= (60 if sure else 30)", "n >= (30 if sure else 61)", "n >= 30"),
    )
    yield Rule(
        name="a band with a hole",
        inputs={"x": POINTS},
        when="x in [-10%, 10%] and x not in (-2%, 2%)",
        meant=lambda v: every(at_least(v["x"], F("-0.1")), at_least(F("0.1"), v["x"]), opposite(every(above(v["x"], F("-0.02")), above(F("0.02"), v["x"])))),
        faulty=(
            "x in [-10%, 10%] and x not in [-2%, 2%]",
            "x in (-10%, 10%] and x not in (-2%, 2%)",
            "x in [-10%, 10%) and x not in (-2%, 2%)",
            "x in [-10%, 10%] and x not in (-2%, 2.1%)",
            "x in [-10%, 10%] and x not in (-2%, 2%]",
        ),
    )


RULES = (*_one_threshold(), *_intervals(), *_several_inputs(), *_joined())
FAULTS = tuple(Fault(rule=rule, when=when) for rule in RULES for when in rule.faulty)
