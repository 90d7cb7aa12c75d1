"""One byte form for equal values, and the hash of it: JSON as RFC 8785 writes it, with a typed form for what JSON cannot hold.

Three forms of the same thing:

- a *value*: text, bool, int, float, None, mapping, list or tuple, `Decimal`, date, instant, duration, bytes, `Unknown`;
- its *plain* form: the same as JSON-able Python, where `Decimal("1.5")` is `{"$decimal": "1.5"}`. A caller's own key that starts with `$`
  gets one more, so no mapping can pass for a typed form. `restore` goes back;
- its *canonical* form: the RFC 8785 bytes of the plain form, which is what gets hashed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

from decision_os.errors import InputError
from decision_os.values import LARGEST_INTEGER, Cause, Unknown

__all__ = ["Shape", "canonical", "fingerprint", "fingerprint_plain", "parse", "plain", "restore", "rfc8785"]

_MICROSECOND: Final = dt.timedelta(microseconds=1)

_TOO_DEEP: Final = "a value that is nested too deeply, or contains itself, has no canonical form"

_quote: Callable[[str], str] = encode_basestring
"""RFC 8785 escapes exactly what Python's non-ASCII encoder escapes: quotes, backslashes and control characters."""


def canonical(value: object) -> bytes:
    """The canonical bytes of a value: equal values, equal bytes; different values, different bytes.

    Equal means equal to a reader of numbers: 3, 3.0 and -0.0 next to 0 are one; an instant is the same in any zone; a tuple is a list.
    A number, a text, a `Decimal` and an `Unknown` are never the same, and None is not Unknown.

    Scalars of NumPy are the truth or number they hold. Raises `InputError` for a naive instant, one finer than a microsecond, a lone surrogate, a key that
    is not text, and any other type.

    >>> canonical({"b": 3.0, "a": Decimal("1.50")})
    b'{"a":{"$decimal":"1.5"},"b":3}'
    """
    return _encoded(value, escape=True)


def fingerprint(value: object) -> str:
    """`sha256:` and the hex digest of the canonical form.

    >>> fingerprint({"cac": 3}) == fingerprint({"cac": 3.0})
    True
    """
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


class Shape:
    """The fingerprints of mappings that have the same keys: their order and their text are worked out once.

    `fixed` are members that are the same in all of them. Raises `InputError` as `canonical` does.

    >>> cac = Shape(["month", "cac"], fixed={"unit": "USD"})
    >>> cac.fingerprint({"cac": 3, "month": "2026-09"}) == fingerprint({"unit": "USD", "month": "2026-09", "cac": 3.0})
    True
    """

    def __init__(self, keys: Iterable[str], fixed: Mapping[str, object] | None = None) -> None:
        constants = {key: _encoded(value, escape=True).decode() for key, value in (fixed or {}).items()}
        members = {_escaped(_text(key)): key for key in (*keys, *constants)}
        self._keys = tuple(members[escaped] for escaped in sorted(members, key=_utf16) if members[escaped] not in constants)
        pieces = (f"{_quote(key)}:{constants[members[key]]}" if members[key] in constants else f"{_quote(key)}:\0" for key in sorted(members, key=_utf16))
        # No canonical text holds a NUL as it is, so one marks where a value goes.
        self._template = f"{{{','.join(pieces)}}}".replace("%", "%%").replace("\0", "%s")

    def fingerprint(self, values: Mapping[str, object]) -> str:
        """`fingerprint` of the fixed members and of the `values` of these keys; other values are left out."""
        texts = []
        try:
            for key in self._keys:
                value = values[key]
                kind = type(value)
                if kind is float:
                    text = repr(value)
                    if text.endswith(".0"):
                        text = text[:-2] if text != "-0.0" else "0"
                    elif "e" in text or "n" in text:  # another way of writing powers of ten, or not finite
                        text = _write(value, escape=True)
                elif kind is str:
                    text = _quote(value)  # type: ignore[arg-type]  # `kind` is str
                elif kind is bool:
                    text = "true" if value else "false"
                else:
                    text = _write(value, escape=True)
                texts.append(text)
        except RecursionError:
            raise InputError(_TOO_DEEP) from None
        return f"sha256:{hashlib.sha256(_utf8(self._template % tuple(texts))).hexdigest()}"


def fingerprint_plain(data: object) -> str:
    """The same for something that is plain already: the hash that a ledger's receipt gives of what was appended.

    >>> fingerprint_plain(plain({"$x": 1})) == fingerprint({"$x": 1})
    True
    """
    return f"sha256:{hashlib.sha256(rfc8785(data)).hexdigest()}"


