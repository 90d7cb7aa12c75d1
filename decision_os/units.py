"""Units: money by currency, counted things, durations, shares and percentage points, and products of them.

A unit is a product of atoms with integer powers (`USD/seat/month`), or one of the dimensionless kinds: `share` (a part of a
whole, 0.05), `pp` (a difference of two shares), `percent` (a relative share as written, `5%`) and `ratio` (anything over its own
kind). Fixed durations (seconds to weeks) convert among themselves exactly, and so do calendar ones (months, quarters, years); a
month is no fixed number of days, so the two families never meet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import attrs

from decision_os.errors import UnitError

__all__ = [
    "CURRENCIES",
    "PERCENT",
    "PP",
    "RATIO",
    "SHARE",
    "Kind",
    "Unit",
    "aligned",
    "conversion",
    "converted",
    "divided",
    "format_value",
    "multiplied",
    "parse_unit",
]

Kind: TypeAlias = Literal["", "share", "pp", "percent"]
Family: TypeAlias = Literal["money", "fixed", "calendar", "thing"]

FIXED: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
"""Durations of fixed length, in seconds."""

CALENDAR: Final = {"month": 1, "quarter": 3, "year": 12}
"""Durations of the calendar, in months."""

DURATIONS: Final = {**FIXED, **CALENDAR}

CURRENCIES: Final = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP "  # noqa: SIM905  # rows
    "CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR "
    "ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN "
    "MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW "
    "ZWG".split()
)
"""The currency codes of ISO 4217 that people hold money in."""

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_SHORT: Final = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w"}
_KINDS: Final[dict[str, Kind]] = {"share": "share", "pp": "pp", "percent": "percent"}
_MEANT: Final = {
    "$": "USD",
    "%": "share",
    "percentage": "share",
    "fraction": "share",
    "s": "seconds",
    "sec": "seconds",
    "m": "minutes",
    "min": "minutes",
    "h": "hours",
    "hr": "hours",
    "d": "days",
    "w": "weeks",
    "mo": "months",
    "q": "quarters",
    "y": "years",
    "yr": "years",
    "pct": "share",
    "points": "pp",
    "number": "count",
    "money": "USD",
    **dict.fromkeys(("dollar", "dollars"), "USD"),
    **dict.fromkeys(("euro", "euros"), "EUR"),
    **{code.lower(): code for code in ("USD", "EUR", "GBP", "JPY", "INR", "CAD", "AUD", "CHF", "CNY", "SEK", "NOK", "DKK", "PLN", "BRL", "MXN")},
    "currency": "USD",
}
_KINDS_OF_VALUE: Final = frozenset({"any", "bool", "boolean", "float", "int", "integer", "str", "string", "text", "truth"})
_TERM: Final = re.compile(r"\s*(?P<word>[^\s*/^·]+)(?:\s*(?:\^|\*\*)\s*(?P<power>-?[0-9]{1,2}))?\s*(?P<op>\*(?!\*)|/|·|$)")
_THING: Final = re.compile(r"[a-z][a-z0-9_]*\Z")


def _merge(factors: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    powers: dict[str, int] = {}
    for atom, power in factors:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted((atom, power) for atom, power in powers.items() if power))


@attrs.frozen
class Unit:
    """A product of atoms with whole powers, or a dimensionless kind; equal units are equal values.

    >>> parse_unit("USD per seats / months") == parse_unit("USD/seat/month")
    True
    >>> print(parse_unit("USD/seat/month"), parse_unit("hours"), Unit())
    USD/seat/month hours ratio
    """

    factors: tuple[tuple[str, int], ...] = attrs.field(default=(), converter=_merge)
    kind: Kind = ""

    def __str__(self) -> str:
        """The canonical text, which `parse_unit` reads."""
        if self.kind:
            return self.kind
        if not self.factors:
            return "ratio"
        if len(self.factors) == 1 and self.factors[0][0] in DURATIONS and self.factors[0][1] == 1:
            return self.factors[0][0] + "s"
        over = [_atom(atom, power) for atom, power in sorted(self.factors, key=_order) if power > 0]
        under = [_atom(atom, -power) for atom, power in sorted(self.factors, key=_order) if power < 0]
        return "/".join(["*".join(over) or "1", *under])

    @property
    def currency(self) -> str:
        """The currency this is an amount of (`USD` in `USD/seat/month`), or nothing."""
        return next((atom for atom, power in self.factors if power == 1 and atom in CURRENCIES), "")

    @property
    def dimensionless(self) -> bool:
        """Whether this is a plain number of some kind: a ratio, a share, percentage points."""
        return not self.factors

    @property
    def duration(self) -> str:
        """The duration this is (`hour`), or nothing."""
        if len(self.factors) == 1 and self.factors[0][0] in DURATIONS and self.factors[0][1] == 1:
            return self.factors[0][0]
        return ""

    @property
    def counts(self) -> bool:
        """Whether this only counts things: no money, no time."""
        return bool(self.factors) and all(_family(atom) == "thing" for atom, _ in self.factors)

    @property
    def whole(self) -> bool:
        """Whether there are only whole numbers of it: one kind of thing, counted (`seats`; not `lead/seat`, nor `1/seat`)."""
        return self.counts and len(self.factors) == 1 and self.factors[0][1] == 1

    def families(self) -> set[Family]:
        """What this is made of: money, fixed durations, calendar durations, counted things."""
        return {_family(atom) for atom, _ in self.factors}


RATIO: Final = Unit()
SHARE: Final = Unit(kind="share")
PP: Final = Unit(kind="pp")
PERCENT: Final = Unit(kind="percent")


def _atom(atom: str, power: int) -> str:
    return atom if power == 1 else f"{atom}^{power}"


def _order(factor: tuple[str, int]) -> tuple[int, str]:
    family = _family(factor[0])
    return ({"money": 0, "thing": 1, "fixed": 2, "calendar": 2}[family], factor[0])


def _family(atom: str) -> Family:
    if atom in FIXED:
        return "fixed"
    if atom in CALENDAR:
        return "calendar"
    return "money" if atom in CURRENCIES else "thing"


def parse_unit(text: str) -> Unit:
    """The unit a rule book declares.

    Three capitals are a currency of ISO 4217; `seconds minutes hours days weeks months quarters years` are durations; `share`,
    `pp`, `percent` and `ratio` are dimensionless; any other lower-case word is a counted thing (`seat`, `lead`, `count`).
    Singular and plural are the same. `/` or `per` divides, `*` multiplies, `^2` is a power.

    Raises `UnitError` with the nearest readable unit.

    >>> parse_unit("USD/seat/month").factors
    (('USD', 1), ('month', -1), ('seat', -1))
    >>> parse_unit("monts")
    Traceback (most recent call last):
        ...
    decision_os.errors.UnitError: `monts` is not a unit (did you mean `months`?)
    """
    if not isinstance(text, str):
        raise UnitError(f"a unit is a text, not `{text!r:.40}`")
    source = re.sub(r"\bper\b", "/", text).strip()
    if not source:
        raise UnitError("a unit is empty (write for example `USD`, `share`, `months` or `ratio`)")
    if len(source) > 80:
        raise UnitError(f"`{source[:40]}…` is too long for a unit")
    if source in _KINDS:
        return Unit(kind=_KINDS[source])
    if source in ("percents", "shares"):
        return Unit(kind=_KINDS[source[:-1]])
    factors: list[tuple[str, int]] = []
    position, sign = 0, 1
    while True:
        term = _TERM.match(source, position)
        if term is None:
            raise UnitError(f"`{text}` is not a unit (write for example `USD/seat/month`)")
        word, power = term["word"], int(term["power"] or 1)
        if word in ("pp", "percent"):
            raise UnitError(f"`{text}`: {word} stands alone (for a share per period write `1/month`)")
        if word not in ("1", "ratio", "share"):
            factors.append((_known_atom(word, text), sign * power))
        if not term["op"]:
            return Unit(factors)
        sign = -1 if term["op"] == "/" else 1
        position = term.end()


def _known_atom(word: str, text: str) -> str:
    if word in CURRENCIES:
        return word
    within = "" if word == text else f" in `{text}`"
    if word in _MEANT:
        raise UnitError(f"`{word}`{within} is not a unit (did you mean `{_MEANT[word]}`?)")
    if not _THING.match(word):
        swapped = next((code for code in (*_SYMBOLS, "CAD", "AUD", "CHF") if sorted(code) == sorted(word)), "")
        hint = f"did you mean `{swapped}`?" if swapped else ""
        spelled = word.lower()
        if not hint and _THING.match(spelled):
            hint = f"a counted thing is written in lower case: `{spelled}`"
        raise UnitError(f"`{word}`{within} is not a unit" + (f" ({hint})" if hint else ""))
    single = _singular(word)
    if single in DURATIONS:
        return single
    if single in _KINDS_OF_VALUE:
        raise UnitError(f"`{word}`{within} is a kind of value, not a unit (leave it out, or write `count` for a number of things)")
    for known in (*DURATIONS, "share", "percent", "ratio"):
        if _nearly(single, known):
            raise UnitError(f"`{word}`{within} is not a unit (did you mean `{known}{'s' if known in DURATIONS else ''}`?)")
    return single


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4 and word != "series":
        return word[:-3] + "y"
    if word.endswith("s") and len(word) > 2 and not word.endswith(("ss", "us", "is", "series")):
        return word[:-1]
    return word


def _nearly(word: str, known: str) -> bool:
    """One letter lacking, one too many, or two neighbours swapped; a letter replaced would catch `tear` and `tour`, one at the end of a plural does not."""
    if len(word) == len(known) + 1 and word[:-1] == known:
        return True
    if len(known) < 4 or word[:1] != known[:1]:
        return False
    short, long = sorted((word, known), key=len)
    if len(long) == len(short) + 1:
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    return len(long) == len(short) and any(
        word[:i] + word[i + 1 : i + 2] + word[i : i + 1] + word[i + 2 :] == known and word != known for i in range(len(word))
    )


def conversion(source: Unit, target: Unit) -> Fraction | None:
    """What a number in `source` is multiplied by to be one in `target`; nothing where the two are of different dimensions.

    >>> conversion(parse_unit("days"), parse_unit("hours"))
    Fraction(24, 1)
    >>> conversion(parse_unit("USD/year"), parse_unit("USD/month"))
    Fraction(1, 12)
    >>> conversion(parse_unit("months"), parse_unit("days")) is None
    True
    """
    if source.kind != target.kind:
        return None
    if source == target:
        return _ONE
    from_dimension, from_size = _measure(source)
    to_dimension, to_size = _measure(target)
    return from_size / to_size if from_dimension == to_dimension else None


def converted(unit: Unit, factor: Fraction) -> Unit | None:
    """The unit that a number of `unit` is in after it was multiplied by `factor`, another duration in it; nothing where that makes it none that has a name.

    >>> str(converted(parse_unit("days"), Fraction(24))), str(converted(parse_unit("USD/month"), Fraction(12)))
    ('hours', 'USD/year')
    """
    for atom, power in unit.factors:
        rest = tuple(each for each in unit.factors if each != (atom, power))
        for other in DURATIONS if atom in DURATIONS else ():
            found = Unit(_merge([*rest, (other, power)]))
            if conversion(unit, found) == factor:
                return found
    return None


_ONE: Final = Fraction(1)


def _measure(unit: Unit) -> tuple[tuple[tuple[str, int], ...], Fraction]:
    size = Fraction(1)
    base: list[tuple[str, int]] = []
    for atom, power in unit.factors:
        if atom in DURATIONS:
            size *= Fraction(DURATIONS[atom]) ** power
            base.append(("second" if atom in FIXED else "month", power))
        else:
            base.append((atom, power))
    return _merge(base), size


def aligned(unit: Unit, other: Unit) -> tuple[Unit, Fraction]:
    """`other` with its durations in those of `unit`, and what its numbers are multiplied by, so that products cancel.

    >>> aligned(parse_unit("hours"), parse_unit("USD/day"))
    (Unit(factors=(('USD', 1), ('hour', -1)), kind=''), Fraction(1, 24))
    """
    mine = {_family(atom): atom for atom, _ in unit.factors if atom in DURATIONS}
    factor = Fraction(1)
    factors: list[tuple[str, int]] = []
    for atom, power in other.factors:
        new = mine.get(_family(atom), atom) if atom in DURATIONS else atom
        if new != atom:
            factor *= Fraction(DURATIONS[atom], DURATIONS[new]) ** power
        factors.append((new, power))
    return (Unit(factors), factor) if factor != 1 else (other, factor)


def multiplied(left: Unit, right: Unit) -> Unit:
    """The unit of a product. A plain number keeps the other's unit, and a part of a share is a share.

    >>> print(multiplied(parse_unit("USD/seat"), parse_unit("seats")), multiplied(SHARE, RATIO))
    USD share
    """
    if left.factors or right.factors:
        return Unit((*left.factors, *right.factors))
    for kind in (PP, SHARE):
        if kind in (left, right):
            return kind
    return PERCENT if left == right == PERCENT else RATIO


def divided(left: Unit, right: Unit) -> Unit:
    """The unit of a quotient. Anything over its own unit is a ratio.

    >>> print(divided(parse_unit("USD"), parse_unit("seats")), divided(PP, SHARE), divided(SHARE, RATIO))
    USD/seat ratio share
    """
    if left.factors or right.factors:
        return Unit((*left.factors, *((atom, -power) for atom, power in right.factors)))
    return left if right == RATIO else RATIO


def format_value(value: float, unit: Unit | None, *, exact: bool = False) -> str:
    """A value for people: `$3.20`, `$10,000`, `5.2%`, `+2.0pp`, `0.5 months`, `24h`.

    Digits are dropped only where a number that is not round does not come to look round; with `exact` none is.

    >>> parse = parse_unit
    >>> format_value(3.2, parse("USD")), format_value(10_000, parse("USD")), format_value(2.99999, parse("USD/seat"))
    ('$3.20', '$10,000', '$2.99999/seat')
    >>> format_value(0.052, SHARE), format_value(0.02, PP), format_value(0.5, parse("months")), format_value(24, parse("hours"))
    ('5.2%', '+2.0pp', '0.5 months', '24h')
    >>> format_value(1 / 3, SHARE), format_value(1 / 3, SHARE, exact=True)
    ('33.3333%', '33.33333333333333%')
    """
    if not math.isfinite(value):
        return str(value)
    if unit is not None and unit.currency:
        return _money(value, unit, exact=exact)
    scale = 100 if unit is not None and unit.kind else 1
    shown = _every_digit(value, scale) if exact else _digits(value * scale, 1 if unit == PP else 0)
    if unit is None or unit == RATIO:
        return shown
    if unit.kind == "pp":
        return shown + "pp" if shown.startswith("-") else f"+{shown}pp"
    if unit.kind:
        return shown + "%"
    atom = unit.duration
    if atom in _SHORT:
        return shown + _SHORT[atom]
    if atom or (len(unit.factors) == 1 and unit.factors[0][1] == 1):
        return shown if str(unit) == "count" else f"{shown} {_plural(atom or unit.factors[0][0], value)}"
    return f"{shown} {unit}"


def _money(value: float, unit: Unit, *, exact: bool) -> str:
    currency = unit.currency
    rest = str(Unit((*unit.factors, (currency, -1))))
    per = "" if rest == "ratio" else rest.removeprefix("1") if rest.startswith("1/") else f" {rest}"
    shown = _every_digit(abs(value), 1) if exact else _digits(abs(value), 0 if float(value).is_integer() else 2)
    sign = "-" if value < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, currency + ' ')}{shown}{per}"


def _plural(atom: str, value: float) -> str:
    if abs(value) == 1:
        return atom
    return atom[:-1] + "ies" if atom.endswith("y") and atom[-2:-1] not in "aeiou" else atom + "s"


def _every_digit(value: float, scale: int) -> str:
    """The shortest decimal that is this float and no other, times a power of ten."""
    decimal = Decimal(repr(float(value))) * scale
    return f"{decimal.normalize():,f}" if 1e-6 <= abs(decimal) < 1e22 or not decimal else repr(float(decimal))


def _digits(value: float, least: int) -> str:
    """At most four decimals, or two from a hundred on; more where fewer would make the number look like a whole one. Powers of ten from 1e22 on."""
    if abs(value) >= 1e22:
        return repr(float(value))
    most = 2 if abs(value) >= 100 else 4
    noise = 1e-12 * abs(value)
    for places in range(least, most + 1):
        rounded = round(value, places)
        if abs(rounded - value) <= noise:
            return f"{rounded + 0.0:,.{places}f}"
    if not round(value, most).is_integer():
        return f"{value:,.{most}f}"
    return f"{value:,.9f}".rstrip("0") if abs(value) >= 1e-4 and abs(value - round(value)) >= 1e-9 else f"{value:.12g}"
