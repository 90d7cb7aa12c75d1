"""Units: how they are written, combined, converted and shown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_os.errors import UnitError
from decision_os.units import (
    CURRENCIES,
    PERCENT,
    PP,
    RATIO,
    SHARE,
    Unit,
    aligned,
    conversion,
    divided,
    format_value,
    multiplied,
    parse_unit,
)

ATOMS = ("USD", "EUR", "seat", "lead", "count", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
FACTORS = st.dictionaries(st.sampled_from(ATOMS), st.integers(-3, 3), max_size=4)
PRODUCTS = FACTORS.map(lambda powers: Unit(tuple(powers.items())))
ANY_UNIT = PRODUCTS | st.sampled_from((SHARE, PP, PERCENT))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("USD", "USD"),
        ("USD/seat/month", "USD/seat/month"),
        ("USD / seats / months", "USD/seat/month"),
        ("USD per seat per month", "USD/seat/month"),
        ("USD/month/seat", "USD/seat/month"),
        ("seat*USD", "USD*seat"),
        ("seat·USD", "USD*seat"),
        ("USD^2", "USD^2"),
        ("USD**2/seat^3", "USD^2/seat^3"),
        ("USD^-1", "1/USD"),
        ("USD/USD", "ratio"),
        ("hours", "hours"),
        ("hour", "hours"),
        ("month", "months"),
        ("1/months", "1/month"),
        ("share/month", "1/month"),
        ("ratio", "ratio"),
        ("1", "ratio"),
        ("share", "share"),
        ("shares", "share"),
        ("pp", "pp"),
        ("percent", "percent"),
        ("counts", "count"),
        ("opportunities", "opportunity"),
        ("accounts", "account"),
        ("class", "class"),
        ("tear", "tear"),
    ],
)
def test_parse_unit(text: Any, canonical: Any) -> None:
    """A declared unit would be read as another one."""
    assert canonical == str(parse_unit(text))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("monts", "did you mean `months`?"),
        ("mnoths", "did you mean `months`?"),
        ("shre", "did you mean `share`?"),
        ("UDS", "did you mean `USD`?"),
        ("usd", "did you mean `USD`?"),
        ("eur/seat", "did you mean `EUR`?"),
        ("dollars", "did you mean `USD`?"),
        ("dayz", "did you mean `days`?"),
        ("hourz", "did you mean `hours`?"),
        ("text", "is a kind of value, not a unit"),
        ("any", "is a kind of value, not a unit"),
        ("USD/int", "in `USD/int` is a kind of value"),
        ("USD/monts", "in `USD/monts`"),
        ("SQO", "lower case: `sqo`"),
        ("Seats", "lower case: `seats`"),
        ("h", "did you mean `hours`?"),
        ("min", "did you mean `minutes`?"),
        ("%", "did you mean `share`?"),
        ("$", "did you mean `USD`?"),
        ("USD//seat", "is not a unit"),
        ("USD/", "is not a unit"),
        ("USD/pp", "pp stands alone"),
        ("USD^999", "is not a unit"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("a" * 81, "too long"),
        ("сеат", "is not a unit"),
    ],
)
def test_unreadable_unit_says_what_was_meant(text: Any, part: Any) -> None:
    """A misspelled unit would become a counted thing, or be refused without a hint."""
    with pytest.raises(UnitError) as caught:
        parse_unit(text)
    assert part in str(caught.value)


@pytest.mark.parametrize("text", [None, 3, ["USD"]])
def test_a_unit_is_a_text(text: Any) -> None:
    """A YAML number in place of a unit would end in another exception."""
    with pytest.raises(UnitError, match="a unit is a text"):
        parse_unit(text)


@given(ANY_UNIT)
def test_the_canonical_text_reads_back(unit: Any) -> None:
    """A unit written into a record would read back as another one."""
    assert unit == parse_unit(str(unit))
    assert hash(unit) == hash(parse_unit(str(unit)))


@given(PRODUCTS, PRODUCTS)
def test_dividing_undoes_multiplying(left: Any, right: Any) -> None:
    """The unit of a product over one factor would not be the other's."""
    assert left == divided(multiplied(left, right), right)


@given(PRODUCTS)
def test_anything_over_itself_is_a_ratio(unit: Any) -> None:
    """CAC over CAC would still be money."""
    assert divided(unit, unit) == RATIO


