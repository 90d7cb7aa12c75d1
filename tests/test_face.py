"""The names that are promises."""

from __future__ import annotations

import inspect
import types

import pytest

import decision_os as dos

NAMES = [
    "Cause",
    "DataError",
    "DecisionOSError",
    "DecisionRecord",
    "Engine",
    "Expression",
    "ExpressionError",
    "Function",
    "InputError",
    "Issue",
    "Journal",
    "Ledger",
    "LedgerError",
    "LifecycleError",
    "LogEntry",
    "NotFoundError",
    "OutOfTimeError",
    "Outcome",
    "Override",
    "Reading",
    "Reason",
    "Receipt",
    "RecordError",
    "RuleBook",
    "RuleBookError",
    "Severity",
    "Status",
    "UnitError",
    "Unknown",
    "UnknownTruthError",
    "Where",
    "compile",
    "reference_rules",
]


def test_the_names_of_the_face_are_these_and_sorted() -> None:
    """A name would be added without being meant, or one that people use would be gone."""
    assert NAMES == dos.__all__
    assert NAMES == sorted(NAMES)


def test_the_face_has_no_other_public_names() -> None:
    """A name that is no promise would be found by completion and used."""
    public = {name for name, thing in vars(dos).items() if not name.startswith("_") and not isinstance(thing, types.ModuleType)}
    assert set(NAMES) | {"annotations"} == public


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_thing_says_what_it_is(name: str) -> None:
    """`help()` would show nothing, or the words of whatever it is built on."""
    thing = getattr(dos, name)
    assert (thing.__doc__ or "").strip()
    assert inspect.getmodule(thing) is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_public_methods_of_an_exported_class_say_what_they_do(name: str) -> None:
    """A method would have to be read to be used."""
    thing = getattr(dos, name)
    own = {key: value for key, value in vars(thing).items() if not key.startswith("_")} if inspect.isclass(thing) else {}
    methods = {key: value for key, value in own.items() if isinstance(value, types.FunctionType | property | classmethod | staticmethod)}
    assert [] == [key for key, value in methods.items() if not (value.__doc__ or "").strip()]


def test_every_error_is_one_of_the_library_and_one_of_python() -> None:
    """A caller's `except DecisionOSError` or `except ValueError` would let one through."""
    leaves = [getattr(dos, name) for name in NAMES if name.endswith("Error") and name != "DecisionOSError"]
    builtin = ValueError | TypeError | LookupError | TimeoutError
    assert [] == [leaf for leaf in leaves if not (issubclass(leaf, dos.DecisionOSError) and issubclass(leaf, builtin))]
