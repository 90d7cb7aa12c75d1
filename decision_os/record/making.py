"""Frozen instances at the price of plain assignments, for fields that are right already.

The `__init__` of a frozen class sets each field by a call of its own and runs its converters: for a record of forty fields and ten inputs that was half the
time of a decision. A maker sets the fields on a draft, a subclass without slots of its own that takes assignments, and freezes it by giving it
its real class. What converters would have done to a field is for the caller to have done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import attrs

__all__ = ["maker"]

T = TypeVar("T")

_NOT_GIVEN: Final = object()


def maker(kind: type[T]) -> Callable[..., T]:
    """A function that makes an instance from its fields, in the order they are declared or by name; converters are run on defaults alone.

    >>> @attrs.frozen
    ... class Point:
    ...     x: float
    ...     y: float = attrs.field(default=0, converter=float)
    >>> maker(Point)(1.0)
    Point(x=1.0, y=0.0)
    """
    draft = type(kind.__name__, (kind,), {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__})
    # An underscore in front: no parameter has one, attrs takes it off.
    scope: dict[str, Any] = {"_new": object.__new__, "_draft": draft, "_kind": kind, "_not_given": _NOT_GIVEN}
    parameters, lines = [], []
    for place, field in enumerate(attrs.fields(kind)):  # type: ignore[arg-type]  # an attrs class, or this raises
        name, value = field.alias or field.name, field.alias or field.name
        if field.default is attrs.NOTHING:
            parameters.append(name)
        elif isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, whatever its stub says
            scope[f"_default{place}"] = _made_anew(field)
            parameters.append(f"{name}=_not_given")
            value = f"_default{place}() if {name} is _not_given else {name}"
        else:
            scope[f"_default{place}"] = _converted(field, field.default)
            parameters.append(f"{name}=_default{place}")
        lines.append(f"    _made.{field.name} = {value}")
    order = sorted(parameters, key=lambda parameter: "=" in parameter)
    head = f"def make({', '.join(parameters if order == parameters else ('*', *parameters))}):"
    text = "\n".join([head, "    _made = _new(_draft)", *lines, "    _made.__class__ = _kind", "    return _made"])
    exec(text, scope)  # noqa: S102 - the text is written here, of the field names of a class alone
    made: Callable[..., T] = scope["make"]
    return made


def _made_anew(field: attrs.Attribute[Any]) -> Callable[[], Any]:
    factory: Callable[[], Any] = field.default.factory  # type: ignore[union-attr]  # a default that is a factory
    return lambda: _converted(field, factory())


def _converted(field: attrs.Attribute[Any], value: object) -> Any:
    return value if field.converter is None else field.converter(value)  # type: ignore[operator]  # our converters are functions
