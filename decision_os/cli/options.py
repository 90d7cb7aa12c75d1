"""Arguments and options that several commands share, and how what is typed becomes a value."""

from __future__ import annotations

import datetime as dt
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import click

from decision_os.canonical import parse as parse_json
from decision_os.engine.functions import functions_named
from decision_os.errors import DataError, ExpressionError
from decision_os.expr.parser import parse
from decision_os.expr.tree import Negative, Node, Number, Text
from decision_os.values import Reading

__all__ = [
    "Functions",
    "at_option",
    "backend_option",
    "file_argument",
    "format_option",
    "functions_option",
    "now",
    "read_inputs",
    "read_pairs",
    "read_value",
    "rules_argument",
]

Functions: TypeAlias = dict[str, Callable[..., object]] | None
"""What `--functions` hands in; None where it is not given."""

_F = TypeVar("_F", bound=Callable[..., Any])

_BACKENDS: Final = ("polars", "pandas")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}


def _zoned(_: click.Context, __: click.Parameter, value: str | None) -> dt.datetime | None:
    """The instant that a text stands for; one without a zone is refused."""
    if value is None:
        return None
    try:
        found = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        raise click.BadParameter(f"`{value}` is not an instant; write it as in `2026-10-06T14:00:00Z`") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"`{value}` has no zone; write it as in `2026-10-06T14:00:00Z` or `2026-10-06T10:00:00-04:00`")
    return found


def now(at: dt.datetime | None) -> dt.datetime:
    """The instant asked for, or this one."""
    return dt.datetime.now(dt.UTC) if at is None else at


def _path(name: str) -> Callable[[_F], _F]:
    return click.argument(name, type=click.Path(path_type=Path))


rules_argument = _path("rules")
file_argument = _path("file")
at_option = click.option("--at", callback=_zoned, metavar="ISO", help="The instant to decide at, with its zone (2026-10-06T14:00:00Z). Now, unless given.")


def format_option(*formats: str) -> Callable[[_F], _F]:
    """`--format`; the first one is what is printed unless another is asked for."""
    return click.option("--format", "style", type=click.Choice(formats), default=formats[0], show_default=True, help="How to print.")


def _first_installed() -> str:
    return next((name for name in _BACKENDS if importlib.util.find_spec(name)), _BACKENDS[0])


backend_option = click.option(
    "--engine",
    "backend",
    type=click.Choice(_BACKENDS),
    default=_first_installed,
    help="The dataframe engine. The first one that is installed, unless given.",
)


def _handed_in(_: click.Context, __: click.Parameter, value: str | None) -> Functions:
    """The functions that `module` or `module:attribute` names."""
    try:
        return None if value is None else functions_named(value)
    except DataError as error:
        raise click.BadParameter(str(error)) from error


functions_option = click.option(
    "--functions",
    callback=_handed_in,
    metavar="MODULE[:NAME]",
    help="The Python functions that RULES declares: a module, or in it a function or a mapping. It is imported, which runs it.",
)


def read_pairs(pairs: Iterable[str], option: str, currency: str) -> dict[str, float | str | bool | None]:
    """The values of `name=value` texts, by name. Raises `click.UsageError` where there is no `=`, and for a name that comes twice."""
    found: dict[str, float | str | bool | None] = {}
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            raise click.UsageError(f"`{option} {pair}` is not a name and a value; write `{option} name=value`")
        if name in found:
            raise click.UsageError(f"`{option} {name}=…` is given twice; leave one out")
        found[name] = read_value(value, currency)
    return found


def read_value(text: str, currency: str = "USD") -> float | str | bool | None:
    """A value as it is typed: a number (`0.27`, `5%`, `+2pp`, `$40`), `true`, `false`, `null`, else a text.

    >>> read_value("-0.62"), read_value("5%"), read_value("$10k"), read_value("null"), read_value("https://example.com"), read_value('"7"')
    (-0.62, 0.05, 10000.0, None, 'https://example.com', '7')
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        tree = parse(text, currency=currency).tree
    except ExpressionError:
        return text
    found = _literal(tree)
    return text if found is None else found


def _literal(tree: Node) -> float | str | None:
    match tree:
        case Number(value=value, unit=unit) if unit is None or unit.dimensionless or unit.currency:
            return value
        case Negative(operand=Number() as number):
            found = _literal(number)
            return -found if isinstance(found, float) else None
        case Text(value=value):
            return value
    return None


def read_inputs(path: Path) -> dict[str, Any]:
    """Inputs from a JSON file: an object of names and values.

    A value is a number, a text, true, false or null; a reading `{"value": 0.27, "n": 340, "loaded_at": "2026-10-06T12:00:00Z"}`; or, for an
    input of a finer grain, an object from each key to one of these.

    Raises `DataError` where the file cannot be read, or says something else.
    """
    try:
        data = parse_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise DataError(f"`{path}` is not read: {error}") from error
    if not isinstance(data, dict):
        raise DataError(f'`{path}` holds no inputs; write an object such as `{{"elasticity": -0.62}}`')
    return {name: _input(item, f"{path}: `{name}`") for name, item in data.items()}


def _input(item: Any, where: str) -> Any:
    if isinstance(item, list):
        raise DataError(f"{where} is a list; give one value, or an object with a value for each key")
    if not isinstance(item, dict):
        return item
    if "value" not in item or not item.keys() <= _READING:
        return {key: _input(each, f"{where}: `{key}`") for key, each in item.items()}
    for key, each in item.items():
        wanted, fits = _MEMBERS[key]
        if each is not None and not fits(each):
            raise DataError(f"{where}: `{key}` is {each!r}, not {wanted}")
    return Reading(
        value=item["value"],
        period=item.get("period"),
        loaded_at=_instant(item.get("loaded_at")),
        valid_until=_instant(item.get("valid_until")),
        n=item.get("n"),
        members=item.get("members"),
        version=item.get("version"),
    )


def _is_instant(raw: Any) -> bool:
    try:
        return dt.datetime.fromisoformat(raw).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


_MEMBERS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "value": ("a value", lambda raw: not isinstance(raw, dict | list)),
    "period": ("a text such as `2026-09`", lambda raw: isinstance(raw, str)),
    "loaded_at": ("an instant such as `2026-10-06T14:00:00Z`", _is_instant),
    "valid_until": ("an instant such as `2026-10-06T14:00:00Z`", _is_instant),
    "n": ("a whole number", lambda raw: isinstance(raw, int) and not isinstance(raw, bool)),
    "members": ("a whole number", lambda raw: isinstance(raw, int) and not isinstance(raw, bool)),
    "version": ("a text", lambda raw: isinstance(raw, str)),
}
"""What the parts of a reading are, in words and as a test."""

_READING: Final = frozenset(_MEMBERS)
