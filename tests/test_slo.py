"""Freshness objectives read from the text of a playbook."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_os.errors import ExpressionError, InputError
from decision_os.slo import FreshnessSLO, parse_slo, spell_duration

HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "subject", "bound", "objective"),
    [
        ("P(MetricAge<24h)≥0.98", "Metric", 24 * HOUR, Fraction(98, 100)),
        ("P(ForecastAge<4h)≥0.98", "Forecast", 4 * HOUR, Fraction(98, 100)),
        ("P(AttributionAge<24h)≥0.98", "Attribution", 24 * HOUR, Fraction(98, 100)),
        (" P ( MetricAge\u00a0< 1.5 h ) >= 99.5\u202f% ", "Metric", 1.5 * HOUR, Fraction(995, 1000)),
        ("P(MetricAge<=1h30m)≥.5", "Metric", 1.5 * HOUR, Fraction(1, 2)),
        ("P(MetricAge<14d)≥1", "Metric", 14 * 24 * HOUR, Fraction(1)),
        ("P(MetricAge<90s)≥100%", "Metric", HOUR / 40, Fraction(1)),
    ],
)
def test_an_objective_is_read_as_written(text: str, subject: str, bound: dt.timedelta, objective: Fraction) -> None:
    """A typographic variant would be refused, or the objective rounded to a float."""
    slo = parse_slo(text)
    assert (subject, bound, objective, text.strip()) == (slo.subject, slo.bound, slo.objective, str(slo))


def test_the_name_and_the_window_are_the_callers_or_what_the_text_and_the_design_say() -> None:
    """A rule book's name or window for an objective would be lost."""
    assert ("MetricAge", dt.timedelta(days=30)) == (parse_slo("P(MetricAge<24h)≥0.98").name, parse_slo("P(MetricAge<24h)≥0.98").window)
    named = parse_slo("P(MetricAge<24h)≥0.98", "metrics", dt.timedelta(days=7))
    assert ("metrics", dt.timedelta(days=7)) == (named.name, named.window)


@pytest.mark.parametrize(("text", "at_the_bound"), [("P(MetricAge<24h)≥0.98", False), ("P(MetricAge≤24h)≥0.98", True)])
def test_exactly_at_the_bound_counts_as_the_sign_says(text: str, at_the_bound: bool) -> None:
    """`<` and `≤` would mean the same."""
    slo = parse_slo(text)
    just_below = 24 * HOUR - dt.timedelta(microseconds=1)
    assert (at_the_bound, True, False) == (slo.fresh(24 * HOUR), slo.fresh(just_below), slo.fresh(None))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", (1, 1), "begins with `P(`"),
        ("MetricAge<24h", (1, 1), "begins with `P(`"),
        ("P(<24h)≥0.98", (1, 3), "name of an age is missing"),
        ("P(Metric<24h)≥0.98", (1, 3), "`Metric` does not name an age"),
        ("P(Age<24h)≥0.98", (1, 3), "as in `MetricAge`"),
        ("P(MetricAge>24h)≥0.98", (1, 12), "`<` or `≤` is missing"),
        ("P(MetricAge<24)≥0.98", (1, 13), "write the bound as `24h`"),
        ("P(MetricAge<2 months)≥0.98", (1, 15), "`months` is not a unit of time"),
        ("P(MetricAge<0h)≥0.98", (1, 13), "above zero"),
        ("P(MetricAge<999999999d 99h)≥0.98", (1, 13), "is not an age"),
        ("P(MetricAge<24h≥0.98", (1, 16), "`)` is missing"),
        ("P(MetricAge<24h)>0.98", (1, 17), "`≥` is missing"),
        ("P(MetricAge<24h)≥", (1, 18), "the objective is missing"),
        ("P(MetricAge<24h)≥98", (1, 18), "did you mean `98%`?"),
        ("P(MetricAge<24h)≥0", (1, 18), "above 0 and at most 1"),
        ("P(MetricAge<24h)≥0,98", (1, 19), "`,98` is too much"),
        ("P(MetricAge<24h)\n≥ 98", (2, 3), "did you mean `98%`?"),
    ],
)
def test_a_text_that_is_no_objective_is_answered_at_its_place(text: str, place: tuple[int, int], words: str) -> None:
    """An author would get a wrong objective, or an error that points nowhere."""
    with pytest.raises(ExpressionError) as caught:
        parse_slo(text)
    assert place == (caught.value.line, caught.value.column)
    assert words in str(caught.value)


@given(st.text(alphabet="P(MetricAge<24h)≥0.98% \n≤d", max_size=30))
def test_any_text_is_read_or_refused_in_one_way(text: str) -> None:
    """Some text would escape as another exception than the typed one."""
    try:
        slo = parse_slo(text)
    except ExpressionError as error:
        assert error.hint
    else:
        assert parse_slo(slo.text) == slo


@pytest.mark.parametrize(("field", "value"), [("bound", dt.timedelta(0)), ("window", dt.timedelta(0)), ("objective", Fraction(0)), ("objective", 1.01)])
def test_an_objective_that_means_nothing_cannot_be_built(field: str, value: object) -> None:
    """A window without length would divide by zero much later."""
    parts = {"name": "a", "text": "", "subject": "Metric", "bound": HOUR, "objective": 0.98, field: value}
    with pytest.raises(InputError) as caught:
        FreshnessSLO(**parts)  # type: ignore[arg-type]  # one part is wrong on purpose
    assert field == caught.value.name


def test_a_float_objective_counts_as_the_decimal_it_prints_as() -> None:
    """0.98 would be a hair above 98 %, and a share of exactly 98 % would miss it."""
    assert Fraction(98, 100) == FreshnessSLO(name="a", text="", subject="Metric", bound=HOUR, objective=0.98).objective


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (31 * HOUR, "31h"),
        (71 * HOUR + HOUR / 2, "71h 30m"),
        (72 * HOUR, "3d"),
        (dt.timedelta(days=4, seconds=5), "4d 5s"),
        (dt.timedelta(microseconds=7), "7µs"),
        (-HOUR, "-1h"),
    ],
)
def test_durations_are_said_as_people_say_them(duration: dt.timedelta, text: str) -> None:
    """A reader would see `1 day, 7:00:00` where 31 hours are compared with 24."""
    assert text == spell_duration(duration)


def test_an_age_may_be_in_weeks() -> None:
    """Every other duration of the rule files takes `w`."""
    assert dt.timedelta(days=8) == parse_slo("P(MetricAge<1w 1d)≥0.98").bound