def rfc8785(data: object) -> bytes:
    """The canonical bytes of something that is plain already; keys are written as they are.

    Raises `InputError` for anything JSON cannot hold.

    >>> rfc8785({"$date": "2026-10-01", "$": 1e21})
    b'{"$":1e+21,"$date":"2026-10-01"}'
    """
    return _encoded(data, escape=False)


def plain(value: object) -> Any:
    """The plain form: JSON-able, nothing lost. Raises `InputError` as `canonical` does, lone surrogates apart.

    >>> plain({"at": dt.date(2026, 10, 1), "$x": (1, None)})
    {'at': {'$date': '2026-10-01'}, '$$x': [1, None]}
    """
    try:
        return _plain(value)
    except RecursionError:
        raise InputError(_TOO_DEEP) from None


def _plain(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {_escaped(_text(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    held = _of_numpy(value)
    if held is not None:
        return _plain(held)
    plainly = _plain_scalar(value)
    return _typed(value) if plainly is None else plainly


def restore(data: object) -> Any:
    """The value that a plain form stands for; tuples come back as lists.

    Raises `ValueError` for a `$` key that is none of the typed forms, or one whose content cannot be read.

    >>> restore({"at": {"$date": "2026-10-01"}, "$$x": [1, None]})
    {'at': datetime.date(2026, 10, 1), '$x': [1, None]}
    """
    if isinstance(data, list):
        return [restore(item) for item in data]
    if not isinstance(data, dict):
        # Canonical JSON writes a large float without its point; an integer of that size would be in its typed form.
        return float(data) if type(data) is int and abs(data) > LARGEST_INTEGER else data
    for key in data:
        if key.startswith("$") and not key.startswith("$$"):
            return _untyped(data, key)
    return {(key[1:] if key.startswith("$$") else key): restore(item) for key, item in data.items()}


def parse(text: str | bytes) -> Any:
    """JSON read strictly: a key used twice, NaN and the infinities are refused, as are bytes that are not UTF-8.

    Raises `ValueError` in words.

    >>> parse('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: the key `a` is there twice
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg[0].lower()}{error.msg[1:]} at {error.lineno}:{error.colno}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"the key `{twice}` is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"`{name}` is not JSON")


# --- writing ---------------------------------------------------------------------------------------------------------------


def _encoded(value: object, *, escape: bool) -> bytes:
    try:
        return _utf8(_write(value, escape))
    except RecursionError:
        raise InputError(_TOO_DEEP) from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"a text with half a character (the lone surrogate U+{ord(error.object[error.start]):04X}) has no canonical form",
            hint="decode the text with the encoding it was written in",
        ) from None


def _write(value: object, escape: bool) -> str:
    # Exact types first: this is on the path of every decision.
    kind = type(value)
    if kind is float and value - value == 0.0:  # type: ignore[operator]  # finite, and the cheapest way to ask
        text = _number(value)  # type: ignore[arg-type]  # `kind` is float
    elif kind is str:
        text = _quote(value)  # type: ignore[arg-type]  # `kind` is str
    elif kind is int and -LARGEST_INTEGER <= value <= LARGEST_INTEGER:  # type: ignore[operator]  # `kind` is int
        text = str(value)
    elif kind is dict:
        text = _object(value, escape)  # type: ignore[arg-type]  # `kind` is dict
    elif kind is list or kind is tuple:
        text = f"[{','.join([_write(item, escape) for item in value])}]"  # type: ignore[attr-defined]  # `kind` is list or tuple
    elif value is None:
        text = "null"
    elif kind is bool:
        text = "true" if value else "false"
    else:
        text = _write_rare(value, escape)
    return text


def _write_rare(value: object, escape: bool) -> str:
    if isinstance(value, Mapping):
        return _object(dict(value), escape)
    if isinstance(value, list | tuple):
        return _write(list(value), escape)
    held = _of_numpy(value)
    if held is not None:
        return _write(held, escape)
    plainly = _plain_scalar(value)
    if plainly is not None:
        return _write(plainly, escape)
    if not escape:
        raise InputError(f"{_a(value)} is not JSON", hint="give its plain form")
    return _write(_typed(value), escape=False)


def _object(members: dict[str, Any], escape: bool) -> str:
    try:
        together = "".join(members)
    except TypeError:
        members = {_text(key): item for key, item in members.items()}
        together = "".join(members)
    if escape and "$" in together:
        members = {_escaped(key): item for key, item in members.items()}
    # RFC 8785 orders keys by UTF-16 code units; for ASCII that is Python's own order.
    keys = sorted(members) if together.isascii() else sorted(members, key=_utf16)
    return f"{{{','.join([f'{_quote(key)}:{_write(members[key], escape)}' for key in keys])}}}"


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")  # a lone surrogate is refused when the whole is encoded


def _escaped(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


def _text(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise InputError(f"a key must be text, not {_a(key)}")


def _number(value: float) -> str:
    """The number as ECMAScript writes it (RFC 8785, 3.2.2.3): Python finds the same shortest digits and places the point elsewhere."""
    text = repr(value)
    if text.endswith(".0"):
        return "0" if text == "-0.0" else text[:-2]
    if "e" not in text:
        return text
    mantissa, _, power = text.partition("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0")
    point = int(power) + 1  # where the decimal point stands, counted from the first digit
    if len(digits) <= point <= 21:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


# --- what JSON cannot hold --------------------------------------------------------------------------------------------------


def _plain_scalar(value: object) -> str | int | float | None:
    """A text or number that JSON holds, stripped of any subclass; None where there is no such thing."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    return None


def _of_numpy(value: Any) -> bool | int | float | None:
    """Python's own truth or number for a scalar of NumPy; None for anything else, and for one that Python has no number for."""
    numpy = sys.modules.get("numpy")  # who has such a scalar has imported it
    if numpy is None or not isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        return None
    held = value.item()
    return held if type(held) in (bool, int, float) else None


def _typed(value: object) -> dict[str, Any]:
    for kind, tag, write in _WRITERS:
        if isinstance(value, kind):
            return {tag: write(value)}
    raise InputError(
        f"{_a(value)} has no canonical form",
        hint="give a text, a number, True or False, None, a date, an instant with a zone, a duration, bytes, a mapping or a list",
    )


def _decimal(value: Decimal) -> str:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return str(value)
    if not any(digits):
        return "0"
    shown = "".join(map(str, digits)).lstrip("0")
    bare = shown.rstrip("0")
    # Built from its parts: arithmetic would round to the precision of the caller's context.
    return str(Decimal((sign, tuple(map(int, bare)), exponent + len(shown) - len(bare))))


def _instant(value: dt.datetime) -> str:
    try:
        offset = value.utcoffset()
    except ValueError:
        raise InputError("a missing instant (`NaT`) has no canonical form", hint="give None") from None
    if getattr(value, "nanosecond", 0):  # of pandas; read back, it would be another instant
        raise InputError(f"the instant `{value}` is finer than a microsecond", hint="round it, as with `.floor('us')`")
    if offset is None:
        raise InputError(f"the instant `{value}` has no zone", hint="give it one, for example `tzinfo=datetime.UTC`")
    try:
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise InputError(f"the instant `{value}` is out of range in UTC") from None


def _duration(value: dt.timedelta) -> str:
    whole, rest = divmod(value, _MICROSECOND)
    if rest:  # a subclass that counts nanoseconds, as pandas has one
        raise InputError(f"the duration `{value}` is finer than a microsecond", hint="round it")
    return str(whole)


def _untyped(data: dict[str, Any], tag: str) -> object:
    if len(data) > 1 or tag not in _READERS:
        raise ValueError(f"`{tag}` is not a typed form; write `${tag}` for a key of that name")
    content = data[tag]
    try:
        if tag != "$unknown" and not isinstance(content, str):
            raise TypeError(content)
        return _READERS[tag](content)
    except (ArithmeticError, TypeError, ValueError):
        raise ValueError(f"`{tag}` cannot be read from `{content}`") from None


def _read_unknown(content: list[list[str]]) -> Unknown:
    causes = [Cause(name, reason, detail) for name, reason, detail in content]
    if not all(isinstance(text, str) for cause in content for text in cause):
        raise TypeError(content)
    return Unknown(tuple(causes))


def _read_instant(content: str) -> dt.datetime:
    instant = dt.datetime.fromisoformat(content)
    if instant.tzinfo is None:
        raise ValueError(content)
    return instant


_WRITERS: Final[tuple[tuple[type, str, Callable[[Any], object]], ...]] = (
    (float, "$float", float.__repr__),
    (int, "$integer", "{:x}".format),  # hexadecimal: Python caps the length of decimal integers
    (Decimal, "$decimal", _decimal),
    (dt.datetime, "$instant", _instant),  # before the date, which an instant is too
    (dt.date, "$date", dt.date.isoformat),
    (dt.timedelta, "$microseconds", _duration),
    (bytes, "$bytes", bytes.hex),
    (Unknown, "$unknown", lambda value: [[cause.name, cause.reason, cause.detail] for cause in value.causes]),
)

_READERS: Final[dict[str, Callable[[Any], object]]] = {
    "$bytes": bytes.fromhex,
    "$date": dt.date.fromisoformat,
    "$decimal": Decimal,
    "$float": float,
    "$instant": _read_instant,
    "$integer": lambda text: int(text, 16),
    "$microseconds": lambda text: dt.timedelta(microseconds=int(text)),
    "$unknown": _read_unknown,
}


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
