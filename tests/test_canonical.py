"""The canonical form: RFC 8785, and the typed forms of what JSON cannot hold."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from collections.abc import Hashable
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.canonical import Shape, canonical, fingerprint, parse, plain, restore, rfc8785
from decision_os.errors import InputError
from decision_os.values import Cause, Reason, Unknown
from tests.es6_numbers import PUBLISHED, digests

EAST = dt.timezone(dt.timedelta(hours=-5))

# RFC 8785, appendix B: the bits of a double, and how it is written.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "expected"), NUMBERS)
def test_numbers_as_ecmascript_writes_them(bits: str, expected: str) -> None:
    """A number written otherwise than RFC 8785 says would hash differently in every other implementation."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert expected.encode() == rfc8785(number)


def test_the_published_series_of_numbers() -> None:
    """Some of ten thousand numbers, chosen and random ones, would be written otherwise than every other implementation writes them.

    `make soak-ledger` goes on to a million.
    """
    assert {1_000: PUBLISHED[1_000], 10_000: PUBLISHED[10_000]} == dict(digests(10_000))


def test_the_sample_of_the_rfc() -> None:
    """The worked example of RFC 8785, section 3.2.2, would come out different."""
    sample = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    expected = r"""{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"""
    assert expected.encode() == rfc8785(sample)


