"""Frozen classes of the record ↔ plain, JSON-able data. Nothing is guessed: a number is not a text, a text is not a list.

How each class is read and written is worked out once, when the first record passes.
"""

from __future__ import annotations

import datetime as dt
import functools
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from decision_os.canonical import plain, restore
from decision_os.errors import RecordError, nearest
from decision_os.record.evidence import Evidence, EvidenceSource
from decision_os.values import Scalar, Unknown

__all__ = ["from_plain", "to_plain"]

T = TypeVar("T")

_VALUES: Final = frozenset({*typing.get_args(Scalar), Unknown, types.NoneType})
_WRITTEN_AS_THEY_ARE: Final = frozenset({str, bool, int, float})
_JSON_WORDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class _WrongError(ValueError):
    """What is wrong with one field, in words for whoever wrote the text."""


def to_plain(value: attrs.AttrsInstance) -> dict[str, Any]:
    """The plain form of a frozen class: an instant field is ISO 8601 text, a value that JSON cannot hold is in its typed form."""
    written: dict[str, Any] = _converter(telling=False).unstructure(value)
    return written


def from_plain(data: object, kind: type[T], what: str) -> T:
    """The frozen class that plain data stands for.

    Raises `RecordError` saying that the text is not `what`, with the JSON path of every field that is wrong.
    """
    try:
        return _converter(telling=False).structure(data, kind)
    except Exception:  # noqa: BLE001, S110 - read again below, by the one that finds every mistake and takes its time
        pass
    try:
        return _converter(telling=True).structure(data, kind)
    except (cattrs.BaseValidationError, _WrongError) as error:
        problems = sorted(map(_path_first, cattrs.transform_error(error, format_exception=_words)))
        raise RecordError("\n  ".join([f"not {what}:", *problems])) from None


def _path_first(problem: str) -> str:
    what, _, path = problem.rpartition(" @ ")
    return f"{path.replace('._', '.')}: {what}"


def _words(error: BaseException, _: type[Any] | None) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = [field.alias or field.name for field in attrs.fields(error.cl)]
        hints = {key: nearest(key, known) for key in sorted(error.extra_fields)}
        return "; ".join(f"unknown key `{key}`{f' ({hint})' if hint else ''}" for key, hint in hints.items())
    return str(error)


@functools.cache
def _converter(*, telling: bool) -> cattrs.Converter:
    """Reads and writes; the one that is `telling` gathers every mistake with its place, the other stops at the first."""
    converter = cattrs.Converter(detailed_validation=telling)
    for kind, read in _READERS:
        converter.register_structure_hook(kind, read)
    converter.register_unstructure_hook(dt.datetime, dt.datetime.isoformat)
    converter.register_structure_hook_factory(_is_value, _value_reader)
    converter.register_unstructure_hook_factory(_is_value, lambda _: plain)
    converter.register_structure_hook(EvidenceSource, lambda data, _: converter.structure(data, Evidence))
    converter.register_unstructure_hook(EvidenceSource, lambda found: converter.unstructure(found() if callable(found) else found))
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_unstructure_hook_factory(_is_tuple, _tuple_writer)
    converter.register_structure_hook_factory(_is_mapping, _mapping_reader)
    converter.register_unstructure_hook_factory(_is_mapping, _mapping_writer)
    converter.register_structure_hook_factory(attrs.has, _class_reader)
    converter.register_unstructure_hook_factory(attrs.has, _class_writer)
    return converter


# --- classes ---------------------------------------------------------------------------------------------------------------


def _public_names(kind: type[Any]) -> dict[str, Any]:
    return {field.name: override(rename=field.alias) for field in attrs.fields(kind) if field.alias != field.name}


def _class_writer(kind: type[Any], converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    return make_dict_unstructure_fn(attrs.resolve_types(kind), converter, **_public_names(kind))


def _class_reader(kind: type[T], converter: cattrs.Converter) -> Callable[[Any, Any], T]:
    read = make_dict_structure_fn(
        attrs.resolve_types(kind),  # type: ignore[type-var]  # an attrs class: that is what the factory is asked about
        converter,
        _cattrs_forbid_extra_keys=True,
        _cattrs_detailed_validation=converter.detailed_validation,
        **_public_names(kind),
    )

    def read_object(data: Any, _: Any) -> T:
        _expect(type(data) is dict or isinstance(data, Mapping), "an object", data)
        return read(data, kind)

    return read_object


def _is_tuple(kind: Any) -> bool:
    return typing.get_origin(kind) is tuple


def _is_mapping(kind: Any) -> bool:
    return typing.get_origin(kind) is Mapping


def _tuple_writer(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any], Any]:
    hooks = [converter.get_unstructure_hook(part) for part in typing.get_args(kind) if part is not Ellipsis]
    if len(hooks) == 1:
        return lambda items: [hooks[0](item) for item in items]
    return lambda items: [hook(item) for hook, item in zip(hooks, items, strict=True)]


