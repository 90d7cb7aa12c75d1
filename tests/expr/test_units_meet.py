"""Units through every operation: one table of what may meet, and what is said where it may not, both units and their sources in it."""

from __future__ import annotations

import pytest

import decision_os as dos
from decision_os.expr import analyse
from decision_os.units import parse_unit
from tests.named import plain

UNITS = {
    "price": "USD",
    "eprice": "EUR",
    "seatp": "USD/seat",
    "seats": "seats",
    "mrr": "USD/month",
    "arr": "USD/year",
    "payback": "months",
    "age": "hours",
    "late": "days",
    "rate": "share",
    "base": "share",
    "lift": "pp",
    "ratio": "ratio",
    "n": "count",
    "leads": "leads",
}
"""The units of names; `plain` has none, and is not checked."""

# What is written, the code of what is found (none: the units meet), and the message.
CASES = [
    ("price + payback > 3", "unit-mismatch", "cannot add `price` (USD, as declared) and `payback` (months, as declared)"),
    ("price - eprice > 1", "mixed-currencies", "cannot subtract `price` (USD, as declared) and `eprice` (EUR, as declared)"),
    ("price < eprice", "mixed-currencies", "cannot compare `price` (USD, as declared) and `eprice` (EUR, as declared)"),
    ("min(price, payback) > 1", "unit-mismatch", "cannot choose between `price` (USD, as declared) and `payback` (months, as declared)"),
    ("max(age, late) > 2h", "", ""),
    ("max(age, payback) > 2h", "calendar-duration", "cannot choose between `age` (hours, as declared) and `payback` (months, as declared)"),
    ("clip(price, $1, 2h) > 1", "unit-mismatch", "cannot choose between `price` (USD, as declared) and `2h` (hours, as written)"),
    ("clip(age, 1h, 2d) > 30m", "", ""),
    ("abs(price) > 2h", "unit-mismatch", "cannot compare `abs(price)` (USD, as computed) and `2h` (hours, as written)"),
    ("coalesce(price, payback) > 1", "unit-mismatch", "cannot choose between `price` (USD, as declared) and `payback` (months, as declared)"),
    ("coalesce(rate, 0) > 5%", "", ""),
    ("(price if rate > 5% else payback) > 1", "unit-mismatch", "cannot choose between `price` (USD, as declared) and `payback` (months, as declared)"),
    ("price in [2h, 3h]", "unit-mismatch", "cannot compare `price` (USD, as declared) and `[2h, 3h]` (hours, as written)"),
    ("price in {$1, 2h}", "unit-mismatch", "cannot choose between `$1` (USD, as written) and `2h` (hours, as written)"),
    ("age in [1h, 2d]", "", ""),
    ("age in {1h, 2d}", "", ""),
    ("age in 24h ± 2d", "", ""),
    ("age in 24h ± 2 months", "calendar-duration", "cannot add `24h` (hours, as written) and `2 months` (months, as written)"),
    ("price in base ± 5%", "unit-mismatch", "cannot compare `price` (USD, as declared) and `base ± 5%` (share, as computed)"),
    ("price in price ± $3", "", ""),
    ("price in price ± 3h", "unit-mismatch", "cannot add `price` (USD, as declared) and `3h` (hours, as written)"),
    ("rate in base ± 2pp", "", ""),
    ("rate in base ± 5%", "", ""),
    ("mrr > $3", "money-per-thing", "`$3` is read as USD/month, the unit of `mrr`"),
    ("mrr + arr > 3", "bare-number", "`3` has no unit, and is read in that of `mrr + arr` (USD/year, as computed)"),
    ("mrr > arr", "", ""),
    ("mrr * payback > $3", "", ""),
    ("arr * payback > price", "", ""),
    ("seatp * seats > price", "", ""),
    ("seatp * leads > price", "unit-mismatch", "cannot compare `seatp * leads` (USD*lead/seat, as computed) and `price` (USD, as declared)"),
    ("price / seats > seatp", "", ""),
    ("price / leads > seatp", "unit-mismatch", "cannot compare `price / leads` (USD/lead, as computed) and `seatp` (USD/seat, as declared)"),
    ("seatp > price", "unit-mismatch", "cannot compare `seatp` (USD/seat, as declared) and `price` (USD, as declared)"),
    ("rate + price > 1", "unit-mismatch", "cannot add `rate` (share, as declared) and `price` (USD, as declared)"),
    ("rate - base > 2pp", "", ""),
    ("rate - base > 2%", "percent-for-points", "`2%` is a relative share, but `rate - base` (pp, as computed) is a difference of shares"),
    ("rate > 2pp", "points-for-share", "`2pp` (pp, as written) is a difference of shares, but `rate` (share, as declared) is a share"),
    ("rate * price > $3", "", ""),
    ("rate > payback", "unit-mismatch", "cannot compare `rate` (share, as declared) and `payback` (months, as declared)"),
    ("lift > rate", "points-for-share", "`lift` (pp, as declared) is a difference of shares, but `rate` (share, as declared) is a share"),
    ("lift + rate > 1", "", ""),
    ("rate == ratio", "", ""),
    ("n > leads", "", ""),
    ("n + leads > 3", "", ""),
    ("seats + leads > 3", "unit-mismatch", "cannot add `seats` (seat, as declared) and `leads` (lead, as declared)"),
    ("payback > age", "calendar-duration", "cannot compare `payback` (months, as declared) and `age` (hours, as declared)"),
    ("payback < 14d", "calendar-duration", "cannot compare `payback` (months, as declared) and `14d` (days, as written)"),
    ("payback < 1 quarter", "", ""),
    ("age < 1 month", "calendar-duration", "cannot compare `age` (hours, as declared) and `1 month` (months, as written)"),
    ("plain > 3h and plain > 2d", "undeclared-duration", "`plain` has no declared unit, and stands beside hours and beside days"),
    ("plain + price > 3", "", ""),
    ("plain + price > $3", "", ""),
    ("plain + price > 5 months", "unit-mismatch", "cannot compare `plain + price` (USD, as computed) and `5 months` (months, as written)"),
    ("5 months < min(plain, price)", "unit-mismatch", "cannot compare `5 months` (months, as written) and `min(plain, price)` (USD, as computed)"),
    ("coalesce(plain, price) in [1h, 2h]", "unit-mismatch", "cannot compare `coalesce(plain, price)` (USD, as computed) and `[1h, 2h]` (hours, as written)"),
    ("plain + price > eprice", "mixed-currencies", "cannot compare `plain + price` (USD, as computed) and `eprice` (EUR, as declared)"),
    ("plain + mrr > $3", "", ""),
    ("plain + arr > mrr", "", ""),
    ("plain + rate > 5pp", "", ""),
    ("plain + leads > n", "", ""),
    ("plain * price > 5 months", "", ""),
    ("plain + (price + payback) > 2h", "unit-mismatch", "cannot add `price` (USD, as declared) and `payback` (months, as declared)"),
    ("plain > price", "", ""),
    ("plain * price > 3", "", ""),
    ("plain > payback", "", ""),
    ("price > 3", "bare-number", "`3` has no unit, and is read in that of `price` (USD, as declared)"),
    ("age > 3", "bare-number", "`3` has no unit, and is read in that of `age` (hours, as declared)"),
    ("rate > 3", "bare-share", "`3` is 300% beside `rate` (share, as declared)"),
    ("rate > 1", "", ""),
    ("rate in [20, 50]", "bare-share", "`[20, 50]` is [2000%, 5000%] beside `rate` (share, as declared)"),
    ("rate - base >= 2", "bare-share", "`2` is 200pp beside `rate - base` (pp, as computed)"),
    ("rate * 100 > 30", "", ""),
    ("rate / base > 3", "", ""),
    ("arr > mrr * 12", "converted-twice", "what is in USD/month is converted to USD/year where the two meet, and `mrr * 12` counts the factor again"),
    ("arr / 12 > mrr", "converted-twice", "what is in USD/month is converted to USD/year where the two meet, and `arr / 12` counts the factor again"),
    ("age > late * 24", "converted-twice", "what is in days is converted to hours where the two meet, and `late * 24` counts the factor again"),
    ("arr / 12 * payback > price", "converted-twice", "a duration is converted where the two meet, and `arr / 12` counts the factor again"),
    ("arr * payback / 12 > price", "converted-twice", "a duration is converted where the two meet, and `arr * payback / 12` counts the factor again"),
    ("arr > mrr * 2", "", ""),
    ("12 * arr > mrr", "", ""),
    ("seatp > $3/seat", "money-per-thing", "`$3/seat` divides `$3` by an input"),
    ("seatp > $3/seats", "money-per-thing", "`$3/seats` divides `$3` by an input"),
    ("price > $3 / rate", "", ""),
    ("price / price > 3", "", ""),
    ("price / payback > mrr", "", ""),
    ("price ** 2 > price", "unit-mismatch", "cannot compare `price ** 2` (USD^2, as computed) and `price` (USD, as declared)"),
    ("1 / payback > 2", "bare-number", "`2` has no unit, and is read in that of `1 / payback` (1/month, as computed)"),
    ("-price > 2h", "unit-mismatch", "cannot compare `-price` (USD, as computed) and `2h` (hours, as written)"),
    ("not price > 2h", "unit-mismatch", "cannot compare `price` (USD, as declared) and `2h` (hours, as written)"),
    ('price == "won"', "mixed-kinds", 'cannot compare `"won"` (a text) and `price` (a number)'),
    ("price > $3 > payback", "unit-mismatch", "cannot compare `price` (USD, as declared) and `payback` (months, as declared)"),
]


