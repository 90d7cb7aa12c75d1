"""The Python functions that a rule book declares, found by the name of a module: for command lines and test runs, where they are handed in as a text."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from decision_os.errors import DataError

__all__ = ["functions_named"]


def functions_named(text: str) -> dict[str, Callable[..., object]]:
    """The functions that `module` or `module:attribute` names: its public ones, one of them, or those in a mapping.

    The module is imported as Python would, which runs it: from the path, the working folder first. Raises `DataError` where it cannot be, or has nothing
    of that name.
    """
    module_name, _colon, attribute = text.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever a module raises when it is imported
        raise DataError(f"`{module_name}` cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not attribute:
        return _public(module)
    found = getattr(module, attribute, None)
    if isinstance(found, Mapping):
        return {str(name): each for name, each in found.items()}
    if not callable(found):
        raise DataError(f"`{module_name}` has no function, and no mapping of names to functions, that is called `{attribute}`")
    return {attribute: found}


def _public(module: ModuleType) -> dict[str, Callable[..., object]]:
    """What a module's `__all__` names; without one, the functions it defines whose names begin with no `_`."""
    if hasattr(module, "__all__"):
        return {name: each for name in module.__all__ if inspect.isroutine(each := getattr(module, name, None))}
    return {name: each for name, each in vars(module).items() if inspect.isfunction(each) and each.__module__ == module.__name__ and name[:1] != "_"}