@pytest.mark.parametrize(
    ("left", "right", "product", "quotient"),
    [
        (SHARE, SHARE, SHARE, RATIO),
        (SHARE, RATIO, SHARE, SHARE),
        (SHARE, PERCENT, SHARE, RATIO),
        (PP, SHARE, PP, RATIO),
        (PP, RATIO, PP, PP),
        (PERCENT, PERCENT, PERCENT, RATIO),
        (PERCENT, RATIO, RATIO, PERCENT),
        (parse_unit("USD"), SHARE, parse_unit("USD"), parse_unit("USD")),
        (parse_unit("USD"), parse_unit("seat"), parse_unit("USD*seat"), parse_unit("USD/seat")),
        (RATIO, parse_unit("months"), parse_unit("months"), parse_unit("1/month")),
    ],
)
def test_products_and_quotients(left: Any, right: Any, product: Any, quotient: Any) -> None:
    """A product or a quotient of parts would have another unit than it has on paper."""
    assert (product, quotient) == (multiplied(left, right), divided(left, right))


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("hours", "minutes", Fraction(60)),
        ("minutes", "hours", Fraction(1, 60)),
        ("weeks", "days", Fraction(7)),
        ("days", "seconds", Fraction(86400)),
        ("years", "quarters", Fraction(4)),
        ("quarters", "months", Fraction(3)),
        ("USD/hour", "USD/day", Fraction(24)),
        ("seat", "seat", Fraction(1)),
        ("months", "days", None),
        ("USD", "EUR", None),
        ("USD", "USD/seat", None),
        ("share", "pp", None),
        ("share", "ratio", None),
    ],
)
def test_conversion(source: Any, target: Any, factor: Any) -> None:
    """Durations would convert by another factor, or a month would have a fixed number of days."""
    assert factor == conversion(parse_unit(source), parse_unit(target))


@given(PRODUCTS, PRODUCTS)
def test_conversion_and_back(left: Any, right: Any) -> None:
    """Converting there and back would change the number."""
    there, back = conversion(left, right), conversion(right, left)
    assert (there is None) == (back is None)
    assert there is None or back is None or there * back == 1


def test_aligned_durations_cancel() -> None:
    """Dollars a day times hours would not be dollars."""
    hours, rate = parse_unit("hours"), parse_unit("USD/day")
    unit, factor = aligned(hours, rate)
    assert (parse_unit("USD"), Fraction(1, 24)) == (multiplied(hours, unit), factor)
    assert (rate, Fraction(1)) == aligned(parse_unit("months"), rate)


def test_what_a_unit_is_made_of() -> None:
    """Money per seat would not be known as money, or a rate as no duration."""
    unit = parse_unit("USD/seat/month")
    assert ("USD", "", False, False) == (unit.currency, unit.duration, unit.counts, unit.dimensionless)
    assert {"money", "thing", "calendar"} == unit.families()
    assert ("hour", True, True) == (parse_unit("hours").duration, parse_unit("lead/seat").counts, SHARE.dimensionless)
    assert "" == parse_unit("1/USD").currency
    assert [True, True, True, False, False, False, False] == [
        parse_unit(text).whole for text in ("count", "seats", "lead", "lead/seat", "1/seat", "USD", "day")
    ]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (3.2, "USD", "$3.20"),
        (3.0, "USD", "$3"),
        (-3.2, "USD", "-$3.20"),
        (10_000, "USD", "$10,000"),
        (0.1 + 0.2, "USD", "$0.30"),
        (2.9999999, "USD", "$2.9999999"),
        (1e-12, "USD", "$1e-12"),
        (3.2, "USD/seat", "$3.20/seat"),
        (12, "USD/seat/month", "$12/seat/month"),
        (3, "USD*seat", "$3 seat"),
        (3.5, "EUR", "€3.50"),
        (3.5, "CHF", "CHF 3.50"),
        (0.052, "share", "5.2%"),
        (0.05, "percent", "5%"),
        (0.995, "share", "99.5%"),
        (0.02, "pp", "+2.0pp"),
        (-0.05, "pp", "-5.0pp"),
        (0.0, "pp", "+0.0pp"),
        (0.5, "months", "0.5 months"),
        (1, "months", "1 month"),
        (24, "hours", "24h"),
        (2, "minutes", "2m"),
        (14, "days", "14d"),
        (1200, "count", "1,200"),
        (1, "seats", "1 seat"),
        (5, "seats", "5 seats"),
        (5, "opportunities", "5 opportunities"),
        (2, "days", "2d"),
        (3, "lead/day", "3 lead/day"),
        (1.23456, "ratio", "1.2346"),
        (123456.789123, "ratio", "123,456.79"),
        (100.00001, "ratio", "100.00001"),
        (-0.0, "ratio", "0"),
        (1e20, "ratio", "100,000,000,000,000,000,000"),
        (float("inf"), "USD", "inf"),
    ],
)
def test_format_value(value: Any, unit: Any, shown: Any) -> None:
    """A value would be shown to people in another form, or one just below a threshold as equal to it."""
    assert shown == format_value(value, parse_unit(unit))


def test_format_without_a_unit() -> None:
    """A metric of undeclared unit could not be shown."""
    assert "0.9" == format_value(0.9, None)


@given(st.floats(allow_nan=False, allow_infinity=False), ANY_UNIT)
def test_only_whole_numbers_look_whole(value: Any, unit: Any) -> None:
    """2.9999999 beside `>= 3` would be shown as 3 and be called too small."""
    shown = format_value(value, unit)
    assert isinstance(shown, str)
    plain = format_value(value, None).replace(",", "")
    if float(plain).is_integer():
        assert abs(float(plain) - value) <= 1e-11 * abs(value)


def test_currencies_are_codes() -> None:
    """A currency code would be misspelled in the table."""
    assert all(len(code) == 3 and code.isupper() for code in CURRENCIES)
