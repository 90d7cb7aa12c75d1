"""Freshness objectives as data: `P(MetricAge<24h)≥0.98`, read from the text a playbook writes."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs

from decision_os.errors import ExpressionError, InputError

__all__ = ["BURN_WINDOWS", "BurnAlert", "FreshnessSLO", "parse_slo", "spell_duration"]

BURN_WINDOWS: Final = tuple(dt.timedelta(hours=hours) for hours in (1, 6, 24, 72, 720))
"""The windows a burn rate is given for, unless an objective names its own: 1 hour, 6 hours, 1 day, 3 days, 30 days."""

_UNITS: Final = {"d": dt.timedelta(days=1), "h": dt.timedelta(hours=1), "m": dt.timedelta(minutes=1), "s": dt.timedelta(seconds=1)}
_READ: Final = {**_UNITS, "w": dt.timedelta(days=7)}
_WINDOW: Final = dt.timedelta(days=30)
_EXAMPLE: Final = "write it as in `P(MetricAge<24h)≥0.98`"


def spell_duration(duration: dt.timedelta, parts: int = 2) -> str:
    """A duration in its largest units, the rest cut off; hours up to three days, as people say it.

    >>> spell_duration(dt.timedelta(hours=31)), spell_duration(dt.timedelta(days=4, hours=2, minutes=5)), spell_duration(dt.timedelta(0))
    ('31h', '4d 2h', '0h')
    """
    if duration < dt.timedelta(0):
        return f"-{spell_duration(-duration, parts)}"
    words = []
    for unit, length in _UNITS.items():
        if unit == "d" and duration < 3 * length:
            continue
        count, duration = divmod(duration, length)
        words += [f"{count}{unit}"] if count else []
    if duration:
        words.append(f"{duration // dt.timedelta(microseconds=1)}µs")
    return " ".join(words[:parts]) or "0h"


def _exact(number: Fraction | float | Decimal) -> Fraction:
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


@attrs.frozen(kw_only=True)
class BurnAlert:
    """When somebody is told that a budget burns too fast: at a rate of at least `burn` over the window `over`, and over the window `and_over`.

    The second, shorter window ends the alert soon after the burning has ended; it is a twelfth of the first unless said (Beyer et al., *The Site
    Reliability Workbook*, 2018, chapter 5). `effects` are of page, notify, incident. Raises `InputError` for a rate or a window not above
    zero, and for a second window longer than the first.

    >>> BurnAlert(name="fast", burn=14.4, over=dt.timedelta(hours=1)).and_over
    datetime.timedelta(seconds=300)
    """

    name: str
    burn: Fraction = attrs.field(converter=_exact)
    over: dt.timedelta
    and_over: dt.timedelta = attrs.field()
    effects: tuple[str, ...] = ()

    @and_over.default
    def _twelfth(self) -> dt.timedelta:
        return self.over / 12

    def __attrs_post_init__(self) -> None:
        if self.burn <= 0:
            raise InputError("an alert at that rate never ends", name="burn", hint="give a burn rate above zero, such as 14.4")
        if not dt.timedelta(0) < self.and_over <= self.over:
            raise InputError("the second window of an alert is above zero and at most the first", name="and_over", hint="leave it out for a twelfth")


@attrs.frozen
class FreshnessSLO:
    """A promise about the age of data: over `window`, at least the share `objective` of the time it is younger than `bound`.

    `subject` is whose age the text names (`Metric` in `MetricAge`), `text` what the author wrote. `inclusive` tells `≤ 24h` from
    `< 24h`: it decides whether data of exactly that age is fresh, and cannot move the share, since one instant takes no time.
    A float objective counts as the decimal it prints as. `burn_windows` are those a report gives burn rates for. Raises `InputError` for
    a bound or window not above zero, and for an objective outside (0, 1].
    """

    name: str
    text: str
    subject: str
    bound: dt.timedelta
    objective: Fraction = attrs.field(converter=_exact)
    window: dt.timedelta = _WINDOW
    inclusive: bool = False
    burn_windows: tuple[dt.timedelta, ...] = BURN_WINDOWS
    alerts: tuple[BurnAlert, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.bound <= dt.timedelta(0):
            raise InputError("no data is ever younger than that", name="bound", hint="give a duration above zero")
        if self.window <= dt.timedelta(0):
            raise InputError("a share needs time to be a share of", name="window", hint="give a duration above zero, such as 30 days")
        if not 0 < self.objective <= 1:
            raise InputError("an objective is a share of the time", name="objective", hint="give a number above 0 and at most 1")
        if any(window <= dt.timedelta(0) for window in self.burn_windows):
            raise InputError("a burn rate needs time to burn in", name="burn_windows", hint="give durations above zero")

    @property
    def fastest_burn(self) -> Fraction | None:
        """The burn rate where nothing is fresh, which no window can exceed; None where the objective allows nothing, and any burn is infinite."""
        return 1 / (1 - self.objective) if self.objective < 1 else None

    def fresh(self, age: dt.timedelta | None) -> bool:
        """Whether data of that age is within the bound; an unknown age is not."""
        return age is not None and (age <= self.bound if self.inclusive else age < self.bound)

    def __str__(self) -> str:
        return self.text


_NUMBER: Final = r"(?:[0-9]{1,9}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
_PIECES: Final = (
    ("head", r"P\s*\(", "a freshness objective begins with `P(`", _EXAMPLE),
    ("subject", r"[^\W\d]\w*", "the name of an age is missing", _EXAMPLE),
    ("inner", r"<=|<|≤", "`<` or `≤` is missing: the age must stay below its bound", _EXAMPLE),
    ("bound", rf"(?:{_NUMBER}\s*[^\W\d]+\s*)+", "a duration is missing", "write the bound as `24h`, `90m`, `14d` or `1h30m`"),
    ("tail", r"\)", "`)` is missing", _EXAMPLE),
    ("outer", r">=|≥", "`≥` is missing: the share must be at least the objective", _EXAMPLE),
    ("objective", rf"{_NUMBER}\s*%?", "the objective is missing", "write it as `0.98` or `98%`"),
)


def parse_slo(text: str, name: str = "", window: dt.timedelta = _WINDOW) -> FreshnessSLO:
    """Read `P(MetricAge<24h)≥0.98`; `<=`, `≤`, `>=`, `98%` and spaces do as well. Without a `name` it is called `MetricAge`.

    Durations are in weeks, days, hours, minutes (`m`) and seconds. Raises `ExpressionError` with the place and what to write instead.

    >>> slo = parse_slo("P(MetricAge < 24h) >= 98%")
    >>> slo.subject, slo.bound, slo.objective
    ('Metric', datetime.timedelta(days=1), Fraction(49, 50))
    """
    if not isinstance(text, str):
        raise ExpressionError("a freshness objective is a text", hint=_EXAMPLE)
    found: dict[str, re.Match[str]] = {}
    position = 0
    for piece, pattern, missing, hint in _PIECES:
        position += len(text[position:]) - len(text[position:].lstrip())
        match = re.compile(pattern).match(text, position)
        if match is None:
            raise ExpressionError.at(text, position, 1, missing, hint)
        found[piece] = match
        position = match.end()
    if text[position:].strip():
        position += len(text[position:]) - len(text[position:].lstrip())
        raise ExpressionError.at(text, position, len(text) - position, f"`{text[position:].strip()}` is too much", _EXAMPLE)
    subject, objective = found["subject"], found["objective"]
    if not subject[0].endswith("Age") or subject[0] == "Age":
        hint = "write whose age it is and `Age`, as in `MetricAge`"
        raise ExpressionError.at(text, subject.start(), len(subject[0]), f"`{subject[0]}` does not name an age", hint)
    share = Fraction(objective[0].rstrip("%").strip()) / (100 if objective[0].endswith("%") else 1)
    if not 0 < share <= 1:
        hint = f"did you mean `{objective[0]}%`?" if 1 < share <= 100 else "write a share above 0 and at most 1, or 100%"
        raise ExpressionError.at(text, objective.start(), len(objective[0]), f"`{objective[0]}` is not a share that can be promised", hint)
    return FreshnessSLO(
        name=name or subject[0],
        text=text.strip(),
        subject=subject[0].removesuffix("Age"),
        bound=_duration(text, found["bound"]),
        objective=share,
        window=window,
        inclusive=found["inner"][0] != "<",
    )


def _duration(text: str, written: re.Match[str]) -> dt.timedelta:
    total = Fraction(0)
    for part in re.finditer(rf"({_NUMBER})\s*([^\W\d]+)", written[0]):
        if part[2] not in _READ:
            place, width = written.start() + part.start(2), len(part[2])
            raise ExpressionError.at(text, place, width, f"`{part[2]}` is not a unit of time", "write `w`, `d`, `h`, `m` for minutes, or `s`")
        total += Fraction(part[1]) * (_READ[part[2]] // dt.timedelta(microseconds=1))
    spelled = written[0].strip()
    if total.denominator != 1 or not 0 < total <= dt.timedelta.max // dt.timedelta(microseconds=1):
        raise ExpressionError.at(text, written.start(), len(spelled), f"`{spelled}` is not an age to stay below", "write a duration above zero")
    return dt.timedelta(microseconds=int(total))
