"""Coverage of rules over a test run: what its cases decided, and what the tests' own calls of the engine did, on every worker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from decision_os.cases import cases_files, given_of, read_cases
from decision_os.coverage import Coverage, Report, report
from decision_os.engine import Engine
from decision_os.engine.decide import Verdict, watching
from decision_os.engine.inputs import Taken
from decision_os.errors import CasesError
from decision_os.model import RuleBook
from decision_os.plan import Plan
from decision_os.values import Value
from pytest_decision_os.running import engine_of

__all__ = ["Covering"]

_OUTPUT = "decision_os_coverage"


class Covering:
    """Counts the decisions of a run, by rule book: those whose folder lies below the root directory."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.found: dict[tuple[Path, str], Coverage] = {}
        self.reports: dict[Path, Report] = {}
        self.lasting = ExitStack()
        self.lasting.enter_context(watching(self.see))
        self.root = config.rootpath.resolve()

    def see(self, book: RuleBook, plan: Plan, scope: Mapping[str, Value], taken: Taken, verdict: Verdict) -> None:
        """Count one decision."""
        coverage = self.of(book)
        if coverage is not None:
            coverage.see(book, plan, scope, taken, verdict)

    def of(self, book: RuleBook) -> Coverage | None:
        """The coverage of a rule book; nothing for one from elsewhere, such as a temporary folder of a test."""
        folder = Path(book.folder).resolve()
        if not book.folder or not folder.is_relative_to(self.root):
            return None
        key = (folder, book.hash)
        if key not in self.found:
            self.found[key] = Coverage(Engine(book))
        return self.found[key]

    def pytest_unconfigure(self) -> None:
        """Stop counting."""
        self.lasting.close()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand on what was seen, on a worker; else work out the reports, and fail the run where one is below what is asked."""
        self.lasting.close()  # what is proposed below is decided too, and is not to be counted
        if hasattr(self.config, "workerinput"):
            seen = [[str(folder), digest, coverage.data()] for (folder, digest), coverage in self.found.items()]
            self.config.workeroutput[_OUTPUT] = json.dumps(seen)  # type: ignore[attr-defined]  # pytest-xdist's
            return
        for (folder, _), coverage in self.found.items():
            self.reports[folder] = report(coverage, given=_given(folder, coverage.engine))
        least = self.config.getoption("rules_coverage_fail_under")
        if least is not None and session.exitstatus == pytest.ExitCode.OK and not self.enough(least):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def enough(self, least: float) -> bool:
        """Whether there is a report, and none below what is asked."""
        return bool(self.reports) and all(each.percent >= least for each in self.reports.values())

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist has seen."""
        for folder, digest, data in json.loads(getattr(node, "workeroutput", {}).get(_OUTPUT, "[]")):
            engine = engine_of(self.config, Path(folder))
            if engine.book.hash == digest:
                self.found.setdefault((Path(folder), digest), Coverage(engine)).add(data)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found."""
        for line in self._lines():
            terminalreporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        if not self.reports:
            yield "rules coverage: no decision was taken by rules below the root directory"
        for folder, found in self.reports.items():
            yield f"rules coverage of {folder.relative_to(self.root) if folder != self.root else folder}"
            yield from (f"  {line}" for line in str(found).splitlines())
        least = self.config.getoption("rules_coverage_fail_under")
        if least is not None:
            yield f"rules coverage of at least {least:g} % is asked for: {'reached' if self.enough(least) else 'not reached'}"


def _given(folder: Path, engine: Engine) -> dict[str, dict[str, Any]]:
    """What the cases beside a rule book share, as far as they can be read."""
    try:
        return given_of([case for path in cases_files(folder) for case in read_cases(path, engine)])
    except CasesError:
        return {}