def _mapping_writer(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any], Any]:
    part = typing.get_args(kind)[1]
    if part in _WRITTEN_AS_THEY_ARE:
        return dict
    hook = converter.get_unstructure_hook(part)
    return lambda items: {key: hook(item) for key, item in items.items()}


def _tuple_reader(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any, Any], Any]:
    parts = typing.get_args(kind)
    same = parts[-1] is Ellipsis
    hooks = [(part, converter.get_structure_hook(part)) for part in parts if part is not Ellipsis]
    kind_of, only = hooks[0]

    def read(data: Any, _: Any) -> tuple[Any, ...]:
        _expect(isinstance(data, list), "a list", data)
        if not data and same:
            return ()
        if not same and len(data) != len(hooks):
            raise _WrongError(f"must be a list of {len(hooks)}, not of {len(data)}")
        if same and not converter.detailed_validation:
            return tuple([only(item, kind_of) for item in data])
        wanted = hooks * len(data) if same else hooks
        return tuple(_each(((i, item, *hook) for i, (item, hook) in enumerate(zip(data, wanted, strict=True))), kind))

    return read


def _mapping_reader(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any, Any], Any]:
    part = typing.get_args(kind)[1]
    hook = converter.get_structure_hook(part)

    def read(data: Any, _: Any) -> dict[str, Any]:
        _expect(isinstance(data, Mapping), "an object", data)
        if not converter.detailed_validation:
            return {key: hook(item, part) for key, item in data.items()}
        return dict(zip(data, _each(((key, item, part, hook) for key, item in data.items()), kind), strict=True))

    return read


def _each(items: Iterable[tuple[Any, Any, Any, Callable[[Any, Any], Any]]], kind: Any) -> list[Any]:
    """Every item read, or an error that holds what is wrong with each of them, and where it stands."""
    found, errors = [], []
    for index, item, part, hook in items:
        try:
            found.append(hook(item, part))
        except Exception as error:  # noqa: BLE001 - collected with its place, and raised with the others
            error.add_note(cattrs.IterableValidationNote("", index, part))
            errors.append(error)
    if errors:
        raise cattrs.IterableValidationError("", errors, kind)
    return found


# --- values ----------------------------------------------------------------------------------------------------------------


def _expect(right: bool, wanted: str, data: object) -> None:
    if not right:
        raise _WrongError(f"must be {wanted}, not {_JSON_WORDS.get(type(data), 'this')}")


def _text(data: Any, _: Any) -> str:
    if type(data) is str:  # most are
        return data
    _expect(isinstance(data, str), "a text", data)
    return str(data)


def _truth(data: Any, _: Any) -> bool:
    _expect(isinstance(data, bool), "true or false", data)
    return bool(data)


def _whole(data: Any, _: Any) -> int:
    _expect(isinstance(data, int) and not isinstance(data, bool), "a whole number", data)
    return int(data)


def _number(data: Any, _: Any) -> float:
    _expect(isinstance(data, int | float) and not isinstance(data, bool), "a number", data)
    return float(data)


def _instant(data: Any, _: Any) -> dt.datetime:
    _expect(isinstance(data, str), "an instant as text", data)
    try:
        found = dt.datetime.fromisoformat(data)
    except ValueError:
        raise _WrongError(f"`{data}` is not an instant; write it as 2026-10-06T14:00:00+00:00") from None
    if found.utcoffset() is None:
        raise _WrongError(f"the instant `{data}` has no zone; write it as 2026-10-06T14:00:00+00:00")
    return found


def _is_value(kind: Any) -> bool:
    """Whether this is anything, or a union of things that an input can be, such as `Value` or `float | str | None`."""
    if kind is Any:
        return True
    parts = set(typing.get_args(kind))
    united = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return united and parts <= _VALUES and len(parts - {types.NoneType}) > 1


def _value_reader(kind: Any) -> Callable[[Any, Any], Any]:
    parts = set(typing.get_args(kind))
    if float in parts:
        parts.add(int)

    def read(data: Any, _: Any) -> Any:
        try:
            found = restore(data)
        except ValueError as error:
            raise _WrongError(str(error)) from None
        _expect(kind is Any or type(found) in parts, "a value: a text, a number, true or false, or a typed form", data)
        return found

    return read


def _member(data: Any, kind: type[StrEnum]) -> StrEnum:
    known = [member.value for member in kind]
    if data not in known:
        raise _WrongError(f"`{data}` is not one of {', '.join(known)}")
    return kind(data)


_READERS: Final[tuple[tuple[type, Callable[[Any, Any], Any]], ...]] = (
    (str, _text),
    (bool, _truth),
    (int, _whole),
    (float, _number),
    (dt.datetime, _instant),
    (StrEnum, _member),
)