@pytest.mark.parametrize(("text", "code", "message"), CASES, ids=[plain(text) for text, _, _ in CASES])
def test_units_that_meet(text: str, code: str, message: str) -> None:
    """Dollars would be added to months, or two that convert would be told not to; an error would not say which units, or whence."""
    found = analyse(text, units=UNITS)
    assert ([(code, message)] if code else []) == [(issue.code, issue.message) for issue in found.issues]
    for issue in found.issues:
        assert issue.where.line == 1
        assert "^" in issue.excerpt
    if "mismatch" in code or code in ("mixed-currencies", "calendar-duration"):
        assert 2 == sum(message.count(f", as {source})") for source in ("declared", "written", "computed", "defined"))


def test_numbers_are_converted_where_they_meet() -> None:
    """Hours would be compared with days as they come, or a yearly amount with a monthly one."""
    values = {"age": 30, "late": 1, "mrr": 100, "arr": 1200, "payback": 3, "price": 300, "leads": 2, "n": 2}
    for text in ("max(age, late) == 30h", "clip(age, 1h, 1d) == late", "mrr == arr", "arr * payback == price", "price / payback == mrr", "n == leads"):
        expression = analyse(text, units=UNITS).expression
        assert expression is not None
        assert expression.evaluate(values) is True


LAGS = {"age": "minutes", "lag": "days", "wait": "hours", "rate": "USD/day", "fee": "USD/hour"}