def test_keys_in_the_order_of_utf16() -> None:
    """Keys sorted by code point, not by UTF-16 unit, put an emoji after U+FB33; RFC 8785, section 3.2.3, wants it before."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert expected == list(json.loads(canonical(dict.fromkeys(keys, 0))))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (3, 3.0),
        (0.0, -0.0),
        (2**53, 2.0**53),
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("1E+2"), Decimal(100)),
        (Decimal("-0"), Decimal("0.00")),
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, MappingProxyType({"b": 2, "a": 1})),
        (dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC), dt.datetime(2026, 10, 1, 7, tzinfo=EAST)),
    ],
)
def test_equal_values_hash_alike(one: object, other: object) -> None:
    """The same inputs, from another engine or zone, would be another decision."""
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (None, Unknown.because(Reason.MISSING)),
        ({}, {"cac": None}),
        (True, 1),
        ("3", 3),
        (Decimal(3), 3),
        (math.inf, -math.inf),
        (2**53 + 1, 2.0**53),
        (dt.date(2026, 10, 1), "2026-10-01"),
        (dt.date(2026, 10, 1), dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        (b"a", "a"),
        (Decimal("1.5"), {"$decimal": "1.5"}),
        ({"$decimal": "1.5"}, {"$$decimal": "1.5"}),
        (Decimal("0.1"), Decimal("0.1000000000000000000000000000000000000000001")),
        (Decimal("NaN"), math.nan),
        (Decimal("NaN"), Decimal("sNaN")),
        (Decimal("NaN"), "NaN"),
        (Decimal("Infinity"), math.inf),
        (math.nan, None),
        (math.nan, {"$float": "nan"}),
        (2**53 + 1, Decimal(2**53 + 1)),
        (10**400, -(10**400)),
        (dt.timedelta(microseconds=1), dt.timedelta(0)),
        (dt.timedelta(0), 0),
        (dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Vienna")), dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Vienna"), fold=1)),
        ([], {}),
        ([], None),
        ([[]], []),
        ("", None),
        (b"", ""),
        (Unknown.because(Reason.MISSING, "cac"), Unknown.because(Reason.STALE, "cac")),
    ],
)
def test_different_values_hash_differently(one: object, other: object) -> None:
    """Two decisions on different inputs would pass for one."""
    assert fingerprint(one) != fingerprint(other)


def test_subclasses_are_what_they_hold() -> None:
    """An enum member or a NumPy float, which is a float too, would hash by its repr."""

    class Colour(StrEnum):
        RED = "red"

    class Old(str, Enum):  # noqa: UP042 - the older mix-in, whose str() is not its value
        BLUE = "blue"

    class Share(float):
        def __repr__(self) -> str:
            return "Share(0.5)"

    assert b'["red","blue",0.5]' == canonical([Colour.RED, Old.BLUE, Share(0.5)])
    assert ["red", "blue", 0.5] == plain([Colour.RED, Old.BLUE, Share(0.5)])


def _loop() -> list[object]:
    loop: list[object] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\ud800", "lone surrogate U\\+D800"),
        ({"\udfff": 1}, "lone surrogate U\\+DFFF"),
        (dt.datetime(2026, 10, 1), "has no zone"),
        ({1: 2}, "a key must be text, not an int"),
        ({1, 2}, "a set has no canonical form"),
        (bytearray(b"a"), "a bytearray has no canonical form"),
        (dt.time(12), "a time has no canonical form"),
        (1j, "a complex has no canonical form"),
        (Fraction(1, 3), "a Fraction has no canonical form"),
        (pd.Timedelta(1, "ns"), "is finer than a microsecond"),
        (pd.Timestamp("2026-10-01T12:00:00.000000001", tz="UTC"), "is finer than a microsecond"),
        (pd.NaT, r"a missing instant \(`NaT`\) has no canonical form"),
        (object(), "an object has no canonical form"),
        (_loop(), "contains itself"),
        (dt.datetime.max.replace(tzinfo=EAST), "out of range"),
    ],
)
def test_refusals(value: object, words: str) -> None:
    """What has no canonical form would get some hash all the same, or end in a raw exception."""
    with pytest.raises(InputError, match=words):
        canonical(value)


@pytest.mark.parametrize(
    ("scalar", "own"), [(np.int64(3), 3), (np.uint8(200), 200), (np.bool_(True), True), (np.float32(0.5), 0.5), (np.float32("nan"), math.nan)], ids=str
)
def test_scalars_of_numpy_are_what_they_hold(scalar: object, own: object) -> None:
    """A number out of a frame could be decided with and not be written down beside the decision; True would be a 1."""
    assert canonical({"a": scalar}) == canonical({"a": own})
    assert canonical([own]) == rfc8785(plain([scalar]))


def test_plain_refuses_a_loop_too() -> None:
    """A list that contains itself would end in a raw RecursionError on its way to the ledger."""
    with pytest.raises(InputError, match="contains itself"):
        plain(_loop())


@pytest.mark.parametrize("value", [math.nan, Decimal(1), 2**60, dt.date(2026, 1, 1)])
def test_plain_json_has_no_typed_forms(value: object) -> None:
    """Something that is no JSON would be taken for plain data and come back as something else."""
    with pytest.raises(InputError, match="is not JSON"):
        rfc8785([value])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "the key `a` is there twice"),
        ("[NaN]", "`NaN` is not JSON"),
        ("[-Infinity]", "`-Infinity` is not JSON"),
        ("[1", "not JSON: expecting ',' delimiter at 1:3"),
        (b"\xff", "not UTF-8 at byte 0"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_is_read_strictly(text: str | bytes, words: str) -> None:
    """A text that two readers understand differently would be accepted."""
    with pytest.raises(ValueError, match=words.replace("[", "\\[")):
        parse(text)


@pytest.mark.parametrize(
    "data",
    [
        {"$date": "soon"},
        {"$decimal": "x"},
        {"$instant": "2026-10-01T12:00:00"},
        {"$date": "2026-01-01", "a": 1},
        {"$colour": "red"},
        {"$integer": 5},
        {"$unknown": [["a"]]},
    ],
)
def test_typed_forms_that_are_none(data: dict[str, Any]) -> None:
    """A damaged typed form would be read as some value."""
    with pytest.raises(ValueError, match=r"cannot be read from|is not a typed form"):
        restore(data)


# --- laws --------------------------------------------------------------------------------------------------------------------

tags = st.sampled_from(["$decimal", "$date", "$$date", "$unknown", "$float"])
names = st.text(st.sampled_from("$ad€\U0001f600\ufb33"), max_size=3) | tags
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**53 - 2, 2**53 + 2)
    | st.floats()
    | st.decimals()
    | st.sampled_from([Decimal("sNaN"), Decimal("-NaN"), Decimal("NaN7"), Decimal("0.30"), Decimal("1E+400"), 10**400])
    | names
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1), timezones=st.sampled_from([dt.UTC, EAST]))
    | st.timedeltas()
    | st.binary(max_size=3)
    | st.lists(st.builds(Cause, names, names, names), max_size=2).map(lambda causes: Unknown(tuple(causes)))
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=5)


def identity(value: Any) -> Hashable:
    """What a value is, said in another way than the code under test does: a type, and something Python can compare."""
    if isinstance(value, dict):
        return "object", frozenset((key, identity(item)) for key, item in value.items())
    if isinstance(value, list):
        return "list", tuple(identity(item) for item in value)
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, Decimal) and not value.is_finite()):
        return type(value).__name__, "not finite", str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number" if isinstance(value, float) or abs(value) <= 2**53 else "large integer", Fraction(value)
    if isinstance(value, Decimal):
        return "decimal", Fraction(value)
    return type(value).__name__, value


@settings(max_examples=300)
@given(values, values)
def test_no_collisions(one: Any, other: Any) -> None:
    """Two different values would share their canonical form, or two equal ones would not."""
    assert (identity(one) == identity(other)) == (canonical(one) == canonical(other))


@settings(max_examples=200)
@given(values)
def test_no_mapping_passes_for_a_typed_form(value: Any) -> None:
    """A caller's mapping that spells a typed form would hash as the value it spells."""
    form = plain(value)
    assert (identity(form) == identity(value)) == (canonical(form) == canonical(value))


