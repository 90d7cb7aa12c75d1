"""Cases as tests: a case a test, failing with what was expected, what came, and the decision's explanation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decision_os.cases import Case, check, read_cases
from decision_os.engine import Engine
from decision_os.engine.functions import functions_named
from decision_os.errors import DecisionOSError

__all__ = ["CaseItem", "CasesFile", "engine_of"]

_engines = pytest.StashKey[dict[Path, Engine]]()


class _Unexpected(Exception):  # noqa: N818  # a case that did not come out, not an error
    """A case came to something else; its text is all there is to say."""


def engine_of(config: pytest.Config, rules: Path) -> Engine:
    """The engine of a rules folder, loaded once a run. Raises what loading raises."""
    engines = config.stash.setdefault(_engines, {})
    if rules not in engines:
        named = config.getoption("rules_functions") or config.getini("rules_functions")
        engines[rules] = Engine.load(_shown(config, rules), functions=functions_named(named) if named else None)
    return engines[rules]


def _shown(config: pytest.Config, path: Path) -> Path:
    """A path as it goes on reports: from where pytest was started, if it lies below."""
    start = config.invocation_params.dir
    return path.relative_to(start) if path.is_relative_to(start) and path != start else path


class CasesFile(pytest.File):
    """One file of cases."""

    rules: Path

    def collect(self) -> Iterator[CaseItem]:
        """A test for each case. Whatever is wrong in the cases or in the rules is one failure, with every place."""
        try:
            engine = engine_of(self.config, self.rules)
            cases = read_cases(_shown(self.config, self.path), engine)
        except DecisionOSError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            item: CaseItem = CaseItem.from_parent(self, name=case.id)
            item.case, item.engine = case, engine
            yield item


class CaseItem(pytest.Item):
    """One case."""

    case: Case
    engine: Engine

    def runtest(self) -> None:
        """Decide, and compare."""
        said = check(self.engine, self.case)
        if said:
            raise _Unexpected(said)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any, **kwargs: Any) -> Any:
        """What came instead, in words; of a value that the decision refuses, where it stands."""
        if isinstance(excinfo.value, _Unexpected):
            return str(excinfo.value)
        if isinstance(excinfo.value, DecisionOSError):
            return f"{self.case.where} {self.case.id}\n{excinfo.value}"
        return super().repr_failure(excinfo, *args, **kwargs)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands."""
        return self.path, self.case.where.line - 1, f"case of {self.name}"  # not the name alone: pytest takes its dots for those of a class