# A definition in which durations of one family meet, and what it comes to in hours of a `lag` of 2 days and a `wait` of 1 hour.
DEFINED = [
    ("min(2d, 36h)", 36),
    ("max(2d, 3h)", 48),
    ("max(lag, wait)", 48),
    ("min(lag, wait)", 1),
    ("lag + wait", 49),
    ("lag - 30m", 47.5),
    ("(lag if lag > wait else 3d)", 48),
    ("abs(wait - lag)", 47),
    ("0.5 * max(lag, 3h)", 24),
    ("max(0.5 * lag, wait)", 24),
]


@pytest.mark.parametrize(("text", "hours"), DEFINED, ids=[plain(text) for text, _ in DEFINED])
@pytest.mark.parametrize("units", [LAGS, {"age": "minutes"}, {}], ids=["all", "the side's", "none"])
def test_a_definition_is_converted_from_what_its_author_wrote(text: str, hours: float, units: dict[str, str]) -> None:
    """What met inside the definition would be converted once more where it is used, or not at all."""
    defined = dos.compile(text, units=LAGS)
    twice = dos.compile("inner", definitions={"inner": defined}, units=units)
    for definitions in ({"limit": defined}, {"limit": twice}):
        gate = dos.compile("age < limit", definitions=definitions, units=units)
        size = 60 * hours if gate.context.units["age"] == parse_unit("minutes") else hours if gate.context.units["age"] == parse_unit("hours") else hours / 24
        near = {"lag": 2, "wait": 1}
        assert (True, False) == (gate.evaluate({"age": size * 0.999, **near}), gate.evaluate({"age": size, **near}))