@settings(max_examples=200)
@given(values)
def test_plain_and_back(value: Any) -> None:
    """A value written to a ledger would come back as another one."""
    assert identity(value) == identity(restore(plain(value)))
    assert identity(value) == identity(restore(parse(canonical(value))))
    assert canonical(value) == rfc8785(plain(value))


plain_keys = st.text(max_size=3).filter(lambda key: not key.startswith("$"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain_keys, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(json_values)
def test_any_reader_of_json_reads_it(value: Any) -> None:
    """The canonical form of plain JSON would not be that JSON."""
    assert value == json.loads(canonical(value), parse_int=float)


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, int], random: Any) -> None:
    """The same inputs in another order would be another decision."""
    items = list(value.items())
    random.shuffle(items)
    assert canonical(value) == canonical(dict(items))


@given(st.dictionaries(names, scalars | values, max_size=4), st.dictionaries(names, scalars, max_size=2))
def test_a_shape_hashes_as_the_mapping_does(members: dict[str, Any], fixed: dict[str, Any]) -> None:
    """What was hashed by the short way would have another hash than the same thing hashed by the long one, so equal inputs would differ."""
    fixed = {key: value for key, value in fixed.items() if key not in members}
    shape = Shape(members, fixed)
    assert fingerprint({**members, **fixed}) == shape.fingerprint(members)
    assert shape.fingerprint(members) == shape.fingerprint({**members, "not a key of it": 1})


@pytest.mark.parametrize(("bits", "expected"), NUMBERS)
def test_a_shape_writes_numbers_as_ecmascript_does(bits: str, expected: str) -> None:
    """The short way writes numbers itself: a power of ten or a zero could be written another way."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert fingerprint({"%s": number}) == Shape(["%s"]).fingerprint({"%s": number})


@pytest.mark.parametrize(("value", "words"), [("\ud800", "lone surrogate"), (_loop(), "contains itself"), (object(), "no canonical form")])
def test_what_a_shape_refuses(value: object, words: str) -> None:
    """The short way would raise something else than the long one does, or hash what has no canonical form."""
    with pytest.raises(InputError, match=words):
        Shape(["a"]).fingerprint({"a": value})
