"""The Python functions a rule book lets its expressions call: declared in its files, handed in by whoever loads it, never found by reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from decision_os.errors import ExpressionError, Severity, UnitError, Where, nearest
from decision_os.expr import Function
from decision_os.expr.arithmetic import taken_otherwise
from decision_os.expr.parser import parse
from decision_os.expr.tree import FUNCTIONS, Call
from decision_os.model import RegisteredFunction
from decision_os.units import Unit, parse_unit
from decision_os.wire.fields import Fields, Report
from decision_os.wire.nodes import Node, ScalarNode, SeqNode

__all__ = ["Handed", "read_functions"]

Handed: TypeAlias = Mapping[str, Callable[..., object]]
"""The functions by name, as a caller hands them in."""

_NOT_A_UNIT: Final = ("truth", "text")


Declared: TypeAlias = Mapping[str, tuple[ScalarNode, Node]]
"""A section: name → the key where it stands, the node."""


def read_functions(declared: Declared, handed: Handed | None, report: Report, folder: str, *, others: Mapping[str, Declared]) -> dict[str, RegisteredFunction]:
    """The declared functions, each with what was handed in for it.

    `others` are the sections whose names an expression reads, which a function must not bear. `handed` is None where nobody was asked for
    functions, as in a look at the files alone: that one is lacking is then worth a note.
    """
    found = {}
    for name, (key, node) in declared.items():
        function = _function(key, node, handed, set(handed or {}) - set(declared), report)
        twice = next(((section, names[name][0]) for section, names in others.items() if name in names), None)
        if twice is not None:
            report.error("name-twice", f"the function `{name}` has the name of one of the {twice[0]}", key.where, f"that is at {twice[1].where}")
        elif function is not None:
            found[name] = function
    first = next(iter(declared.values()), None)
    for name in handed or {}:
        if name not in declared:
            hint = nearest(str(name), declared) or "declare it under `functions`, or leave it out"
            where = first[0].where if first else Where(folder)
            report.found("function-not-declared", f"the function `{name}` was handed in, but is not declared", where, Severity.WARNING, hint)
    return found


def _function(key: ScalarNode, node: Node, handed: Handed | None, strangers: set[str], report: Report) -> RegisteredFunction | None:
    name = key.text
    fields = Fields(node, f"function `{name}`", report)
    takes = _takes(fields)
    gives = _gives(fields)
    about, version = fields.text("about"), fields.text("version", "1")
    fields.close()
    if name in FUNCTIONS:
        report.error("name-twice", f"`{name}` is a function of the language", key.where, "give yours another name")
        return None
    if not _callable_by(name):
        report.error("bad-name", f"`{name}` is no name that an expression can call", key.where, "write a word of letters, digits and `_`, as in `net_price`")
        return None
    if takes is None:
        report.unread(name)
        return None
    call = _handed(key, len(takes), handed, strangers, report)
    return RegisteredFunction(name=name, function=Function(call, takes, gives), about=about, version=version, where=key.where)


def _callable_by(name: str) -> bool:
    try:
        return name.isidentifier() and isinstance(parse(f"{name}(1)", functions=[name]).tree, Call)
    except ExpressionError:
        return False


def _takes(fields: Fields) -> list[Unit | None] | None:
    """The unit of each value it takes, None where it is not said; nothing where the declaration cannot be read."""
    node = fields.raw("takes", required=True)
    if isinstance(node, ScalarNode) and node.text.isdecimal():
        count = fields.integer("takes", low=1, high=20)
        return [None] * count if count else None
    if node is None or (isinstance(node, SeqNode) and not node.items):
        if node is not None:
            fields.report.error("missing-value", f"`takes` of {fields.what} is empty", node.where, "write the unit of each value, or how many there are")
        return None
    items = fields.items("takes")
    return [_unit(item, fields) for item in items] if items else None


def _gives(fields: Fields) -> Unit | str | None:
    node = fields.scalar("gives", required=True)
    return None if node is None else node.text if node.text in _NOT_A_UNIT else _unit(node, fields)


def _unit(node: ScalarNode, fields: Fields) -> Unit | None:
    if node.text == "any":
        return None
    try:
        return parse_unit(node.text)
    except UnitError as error:
        fields.report.error("bad-unit", str(error), node.where, "`any` leaves it unchecked")
        return None


def _handed(key: ScalarNode, arity: int, handed: Handed | None, strangers: set[str], report: Report) -> Callable[..., object] | None:
    name = key.text
    if handed is None or name not in handed:
        severity = Severity.NOTE if handed is None else Severity.ERROR
        hint = nearest(name, strangers) or f'`Engine.load(folder, functions={{"{name}": …}})`; on the command line `--functions module`'
        report.found("function-not-handed-in", f"the function `{name}` is declared, but was not handed in", key.where, severity, hint)
        return None
    call = handed[name]
    if not callable(call) or isinstance(call, Function | type):
        report.error("wrong-type", f"what was handed in for `{name}` is `{call!r:.40}`, not a Python function", key.where, "its units are declared here")
        return None
    takes = taken_otherwise(call, arity)
    if takes:
        message = f"`{name}` is declared to take {arity} value{'' if arity == 1 else 's'}, but the function handed in takes `{takes}`"
        report.error("function-arity", message, key.where, "give `takes` the unit of each value, in order")
        return None
    return call
